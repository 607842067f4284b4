/** Private messages of strangers: on both stores, from outside. */

import assert from "node:assert/strict";
import { onEachStore } from "../support/server.ts";

onEachStore("a stranger's first message waits until it is accepted, and those of contacts do not", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using a = await server.login("a");
  await b.expect("a joined lobby");
  assert.equal(await b.ask("/messages from contacts"), "Messages from contacts");
  assert.equal(await b.ask("/messages"), "Messages from contacts");
  assert.equal(await b.ask("/requests"), "Requests: none");
  assert.equal(await a.ask("/msg b hello"), "DM to b: hello");
  assert.match(await a.ask("/msg b more"), /^\[ERROR\] rate_limited: b has not accepted your first message yet/);
  assert.equal(await b.ask("/requests"), "Requests: a");
  await b.send("/accept a");
  assert.deepEqual((await b.lines(2)).sort(), ["Accepted a", "DM from a: hello"]);
  assert.equal(await b.ask("/requests"), "Requests: none");
  await a.send("/msg b again");
  await a.expect("DM to b: again");
  await b.expect("DM from a: again");
  await using c = await server.login("c");
  for (const client of [a, b]) await client.expect("c joined lobby");
  assert.equal(await c.ask("/msg b buy"), "DM to b: buy");
  assert.equal(await b.ask("/decline C"), "Declined c");
  assert.match(await b.ask("/accept c"), /^\[ERROR\] unknown_user: No message of c waits/);
  await b.send("/msg c no");
  await b.expect("DM to c: no");
  await c.expect("DM from b: no");
  assert.equal(await c.ask("/msg b well"), "DM to b: well");
  await b.expect("DM from c: well");
  assert.match(
    await b.ask("/messages from friends"),
    /^\[ERROR\] usage: Messages are from "contacts" or from "everyone"/,
  );
  assert.equal(await b.ask("/messages from everyone"), "Messages from everyone");
});

onEachStore("a message that waits is sent again under its cid, and is there once", async (start) => {
  await using server = await start();
  await using b = await server.jsonLogin("b");
  await using a = await server.jsonLogin("a");
  await b.event();
  await b.ok("messages", { from: "contacts" });
  for (let n = 0; n < 2; n++) {
    const { seq, waiting } = await a.ok("msg", { to: "b", text: "hello", cid: "c1" });
    assert.deepEqual([seq, waiting], [0, true]);
  }
  await b.ok("accept", { user: "a" });
  const { text, from, cid } = await b.event();
  assert.deepEqual([text, from, cid], ["hello", "a", "c1"]);
  const { seq, waiting } = await a.ok("msg", { to: "b", text: "hello", cid: "c1" });
  assert.deepEqual([seq, waiting], [1, undefined]);
  const { messages } = await a.ok("history", { user: "b" });
  assert.deepEqual(messages.map(({ text }: { text: string }) => text), ["hello"]);
});
