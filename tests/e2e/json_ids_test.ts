/** Ids of messages and requests are never changed on their way, on both stores. */

import assert from "node:assert/strict";
import { onEachStore } from "../support/server.ts";

onEachStore("say refuses a cid with an invisible character, and takes no two cids for one", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const say = (cid: string) => a.request("say", { text: `with ${JSON.stringify(cid)}`, cid });
  assert.equal((await say("c1")).seq, 1);
  for (const cid of ["c1\u0000", "\u001bc1", "c1\t", "c1\ud800", "c1\udfff", "c1\u200b", "c1\u2028", "\ufeffc1"]) {
    const { type, code, message } = await say(cid);
    assert.deepEqual({ type, code }, { type: "error", code: "usage" }, JSON.stringify(cid));
    assert.match(String(message), /"cid" must be 1 to 64 characters/);
  }
  for (const [index, cid] of ["C1", " c1", "é", "e\u0301", "c1\ufffd"].entries()) {
    assert.equal((await say(cid)).seq, index + 2, cid);
    assert.equal((await say(cid)).seq, index + 2, "a repetition gets the first answer");
  }
});

onEachStore("history refuses what is no topic", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await a.request("join", { room: "l" });
  for (const topic of ["rooml", "room", "room:", ":l", "feeda", "inbox", "room:\u212a"]) {
    assert.equal((await a.request("history", { topic })).code, "usage", topic);
  }
  assert.equal((await a.request("history", { topic: "room:L" })).type, "ok");
});
