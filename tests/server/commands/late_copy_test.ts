/** Copies of room messages that are made after their message was deleted. */

import assert from "node:assert/strict";
import { deleteLateCopy } from "../../../lib/server/commands/deleting/deleting.ts";
import type { Services } from "../../../lib/server/registry/command.ts";
import type { Topic } from "../../../lib/wire/names.ts";
import { onSqlite, type TestServer } from "../../support/server.ts";

const [room, feed]: Topic[] = ["room:lobby", "feed:ann"];

async function say({ store: { topics } }: TestServer, topic: Topic, text: string, roomSeq?: number): Promise<number> {
  const draft = { from: "Ann", text, ...(roomSeq === undefined ? {} : { roomSeq, room: "lobby" }) };
  const result = await topics.publish(topic, draft, undefined);
  assert.ok(result.kind === "published");
  return result.seq;
}

onSqlite("deleteLateCopy() deletes the copy of a message that was deleted before, and no other", async (start) => {
  await using server = await start();
  const { store } = server;
  const services = { store } as unknown as Services;
  const [kept, deleted] = [await say(server, room, "kept"), await say(server, room, "secret")];
  const { entries } = await store.topics.read(room, { after: deleted - 1, limit: 1 });
  await store.deletions.erase(room, entries[0], "Ann");
  for (const [text, seq] of [["kept", kept], ["secret", deleted]] as const) {
    const copy = { topic: feed, seq: await say(server, feed, text, seq) };
    await deleteLateCopy(copy, { topic: room, seq }, services);
  }
  const copies = (await store.topics.read(feed, { after: 0, limit: 10 })).entries;
  assert.deepEqual(copies.map(({ text, deleted }) => [text, deleted === true]), [["kept", false], ["", true]]);
});
