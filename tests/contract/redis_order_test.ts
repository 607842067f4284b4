/** The order of one writer's messages where Redis carries out some of its calls and not others. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { RedisGateway } from "../../lib/store/redis/gateway.ts";
import { Keys } from "../../lib/store/redis/keys.ts";
import { RedisTopics } from "../../lib/store/redis/topics.ts";
import { test } from "../support/declare.ts";
import { sharedRedis } from "../support/redis.ts";
import { wideLimits } from "../support/store_limits.ts";

const writer = {
  ...{ user: "eve", device: "", server: "server1", connection: "c1", claim: 1, since: 0, client: "" },
  ...{ many: false, rooms: ["lobby"] },
};

test("RedisTopics.publish() refuses what was sent behind a call that a full Redis did not carry out", async () => {
  await using place = sharedRedis.place();
  const keys = new Keys(place.prefix, 0);
  await using gateway = await RedisGateway.connect({ url: place.url, timeoutMs: 5_000 });
  await gateway.command("HSET", keys.writers("room:lobby"), "eve", "1");
  const refused = new Set(["two"]);
  // Redis was full when this one came, and had room again when the next did.
  const flapping = {
    spansSlots: false,
    checkSettled() {},
    beforeCalls() {},
    async run(script: string, names: string[], args: (string | number)[]) {
      const text = script === "publish" ? JSON.parse(`${args[9]}`).text : "";
      if (!refused.has(text)) return await gateway.run(script as "publish", names, args);
      await gateway.command("GET", keys.rooms());
      throw new ChatError("store_unavailable", "The store is full");
    },
  } as unknown as RedisGateway;
  const grants = { mayWrite: () => Promise.resolve(true) };
  const topics = new RedisTopics(flapping, keys, wideLimits, grants, { generation: 0, instance: "run" });
  const publish = (text: string) => topics.publish("room:lobby", { from: "eve", text, cid: text }, writer);
  const codes = async (texts: readonly string[]) =>
    (await Promise.allSettled(texts.map(publish))).map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.kind : (outcome.reason as ChatError).code
    );

  assert.deepEqual(await codes(["one", "two", "three", "four"]), [
    "published",
    ...Array(3).fill("store_unavailable"),
  ]);
  refused.clear();
  assert.deepEqual(await codes(["one", "two", "three", "four"]), Array(4).fill("published"));
  const { entries } = await topics.read("room:lobby", { limit: 10 });
  assert.deepEqual(entries.map(({ text }) => text), ["one", "two", "three", "four"]);
}, sharedRedis);
