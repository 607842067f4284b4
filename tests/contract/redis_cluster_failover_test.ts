/** What the store promises while a master of a cluster hangs, dies and comes back, or is replaced by its replica. */

import assert from "node:assert/strict";
import { test as declared } from "../support/declare.ts";
import { Counter } from "../support/failover.ts";
import { ownRedis } from "../support/redis.ts";
import { startCluster, type TestCluster } from "../support/redis_cluster.ts";
import { RedisCorner } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { claim, claimed, login } from "./suite.ts";

const timeoutMs = 1_000;

/** What a test is given. */
interface Given {
  readonly cluster: TestCluster;
  readonly place: RedisCorner;
  /** One for each master, in their order: they publish on one server and listen on another. */
  readonly counters: readonly Counter[];
}

/** @param replica whether the first master has one */
function test(name: string, replica: boolean, fn: (given: Given) => Promise<void>): void {
  const run = async () => {
    await using cluster = await startCluster({ replica });
    const prefix = `test:${crypto.randomUUID()}:`;
    await using place = new RedisCorner({
      prefix,
      address: { clusterNodes: cluster.nodes },
      servers: cluster.masters.map(({ port }) => ({ hostname: "127.0.0.1", port })),
    });
    const store = await place.open({ timeoutMs });
    const counters: Counter[] = [];
    for (let number = 0; counters.filter(Boolean).length < 3; number++) {
      const owner = await cluster.ownerOf(`${prefix}{room:${number}}:log`);
      counters[owner] ??= new Counter(store, `room:${number}`, timeoutMs);
    }
    for (const counter of counters) await counter.listen();
    await Promise.all(counters.map((counter) => counter.count(50)));
    for (const { heard } of counters) await until("all is heard", () => heard.length === 50);
    await fn({ cluster, place, counters });
    for (const counter of counters) await counter.check();
  };
  declared(name, run, ownRedis);
}

test(
  "RedisStore serves what other masters have while one of a cluster is dead, and all of it when that is back",
  false,
  async ({ cluster, counters }) => {
    const [first, dying, third] = counters;
    const [, master] = cluster.masters;
    await master.kill("SIGKILL");
    await until("it is noticed", async () => !await dying.attempt());
    for (let round = 0; round < 20; round++) {
      assert(await first.attempt() && await third.attempt(), "others are served");
      assert(!await dying.attempt());
    }
    await master.restart();
    await dying.count(50);
    await dying.checkHears(50);
    assert.equal(first.refused + third.refused, 0);
    for (const other of [first, third]) {
      assert.deepEqual(other.heard.filter((text) => text !== "!"), other.texts);
    }
    await cluster.settled();
  },
);

test("RedisStore serves what other masters have while one of a cluster hangs", false, async ({ cluster, counters }) => {
  const [first, hanging, third] = counters;
  const [, master] = cluster.masters;
  await master.kill("SIGSTOP");
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all([first.attempt(), hanging.attempt(), third.attempt()]);
    assert.deepEqual(answers, [true, false, true]);
  }
  await master.kill("SIGCONT");
  await hanging.count(50);
  assert.equal(first.refused + third.refused, 0);
  await cluster.settled();
});

test("RedisStore follows a slot that moves, with its messages and its listeners", false, async (given) => {
  const { cluster, place, counters: [counter] } = given;
  const [from, to] = cluster.masters;
  const [source, target] = await Promise.all([from, to].map(async (node) => `${await node.call("CLUSTER", "MYID")}`));
  const [key] = (await from.call("KEYS", "*}:log") as string[]).filter((key) => key.includes(`{${counter.topic}}`));
  const slot = `${await from.call("CLUSTER", "KEYSLOT", key)}`;
  const second = await place.open({ timeoutMs });
  const further = new Counter(second, counter.topic, timeoutMs);
  await further.listen();
  const both = [counter, further];
  const counting = counter.count(300);
  await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source);
  await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target);
  for (let keys; (keys = await from.call("CLUSTER", "GETKEYSINSLOT", slot, "10") as string[]).length > 0;) {
    await from.call("MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "1000", "KEYS", ...keys);
  }
  for (const node of [to, from, cluster.masters[2]]) await node.call("CLUSTER", "SETSLOT", slot, "NODE", target);
  await counting;
  for (const { heard } of both) await until("it is told", () => heard.includes("!"));
  await until("both hear again", async () => {
    await counter.count(1);
    return both.every(({ heard }) => heard.at(-1) === counter.texts.at(-1));
  });
  const since = counter.texts.length;
  await counter.count(20);
  for (const { heard } of both) {
    await until("all is heard", () => heard.at(-1) === counter.texts.at(-1));
    assert.deepEqual(heard.filter((text) => Number(text) > since), counter.texts.slice(since));
  }
});

test(
  "RedisStore goes on with the replica that a cluster promotes, and has what it acknowledged",
  true,
  async ({ cluster, place, counters }) => {
    const [failing, ...others] = counters;
    const [master] = cluster.masters;
    const second = await place.open({ timeoutMs });
    const further = new Counter(second, failing.topic, timeoutMs);
    await further.listen();
    await login(second, "eve", { tokenHash: "one", room: "general" });
    await cluster.replicated();
    await master.kill("SIGKILL");
    await Promise.all([failing.count(50), ...others.map((counter) => counter.count(500))]);
    assert(failing.refused > 0);
    await failing.checkHears(50);
    await until("the other server is told", () => further.heard.includes("!"));
    await until("the other server is available", () => second.available);
    await failing.heardBy(further);
    assert.equal(claimed(await claim(second, "eve", { presentedHash: "one" })).session.rooms[0], "general");

    // The dead one comes back as a replica, which changes nothing.
    await master.restart();
    await until("it is a replica", async () => (await master.call("ROLE") as string[])[0] === "slave");
    await Promise.all(counters.map((counter) => counter.count(20)));
  },
);
