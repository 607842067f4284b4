/** What Redis promises to servers that share it: leases, the sweep after the dead, signals, and one session a user. */

import assert from "node:assert/strict";
import type { Departure } from "../../lib/store/servers.ts";
import { until } from "../support/turns.ts";
import { scripts } from "../../lib/store/redis/scripts/scripts.ts";
import { test } from "./corner.ts";
import { account, claim, claimed, login, reasserted } from "./suite.ts";

const byUser = (departures: readonly Departure[]) => departures.map(({ user }) => user).sort();

test("Servers.join() takes the lowest free of server1, server2, …", async (place) => {
  const [one, two, three] = [await place.open(), await place.open(), await place.open()];
  assert.deepEqual([one.id, two.id, three.id], ["server1", "server2", "server3"]);
  await two.servers.leave(0);
  assert.deepEqual([(await place.open()).id, (await place.open()).id], ["server2", "server4"]);
  assert.equal((await place.open({ id: "server9" })).id, "server9");
});

test("Servers.join() by many at once gives each an id of its own", async (place) => {
  const stores = await Promise.all(Array.from({ length: 8 }, () => place.open()));
  assert.equal(new Set(stores.map(({ id }) => id)).size, 8);
  assert(stores.every(({ id }) => /^server[1-8]$/.test(id)));
});

test("Servers.join() takes the id of a server whose lease has run out", async (place) => {
  const dead = await place.open();
  await place.die(dead);
  assert.equal((await place.open()).id, "server1");
});

test("Servers.join() with an id is refused while another server runs as that one, and disturbs it in nothing", async (place) => {
  const running = await place.open({ id: "here" });
  const ticking = setInterval(() => void running.servers.probe(), 100); // as each server does every second
  try {
    await login(running, "eve");
    for (let i = 0; i < 2; i++) {
      await assert.rejects(place.open({ id: "here" }), /^ServerIdTakenError: another server runs as here$/);
    }
    assert.equal(await running.servers.renew(), "kept");
    assert.deepEqual(await running.sessions.online(), ["eve"]);
    await running.servers.signal("here", { kind: "evict", connection: "one" });
    await until("it hears", () => running.signals.length > 0);
  } finally {
    clearInterval(ticking);
  }
});

test("Servers.join() with an id is refused where the other is not heard, but renews its lease", async (place) => {
  const running = await place.open({ id: "here" });
  const renewing = setInterval(() => void running.servers.renew(), 300);
  try {
    await assert.rejects(place.open({ id: "here" }), /^ServerIdTakenError: /);
  } finally {
    clearInterval(renewing);
  }
});

test("Servers.join() takes the id of a server that was killed at once, and ends what that left behind", async (place) => {
  const killed = await place.open({ id: "here", leaseMs: 600_000 });
  const session = await login(killed, "eve", { room: "general" });
  await killed[Symbol.asyncDispose](); // its connections end, its lease runs on
  const later = await place.open({ id: "here" });
  assert.equal(await later.servers.renew(), "kept");
  assert.deepEqual(await later.sessions.online(), []);
  assert.deepEqual(await later.servers.sweep(), [{
    ...{ user: "eve", room: "general", claim: session.claim, offline: true },
  }]);
  assert.deepEqual(await later.sessions.members("general"), []);
  assert.equal((await claim(later, "eve", { policy: "reject" })).kind, "claimed");
  assert.deepEqual(await later.sessions.online(), ["eve"]);
});

test("Servers.join() takes the id of a server that hangs when its lease has run out", async (place) => {
  const hanging = await place.open({ id: "here", leaseMs: 1_000 });
  const later = await place.open({ id: "here" });
  assert.equal(await hanging.servers.renew(), "taken");
  assert.equal(await later.servers.renew(), "kept");
});

test("Servers.join() by several at once with one id gives it to one of them", async (place) => {
  const opened = await Promise.allSettled(Array.from({ length: 4 }, async () => {
    const store = await place.open({ id: "here" });
    const ticking = setInterval(() => void store.servers.probe(), 100);
    return { store, ticking };
  }));
  const joined = opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  assert.equal(joined.length, 1);
  for (const { store, ticking } of joined) {
    clearInterval(ticking);
    assert.equal(await store.servers.renew(), "kept");
  }
});

test("Servers.renew() takes an id back from an earlier run that older data brought back, and ends its sessions", async (place) => {
  const earlier = await place.open({ id: "here" });
  await login(earlier, "eve", { room: "general" });
  const putBack = await place.copyServers();
  await place.die(earlier);
  const later = await place.open({ id: "here" });
  await putBack();
  assert.equal(await later.servers.renew(), "expired");
  assert.equal(await later.servers.renew(), "kept");
  assert.equal(await earlier.servers.renew(), "taken");
  assert.deepEqual(byUser(await later.servers.sweep()), ["eve"]);
});

test("Servers.probe() finds that data were put back, and every log has a new epoch for every server", async (place) => {
  const [one, two] = [await place.open(), await place.open()];
  const said = () => one.topics.publish("room:general", { from: "eve", text: "hi", cid: undefined }, undefined);
  await said();
  const before = await one.topics.head("room:general");
  const putBack = await place.copyServers();
  for (const store of [one, two, one]) await store.servers.probe();
  assert.deepEqual(await two.topics.head("room:general"), before, "all is well");
  await putBack();
  await two.servers.probe();
  const after = await two.topics.head("room:general");
  assert.notEqual(after.epoch, before.epoch);
  assert.deepEqual({ ...after, epoch: before.epoch }, before);
  const { renewed } = await one.topics.read("room:general", { limit: 1 });
  assert.deepEqual(renewed, { previous: before.epoch, since: 1 });
  await one.servers.probe();
  await said();
  assert.equal((await one.topics.head("room:general")).epoch, after.epoch, "once is enough");
});

test("Servers.renew() keeps a lease, and says when it had run out", async (place) => {
  const store = await place.open({ leaseMs: 5_000 });
  for (let i = 0; i < 3; i++) {
    await place.pass(5);
    assert.equal(await store.servers.renew(), "kept");
  }
  await place.die(store);
  assert.equal(await store.servers.renew(), "expired");
  assert.equal(await store.servers.renew(), "kept");
});

test("Sessions of a server that dies are offline for all once its lease has run out", async (place) => {
  const dying = await place.open({ leaseMs: 150 });
  const alive = await place.open();
  await login(dying, "eve");
  await login(alive, "bob");
  await until("one is offline", async () => `${await alive.sessions.online()}` === "bob");
  assert.equal(await alive.sessions.countOnline(["eve", "bob"]), 1);
  assert.equal((await claim(alive, "eve", { policy: "reject" })).kind, "claimed", "it can log in at once");
});

test("Servers.sweep() ends a dead server's sessions once, though two sweep at the same time", async (place) => {
  const users = Array.from({ length: 12 }, (_, index) => `user${10 + index}`);
  const [dying, one, two] = [await place.open(), await place.open(), await place.open()];
  const sessions = await Promise.all(users.map((user) => login(dying, user, { room: "general" })));
  assert.deepEqual(await one.servers.sweep(), []);
  await place.die(dying);
  assert.deepEqual(await one.sessions.online(), []);
  assert.deepEqual(await one.sessions.members("general"), users, "nobody has swept yet");
  const departures = (await Promise.all([one.servers.sweep(), two.servers.sweep()])).flat();
  const expected = sessions.map(({ user, rooms: [room], claim }) => ({ user, room, claim, offline: true }));
  assert.deepEqual(departures.sort((a, b) => a.user < b.user ? -1 : 1), expected);
  assert.deepEqual(await one.sessions.members("general"), []);
  assert.deepEqual(await one.sessions.rooms(), new Map());
  assert.deepEqual((await Promise.all([one.servers.sweep(), two.servers.sweep()])).flat(), []);
  for (const session of sessions) assert.equal(await dying.sessions.end(session, true), "not_held", "a late end");
});

test("Servers.sweep() leaves a session that has moved to another server", async (place) => {
  const [dying, alive] = [await place.open(), await place.open()];
  await login(dying, "eve", { tokenHash: "one", room: "general" });
  await login(dying, "bob", { room: "general" });
  const { session } = claimed(await claim(alive, "eve", { presentedHash: "one" }));
  await place.misplace(session, dying);
  await place.die(dying);
  assert.deepEqual(byUser(await alive.servers.sweep()), ["bob"]);
  assert.deepEqual(await alive.sessions.members("general"), ["eve"]);
});

test("Servers.sweep() tells of a user with several devices that the last one's end takes offline", async (place) => {
  const [dying, alive] = [await place.open(), await place.open()];
  for (const device of ["phone", "laptop"]) await login(dying, "eve", { device, policy: "share", room: "general" });
  await login(dying, "bob", { device: "phone", policy: "share", room: "general" });
  await login(alive, "bob", { device: "laptop", policy: "share" });
  await place.die(dying);
  const departures = await alive.servers.sweep();
  assert.deepEqual(departures.map(({ user, offline }) => `${user} ${offline}`).sort(), [
    "bob false",
    "eve false",
    "eve true",
  ]);
  assert.deepEqual([await alive.sessions.online(), await alive.sessions.members("general")], [["bob"], []]);
});

test("Servers.sweep() keeps a dead server's resume tokens, so that its clients come back elsewhere", async (place) => {
  const [dying, alive] = [await place.open(), await place.open()];
  await login(dying, "eve", { tokenHash: "one", room: "general" });
  await place.die(dying);
  assert.deepEqual(byUser(await alive.servers.sweep()), ["eve"]);
  const { session, superseded } = claimed(await claim(alive, "eve", { presentedHash: "one" }));
  assert.deepEqual([session.rooms[0], session.server, superseded], ["general", alive.id, []]);
});

test("Servers.sweep() by a server whose own lease has run out ends nobody's session", async (place) => {
  const [one, two] = [await place.open({ leaseMs: 100 }), await place.open({ leaseMs: 100 })];
  await login(one, "eve");
  await login(two, "bob");
  await place.pass(120);
  assert.deepEqual([await one.servers.sweep(), await two.servers.sweep()], [[], []]);
});

test("Servers.sweep() after an outage ends nobody's session for one lease, so that the others can renew", async (place) => {
  const lease = { leaseMs: 1_000 };
  const [one, two, dead] = [await place.open(lease), await place.open(lease), await place.open(lease)];
  for (const [store, user] of [[one, "a"], [two, "b"], [dead, "c"]] as const) await login(store, user);
  for (const store of [one, two, dead]) await place.die(store); // as all do while Redis is away
  const renewed = performance.now();
  assert.equal(await one.servers.renew(), "expired");
  assert.deepEqual(await one.servers.sweep(), []);
  assert.equal(await two.servers.renew(), "expired");
  const departures = await until("the dead are swept", async () => {
    for (const { servers } of [one, two]) await servers.renew();
    const departures = await one.servers.sweep();
    return departures.length > 0 && departures;
  });
  assert(performance.now() - renewed >= lease.leaseMs);
  assert.deepEqual(byUser(departures), ["c"]);
  assert.deepEqual(await one.sessions.online(), ["a", "b"]);
});

test("Servers.leave() with time for its clients leaves their sessions until it is over", async (place) => {
  const [leaving, staying] = [await place.open(), await place.open()];
  const session = await login(leaving, "eve", { room: "general", tokenHash: "one" });
  await login(leaving, "bob", { tokenHash: "two" });
  await leaving.sessions.detach(session);
  await leaving.servers.leave(60_000);
  assert.deepEqual(await staying.servers.sweep(), []);
  const { superseded } = claimed(await claim(staying, "eve", { presentedHash: "one" }));
  assert.deepEqual(superseded.map(({ rooms }) => rooms), [["general"]]);
  assert.deepEqual(await staying.sessions.online(), ["bob", "eve"]);
  await place.die(leaving);
  assert.deepEqual(byUser(await staying.servers.sweep()), ["bob"]);
});

test("Servers.signal() reaches the server that it names, and no other", async (place) => {
  const [one, two] = [await place.open(), await place.open()];
  await one.servers.signal(two.id, { kind: "evict", connection: "first" });
  await one.servers.signal("nobody", { kind: "evict", connection: "lost" });
  await two.servers.signal(one.id, { kind: "evict", connection: "back" });
  await two.servers.signal(two.id, { kind: "evict", connection: "own" });
  await until("both have heard", () => one.signals.length === 1 && two.signals.length === 2);
  assert.deepEqual(one.signals, [{ kind: "evict", connection: "back" }]);
  assert.deepEqual(two.signals.map((signal) => signal.kind === "evict" && signal.connection), ["first", "own"]);
});

test("Sessions.claim() on another server supersedes the session, which can write and end nothing any more", async (place) => {
  const [one, two] = [await place.open(), await place.open()];
  const late = await login(one, "eve", { room: "general" });
  await one.topics.publish("feed:eve", { from: "eve", text: "before" }, late);
  const { session, superseded } = claimed(await claim(two, "eve", { room: "general" }));
  assert.deepEqual(superseded, [late]);
  for (const topic of ["room:general", "feed:eve", "inbox:bob"] as const) {
    assert.deepEqual(await one.topics.publish(topic, { from: "eve", text: "late" }, late), { kind: "fenced" });
    assert.equal((await two.topics.publish(topic, { from: "eve", text: "new" }, session)).kind, "published");
  }
  assert.equal(await one.sessions.end(late, true), "not_held");
  for (const { sessions } of [one, two]) {
    assert.deepEqual([await sessions.online(), await sessions.members("general")], [["eve"], ["eve"]]);
  }
});

for (const policy of ["force", "reject"] as const) {
  test(`Sessions.claim() 20 times at once on two servers leaves one session: ${policy}`, async (place) => {
    const stores = [await place.open(), await place.open()];
    await stores[0].accounts.create(account("eve"));
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => claim(stores[index % 2], "eve", { policy })),
    );
    const sessions = results.flatMap((result) => result.kind === "claimed" ? result.session : []);
    assert.equal(sessions.length, policy === "force" ? 20 : 1);
    const last = Math.max(...sessions.map(({ claim }) => claim));
    for (const { sessions } of stores) assert.deepEqual(await sessions.online(), ["eve"]);
    for (const session of sessions) {
      const { kind } = await stores[0].topics.publish("room:lobby", { from: "eve", text: "hi" }, session);
      assert.equal(kind, session.claim === last ? "published" : "fenced");
    }
    const ended = await Promise.all(sessions.map((session) => stores[1].sessions.end(session, true)));
    assert.deepEqual(ended.filter((result) => result !== "not_held"), ["offline"]);
    assert.deepEqual(await stores[0].sessions.rooms(), new Map());
  });
}

test("Sessions are seen from every server", async (place) => {
  const [one, two] = [await place.open(), await place.open()];
  await login(one, "ann");
  const bob = await login(two, "bob");
  await two.sessions.move(bob, "general");
  for (const { sessions } of [one, two]) {
    assert.deepEqual(await sessions.online(), ["ann", "bob"]);
    assert.equal(await sessions.countOnline(["ann", "bob", "cid"]), 2);
    assert.deepEqual([...await sessions.rooms()].sort(), [["general", 1], ["lobby", 1]]);
    assert.deepEqual(await sessions.members("general"), ["bob"]);
  }
});

test("Sessions.reassert() brings a session back that others ended when the lease had run out", async (place) => {
  const [late, other] = [await place.open(), await place.open()];
  const session = await login(late, "eve", { room: "general", tokenHash: "one" });
  await place.die(late);
  assert.deepEqual(byUser(await other.servers.sweep()), ["eve"]);
  assert.equal(await late.servers.renew(), "expired");
  const { session: asserted, wasGone } = reasserted(await late.sessions.reassert(session, { tokenHash: "one" }));
  assert.equal(wasGone, true);
  assert.deepEqual({ ...asserted, claim: 0 }, { ...session, claim: 0 });
  assert.deepEqual(await late.sessions.members("general"), ["eve"]);
  for (const topic of ["room:general", "feed:eve"] as const) {
    assert.equal((await late.topics.publish(topic, { from: "eve", text: "hi" }, asserted)).kind, "published");
  }
  assert.equal(claimed(await claim(other, "eve", { presentedHash: "one" })).session.rooms[0], "general");
});

test("Sessions.reassert() takes nothing from a session that was claimed elsewhere meanwhile", async (place) => {
  const [late, other] = [await place.open(), await place.open()];
  const session = await login(late, "eve", { tokenHash: "one" });
  await place.die(late);
  await other.servers.sweep();
  const { session: present } = claimed(await claim(other, "eve"));
  assert.equal(await late.servers.renew(), "expired");
  const again = () => late.sessions.reassert(session, { tokenHash: "one" });
  assert.deepEqual(await again(), { kind: "superseded" });
  await other.sessions.end(present, false);
  assert.deepEqual(await again(), { kind: "superseded" }, "though that has ended again");
});

test("Sessions.reassert() finds what the store has lost, and takes nothing of another account of that name", async (place) => {
  const store = await place.open();
  const session = await login(store, "eve", { tokenHash: "one" });
  const { created } = (await store.accounts.find("eve"))!;
  const again = () => store.sessions.reassert(session, { tokenHash: "one", created });
  assert.equal((await again()).kind, "held");
  const lose = async (name: string) => {
    const found = await place.ask("KEYS", `*user:eve}:${name}`) as string[];
    for (const key of found) await place.ask("DEL", key);
    assert.equal(found.length, 1);
  };
  await lose("session");
  assert.equal(reasserted(await again()).wasGone, true, "the account is there");
  await lose("account");
  assert.deepEqual(await again(), { kind: "lost" });
  await store.accounts.create(account("eve", { created: created + 1 }));
  assert.deepEqual(await again(), { kind: "lost" }, "it is somebody else's");
  await store.admin.setDisabled("eve", true);
  assert.deepEqual(await store.sessions.reassert(session, { tokenHash: "one" }), { kind: "disabled" });
});

test(
  "leases go with the clock of Redis when that was set, once, and those that had run out stay so",
  async (place, prefix) => {
    const key = `${prefix}{servers}:v2:leases`;
    const lease = 15_000;
    const now = async () => Number((await place.ask("TIME") as string[])[0]) * 1_000;
    /** Asks as the instance `a` or `b`, whose lease runs for ten seconds more by its own clock. */
    const list = async (which: "live" | "dead", instance: string, expected: number, remaining = 10_000) => {
      const args = [which, instance, remaining, expected, lease].map(String);
      return await place.ask("EVAL", scripts.leaseList, "1", key, ...args) as string[];
    };
    const leases = async (base: number, entries: Record<string, number>) => {
      await place.ask("DEL", key);
      for (const [instance, ms] of Object.entries(entries)) await place.ask("ZADD", key, `${base + ms}`, instance);
    };
    const given = { a: 10_000, b: 12_000, dead: -3_000, gone: -1e12 };
    for (const hours of [1, -1]) {
      const before = await now() - hours * 3_600_000;
      await leases(before, given);
      assert.deepEqual(await list("dead", "a", before), ["gone", "dead"], `set by ${hours} h`);
      assert.deepEqual(await list("live", "b", before, 12_000), ["a", "b"], "another asks, and nothing is moved again");
      const left = Number(await place.ask("ZSCORE", key, "a")) - await now();
      assert(left > 8_000 && left < 11_500, `a's lease runs for ${left} ms`);
    }
    // Data that were put back are old, and the clock is right: whose lease has run out has to hear of it.
    await leases(await now() - 3_600_000, given);
    assert.deepEqual(await list("live", "a", await now()), []);
    // Who asks has no lease any more, or an operator asks.
    await leases(await now() - 3_600_000, given);
    assert.deepEqual(await list("live", "a", await now() - 3_600_000, 0), []);
    assert.deepEqual(await place.ask("EVAL", scripts.leaseList, "1", key, "live"), []);
  },
);
