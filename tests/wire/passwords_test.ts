import assert from "node:assert/strict";
import { newPasswordFault, passwordBytes } from "../../lib/wire/passwords.ts";
import { test } from "../support/declare.ts";

test("passwordBytes() counts bytes of UTF-8", () => {
  assert.deepEqual(["", "abc", "é", "€", "😀"].map(passwordBytes), [0, 3, 2, 3, 4]);
});

test("newPasswordFault() says what is wrong with a password, and of one that is right nothing", () => {
  for (
    const [password, fault] of [
      ["1234567", "The password is 7 bytes; 8 to 72 are allowed"],
      ["é".repeat(37), "The password is 74 bytes; 8 to 72 are allowed"],
      ["1234567\0", "A password must not contain a zero byte"],
      ["1234567\ud800", "A password must not contain half a character"],
      ["Alice1alice", "The password must be more than the username and digits"],
      ["correct horse", undefined],
    ] as const
  ) {
    assert.equal(newPasswordFault("alice", password), fault, password);
  }
});
