/** Which new passwords are taken. */

import assert from "node:assert/strict";
import { checkNewPassword } from "../../lib/auth/new_password.ts";
import { ChatError } from "../../lib/common/errors.ts";
import { test } from "../support/declare.ts";

// Loaded before the tests: what their sanitizers watch begins later.
await checkNewPassword("eve", "correct horse");

async function refused(name: string, password: string, message: RegExp): Promise<void> {
  await assert.rejects(checkNewPassword(name, password), (error) => {
    assert.ok(error instanceof ChatError && error.code === "invalid_password", String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("checkNewPassword() refuses the most common passwords, in any case", async () => {
  for (const common of ["password", "Password", "PASSWORD1", "12345678", "qwertyuiop", "iloveyou", "trustno1"]) {
    await refused("eve", common, /one of the most common/);
  }
  for (const good of ["correct horse", "password ", "pass word 1", "dreizehn Äpfel", '"password"']) {
    await checkNewPassword("eve", good);
  }
});

test("checkNewPassword() refuses the username, with digits around it and more than once, in any case", async () => {
  for (
    const [name, password] of [
      ["margaret-h", "margaret-h"],
      ["margaret-h", "Margaret-H1969"],
      ["Margaret-H", "1969margaret-h"],
      ["eve", "eve12345"],
      ["eve", "1EVEeve2Eve3"],
      ["a", "aaaaaaaa"],
      ["$", "$$$$$$$$"],
    ]
  ) await refused(name, password, /more than the username and digits/);
  for (const good of ["eve and adam", "eve-eve-eve", "93847561", "stevedore42"]) await checkNewPassword("eve", good);
});

test("checkNewPassword() refuses what is too short or too long, before anything else", async () => {
  await refused("eve", "1234567", /7 bytes; 8 to 72 are allowed/);
  await refused("eve", "é".repeat(37), /74 bytes/);
  await refused("eve", "with\0zero", /zero byte/);
});

test("checkNewPassword() refuses common ones with something invisible or in wide letters", async () => {
  const hidden = ["\u200bpassword", "sunshine\u200b", "ｐａｓｓｗｏｒｄ", "password\u00ad"];
  for (const password of hidden) {
    await assert.rejects(checkNewPassword("eve", password), /most common/, password);
  }
});

test("checkNewPassword() refuses halves of characters, which are all alike once they are hashed", async () => {
  await assert.rejects(checkNewPassword("eve", "\ud800\ud800\ud800"), /half a character/);
});
