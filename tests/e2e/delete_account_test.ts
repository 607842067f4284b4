/** The end of an account: on both stores, from outside. */

import assert from "node:assert/strict";
import { JsonClient } from "../support/client.ts";
import { onEachStore, onRedis } from "../support/server.ts";

const password = "a rather good password";

onEachStore("a deleted account is gone, and what its user said is by another name", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using eve = await server.text();
  await eve.send(`REGISTER Eve ${password}`);
  await eve.lines(2);
  await b.expect("Eve joined lobby");
  for (const line of ["hello", "/publish news"]) await eve.ask(line);
  await b.expect("Eve: hello");
  await eve.ask("/msg b psst");
  await b.expect("DM from Eve: psst");
  await b.ask("/msg eve what?");
  await eve.expect("DM from b: what?");
  await eve.ask("/subscribe b");
  await b.ask("/subscribe eve");
  const token = (await eve.ask("/token new ci say")).replace("Token ci: ", "");
  await using side = await JsonClient.open(server);
  await side.ok("login", { user: "eve", password: token, side: true });
  assert.match(await eve.ask("/delete-account wrong"), /^\[ERROR\] invalid_credentials: /);
  assert.equal(await eve.ask(`/delete-account ${password}`), "Account deleted");
  await eve.expectEnd();
  assert.equal((await side.event()).code, "forced_logout");
  await b.until("Eve left lobby");

  await using guest = await server.text();
  for (const secret of [password, token]) {
    assert.match(await guest.ask(`LOGIN eve ${secret}`), /^\[ERROR\] invalid_credentials: /);
  }
  assert.match(await guest.ask(`REGISTER EVE ${password}`), /^\[ERROR\] username_taken: /);
  assert.match(await guest.ask(`REGISTER deleted-me ${password}`), /^\[ERROR\] invalid_username: /);

  assert.equal(await b.ask("/subs"), "Subscriptions: none");
  assert.match(await b.ask("/msg eve hello?"), /^\[ERROR\] unknown_user: /);
  const said = await b.ask("/history 1");
  const [, alias] = /^\[\S+\] (deleted-[0-9a-f]+): hello$/.exec(said) ?? assert.fail(said);
  for (const name of ["eve", alias]) {
    await b.send(`/history @${name}`);
    const lines = (await b.lines(2)).map((line) => line.replace(/^\[\S+\] /, ""));
    assert.deepEqual(lines, [`${alias}: psst`, "b: what?"]);
  }
  await using json = await server.json();
  await json.ok("login", { user: "b", password: "1", side: true });
  assert.equal((await json.ok("talks")).talks[0].user, alias);
});

onRedis("a deleted account's sessions end on every server, and each has the other name at once", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.jsonLogin("a");
  await using b = await two.login("b");
  await a.ok("say", { text: "hello" });
  await b.until("a: hello");
  await using side = await two.json();
  await side.ok("login", { user: "a", password: "1", side: true });
  await a.ok("delete_account", { password: "1" });
  assert.equal((await side.event()).code, "forced_logout");
  await b.until("a left lobby");
  assert.match(await b.ask("/history 1"), /^\[\S+\] deleted-[0-9a-f]+: hello$/);
  await using again = await two.json();
  await again.refused("resume", { token: a.session.resume }, "invalid_credentials");
  await using third = await start();
  await using c = await third.login("c");
  assert.match(await c.ask("/history 1"), /^\[\S+\] deleted-[0-9a-f]+: hello$/);
});
