/**
 * The embedded store on a disk that fails: a step that fails has changed nothing, in memory as in the file.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ChatError } from "../../../lib/common/errors.ts";
import type { StoredFile } from "../../../lib/store/files.ts";
import type { ClaimRequest, Session } from "../../../lib/store/sessions.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { Topic } from "../../../lib/wire/names.ts";
import { test as declared } from "../../support/declare.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { wideLimits } from "../../support/store_limits.ts";

const users = ["a", "b"] as const;
const topics: readonly Topic[] = ["room:lobby", "inbox:a", "inbox:b"];

/** Of which statements the disk fails: from the one after `after`, so many. */
interface Fault {
  after: number;
  times: number;
}

/** A connection to a file on a disk that fails. */
function fragile(path: string, fault: Fault): DatabaseSync {
  const spend = () => {
    if (fault.after-- > 0) return;
    if (fault.times-- > 0) throw new Error("database or disk is full");
  };
  const failing = <T extends DatabaseSync | StatementSync>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get(_, name) {
        const member = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (String(args[0]).startsWith("PRAGMA synchronous")) args[0] = "PRAGMA synchronous = OFF"; // for speed
          // To take back needs no disk.
          if (names.includes(String(name)) && args[0] !== "ROLLBACK") spend();
          const result = member.apply(target, args);
          return name === "prepare" ? failing(result, ["run", "get", "all", "iterate"]) : result;
        };
      },
    });
  return failing(new DatabaseSync(path), ["exec"]);
}

/** Something that is done to the store, by one of two users. */
interface Step {
  readonly do: string;
  readonly user: number;
  readonly n: number;
}

/** Every kind of step. */
const steps: readonly Step[] = [
  ...["login", "resume", "end", "revoke", "detach", "move", "save", "renew", "token"],
  ...["say", "msg", "read", "epoch", "follow", "password", "key", "file", "room"],
].map((what) => ({ do: what, user: 0, n: 1 }));

/** What is there before: sessions, messages unread and read, and something of each kind. */
const earlier: readonly Step[] = ["login", "move", "save", "renew", "say", "msg", "msg", "msg", "follow", "key", "file"]
  .flatMap((what) => [{ do: what, user: 0, n: 2 }, { do: what, user: 1, n: 2 }]);

/** A store and what a test knows of its sessions. */
class Model {
  readonly sessions = new Map<string, Session>();
  #connections = 0;

  constructor(readonly store: SqliteStore) {}

  /** Does a step; where that fails, nothing may have changed. */
  async take({ do: what, user: index, n }: Step): Promise<void> {
    const { accounts, topics, files, deviceKeys } = this.store;
    const user = users[index];
    const session = this.sessions.get(user);
    switch (what) {
      case "login":
        return await this.#claim(user, { room: n > 1 ? "lobby" : "general", policy: n > 2 ? "reject" : "force" });
      case "resume":
        return await this.#claim(user, { presentedHash: `${user}${this.#connections}` });
      case "say":
        await topics.publish("room:lobby", { from: user, text: "hi", cid: `${n}` }, undefined);
        return;
      case "msg":
        await topics.publish(`inbox:${users[1 - index]}`, { from: user, text: "hi" }, undefined);
        return;
      case "read":
        return void await topics.markRead(`inbox:${user}`, n);
      case "epoch":
        return await topics.renewEpoch("room:lobby", (await topics.head("room:lobby")).epoch);
      case "follow":
        return void await accounts.follow(user, users[1 - index], n);
      case "password":
        return void await accounts.setHash(user, `hash ${n}`);
      case "key":
        return void await deviceKeys.announce(user, `key ${n}`, 2);
      case "room":
        return void await this.store.rooms.make("made", { most: Infinity, standing: [] });
      case "file":
        return await put(files, user, n);
    }
    if (session) await this.#change(what, session, n);
  }

  async #claim(user: string, more: Partial<ClaimRequest>): Promise<void> {
    const connection = `c${++this.#connections}`;
    const tokenHash = `${user}${this.#connections}`;
    const request = { user, connection, room: "lobby", policy: "force", tokenHash, ...more } as const;
    const result = await this.store.sessions.claim(request);
    if (result.kind === "claimed") this.sessions.set(user, result.session);
  }

  async #change(what: string, session: Session, n: number): Promise<void> {
    const { sessions } = this.store;
    if (what === "end" || what === "revoke") {
      await sessions.end(session, what === "revoke");
      this.sessions.delete(session.user);
    } else if (what === "move") this.sessions.set(session.user, (await sessions.move(session, `room${n}`))!);
    else if (what === "detach") await sessions.detach(session);
    else if (what === "save") await sessions.savePositions(session, { "room:lobby": `${n}`, "inbox:a": `${n}` });
    else if (what === "renew") await sessions.renewToken(session, `renewed ${n}`);
    else await sessions.revokeToken(session.user, "", `renewed ${n}`);
  }
}

async function put(files: SqliteStore["files"], owner: string, n: number): Promise<void> {
  const draft = { owner, topic: "room:lobby", name: `file ${n}`, size: 100_000, sha256: "" } as const;
  const file = await files.begin(draft) as StoredFile;
  await files.put(file, file.have, "AAAA");
}

/** All that the store tells of what is in the file. */
async function told({ accounts, topics: logs, deviceKeys, files, rooms, admin }: SqliteStore): Promise<unknown> {
  const records = await Array.fromAsync(admin.accounts());
  const pages = [];
  for (const topic of topics) pages.push(await logs.read(topic, { limit: 100 }), await logs.readMark(topic));
  const keys = await Promise.all(users.map((user) => deviceKeys.list(user)));
  const draft = { owner: "a", topic: "room:lobby", name: "file 0", size: 100_000, sha256: "" } as const;
  const { id: _, expires: __, ...file } = await files.begin(draft) as StoredFile;
  return [records, await accounts.followers("a"), pages, keys, file, await rooms.find("made")];
}

/** What a message to each inbox comes to: how many are unread is counted in memory. */
async function fullness({ topics }: SqliteStore): Promise<unknown> {
  const from = (index: number) => ({ from: users[index], text: "one more" });
  const results = [];
  for (const index of [0, 1]) {
    const { kind } = await topics.publish(`inbox:${users[index]}`, from(1 - index), undefined);
    results.push(kind, (await topics.head(`inbox:${users[index]}`)).seq);
  }
  return results;
}

const files = await permitted("read", "write");

/** Declares a test with a folder of its own. */
function test(name: string, fn: (folder: string) => Promise<void>): void {
  declared(name, async () => {
    await using folder = await temporaryFolder();
    await fn(folder.path);
  }, files);
}

/** Takes a step on a disk that fails from a statement on, and compares. @returns whether the step failed */
async function compared(folder: string, step: Step, fault: Fault): Promise<boolean> {
  const paths = [join(folder, "chat.db"), join(folder, "copy.db")];
  const limits = { ...wideLimits, maxInboxPerSender: 4, durability: "normal", now: () => 1_000 } as const;
  const broken: Fault = { after: Infinity, times: 0 };
  const database = fragile(paths[0], broken);
  await using store = new SqliteStore({ ...limits, path: paths[0], connect: () => database });
  const model = new Model(store);
  for (const name of users) await store.accounts.create({ name, hash: "", role: "user", created: 1 });
  for (const step of earlier) await model.take(step);
  Object.assign(broken, fault);
  const failed = await model.take(step).then(() => false, (error) => {
    assert.equal((error as ChatError).code, "store_unavailable", error);
    return true;
  });
  Object.assign(broken, { after: Infinity, times: 0 });

  const byUser = (a: Session, b: Session) => a.user < b.user ? -1 : 1;
  assert.deepEqual((await store.sessions.held()).sort(byUser), [...model.sessions.values()].sort(byUser));
  for await (const { name, claims, tokens } of store.admin.accounts()) {
    const session = model.sessions.get(name);
    if (session) assert.equal(claims, session.claim);
    if (session && tokens) assert.equal(tokens.room, session.rooms[0]);
  }
  await told(store); // makes what is made when it is first looked at
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  await Deno.copyFile(paths[0], paths[1]);
  const connect = (path: string) => fragile(path, broken);
  await using fresh = new SqliteStore({ ...limits, path: paths[1], connect });
  assert.deepEqual(await told(store), await told(fresh));
  assert.deepEqual(await fullness(store), await fullness(fresh));
  return failed;
}

test("SqliteStore has in memory what a fresh open of the file shows, though any statement failed", async (folder) => {
  let failures = 0;
  for (const step of steps) {
    for (let after = 0, failed = true; failed; after++) {
      const each = await Deno.makeTempDir({ dir: folder });
      try {
        failed = await compared(each, step, { after, times: 1 });
      } catch (cause) {
        throw new Error(`${step.do}, whose statement after ${after} others failed`, { cause });
      }
      if (failed) failures++;
    }
  }
  assert(failures > 30, `${failures}`);
});

test("SqliteStore changes no session by a claim, an end or a move that failed", async (folder) => {
  const broken: Fault = { after: Infinity, times: 0 };
  const connect = (path: string) => fragile(path, broken);
  await using store = new SqliteStore({ ...wideLimits, path: join(folder, "chat.db"), durability: "normal", connect });
  await store.accounts.create({ name: "a", hash: "", role: "user", created: 1 });
  const { sessions } = store;
  const request = { user: "a", connection: "1", room: "lobby", policy: "reject", tokenHash: "one" } as const;
  const fail = () => Object.assign(broken, { after: 1, times: 1 });
  fail();
  await assert.rejects(sessions.claim(request), { code: "store_unavailable" });
  assert.deepEqual(await sessions.online(), [], "nobody is a ghost");
  const claimed = await sessions.claim(request) as { kind: string; session: Session };
  assert.equal(claimed.kind, "claimed", "nor is already logged in");
  Object.assign(broken, { after: 0, times: 1 });
  await assert.rejects(sessions.end(claimed.session, true), { code: "store_unavailable" });
  assert.deepEqual(await sessions.online(), ["a"]);
  assert.equal(await sessions.end(claimed.session, true), "offline");
  assert.equal((await sessions.claim({ ...request, presentedHash: "one", tokenHash: "two" })).kind, "refused");
});
