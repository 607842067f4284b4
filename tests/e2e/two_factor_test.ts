/** Two-factor login: on both stores, from outside, in both formats. */

import assert from "node:assert/strict";
import { JsonClient } from "../support/client.ts";
import { onEachStore, onRedis } from "../support/server.ts";
import { codeOf, wrongCode } from "../support/totp.ts";

const asked = "[SYSTEM] CODE_REQUIRED: Send CODE <digits>";
const welcome = "Login successful. Room: lobby";

onEachStore("/totp asks for a code at each login from its confirmation on, in both formats", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  const uri = await a.ask("/totp on");
  assert.match(
    uri,
    /^TOTP: otpauth:\/\/totp\/chat:a\?issuer=chat&secret=[A-Z2-7]{32}&algorithm=SHA1&digits=6&period=30$/,
  );
  {
    await using other = await server.text();
    assert.equal(await other.ask("LOGIN b 1"), welcome, "others are not asked");
    await other.ask("/quit");
    await a.expect("b joined lobby", "b left lobby");
  }
  assert.match(await a.ask(`/totp confirm ${wrongCode(uri)}`), /^\[ERROR\] invalid_code: /);
  await a.send(`/totp confirm ${codeOf(uri)}`);
  await a.expect("Two-factor login is on");
  const recovery = (await a.line()).replace("Recovery codes, each good once: ", "").split(", ");
  assert.equal(new Set(recovery).size, 10);
  assert.match(await a.ask("/totp on"), /^\[ERROR\] usage: Two-factor login is on already/);
  await a.ask("/quit");

  await using text = await server.text();
  assert.match(await text.ask("CODE 123456"), /^\[ERROR\] login_required: /);
  assert.match(
    await text.ask("LOGIN a wrong"),
    /^\[ERROR\] invalid_credentials: /,
    "the code says nothing of a password",
  );
  assert.equal(await text.ask("LOGIN a 1"), asked);
  assert.match(await text.ask("/whoami"), /^\[ERROR\] login_required: /);
  assert.match(await text.ask(`CODE ${wrongCode(uri)}`), /^\[ERROR\] invalid_code: /);
  assert.match(await text.ask(`CODE ${codeOf(uri)}`), /^\[ERROR\] invalid_code: /, "it has confirmed already");
  const next = codeOf(uri, 1);
  assert.equal(await text.ask(`CODE ${next}`), welcome);
  assert.match(await text.ask("/whoami"), /^a in lobby/);

  await using json = await JsonClient.open(server);
  const login = { user: "a", password: "1" };
  assert.match((await json.refused("login", login, "code_required")).message as string, /CODE/);
  await json.refused("login", { ...login, code: next }, "invalid_code");
  await json.refused("login", { ...login, password: "2", code: recovery[0] }, "invalid_credentials");
  const { resume } = await json.ok("login", { ...login, code: recovery[0] });
  {
    await using again = await JsonClient.open(server);
    await again.refused("login", { ...login, side: true }, "code_required");
    await again.ok("code", { code: recovery[1]!.toUpperCase().replace("-", " ") });
    assert.equal((await again.ok("whoami")).room, null, "it is the side connection that was asked for");
  }
  await using back = await JsonClient.open(server);
  assert.equal((await back.ok("resume", { token: resume })).user, "a");
  await back.refused("totp", { action: "off", code: recovery[0] }, "invalid_code");
  await back.refused("totp", { action: "maybe" }, "usage");
  await back.refused("totp", { action: "off" }, "usage");
  assert.equal((await back.ok("totp", { action: "off", code: recovery[2] })).state, "off");
  await using after = await server.text();
  assert.equal(await after.ask("LOGIN a 1"), welcome);
});

onEachStore("codes cannot be guessed, from however many addresses", async (start) => {
  await using server = await start({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });
  await using a = await server.login("a");
  const uri = await a.ask("/totp on");
  await a.ask(`/totp confirm ${codeOf(uri)}`);
  const wrong = wrongCode(uri);
  await using guesser = await server.text();
  assert.equal(await guesser.ask("LOGIN a 1"), asked);
  const answers = [];
  for (let n = 0; n < 5; n++) answers.push(/^\[ERROR\] (\w+):/.exec(await guesser.ask(`CODE ${wrong}`))?.[1]);
  assert.deepEqual(answers, ["invalid_code", "invalid_code", "invalid_code", "too_many_attempts", "too_many_attempts"]);
  assert.match(await guesser.ask(`CODE ${codeOf(uri, 1)}`), /^\[ERROR\] too_many_attempts: /);
});

onRedis("a code that one server took is refused by another", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.login("a");
  const uri = await a.ask("/totp on");
  await a.send(`/totp confirm ${codeOf(uri)}`);
  await a.expect("Two-factor login is on");
  await a.line();
  const code = codeOf(uri, 1);
  const logins = await Promise.all([one, two, one, two].map(async (server) => {
    const client = await JsonClient.open(server);
    const { type, code: error } = await client.request("login", { user: "a", password: "1", side: true, code });
    await client[Symbol.asyncDispose]();
    return error ?? type;
  }));
  assert.deepEqual(logins.sort(), ["invalid_code", "invalid_code", "invalid_code", "ok"]);
});
