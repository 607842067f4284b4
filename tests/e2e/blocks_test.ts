/** Whom a user blocks: on both stores, from outside. */

import assert from "node:assert/strict";
import { JsonClient } from "../support/client.ts";
import { onEachStore } from "../support/server.ts";

onEachStore("private messages of who is blocked are refused, and room messages are not", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await a.until("b joined lobby");
  assert.equal(await a.ask("/blocks"), "Blocked: none");
  assert.equal(await a.ask("/block B"), "Blocked b");
  assert.equal(await a.ask("/blocks"), "Blocked: b");
  await b.send("/msg a psst");
  assert.match(await b.line(), /^\[ERROR\] blocked: a takes no private messages of yours$/);
  await b.ask("hello");
  await a.expect("b: hello");
  await using side = await JsonClient.open(server);
  await side.ok("login", { user: "b", password: "1", side: true });
  await side.refused("msg", { to: "a", text: "psst" }, "blocked");
  await a.send("/msg b I hear you not");
  await a.expect("DM to b: I hear you not");
  await b.expect("DM from a: I hear you not");
  assert.match(await a.ask("/block a"), /^\[ERROR\] usage: You cannot block yourself$/);
  assert.match(await a.ask("/block nobody"), /^\[ERROR\] unknown_user: /);
  await using json = await JsonClient.open(server);
  await json.ok("login", { user: "a", password: "1", side: true });
  assert.deepEqual((await json.ok("blocks")).blocks, ["b"]);
  assert.equal((await json.ok("unblock", { user: "b" })).user, "b");
  await b.send("/msg a psst");
  await b.expect("DM to a: psst");
  await a.expect("DM from b: psst");
});
