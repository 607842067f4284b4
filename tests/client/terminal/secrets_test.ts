import assert from "node:assert/strict";
import { looksLikeLogin } from "../../../lib/client/terminal/secrets.ts";
import { test } from "../fakes.ts";

const logins = [
  ...[" /login a pw", "//login a pw", "/ login a pw", "\u00a0/LOGIN a pw", "／login a pw", "\u200b/login a pw"],
  ...["⁄login a pw", "\\login a pw", "//register eve correct horse", "//passwd 1 2", "//totp 123456", "//token x"],
  ...["/logn alice pw", "/lgoin alice pw", "/pass pw", "/regiser eve pw", "/pasword pw", "/passswd a b", "/tokn abc"],
  ...["LOGIN a pw", "login a pw", "Login a correct horse battery", "ＬＯＧＩＮ a pw", "register eve pw", " passwd 1 2"],
  ...["password: hunter2", "password=x", "logn alice pw", "log in alice pw", "lgoin bob hunter22", "logn hunter22"],
  ...["pass hunter22", "token 123456", "totp 123456", "login hunter22", "one\n/passwd 1 2", "one ⏎ LOGIN a pw ⏎ two"],
];
for (const line of logins) {
  test(`looksLikeLogin() knows ${JSON.stringify(line)}`, () => assert.ok(looksLikeLogin(line, { user: "Alice" })));
}

const others = [
  ...["", "/", "login", "LOGIN", "//login", "/passwd", "login?", "password", "login fails", "logic is hard"],
  ...[
    "pass me the salt",
    "past 10pm",
    "token ring is dead",
    "resume the meeting",
    "long time no see",
    "losing my mind",
  ],
  ...["please login a pw", "/join general", "/jion general", "/msg bob login a pw", "//join us", "/send bob a.pdf"],
  ...["login https://a.example/x1", "alice logs in today", "/files", "/usr/bin/login is there", "auth works for bob"],
];
for (const line of others) {
  test(`looksLikeLogin() lets ${JSON.stringify(line)} pass`, () => assert.ok(!looksLikeLogin(line, { user: "Alice" })));
}

test("looksLikeLogin() knows the commands that a server says take a secret", () => {
  const names = ["vault"];
  assert.ok(looksLikeLogin(" /vault x", { names }) && looksLikeLogin("/valt x", { names }));
  assert.ok(!looksLikeLogin(" /vault x") && !looksLikeLogin("vault x", { names }));
});
