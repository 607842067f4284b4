/** What is published to Redis in one turn of the event loop: in how many calls, in which order, and what becomes of each. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { RedisGateway } from "../../lib/store/redis/gateway.ts";
import { Keys } from "../../lib/store/redis/keys.ts";
import { RedisTopics } from "../../lib/store/redis/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import { test as declared } from "../support/declare.ts";
import { ownRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { wideLimits } from "../support/store_limits.ts";
import { until } from "../support/turns.ts";

/** One server's topics on a Redis of the test's own. */
class Corner implements AsyncDisposable {
  readonly keys = new Keys("test:", 0);
  readonly topics: RedisTopics;
  readonly #redis: TestRedis;
  readonly #gateway: RedisGateway;

  constructor(redis: TestRedis, gateway: RedisGateway) {
    this.#redis = redis;
    this.#gateway = gateway;
    const grants = { mayWrite: () => Promise.resolve(true) };
    this.topics = new RedisTopics(gateway, this.keys, wideLimits, grants, { generation: 0, instance: "run" });
  }

  /** Lets a user write to the lobby, and tells as whom. */
  async writer(user: string, claim = 1) {
    await this.#gateway.command("HSET", this.keys.writers("room:lobby"), user, `${claim}`);
    return {
      user,
      server: "server1",
      connection: "c1",
      device: "",
      claim,
      since: 0,
      client: "",
      many: false,
      rooms: ["lobby"],
    };
  }

  say(text: string, cid?: string, topic: Topic = "room:lobby") {
    return this.topics.publish(topic, { from: "eve", text, ...(cid === undefined ? {} : { cid }) }, undefined);
  }

  /** How many scripts were called meanwhile. */
  async calls(work: () => Promise<unknown>): Promise<number> {
    await this.topics.head("room:lobby"); // the scripts are loaded
    await this.#redis.call("CONFIG", "RESETSTAT");
    await work();
    const stats = String(await this.#redis.call("INFO", "commandstats"));
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }

  get available(): boolean {
    return this.#gateway.available;
  }

  async texts(topic: Topic = "room:lobby"): Promise<string[]> {
    return (await this.topics.read(topic, { after: 0, limit: 1_000 })).entries.map(({ text }) => text);
  }

  [Symbol.asyncDispose]() {
    return this.#gateway[Symbol.asyncDispose]();
  }
}

function test(
  name: string,
  fn: (corner: Corner, redis: TestRedis) => Promise<void>,
  { args = [], timeoutMs = 5_000, before }: {
    args?: string[];
    timeoutMs?: number;
    before?: (redis: TestRedis) => Promise<void>;
  } = {},
): void {
  const run = async () => {
    await using redis = await startRedis({ args });
    await before?.(redis);
    await using corner = new Corner(redis, await RedisGateway.connect({ url: redis.url, timeoutMs }));
    await fn(corner, redis);
  };
  declared(name, run, ownRedis);
}

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** What became of each: its number, `again` before it for one that was known, or why it was not published. */
async function outcomes(calls: readonly ReturnType<RedisTopics["publish"]>[]): Promise<string[]> {
  return (await Promise.allSettled(calls)).map((call) => {
    if (call.status === "rejected") return call.reason instanceof ChatError ? call.reason.code : call.reason.message;
    const { value } = call;
    return value.kind === "published" ? `${value.repeated ? "again " : ""}${value.seq}` : value.kind;
  });
}

test("Messages of one turn are one call of Redis, and 64 of them at most", async (corner) => {
  assert.equal(await corner.calls(() => Promise.all(upTo(50).map((text) => corner.say(text)))), 1);
  assert.equal(await corner.calls(() => Promise.all(upTo(130).map((text) => corner.say(text)))), 3);
  assert.deepEqual(await corner.texts(), [...upTo(50), ...upTo(130)]);
});

test("Messages of many topics are one call, in which each has the next number of its own", async (corner) => {
  const topics = upTo(20).map((name): Topic => `room:${name}`);
  const say = () => outcomes(topics.map((topic) => corner.say("hi", undefined, topic)));
  assert.equal(
    await corner.calls(async () => assert.deepEqual(await say(), topics.map(() => "1"))),
    1,
  );
  assert.deepEqual(await say(), topics.map(() => "2"));
});

test("Messages of one turn are as many calls as they have characters for", async (corner) => {
  const long = "x".repeat(100_000);
  const say = () => Promise.all(upTo(5).map((text) => corner.say(text + long)));
  assert.equal(await corner.calls(say), 3);
  assert.deepEqual((await corner.texts()).map((text) => text[0]), upTo(5));
});

test("Each message of a call has its own outcome", async (corner, redis) => {
  const eve = await corner.writer("eve", 2);
  await redis.call("SET", corner.keys.meta("room:broken"), "no hash");
  await corner.say("before", "known");
  const say = (text: string, more: { cid?: string; claim?: number } = {}) => {
    const { cid, claim = eve.claim } = more;
    const draft = { from: "eve", text, ...(cid === undefined ? {} : { cid }) };
    return corner.topics.publish("room:lobby", draft, { ...eve, claim });
  };
  const [first, fenced, known, broken, twice, again, missing, last] = await outcomes([
    say("first"),
    say("superseded", { claim: 1 }),
    say("before", { cid: "known" }),
    corner.say("no", undefined, "room:broken"),
    say("twice", { cid: "twice" }),
    say("twice", { cid: "twice" }),
    corner.topics.publish("feed:nobody", { from: "eve", text: "no" }, undefined, true),
    say("last"),
  ]);
  assert.match(broken, /^WRONGTYPE/);
  assert.deepEqual({ first, fenced, known, twice, again, missing, last }, {
    ...{ first: "2", fenced: "fenced", known: "again 1", twice: "3", again: "again 3", missing: "missing", last: "4" },
  });
  assert.deepEqual(await corner.texts(), ["before", "first", "twice", "last"]);
});

test("A command that is given behind a message finds it stored", async (corner) => {
  const said = Promise.all(upTo(2).map((text) => corner.say(text)));
  const { seq } = await corner.topics.head("room:lobby");
  assert.equal(seq, 2);
  await said;
});

test(
  "Messages of one turn go out again, in their order, where Redis has forgotten its scripts",
  async (corner, redis) => {
    await corner.say("0");
    await redis.call("SCRIPT", "FLUSH");
    const calls = upTo(100).map((text) => corner.say(text));
    assert.deepEqual(await outcomes(calls), upTo(101).slice(1));
    assert.deepEqual(await corner.texts(), ["0", ...upTo(100)]);
  },
);

test("A call that gets no answer fails for each of its messages", async (corner, redis) => {
  await corner.say("before");
  await redis.kill("SIGSTOP");
  const said = await outcomes(upTo(3).map((text) => corner.say(text, text)));
  assert.deepEqual(said, Array(3).fill("store_unavailable"));
  await redis.kill("SIGCONT");
  await until("it is answered again", () => corner.available);
  const again = await outcomes(upTo(3).map((text) => corner.say(text, text)));
  assert.deepEqual(again.map((one) => one.replace("again ", "")), ["2", "3", "4"], "whether they were stored or not");
  assert.deepEqual(await corner.texts(), ["before", ...upTo(3)]);
}, { timeoutMs: 1_000 });

test("A full Redis refuses each message of a call, and has stored none", async (corner, redis) => {
  await corner.say("before");
  await redis.call("CONFIG", "SET", "maxmemory", "1");
  const said = await Promise.allSettled(upTo(3).map((text) => corner.say(text)));
  assert.deepEqual(said.map(({ status }) => status), Array(3).fill("rejected"));
  for (const call of said) assert.match(String((call as PromiseRejectedResult).reason), /The store is full/);
  await redis.call("CONFIG", "SET", "maxmemory", "0");
  assert.deepEqual(await corner.texts(), ["before"]);
}, { args: ["--maxmemory-policy", "noeviction"] });

test("On a node of a cluster each message is a call, as they may be in several slots", async (corner) => {
  const say = () => outcomes(upTo(10).map((name) => corner.say("hi", undefined, `room:${name}`)));
  assert.equal(await corner.calls(async () => assert.deepEqual(await say(), Array(10).fill("1"))), 10);
}, {
  args: ["--cluster-enabled", "yes"],
  before: async (redis) => {
    await redis.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (!String(await redis.call("CLUSTER", "INFO")).includes("cluster_state:ok")) await redis.call("PING");
  },
});
