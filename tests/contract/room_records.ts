/** The contract of {@linkcode RoomRecords}: what is decided of a room, and that everybody is held to it. */

import assert from "node:assert/strict";
import type { RecordChange, RoomRecord } from "../../lib/store/room_records.ts";
import { isRecord } from "../../lib/store/records/record_fields.ts";
import type { ClaimRequest, Session } from "../../lib/store/sessions.ts";
import type { TopicSignal } from "../../lib/store/topics.ts";
import type { TestStore } from "../support/stores.ts";
import { type Declare, login } from "./suite.ts";

type Change = RecordChange extends infer C ? C extends RecordChange ? Omit<C, "by"> : never : never;

/** Changes a record by alice, as it stands. */
async function change(store: TestStore, change: Change, room = "general"): Promise<RoomRecord> {
  const { revision } = await store.records.read(room);
  const changed = await store.records.change(room, revision, { by: "alice", ...change } as RecordChange);
  assert.ok(changed, `the record of ${room} has changed meanwhile`);
  return changed;
}

/** Declares the tests. */
export function roomRecordsContract(test: Declare): void {
  test("RoomRecords.read() of a room that nobody decided of gives an empty record", async ({ store }) => {
    assert.deepEqual(await store.records.read("general"), {
      revision: 0,
      owner: undefined,
      moderators: [],
      private: false,
      topic: "",
      slowSeconds: 0,
      banned: [],
      muted: new Map(),
      listed: new Set(),
      invited: new Map(),
      removed: new Map(),
    });
  });

  test("RoomRecords.change() keeps what it is told, and counts", async ({ store }) => {
    await change(store, { kind: "owner", user: "Alice" });
    await change(store, { kind: "topic", text: "plans for May: 1 2  3" });
    await change(store, { kind: "op", user: "Carol" });
    await change(store, { kind: "op", user: "bob" });
    await change(store, { kind: "slow", seconds: 10 });
    await change(store, { kind: "ban", user: "Mallory", reason: "spam" });
    const record = await change(store, { kind: "mute", user: "Dave" });
    assert.deepEqual(record, await store.records.read("General"));
    assert.deepEqual(record, {
      revision: 7,
      owner: "Alice",
      moderators: ["Carol", "bob"],
      private: false,
      topic: "plans for May: 1 2  3",
      slowSeconds: 10,
      banned: ["Mallory"],
      muted: new Map([["dave", { user: "Dave", until: Infinity }]]),
      listed: new Set(),
      invited: new Map(),
      removed: new Map([["mallory", { revision: 6, by: "alice", reason: "spam" }]]),
    });
    await change(store, { kind: "topic", text: "" });
    await change(store, { kind: "slow", seconds: 0 });
    await change(store, { kind: "deop", user: "BOB" });
    await change(store, { kind: "unban", user: "mallory" });
    await change(store, { kind: "unmute", user: "DAVE" });
    const { topic, slowSeconds, moderators, banned, muted, revision } = await change(store, {
      kind: "owner",
      user: "",
    });
    assert.deepEqual(
      { topic, slowSeconds, moderators, banned, muted, revision },
      { topic: "", slowSeconds: 0, moderators: ["Carol"], banned: [], muted: new Map(), revision: 13 },
    );
    assert.equal((await store.records.read("general")).owner, undefined);
  });

  test("RoomRecords.change() of an earlier revision changes nothing", async ({ store }) => {
    const { revision } = await change(store, { kind: "topic", text: "one" });
    await change(store, { kind: "topic", text: "two" });
    assert.equal(
      await store.records.change("general", revision, { by: "bob", kind: "topic", text: "three" }),
      undefined,
    );
    assert.equal((await store.records.read("general")).topic, "two");
  });

  test("RoomRecords.change() of many at once takes one for each revision", async ({ store }) => {
    const done = await Promise.all(
      Array.from({ length: 8 }, (_, n) => store.records.change("general", 0, { by: "a", kind: "topic", text: `${n}` })),
    );
    assert.equal(done.filter((record) => record).length, 1);
    assert.equal((await store.records.read("general")).revision, 1);
  });

  test("RoomRecords.change() tells the room's listeners, with the revision", async ({ store }) => {
    const heard: TopicSignal[] = [];
    const subscription = await store.topics.subscribe("room:general", (signal) => void heard.push(signal));
    await change(store, { kind: "ban", user: "bob", reason: 'he said "no"' });
    await store.records.admit("general", "bob", true);
    const told = await store.topics.publish("room:general", { from: "eve", text: "hi" }, undefined);
    assert.equal(told.kind, "published");
    while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(heard.slice(0, 2), [
      {
        kind: "record",
        revision: 1,
        change: { by: "alice", kind: "ban", user: "bob", reason: 'he said "no"', absent: true },
      },
      { kind: "record", revision: 2, change: { kind: "entered", by: "bob", user: "bob" } },
    ]);
    await subscription.close();
  });

  test("RoomRecords.admit() lets everybody into a public room, and nobody who is banned", async ({ store }) => {
    assert.equal(await store.records.admit("general", "bob", false), "admitted");
    assert.equal((await store.records.read("general")).revision, 0, "nothing to write down");
    await change(store, { kind: "ban", user: "Bob", reason: "" });
    const out = { revision: 1, by: "alice", reason: "" };
    assert.equal(await store.records.admit("general", "bob", false), "banned");
    assert.deepEqual((await store.records.read("general")).removed, new Map([["bob", out]]));
    assert.equal(await store.records.admit("general", "bob", true), "admitted");
    assert.deepEqual((await store.records.read("general")).banned, [], "who may override it is banned no more");
    assert.equal(await store.records.admit("general", "bob", false), "admitted");
    assert.deepEqual((await store.records.read("general")).removed, new Map());
  });

  test("RoomRecords.admit() puts who overrides a private room's list on it", async ({ store }) => {
    await change(store, { kind: "private", on: true });
    assert.equal(await store.records.admit("general", "Bob", true), "admitted");
    assert.deepEqual((await store.records.read("general")).listed, new Set(["bob"]));
    const { revision } = await store.records.read("general");
    assert.equal(await store.records.admit("general", "bob", true), "admitted");
    assert.equal((await store.records.read("general")).revision, revision, "nothing more to write down");
  });

  test("RoomRecords.privateRooms() leaves out no room that is private", async ({ store }) => {
    assert.deepEqual(await store.records.privateRooms(), []);
    await change(store, { kind: "topic", text: "hi" });
    assert.deepEqual(await store.records.privateRooms(), []);
    await change(store, { kind: "private", on: true });
    assert.deepEqual(await store.records.privateRooms(), ["general"]);
  });

  test("RoomRecords.admit() lets those into a private room who are on its list, or invited, once", async ({ store }) => {
    const dave = await login(store, "Dave");
    await store.records.admit("general", "Dave", false);
    assert.ok(await store.sessions.move(dave, "general"));
    await change(store, { kind: "owner", user: "Alice" });
    await change(store, { kind: "op", user: "Carol" });
    const { listed } = await change(store, { kind: "private", on: true });
    assert.deepEqual(listed, new Set(["dave"]));
    const admit = (user: string) => store.records.admit("general", user, false);
    assert.deepEqual(
      [await admit("alice"), await admit("carol"), await admit("dave"), await admit("bob")],
      ["admitted", "admitted", "admitted", "invite_only"],
    );
    await change(store, { kind: "invite", user: "Bob" });
    assert.deepEqual(await store.records.invitations("bob"), [{ room: "general", by: "alice" }]);
    assert.equal(await admit("bob"), "admitted");
    assert.deepEqual(await store.records.invitations("bob"), []);
    assert.ok((await store.records.read("general")).listed.has("bob"));
    await change(store, { kind: "kick", user: "bob", reason: "" });
    assert.equal(await admit("bob"), "invite_only", "a kick strikes one off");
    await change(store, { kind: "kick", user: "Carol", reason: "" });
    assert.equal(await admit("carol"), "invite_only", "and ends being a moderator");
    const open = await change(store, { kind: "private", on: false });
    assert.deepEqual([open.listed, await admit("bob")], [new Set(), "admitted"]);
  });

  test("RoomRecords.invitations() has what is neither used nor withdrawn, of all rooms", async ({ store }) => {
    await change(store, { kind: "invite", user: "Bob" }, "tech");
    await change(store, { kind: "invite", user: "bob" }, "Books");
    await change(store, { kind: "invite", user: "carol" }, "books");
    assert.deepEqual(await store.records.invitations("BOB"), [
      { room: "books", by: "alice" },
      { room: "tech", by: "alice" },
    ]);
    await change(store, { kind: "uninvite", user: "bob" }, "books");
    await change(store, { kind: "ban", user: "bob", reason: "" }, "tech");
    assert.deepEqual(await store.records.invitations("bob"), []);
  });

  test("a kick and a ban take a user out of the room at once, on all devices", async ({ store }) => {
    const bob = await login(store, "Bob");
    const eve = await login(store, "eve");
    assert.ok(await store.sessions.move(bob, "general"));
    assert.ok(await store.sessions.move(eve, "general"));
    await store.topics.announce("general", { user: "Bob", state: "joined", claim: bob.claim });
    await change(store, { kind: "kick", user: "bob", reason: "" });
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
    assert.equal((await store.sessions.rooms()).get("general"), 1);
  });

  test("a mute ends by the store's clock, and is gone then", async ({ store, place }) => {
    const muted = await change(store, { kind: "mute", user: "bob", seconds: 0.2 });
    assert.equal(muted.muted.get("bob")?.user, "bob");
    await place.pass(300);
    assert.deepEqual((await store.records.read("general")).muted, new Map());
  });

  test("who becomes owner or moderator is neither banned nor muted any more", async ({ store }) => {
    for (const user of ["bob", "carol"]) {
      await change(store, { kind: "ban", user, reason: "" });
      await change(store, { kind: "mute", user });
    }
    await change(store, { kind: "private", on: true });
    await change(store, { kind: "owner", user: "bob" });
    const { banned, muted } = await change(store, { kind: "op", user: "carol" });
    assert.deepEqual([banned, muted], [[], new Map()]);
    const { listed } = await change(store, { kind: "owner", user: "carol" });
    assert.ok(listed.has("bob"), "an owner before stays on the list");
  });

  test("Topics.publish() stores nothing of who was kicked, by whatever connection, until the user enters again", async ({ store }) => {
    const bob = await inGeneral(store, "Bob", { many: true });
    const laptop = await inGeneral(store, "Bob", { many: true, device: "laptop", policy: "share" });
    assert.equal(await say(store, laptop, "first", "x"), "published");
    await change(store, { kind: "kick", user: "BOB", reason: "" });
    assert.deepEqual(
      [await say(store, bob), await say(store, laptop), await say(store, "bob")],
      ["not_member", "not_member", "not_member"],
    );
    assert.equal(await say(store, laptop, "first", "x"), "published", "a cid that is known is answered first");
    assert.equal(await store.records.admit("general", "bob", false), "admitted");
    const again = await store.sessions.enter(laptop, "general", 10);
    assert.ok(again && again !== "full");
    assert.deepEqual([await say(store, again), await say(store, "bob")], ["published", "published"]);
    const { entries } = await store.topics.read("room:general", { limit: 10 });
    assert.deepEqual(entries.map(({ text }) => text), ["first", "hi", "hi"]);
  });

  test("Topics.publish() stores nothing of who is banned or muted, and of the server's moderators in any case", async ({ store }) => {
    const bob = await inGeneral(store, "Bob");
    await change(store, { kind: "mute", user: "bob" });
    assert.deepEqual([await say(store, bob), await say(store, "BOB")], ["muted", "muted"]);
    await change(store, { kind: "unmute", user: "bob" });
    assert.equal(await say(store, bob), "published");
    await change(store, { kind: "mute", user: "bob" });
    await change(store, { kind: "ban", user: "bob", reason: "" });
    assert.deepEqual([await say(store, bob), await say(store, "bob")], ["banned", "banned"]);
    const draft = { from: "bob", text: "by the office" };
    assert.equal((await store.topics.publish("room:general", draft, undefined, false, true)).kind, "published");
    await change(store, { kind: "unban", user: "bob" });
    assert.equal(await say(store, "bob"), "not_member", "until the user has entered again");
    assert.deepEqual((await store.topics.read("room:general", { limit: 10 })).entries.map(({ seq }) => seq), [1, 2]);
  });

  test("Topics.publish() of who is muted for a while goes on by the store's clock", async ({ store, place }) => {
    await change(store, { kind: "mute", user: "bob", seconds: 0.2 });
    assert.equal(await say(store, "bob"), "muted");
    await place.pass(300);
    assert.equal(await say(store, "bob"), "published");
  });

  test("Topics.publish() to a private room takes what those on its list say, and those who are invited", async ({ store }) => {
    const dave = await inGeneral(store, "Dave");
    await change(store, { kind: "owner", user: "Alice" });
    await change(store, { kind: "op", user: "Carol" });
    await change(store, { kind: "private", on: true });
    await change(store, { kind: "invite", user: "Frank" });
    const said = await Promise.all([dave, "alice", "CAROL", "dave", "frank", "bob"].map((who) => say(store, who)));
    assert.deepEqual(said, ["published", "published", "published", "published", "published", "not_member"]);
    await change(store, { kind: "private", on: false });
    assert.equal(await say(store, "bob"), "published");
  });

  test("Topics.publish() in slow mode makes members wait, each for themselves, and not who leads", async ({ store, place }) => {
    const bob = await inGeneral(store, "Bob");
    await change(store, { kind: "owner", user: "Alice" });
    await change(store, { kind: "slow", seconds: 0.3 });
    const kinds = await Promise.all([bob, bob, "eve", "alice", "alice"].map((who) => say(store, who)));
    assert.deepEqual(kinds, ["published", "slow", "published", "published", "published"]);
    const refused = await store.topics.publish("room:general", { from: "Bob", text: "hi" }, bob);
    assert.ok(refused.kind === "slow" && refused.waitMs > 0 && refused.waitMs <= 300);
    await place.pass(400);
    assert.equal(await say(store, bob), "published");
    await change(store, { kind: "slow", seconds: 0 });
    assert.deepEqual([await say(store, bob), await say(store, bob)], ["published", "published"]);
  });

  test("Topics.publish() tells listeners the revision at which a message was allowed", async ({ store }) => {
    const revisions: unknown[] = [];
    const subscription = await store.topics.subscribe("room:general", (signal) => {
      if (signal.kind === "entry") revisions.push([signal.entry.text, signal.revision]);
    });
    await say(store, "bob", "before");
    await change(store, { kind: "topic", text: "t" });
    await Promise.all([say(store, "bob", "one"), say(store, "eve", "two")]);
    await change(store, { kind: "topic", text: "u" });
    await say(store, "bob", "three");
    while (revisions.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(revisions, [["before", undefined], ["one", 1], ["two", 1], ["three", 2]]);
    await subscription.close();
  });

  test("a ban among many messages: what is stored after its answer is none of the banned user's", async ({ store }) => {
    const bob = await inGeneral(store, "Bob");
    const messages = Array.from({ length: 200 }, (_, n) => say(store, n % 2 === 0 ? bob : "bob", `${n}`));
    const banned = change(store, { kind: "ban", user: "Bob", reason: "" });
    const later = banned.then(async () => {
      const { head } = await store.topics.read("room:general", { limit: 1 });
      const kinds = await Promise.all(Array.from({ length: 20 }, () => say(store, bob)));
      return { seq: head.seq, kinds: new Set(kinds) };
    });
    await Promise.all(messages);
    const { seq, kinds } = await later;
    assert.deepEqual([...kinds], ["banned"]);
    assert.equal((await store.topics.head("room:general")).seq, seq);
  });

  test("Rooms.make() gives a new room its first visitor as owner, and one that exists or stands nobody", async ({ store }) => {
    const bound = { most: Infinity, standing: ["lobby", "tech"] };
    const make = async (room: string, owner?: string) => {
      assert.ok(await store.rooms.make(room, bound, owner));
      return await store.records.read(room);
    };
    await store.topics.publish("room:old", { from: "eve", text: "before the upgrade" }, undefined);
    const made = await make("general", "Alice");
    assert.deepEqual([made.owner, made.revision], ["Alice", 1]);
    assert.deepEqual([(await make("general", "bob")).owner, (await make("tech", "bob")).owner], ["Alice", undefined]);
    assert.deepEqual([(await make("old", "bob")).owner, (await make("free")).revision], [undefined, 0]);
    await Promise.all(["a", "b", "c"].map((user) => store.rooms.make("raced", bound, user)));
    assert.equal((await store.records.read("raced")).revision, 1);
  });

  test(
    "Rooms.sweep() forgets a room's record, but neither a ban nor a private room's list",
    async ({ store, place }) => {
      const bound = { most: Infinity, standing: [] };
      for (const room of ["plain", "banned", "closed"]) await store.rooms.make(room, bound, "Alice");
      await change(store, { kind: "topic", text: "plans" }, "plain");
      await change(store, { kind: "ban", user: "bob", reason: "" }, "banned");
      await change(store, { kind: "private", on: true }, "closed");
      await place.pass(400);
      assert.deepEqual((await store.rooms.sweep([])).sort(), ["banned", "closed", "plain"]);
      assert.equal((await store.records.read("plain")).revision, 0);
      for (const room of ["plain", "banned", "closed"]) await store.rooms.make(room, bound, "bob");
      const owners = await Promise.all(["plain", "banned", "closed"].map((room) => store.records.read(room)));
      assert.deepEqual(owners.map(({ owner, topic }) => [owner, topic]), [["bob", ""], ["Alice", ""], ["Alice", ""]]);
      assert.equal(await store.records.admit("banned", "bob", false), "banned");
      assert.equal(await store.records.admit("closed", "bob", false), "invite_only");
    },
    { roomIdleMs: 300, historyMaxAge: 300 },
  );

  test("AdminStore.records gives every record, and puts it in where there is none", async ({ store }) => {
    await change(store, { kind: "owner", user: "Alice" });
    await change(store, { kind: "topic", text: "plans: a b" });
    await change(store, { kind: "private", on: true });
    await change(store, { kind: "mute", user: "Bob", seconds: 1_000 });
    await change(store, { kind: "mute", user: "Carol" });
    await change(store, { kind: "ban", user: "Dave", reason: "spam and more" });
    await change(store, { kind: "invite", user: "Eve" });
    await change(store, { kind: "slow", seconds: 3 }, "tech");
    const states = await Array.fromAsync(store.admin.records.all());
    assert.deepEqual(states.map(({ room }) => room).sort(), ["general", "tech"]);
    assert.ok(states.every(({ fields }) => isRecord(fields)));
    const { fields } = states.find(({ room }) => room === "general")!;
    assert.equal(await store.admin.records.put({ room: "general", fields: { rev: "1" } }), false);
    assert.equal(await store.admin.records.put({ room: "copy", fields }), true);
    assert.deepEqual(await store.records.read("copy"), await store.records.read("general"));
    assert.deepEqual((await store.records.invitations("eve")).map(({ room }) => room), ["copy", "general"]);
    assert.ok((await store.records.privateRooms()).includes("copy"));
  });
}

/** Logs a user in, and into the room. */
async function inGeneral(store: TestStore, user: string, more: Partial<ClaimRequest> = {}): Promise<Session> {
  const session = await login(store, user, more);
  const entered = session.many
    ? await store.sessions.enter(session, "general", 10)
    : await store.sessions.move(session, "general");
  assert.ok(entered && entered !== "full");
  return entered;
}

/** Says something in the room: by a session, or on a side connection. @returns what became of it */
async function say(store: TestStore, who: Session | string, text = "hi", cid?: string): Promise<string> {
  const [from, writer] = typeof who === "string" ? [who, undefined] : [who.user, who];
  return (await store.topics.publish("room:general", { from, text, cid }, writer)).kind;
}
