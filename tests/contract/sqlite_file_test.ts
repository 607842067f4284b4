/** What the embedded store promises of its file: one process at a time, no later release's, and a clear error. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../../lib/common/errors.ts";
import type { StoredFile } from "../../lib/store/files.ts";
import type { Session } from "../../lib/store/sessions.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { test as declared } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { wideLimits } from "../support/store_limits.ts";

const files = await permitted("read", "write");

/** Declares a test with a folder of its own. */
function test(name: string, fn: (path: string) => Promise<void>): void {
  const run = async () => {
    await using folder = await temporaryFolder();
    await fn(join(folder.path, "chat.db"));
  };
  declared(name, run, files);
}

/** Makes a file one of version 12: tokens and saved positions are a user's, and memberships have no positions. */
const withoutDevices = "ALTER TABLE accounts DROP COLUMN deleted; ALTER TABLE memberships DROP COLUMN position; " +
  "ALTER TABLE tokens RENAME TO newer; CREATE TABLE tokens (user TEXT PRIMARY KEY, current TEXT NOT NULL, " +
  "previous TEXT, revoked TEXT, room TEXT NOT NULL, expires INTEGER NOT NULL, away TEXT) WITHOUT ROWID; " +
  "INSERT INTO tokens SELECT user, current, previous, revoked, room, expires, away FROM newer; DROP TABLE newer; " +
  "ALTER TABLE stood RENAME TO newer; CREATE TABLE stood (user TEXT NOT NULL, topic TEXT NOT NULL, " +
  "position TEXT NOT NULL, PRIMARY KEY (user, topic)) WITHOUT ROWID; " +
  "INSERT INTO stood SELECT user, topic, position FROM newer; DROP TABLE newer";

/** Takes out of a file what came with versions 8 to 13. */
const withoutWhatCameSince = withoutDevices + "; ALTER TABLE accounts DROP COLUMN has_rooms; DROP TABLE memberships; " +
  "ALTER TABLE tokens DROP COLUMN away; DROP TABLE marks";

function open(path: string, durability: "normal" | "full" = "normal", now = Date.now): SqliteStore {
  return new SqliteStore({ ...wideLimits, path, durability, now });
}

test("SqliteStore refuses a file that is in use, and says what to do", async (path) => {
  {
    await using store = open(path);
    assert.throws(() => open(path), /^Error: Cannot open the database .*: another process has it; .*REDIS_URL/);
    await store.topics.publish("room:lobby", { from: "eve", text: "hi" }, undefined);
  }
  await using again = open(path);
  assert.equal((await again.topics.head("room:lobby")).seq, 1);
});

test("SqliteStore refuses a file that a later release wrote, and leaves it alone", async (path) => {
  await open(path)[Symbol.asyncDispose]();
  const later = new DatabaseSync(path);
  later.exec("PRAGMA user_version = 99");
  later.close();
  for (let i = 0; i < 2; i++) assert.throws(() => open(path), /Cannot open the database .*: its schema is version 99/);
  const still = new DatabaseSync(path);
  assert.deepEqual({ ...still.prepare("PRAGMA user_version").get() }, { user_version: 99 });
  still.close();
});

test("SqliteStore brings a file of an earlier release up to date, and keeps what is in it", async (path) => {
  {
    await using store = open(path);
    await store.accounts.create({ name: "eve", hash: "hash", role: "user", created: 1 });
  }
  const earlier = new DatabaseSync(path);
  earlier.exec("DROP TABLE files; DROP TABLE chunks; DROP TABLE device_keys");
  earlier.exec(withoutWhatCameSince);
  earlier.exec("ALTER TABLE accounts DROP COLUMN passwords; DROP TABLE talks");
  earlier.exec("DROP INDEX cids_by_uptime; ALTER TABLE cids DROP COLUMN uptime; PRAGMA user_version = 2");
  earlier.exec("ALTER TABLE topics DROP COLUMN indexed");
  earlier.close();
  await using store = open(path);
  assert.equal((await store.accounts.find("eve"))!.hash, "hash");
  assert.equal(await store.accounts.setHash("eve", "another", 0), 1);
  const draft = { owner: "eve", topic: "room:lobby", name: "a", size: 1, sha256: "" } as const;
  assert.notEqual(typeof await store.files.begin(draft), "string");
  await store.deviceKeys.announce("eve", "key", 8);
  assert.equal((await store.deviceKeys.list("eve")).length, 1);
  assert.equal(await store.marks.mark("eve", "room:lobby", await store.topics.head("room:lobby")), true);
});

test("SqliteStore keeps tokens, positions and rooms of a file that knew no devices", async (path) => {
  const request = { user: "eve", room: "lobby", policy: "share", many: true } as const;
  let before: Session;
  {
    await using store = open(path);
    await store.accounts.create({ name: "eve", hash: "hash", role: "user", created: 1 });
    const claimed = await store.sessions.claim({ ...request, connection: "c1", tokenHash: "one" });
    assert.ok(claimed.kind === "claimed");
    before = claimed.session;
    await store.accounts.setAway("eve", "lunch");
    await store.sessions.savePositions(before, { "room:lobby": "here" });
    await store.sessions.enter(before, "general", 5, "joined");
  }
  const earlier = new DatabaseSync(path);
  earlier.exec(`${withoutDevices}; PRAGMA user_version = 12`);
  earlier.close();
  await using store = open(path);
  const claimed = await store.sessions.claim({ ...request, connection: "c2", tokenHash: "two", presentedHash: "one" });
  assert.ok(claimed.kind === "claimed");
  assert.deepEqual(claimed.savedPositions, { "room:lobby": "here" });
  assert.deepEqual([claimed.session.since, claimed.session.rooms], [before.since, ["general", "lobby"]]);
  assert.equal((await store.accounts.find("eve"))!.away, "lunch");
  assert.deepEqual([...await store.sessions.memberships("eve")], [["general", ""], ["lobby", ""]]);
  const other = await store.sessions.claim({ ...request, device: "phone", connection: "c3", tokenHash: "three" });
  assert.equal(other.kind === "claimed" && other.superseded.length, 0);
});

test("SqliteStore finds talks in a file of an earlier release, also while messages keep arriving", async (path) => {
  const inbox = "inbox:bob";
  const write = (store: SqliteStore, from: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => store.topics.publish(inbox, { from, text: "hi" }, undefined)));
  const numbers = async (store: SqliteStore, sender: string) =>
    (await store.topics.readTalk(inbox, sender, { limit: 10_000 })).entries.map(({ seq }) => seq);
  let before: number[];
  {
    await using store = open(path);
    for (let i = 0; i < 10; i++) await Promise.all([write(store, "ann", 50), write(store, "Eve", 50)]);
    before = await numbers(store, "ann");
  }
  const earlier = new DatabaseSync(path);
  earlier.exec("DROP TABLE talks; ALTER TABLE topics DROP COLUMN indexed");
  earlier.exec(withoutWhatCameSince);
  earlier.exec("DROP INDEX cids_by_uptime; ALTER TABLE cids DROP COLUMN uptime; PRAGMA user_version = 4");
  earlier.close();
  await using store = open(path);
  const [one, two] = await Promise.all([numbers(store, "ann"), numbers(store, "ann"), write(store, "eve", 500)]);
  assert.deepEqual([one, two, before.length], [before, before, 500]);
  assert.equal((await numbers(store, "eve")).length, 1_000);
  await write(store, "ann", 1);
  assert.deepEqual(await numbers(store, "ann"), [...before, 1_501]);
});

test("SqliteStore keeps nothing of talks that the log has lost", async (path) => {
  {
    await using store = new SqliteStore({ ...wideLimits, historyMaxMessages: 100, path, durability: "normal" });
    for (const from of ["ann", ...Array(20).fill("eve")]) {
      const all = Array.from({ length: 64 }, () => store.topics.publish("inbox:bob", { from, text: "" }, undefined));
      await Promise.all(all);
      await store.topics.markRead("inbox:bob", Number.MAX_SAFE_INTEGER);
    }
  }
  using left = new DatabaseSync(path);
  const rows = left.prepare("SELECT topic, sender, count(*) AS n FROM talks GROUP BY topic, sender").all();
  const [{ n }] = left.prepare("SELECT count(*) AS n FROM log").all();
  assert.deepEqual(rows.map((row) => ({ ...row })), [{ topic: "inbox:bob", sender: "eve", n }]);
});

test("SqliteStore refuses what is no database, or cannot be one", async (path) => {
  await Deno.writeTextFile(path, "This is a text, and long enough to be taken for one. ".repeat(100));
  assert.throws(() => open(path), /^Error: Cannot open the database /);
  assert.throws(() => open(join(path, "chat.db")));
});

test("SqliteStore keeps nothing of files that were removed, or that have expired at a sweep", async (path) => {
  let time = Date.now();
  {
    await using store = open(path, "normal", () => time);
    const send = async (name: string): Promise<string> => {
      const file = await store.files.begin({ owner: "eve", topic: "room:lobby", name, size: 1, sha256: "" });
      assert.notEqual(typeof file, "string", `${file}`);
      assert.equal(await store.files.put(file as StoredFile, 0, "AAAA"), 1);
      return (file as StoredFile).id;
    };
    await store.files.remove(await send("removed"));
    for (const name of ["old", "older"]) await send(name);
    time += 1e9;
    await send("young");
    await store.files.sweep();
  }
  const left = new DatabaseSync(path);
  const rows = left.prepare("SELECT name, n, data FROM chunks LEFT JOIN files ON id = file").all();
  const names = left.prepare("SELECT name FROM files").all();
  left.close();
  assert.deepEqual(rows.map((row) => ({ ...row })), [{ name: "young", n: 0, data: "AAAA" }]);
  assert.deepEqual(names.map(({ name }) => name), ["young"]);
});

test("SqliteStore says store_unavailable once it is closed", async (path) => {
  const store = open(path, "full");
  await store[Symbol.asyncDispose]();
  const calls = [
    () => store.accounts.find("eve"),
    () => store.accounts.create({ name: "eve", hash: "", role: "user", created: 0 }),
    () => store.topics.publish("room:lobby", { from: "eve", text: "hi" }, undefined),
    () => store.topics.read("room:lobby", { limit: 1 }),
    () => store.files.find("x"),
    () => store.files.begin({ owner: "eve", topic: "room:lobby", name: "a", size: 1, sha256: "" }),
    () => store.files.sweep(),
    () => store.deviceKeys.list("eve"),
    () => store.marks.mark("eve", "room:lobby", { epoch: "x", seq: 0 }),
    () => store.marks.begin("eve", { "room:lobby": { epoch: "x", seq: 0 } }),
    () => store.marks.unread("eve", ["room:lobby"]),
    () => store.marks.forget("eve"),
  ];
  for (const call of calls) {
    await assert.rejects(call, (error) => error instanceof ChatError && error.code === "store_unavailable");
  }
});
