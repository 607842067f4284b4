/** What the Redis store promises while Redis hangs, forgets, drops connections, dies and comes back. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { RedisStore } from "../../lib/store/redis/redis_store.ts";
import type { PublishResult, TopicSignal } from "../../lib/store/topics.ts";
import { test as declared } from "../support/declare.ts";
import { ownRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { wideLimits } from "../support/store_limits.ts";
import { RedisCorner, type TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { account, claim, claimed, login } from "./suite.ts";

/** Declares a test with a Redis of its own, which keeps its data when it is started again. */
function test(name: string, fn: (redis: TestRedis, place: RedisCorner) => Promise<void>): void {
  const run = async () => {
    await using redis = await startRedis({ appendonly: true, args: ["--appendfsync", "always"] });
    await using place = new RedisCorner({
      prefix: "test:",
      address: { url: redis.url },
      servers: [{ hostname: "127.0.0.1", port: redis.port }],
    });
    await fn(redis, place);
  };
  declared(name, run, ownRedis);
}

/** A time limit that a test waits out. */
const impatient = { timeoutMs: 1_000 };

function isAway(error: unknown): boolean {
  return error instanceof ChatError && error.code === "store_unavailable";
}

function say(store: TestStore, text: string, cid?: string): Promise<PublishResult> {
  return store.topics.publish("room:lobby", { from: "eve", text, ...(cid === undefined ? {} : { cid }) }, undefined);
}

/** Says something as often as it takes. */
async function sayUntilKept(store: TestStore, text: string): Promise<PublishResult> {
  return await until(`"${text}" is kept`, async () => {
    try {
      return await say(store, text, `cid of ${text}`);
    } catch (error) {
      assert(isAway(error), String(error));
      return undefined;
    }
  });
}

/** Listens to the lobby: `!` is an interruption. */
async function listen(store: TestStore): Promise<string[]> {
  const heard: string[] = [];
  await store.topics.subscribe("room:lobby", (signal: TopicSignal) => {
    heard.push(signal.kind === "entry" ? signal.entry.text : signal.kind === "interrupted" ? "!" : signal.kind);
  });
  return heard;
}

async function textsOf(store: TestStore): Promise<string[]> {
  return (await store.topics.read("room:lobby", { after: 0, limit: 1000 })).entries.map(({ text }) => text);
}

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** Calls of every kind. */
const calls: Record<string, (store: TestStore) => Promise<unknown>> = {
  create: ({ accounts }) => accounts.create(account("new")),
  find: ({ accounts }) => accounts.find("eve"),
  setHash: ({ accounts }) => accounts.setHash("eve", "hash"),
  follow: ({ accounts }) => accounts.follow("eve", "bob", 10),
  followers: ({ accounts }) => accounts.followers("eve"),
  claim: (store) => claim(store, "eve"),
  online: ({ sessions }) => sessions.online(),
  rooms: ({ sessions }) => sessions.rooms(),
  publish: (store) => say(store, "hi"),
  read: ({ topics }) => topics.read("room:lobby", { limit: 10 }),
  head: ({ topics }) => topics.head("room:lobby"),
  subscribe: ({ topics }) => topics.subscribe("room:general", () => {}),
  announce: ({ topics }) => topics.announce("lobby", { user: "eve", state: "left", claim: 1 }),
  renew: ({ servers }) => servers.renew(),
  signal: ({ servers }) => servers.signal("server9", { kind: "evict", connection: "x" }),
};

/** Asserts that every kind of call says within the time limit that the store is away. */
async function assertAway(store: TestStore): Promise<void> {
  const started = performance.now();
  await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      await assert.rejects(call(store), isAway, name);
      const took = performance.now() - started;
      assert(took < impatient.timeoutMs + 1_000, `${name} took ${took} ms`);
    }),
  );
}

test(
  "Topics.publish() keeps order and loses nothing when Redis forgets its scripts in the middle of 500",
  async (redis, place) => {
    const store = await place.open();
    const eve = await login(store, "eve");
    const heard = await listen(store);
    const results: Promise<PublishResult>[] = [];
    const others: Promise<unknown>[] = [];
    const flushes: Promise<unknown>[] = [];
    for (const text of upTo(500)) {
      results.push(store.topics.publish("room:lobby", { from: "eve", text }, eve));
      if (results.length % 60 !== 0) continue;
      others.push(store.topics.publish("feed:eve", { from: "eve", text }, eve), store.topics.head("room:general"));
      flushes.push(redis.call("SCRIPT", "FLUSH"));
      await results[results.length - 30]; // some are on their way, whenever the scripts go
    }
    await Promise.all(flushes);
    const seqs = (await Promise.all(results)).map((result) =>
      result.kind === "published" ? `${result.seq}` : result.kind
    );
    assert.deepEqual(seqs, upTo(500));
    assert.deepEqual(await textsOf(store), upTo(500));
    await until("all is heard", () => heard.length >= 500);
    assert.deepEqual(heard, upTo(500));
    await Promise.all(others);
    assert.equal((await store.topics.head("feed:eve")).seq, 8);
  },
);

test(
  "RedisStore says store_unavailable within its time limit while Redis hangs, and works again afterwards",
  async (redis, place) => {
    const store = await place.open(impatient);
    await login(store, "eve");
    await redis.kill("SIGSTOP");
    await assertAway(store);
    await until("it is noticed", () => !store.available);
    await assertAway(store); // from here on without waiting for an answer
    await redis.kill("SIGCONT");
    await until("it is available", () => store.available);
    assert.equal((await sayUntilKept(store, "after")).kind, "published");
    assert.deepEqual(await store.sessions.online(), ["eve"]);
  },
);

test(
  "RedisStore says store_unavailable at once while Redis is dead, and works again when it is back",
  async (redis, place) => {
    const store = await place.open(impatient);
    const heard = await listen(store);
    await login(store, "eve", { tokenHash: "one", room: "general" });
    await say(store, "before");
    await until("it is heard", () => heard.length === 1);
    await redis.kill("SIGKILL");
    await until("it is noticed", () => !store.available);
    await assertAway(store);
    await redis.restart();
    await until("it is available", () => store.available);
    await sayUntilKept(store, "after");
    await until("it is heard", () => heard.includes("after"));
    assert.match(heard.join(" "), /^before( !)+ after$/);
    assert.deepEqual(await textsOf(store), ["before", "after"]);
    assert.equal(claimed(await claim(store, "eve", { presentedHash: "one" })).session.rooms[0], "general");
  },
);

test(
  "Topics.subscribe() is told of an interruption before it hears on, when its connection is cut",
  async (redis, place) => {
    const store = await place.open();
    const heard = await listen(store);
    await say(store, "one");
    await until("it is heard", () => heard.length === 1);
    for (const round of upTo(3)) {
      const before = heard.length;
      await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
      await say(store, `missed ${round}`); // most likely
      await until("it is told", () => heard.slice(before).includes("!"));
      await sayUntilKept(store, `heard ${round}`);
      await until("it hears", () => heard.at(-1) === `heard ${round}`);
      assert.equal(heard[before], "!", heard.join(" "));
    }
  },
);

test(
  "Topics.publish() with a cid is kept once, however often it is sent while connections are cut",
  async (redis, place) => {
    const store = await place.open();
    for (let round = 0; round < 5; round++) {
      const texts = upTo(100).map((text) => `${round * 100 + Number(text)}`);
      const sent = Promise.allSettled(texts.map((text) => say(store, text, `cid of ${text}`)));
      await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      for (const [index, result] of (await sent).entries()) {
        if (result.status === "rejected") assert(isAway(result.reason), String(result.reason));
        else await say(store, texts[index], `cid of ${texts[index]}`).catch((error) => assert(isAway(error)));
      }
      for (const text of texts) await sayUntilKept(store, text);
    }
    const texts = await textsOf(store);
    assert.deepEqual([...texts].sort((a, b) => Number(a) - Number(b)), upTo(500));
  },
);

test("RedisStore sends nothing later that it has said was not done", async (redis, place) => {
  const store = await place.open(impatient);
  await say(store, "before");
  await redis.kill("SIGKILL");
  await until("it is noticed", () => !store.available);
  const late = await Promise.allSettled(upTo(20).map((text) => say(store, `late ${text}`)));
  assert(late.every((result) => result.status === "rejected" && isAway(result.reason)));
  await redis.restart();
  await sayUntilKept(store, "after");
  assert.deepEqual(await textsOf(store), ["before", "after"]);
});

test(
  "Store.onReturn() has its listener run before anything is published to a Redis that is back",
  async (redis, place) => {
    const store = await place.open();
    const settled = Promise.withResolvers<void>();
    let returns = 0;
    store.onReturn(() => {
      returns++;
      return settled.promise;
    });
    await redis.kill("SIGKILL");
    await until("it is noticed", () => !store.available);
    await redis.restart();
    await until("the listener is called", () => returns === 1);
    await assert.rejects(say(store, "too early"), isAway);
    await store.topics.head("room:lobby"); // the listener can look
    settled.resolve();
    await sayUntilKept(store, "after");
    assert.deepEqual(await textsOf(store), ["after"]);
    assert.equal(returns, 1);
  },
);

test("Topics have another epoch when Redis comes back without its data", async (redis, place) => {
  const store = await place.open();
  await say(store, "lost");
  const { epoch } = await store.topics.head("room:lobby");
  await redis.call("FLUSHALL");
  await say(store, "kept");
  const page = await store.topics.read("room:lobby", { limit: 10 });
  assert.notEqual(page.epoch, epoch);
  assert.deepEqual(page.entries.map(({ seq, text }) => [seq, text]), [[1, "kept"]]);
});

test("RedisStore.open() says why it cannot, within its time limit", async (redis) => {
  const limits = { ...wideLimits, timeoutMs: 500 };
  const open = (password: string) =>
    RedisStore.open({ ...limits, url: `redis://:${password}@127.0.0.1:${redis.port}`, prefix: "test:" });
  await redis.call("CONFIG", "SET", "requirepass", "right");
  await (await open("right"))[Symbol.asyncDispose]();
  await assert.rejects(open("wrong"), /^Error: Cannot use Redis: WRONGPASS/);
  await redis.kill("SIGSTOP");
  await assert.rejects(open("right"), /^Error: Cannot use Redis: /);
  await redis.kill("SIGKILL");
  const started = performance.now();
  await assert.rejects(open("right"), /^Error: Cannot use Redis: /);
  assert(performance.now() - started < 3_000);
});

test("RedisStore.evicting() tells a policy that throws keys away, also where CONFIG or INFO are not permitted", async (redis) => {
  const policyOf = async (...rights: string[]) => {
    await redis.call("ACL", "SETUSER", "chat", "reset", "on", ">secret", "~*", "&*", "+@all", ...rights);
    const url = `redis://chat:secret@127.0.0.1:${redis.port}`;
    await using store = await RedisStore.open({ ...wideLimits, url, prefix: "test:" });
    return await store.evicting();
  };
  assert.deepEqual(await policyOf(), []);
  assert.deepEqual(await policyOf("-info", "-config"), [{ server: "", policy: undefined }]);
  await redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  const evicting = [{ server: "", policy: "allkeys-lru" }];
  assert.deepEqual(await policyOf(), evicting);
  assert.deepEqual(await policyOf("-config"), evicting);
  assert.deepEqual(await policyOf("-info"), evicting);
});
