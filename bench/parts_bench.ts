/**
 * What the parts of a message's way cost, each alone: `deno task bench`.
 *
 * A batch is 100 messages of 64 bytes; fan-out is to 500 followers, so that one iteration is 50,000 deliveries.
 */

import { Hub } from "../lib/server/delivery/hub.ts";
import type { Turns } from "../lib/server/delivery/flush_scheduler.ts";
import { Outbox } from "../lib/server/delivery/outbox.ts";
import { SqliteStore } from "../lib/store/sqlite/sqlite_store.ts";
import { LineFramer } from "../lib/wire/lines.ts";
import { bindTyped, parseTyped } from "../lib/wire/command.ts";
import { parseRequest } from "../lib/wire/request.ts";
import { encodeEvent } from "../lib/wire/format.ts";
import type { Format, MessageEvent } from "../lib/wire/event.ts";

const batch = 100;
const followers = 500;
const text = "x".repeat(64);
const limits = { maxMessageBytes: 4096 };
const say = [{ name: "text", kind: "text" }, { name: "cid", kind: "id", optional: true }] as const;
const event: MessageEvent = {
  type: "message",
  topic: "room:bench",
  seq: 1,
  from: "alice",
  text,
  time: new Date(0).toISOString(),
  pos: "abcdefgh.1.abcdef",
};

const lines = new TextEncoder().encode(`${text}\n`.repeat(batch));
Deno.bench("LineFramer.push(), a batch in one chunk", () => {
  const framer = new LineFramer(8192);
  for (const line of framer.push(lines)) if (line.kind !== "line") throw new Error("unexpected");
});

Deno.bench("bindTyped(), a batch of typed lines", () => {
  for (let i = 0; i < batch; i++) {
    const typed = parseTyped(text);
    if (typed.kind === "say") bindTyped("say", say, typed.text, limits);
  }
});

const request = JSON.stringify({ id: 1, cmd: "say", text, cid: "0123456789abcdef" });
Deno.bench("parseRequest(), a batch of JSON requests", () => {
  for (let i = 0; i < batch; i++) parseRequest(request);
});

for (const format of ["text", "json"] as const satisfies Format[]) {
  Deno.bench(`encodeEvent(), a batch in ${format}`, () => {
    for (let i = 0; i < batch; i++) encodeEvent(event, format);
  });
}

Deno.bench(`Hub.deliver() to ${followers} outboxes, a batch, written`, async () => {
  const turns: Turns = { schedule: (flushable) => void setImmediate(() => flushable.flush()) };
  const hub = new Hub(turns);
  const outboxes = Array.from({ length: followers }, (_, index) => {
    const outbox = new Outbox({ write: (bytes) => Promise.resolve(bytes.length) }, turns, 1_048_576);
    const push = (bytes: Uint8Array) => void outbox.push(bytes);
    hub.add("room:bench", { encoding: "text", connection: `c${index}`, user: `u${index}`, isIn: () => true, push });
    return outbox;
  });
  for (let seq = 1; seq <= batch; seq++) hub.deliver("room:bench", event, seq);
  await Promise.all(outboxes.map((outbox) => outbox.written()));
});

Deno.bench("SqliteTopics.publish(), a batch in memory", async (bench) => {
  await using store = new SqliteStore({
    path: ":memory:",
    durability: "normal",
    historyMaxMessages: 10_000,
    historyMaxAge: Infinity,
    maxInbox: 1_000,
    maxInboxPerSender: 1_000,
    roomIdleMs: 1e9,
    maxFilesBytes: 1e9,
    maxUserFilesBytes: 1e9,
    maxUserFilesPercent: 100,
    fileTtl: 1e9,
    leaseMs: 15_000,
    timeoutMs: 2_000,
  });
  bench.start();
  await Promise.all(
    Array.from({ length: batch }, () => store.topics.publish("room:bench", { from: "alice", text }, undefined)),
  );
  bench.end();
});
