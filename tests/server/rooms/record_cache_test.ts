/** What is known of rooms' records: never older than it was, read no more often than needed, and enforced as it changes. */

import assert from "node:assert/strict";
import { keepsOut, RecordCache } from "../../../lib/server/rooms/record_cache.ts";
import type { Follower } from "../../../lib/server/delivery/hub.ts";
import type { RecordNews, RoomRecord } from "../../../lib/store/room_records.ts";
import { test } from "../../support/declare.ts";
import { turn } from "../../support/turns.ts";

/** A record without anything, but for what is given. */
function recordOf(more: Partial<RoomRecord> = {}): RoomRecord {
  return {
    revision: 1,
    owner: "a",
    moderators: [],
    private: false,
    topic: "",
    slowSeconds: 0,
    banned: [],
    muted: new Map(),
    listed: new Set(),
    invited: new Map(),
    removed: new Map(),
    ...more,
  };
}

/** A cache whose reads end when the test says so, and what its listener was told. */
function makeCache() {
  let record = recordOf();
  const reads: PromiseWithResolvers<RoomRecord>[] = [];
  const told: string[] = [];
  const cache = new RecordCache({
    read: () => {
      const read = Promise.withResolvers<RoomRecord>();
      reads.push(read);
      return read.promise;
    },
  });
  cache.listener = {
    enforce: (room, { revision }, changes) => void told.push(`enforce ${room} ${revision} ${kinds(changes)}`),
    tell: (room, _, { kind }) => void told.push(`tell ${room} ${kind}`),
    bar: (room, _, connection) => void told.push(`bar ${room} ${connection}`),
  };
  return {
    ...{ cache, reads, told },
    put: (more: Partial<RoomRecord>) => record = recordOf(more),
    /** Has the room known. */
    async open(): Promise<void> {
      const opened = cache.open("x");
      await this.answer();
      await opened;
      told.length = 0;
    },
    /** Lets the reads that are under way end, and those that wait for them. */
    async answer(): Promise<void> {
      for (let from = 0; from < reads.length; from++) {
        reads[from].resolve(record);
        await turn();
      }
    },
  };
}

const kinds = (changes: readonly RecordNews[]) => changes.map(({ kind }) => kind).join(",");
const removal = { revision: 1, by: "a", reason: "" };
const kick = { kind: "kick", by: "a", user: "b", reason: "" } as const;
const follower = { encoding: "json", connection: "c1", user: "B", isIn: () => true, push: () => {} } as Follower;

test("RecordCache.current() gives a record that was read after the call, and shares the reads", async () => {
  const parts = makeCache();
  await parts.open();
  const before = parts.reads.length;
  const first = parts.cache.current("x");
  const later = [parts.cache.current("x"), parts.cache.current("x"), parts.cache.current("x")];
  await turn();
  assert.equal(parts.reads.length - before, 1, "those that came meanwhile wait for a read of their own");
  const old = recordOf({ revision: 1 });
  parts.put({ revision: 2 });
  parts.reads[before].resolve(old);
  await turn();
  assert.equal(parts.reads.length - before, 2, "which they share");
  await parts.answer();
  assert.equal((await first).revision, 1);
  assert.deepEqual((await Promise.all(later)).map(({ revision }) => revision), [2, 2, 2]);
  assert.deepEqual([parts.cache.knows("x", 2), parts.cache.knows("x", 3), parts.cache.knows("y", 0)], [
    true,
    false,
    false,
  ]);
});

test("RecordCache.check() enforces a record that has changed before it tells of the change", async () => {
  const parts = makeCache();
  await parts.open();
  const same = parts.cache.check("x");
  await parts.answer();
  await same;
  assert.deepEqual(parts.told, [], "as it was known");
  parts.put({ revision: 2, removed: new Map([["b", removal]]) });
  const changed = parts.cache.check("x", [kick]);
  await parts.answer();
  await changed;
  assert.deepEqual(parts.told, ["enforce x 2 kick", "tell x kick"]);
  parts.put({ revision: 1 });
  const lost = parts.cache.check("x");
  await parts.answer();
  await lost;
  assert.equal(parts.told.at(-1), "enforce x 1 ", "a store that came back with older data is believed");
});

test("RecordCache.check() that fails leaves what was heard for the next one", async () => {
  const parts = makeCache();
  await parts.open();
  const failed = parts.cache.check("x", [kick]);
  await turn();
  parts.reads.at(-1)!.reject(new Error("away"));
  await assert.rejects(failed, /away/);
  parts.put({ revision: 2 });
  const again = parts.cache.check("x");
  await parts.answer();
  await again;
  assert.deepEqual(parts.told, ["enforce x 2 kick"]);
});

test("RecordCache.admits() bars whom the known record keeps out, and isKeptOut() asks again before it says so", async () => {
  const parts = makeCache();
  parts.put({ removed: new Map([["b", removal]]) });
  await parts.open();
  assert.equal(parts.cache.admits("room:x", follower), false);
  assert.deepEqual(parts.told, ["bar x c1"]);
  assert.equal(parts.cache.admits("room:y", follower), true, "nothing is known of it");
  assert.equal(parts.cache.admits("inbox:b", follower), true);
  assert.equal(parts.cache.admits("room:x", { ...follower, user: "c" }), true);
  parts.put({ revision: 2 });
  const kept = parts.cache.isKeptOut("x", "B");
  await parts.answer();
  assert.equal(await kept, false, "b has come back meanwhile");
  const count = parts.reads.length;
  assert.equal(await parts.cache.isKeptOut("x", "c"), false);
  assert.equal(parts.reads.length, count, "who is not kept out costs no read");
});

test("RecordCache.close() forgets a room when it was closed as often as it was opened", async () => {
  const parts = makeCache();
  const opened = [parts.cache.open("x"), parts.cache.open("x")];
  await parts.answer();
  await Promise.all(opened);
  parts.cache.close("x");
  assert.equal(parts.cache.knows("x", 1), true);
  parts.cache.close("x");
  assert.equal(parts.cache.knows("x", 1), false);
});

test("keepsOut() is for who was removed, and who is not on a private room's list", () => {
  const record = recordOf({
    private: true,
    moderators: ["M"],
    listed: new Set(["l"]),
    removed: new Map([["r", removal]]),
  });
  const out = ["A", "m", "L", "r", "x"].filter((user) => keepsOut(record, user));
  assert.deepEqual(out, ["r", "x"]);
  assert.equal(keepsOut(recordOf({ banned: ["b"] }), "b"), false, "who never was there has nothing to lose");
  assert.equal(keepsOut(recordOf({ revision: 0 }), "x"), false);
});
