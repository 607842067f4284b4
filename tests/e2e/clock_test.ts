/** A clock that is set while people talk: no message comes in twice, and nobody is gone. */

import assert from "node:assert/strict";
import { clocks, SettableClock } from "../support/clock.ts";
import { test } from "../support/declare.ts";
import { processes, Program, serverCommand, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { startServer } from "../support/server.ts";

const hour = 3_600;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const seconds of [hour, -hour]) {
  test(
    `when the clock of Redis is set by ${seconds} s, no cid is forgotten, and no lease has run out`,
    async () => {
      await using clock = await SettableClock.make();
      await using redis = await startRedis({ env: clock.env });
      const settings = { DUPLICATE_LOGIN: "reject", ACTIVE_TTL_SECONDS: "6", HEARTBEAT_INTERVAL_SECONDS: "2" };
      await using one = await startServer(settings, { REDIS_URL: redis.url });
      await using two = await startServer(settings, { REDIS_URL: redis.url });
      await pause(6_500); // from now on, servers look for others that died
      await using program = await one.jsonLogin("a");
      await using watcher = await two.login("b");
      const first = await program.ok("say", { text: "once", cid: "x" });
      await watcher.expect("a: once");

      await clock.set(seconds);
      const again = await program.ok("say", { text: "once", cid: "x" });
      assert.deepEqual([again.seq, again.time], [first.seq, first.time]);
      await using other = await one.json();
      await other.refused("login", { user: "b", password: "1" }, "already_logged_in");
      assert.equal(await watcher.ask("/users"), "Users online: a, b");
      await pause(7_000); // longer than a lease
      assert.equal(await watcher.ask("/users"), "Users online: a, b"); // nobody has left: it would have been told before
      await program.ok("say", { text: "after" });
      await watcher.expect("a: after");
    },
    ownRedis,
    clocks,
  );
}

test(
  "when the clock of an embedded store is set forward, no cid is forgotten, also by a new start",
  async () => {
    await using clock = await SettableClock.make();
    await using folder = await temporaryFolder();
    const settings = { DEMO_ACCOUNTS: "true" };
    const run = () => {
      const { command, options } = serverCommand(folder.path, settings);
      return new Program(command, { ...options, env: { ...options.env, ...clock.env } });
    };
    const say = async (server: ServerProcess) => {
      await using client = await server.jsonLogin("a");
      const { seq } = await client.ok("say", { text: "once", cid: "x" });
      const { messages } = await client.ok("history", { room: "lobby" });
      return [seq, (messages as unknown[]).length];
    };
    {
      await using server = await ServerProcess.start(folder.path, settings, run);
      assert.deepEqual(await say(server), [1, 1]);
      await clock.set(hour);
      assert.deepEqual(await say(server), [1, 1]);
      await server.stop();
    }
    await clock.set(2 * hour);
    await using server = await ServerProcess.start(folder.path, settings, run);
    assert.deepEqual(await say(server), [1, 1]);
  },
  processes,
  clocks,
);
