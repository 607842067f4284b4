import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { smallDisks } from "../support/disk.ts";
import { ownRedis } from "../support/redis.ts";
import { temporaryFolder } from "../support/process.ts";
import { RedisNode } from "./redis_node.ts";
import { Timeline } from "./timeline.ts";

test(
  "a Redis whose disk is full ends itself, and has all that it acknowledged when it is started again",
  async () => {
    await using folder = await temporaryFolder();
    using timeline = new Timeline();
    await using redis = await RedisNode.start({ folder: folder.path, servers: 0, timeline });
    for (const spare of [0, 100]) {
      await redis.fillDisk(spare);
      let acknowledged = Number(await redis.call("GET", "count"));
      const counting = async () => {
        for (;;) acknowledged = await redis.call("INCR", "count") as number;
      };
      await assert.rejects(counting);
      await redis.start();
      assert.equal(await redis.call("GET", "count"), String(acknowledged));
      assert.equal(await redis.call("INCR", "count"), acknowledged + 1);
    }
  },
  ownRedis,
  smallDisks,
);
