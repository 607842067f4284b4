import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { Metrics } from "../../lib/observability/metrics.ts";
import { observedStore } from "../../lib/store/observed.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import type { PublishResult } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";

const limits = {
  historyMaxMessages: 10,
  historyMaxAge: 1e12,
  maxInbox: 1,
  maxInboxPerSender: 1,
  roomIdleMs: 1e9,
  maxFilesBytes: 1e6,
  maxUserFilesBytes: 1e6,
  maxUserFilesPercent: 100,
  fileTtl: 1e9,
  leaseMs: 1000,
  timeoutMs: 1000,
};

/** A watched store, and what it is watched with. */
function watched(): { store: Store; metrics: Metrics; plain: SqliteStore } {
  const metrics = new Metrics();
  const plain = new SqliteStore({ ...limits, path: ":memory:", durability: "normal" });
  return { store: observedStore(plain, metrics), metrics, plain };
}

Deno.test("observedStore() times operations by name and counts those that fail", async () => {
  const { store, metrics } = watched();
  await using _store = store;
  assert.equal(await store.accounts.find("nobody"), undefined);
  assert.equal(await store.servers.join("", () => {}), "server1");
  const timed = (operation: string) =>
    metrics.histogram("chat_store_operation_duration_seconds", { operation }).counts.reduce((a, b) => a + b);
  assert.deepEqual([timed("find"), timed("join")], [1, 1]);
  assert.equal(metrics.counter("chat_store_errors_total", { operation: "find" }).value, 0);
  assert.deepEqual([store.available, store.outage], [true, undefined]);
});

Deno.test("observedStore() counts a failure, and hands it on as it is", async () => {
  const { plain, metrics } = watched();
  const away = new ChatError("store_unavailable", "away");
  const failing = { ...plain, available: false, outage: "unreachable", accounts: { find: () => Promise.reject(away) } };
  const store = observedStore(failing as unknown as Store, metrics);
  await assert.rejects(store.accounts.find("a"), away);
  assert.equal(metrics.counter("chat_store_errors_total", { operation: "find" }).value, 1);
  assert.equal(store.outage, "unreachable");
  await plain[Symbol.asyncDispose]();
});

Deno.test("observedStore() counts messages by their topic's kind and what came of them", async () => {
  const { store, metrics } = watched();
  await using _store = store;
  await store.servers.join("", () => {});
  const publish = (topic: Topic, cid?: string): Promise<PublishResult> =>
    store.topics.publish(topic, { from: "a", text: "hi", ...(cid === undefined ? {} : { cid }) }, undefined);
  await publish("room:lobby", "one");
  await publish("room:lobby", "one");
  await publish("inbox:b");
  await publish("inbox:b");
  const count = (kind: string, outcome: string) =>
    metrics.counter("chat_messages_published_total", { kind, outcome }).value;
  assert.deepEqual(
    [count("room", "published"), count("room", "repeated"), count("inbox", "published"), count("inbox", "full")],
    [1, 1, 1, 1],
  );
});

Deno.test("observedStore() counts parts of files, and files that there was no room for", async () => {
  const { store, metrics } = watched();
  await using _store = store;
  const draft = { owner: "eve", topic: "room:lobby", name: "a", size: 60_000, sha256: "" } as const;
  const file = await store.files.begin(draft);
  assert.ok(typeof file !== "string");
  await store.files.put(file, 1, "too early");
  await store.files.put(file, 0, "AAAA");
  assert.equal(await store.files.get(file.id, 0), "AAAA");
  assert.equal(await store.files.get(file.id, 1), undefined);
  assert.equal(await store.files.begin({ ...draft, size: 1e9 }), "full_user");
  await store.deviceKeys.announce("eve", "key", 8);
  const chunks = (direction: string) => metrics.counter("chat_file_chunks_total", { direction }).value;
  assert.deepEqual([chunks("stored"), chunks("fetched"), metrics.counter("chat_files_refused_total").value], [1, 1, 1]);
  const timed = (operation: string) =>
    metrics.histogram("chat_store_operation_duration_seconds", { operation }).counts.reduce((a, b) => a + b);
  assert.deepEqual(["files_begin", "files_put", "files_get", "keys_announce", "find"].map(timed), [2, 2, 2, 1, 0]);
});

Deno.test("observedStore() gives every member that a store has", async () => {
  const { store, plain } = watched();
  await using _store = store;
  const portsOf = (of: Store) => [of.accounts, of.sessions, of.topics, of.servers, of.files, of.deviceKeys];
  const operations = portsOf(store).map((port) => Object.keys(port).filter((name) => name !== "positions"));
  // What the plain ports have beside the interface is for their own store.
  for (const [at, port] of portsOf(plain).entries()) {
    for (const name of operations[at]) {
      assert.equal(typeof (port as unknown as Record<string, unknown>)[name], "function", name);
    }
  }
  assert.equal(store.topics.positions, plain.topics.positions);
  assert.equal(store.admin, plain.admin);
});
