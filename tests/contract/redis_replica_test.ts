/** What the Redis store does when the server that it is connected to turns out to be the wrong one. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { RedisStore } from "../../lib/store/redis/redis_store.ts";
import { test } from "../support/declare.ts";
import { ownRedis, replicates, startRedis, type TestRedis } from "../support/redis.ts";
import { RedisName } from "../support/redis_name.ts";
import { wideLimits } from "../support/store_limits.ts";
import { RedisCorner, type TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";

const hostname = "127.0.0.1";
const ofPort = ({ port }: TestRedis) => [hostname, `${port}`] as const;

async function follow(replica: TestRedis, master: TestRedis): Promise<void> {
  await replica.call("REPLICAOF", ...ofPort(master));
  await replicates(replica);
}

/** Says something as often as it takes. @returns how often it was refused */
async function say(store: TestStore, text: string): Promise<number> {
  let refused = 0;
  await until(`"${text}" is kept`, async () => {
    try {
      await store.topics.publish("room:lobby", { from: "eve", text, cid: `cid of ${text}` }, undefined);
      return true;
    } catch (error) {
      assert(error instanceof ChatError && error.code === "store_unavailable", String(error));
      refused++;
      return false;
    }
  });
  return refused;
}

test("RedisStore leaves a master that was made a replica, and finds the new one by the same name", async () => {
  await using first = await startRedis();
  await using second = await startRedis();
  await using name = new RedisName(first);
  await follow(second, first);
  const servers = [{ hostname, port: second.port }];
  await using place = new RedisCorner({ prefix: "test:", address: { url: name.url }, servers });
  const store = await place.open({ timeoutMs: 1_000 });
  const heard: string[] = [];
  let returns = 0;
  store.onReturn(() => Promise.resolve(void returns++));
  await store.topics.subscribe("room:lobby", (signal) => {
    heard.push(signal.kind === "entry" ? signal.entry.text : "!");
  });
  await say(store, "before");
  await until("it is heard", () => heard.length > 0);
  await second.call("REPLICAOF", "NO", "ONE");
  name.target = second;
  await follow(first, second);

  assert(await say(store, "after") > 0, "the replica refuses it");
  assert.equal(returns, 1);
  await until("both are heard", () => heard.at(-1) === "after");
  assert.deepEqual(heard, ["before", "!", "after"]);
  assert.equal(store.available, true);
}, ownRedis);

test("RedisStore is not available, and tries no faster, while its name leads to a replica", async () => {
  await using first = await startRedis();
  await using second = await startRedis();
  await using name = new RedisName(first);
  const servers = [{ hostname, port: first.port }];
  await using place = new RedisCorner({ prefix: "test:", address: { url: name.url }, servers });
  const store = await place.open({ timeoutMs: 1_000 });
  await first.call("REPLICAOF", ...ofPort(second));
  await until("the store is not available", async () => {
    await store.servers.renew().catch(() => {});
    return !store.available;
  });
  const before = name.connections;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assert.equal(store.available, false);
  const tries = name.connections - before;
  assert(tries > 0 && tries < 30, `${tries} connections in two seconds`);
  await first.call("REPLICAOF", "NO", "ONE");
  await say(store, "it is the master again");
}, ownRedis);

test("RedisStore tries no faster where it may not ask whether its server is a replica", async () => {
  await using first = await startRedis();
  await using name = new RedisName(first);
  const servers = [{ hostname, port: first.port }];
  await first.call("ACL", "SETUSER", "chat", "on", ">secret", "~*", "&*", "+@all", "-role", "-info");
  const url = name.url.replace("redis://", "redis://chat:secret@");
  await using place = new RedisCorner({ prefix: "test:", address: { url }, servers });
  const store = await place.open({ timeoutMs: 1_000 });
  await first.call("REPLICAOF", hostname, "1");
  const end = performance.now() + 2_000;
  let refused = 0;
  while (performance.now() < end) {
    await store.servers.renew().catch(() => refused++);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert(refused > 0);
  assert(name.connections < 40, `${name.connections} connections in two seconds`);
  await first.call("REPLICAOF", "NO", "ONE");
  await say(store, "it is the master again");
}, ownRedis);

test("RedisStore.open() refuses a replica, and says that it is one", async () => {
  await using first = await startRedis();
  await using second = await startRedis();
  await follow(second, first);
  await assert.rejects(
    RedisStore.open({ ...wideLimits, url: second.url, prefix: "test:" }),
    { message: `Cannot use Redis: ${hostname}:${second.port} is a replica, not the master` },
  );
}, ownRedis);
