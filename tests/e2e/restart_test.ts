/**
 * What outlives a server: stopped, killed, or dead beside another one.
 */

import assert from "node:assert/strict";
import { forcedOut, type Json, JsonClient, TextClient } from "../support/client.ts";
import { every } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, sharedRedis, startRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";

/** Makes accounts, follows, rooms and messages, restarts the server, and looks for all of them. */
async function restartKeepsAll(folder: string, settings: Settings, between = () => Promise.resolve()): Promise<void> {
  let token: string;
  {
    await using server = await ServerProcess.start(folder, settings);
    await using eve = await TextClient.open(server);
    await eve.send("REGISTER Eve her password");
    await eve.until("Login successful. Room: lobby");
    await using adam = await TextClient.open(server);
    await adam.send("REGISTER adam his password");
    await adam.until("Login successful. Room: lobby");
    await eve.expect("adam joined lobby");
    await eve.ask("said in the lobby");
    assert.equal(await adam.line(), "Eve: said in the lobby");
    assert.equal(await adam.ask("/subscribe eve"), "Subscribed to Eve");
    assert.equal(await adam.ask('/passwd "his password" another password'), "Password changed");
    assert.equal(await adam.ask("/join general"), "Joined room general");
    assert.equal(await adam.ask("said in general"), "adam: said in general");
    assert.equal(await adam.ask("/quit"), "Goodbye");
    await eve.expect("adam left lobby");
    await eve.ask("/msg adam one");
    await eve.ask("/msg adam two");
    await using json = await server.jsonLogin("Eve", { password: "her password" });
    await json.ok("join", { room: "general" });
    token = json.session.resume;
    await eve.until(forcedOut);
    const { code } = await server.stop();
    assert.equal(code, 0);
  }
  await between();
  await using server = await ServerProcess.start(folder, settings);
  await using adam = await TextClient.open(server);
  assert.match(await adam.ask("LOGIN adam his password"), /^\[ERROR\] invalid_credentials/);
  assert.equal(await adam.ask("LOGIN adam another password"), "Login successful. Room: lobby");
  await adam.expect("DM from Eve: one", "DM from Eve: two");
  assert.equal(await adam.ask("/subs"), "Subscriptions: Eve");
  assert.match(await adam.ask("/history"), /^\[.*Z\] Eve: said in the lobby$/);
  assert.equal(await adam.ask("/join general"), "Joined room general");
  assert.match(await adam.ask("/history"), /^\[.*Z\] adam: said in general$/);

  // A program comes back with the token that the stopped server gave it, to the room that it was in.
  await using json = await JsonClient.open(server);
  assert.equal((await json.ok("resume", { token })).room, "general");
  await adam.send("/users");
  await adam.until("Users online: Eve, adam");
  assert.equal((await json.ok("say", { text: "goes on" })).seq, 2);
  await adam.expect("Eve: goes on");
}

test("a restart on SQLite keeps accounts, follows, history, unread messages and resume tokens", async () => {
  await using folder = await temporaryFolder();
  await restartKeepsAll(folder.path, {});
}, processes);

test("a restart on Redis keeps accounts, follows, history, unread messages and resume tokens", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  await restartKeepsAll(folder.path, { REDIS_URL: place.url, REDIS_PREFIX: place.prefix });
}, every(processes, sharedRedis));

test("a restart of an append-only Redis between the server's two keeps them as well", async () => {
  await using folder = await temporaryFolder();
  await using redis = await startRedis({ appendonly: true });
  await restartKeepsAll(folder.path, { REDIS_URL: redis.url }, () => redis.restart());
}, every(processes, ownRedis));

for (const durability of ["normal", "full"]) {
  test(
    `with DURABILITY=${durability}, a server that is killed in mid-traffic has all that it acknowledged`,
    async () => {
      await using folder = await temporaryFolder();
      const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off", DURABILITY: durability };
      const acknowledged = new Map<number, string>();
      for (const round of [1, 2]) {
        await using server = await ServerProcess.start(folder.path, settings);
        await using client = await server.jsonLogin("a");
        const sent: string[] = [];
        let killed: Promise<void> | undefined;
        for (let count = 0; count < 4_000; count++) {
          sent.push(`message ${count} of round ${round}`);
          client.post("say", { text: sent[count] });
        }
        for (let replies = 0;; replies++) {
          const line = await client.lineOrEnd();
          if (line === undefined || line.endsWith("[unfinished]")) break;
          const { type, id, seq } = JSON.parse(line) as Json;
          if (type !== "ok") continue;
          acknowledged.set(seq, sent[id - 2]); // the first request was the login
          if (acknowledged.size >= 500 * round) killed ??= server.kill();
        }
        await killed;
        assert.ok(acknowledged.size < 4_000 * round, "it was killed too late");
      }

      await using server = await ServerProcess.start(folder.path, settings);
      await using client = await server.jsonLogin("a");
      const kept: Json[] = [];
      do {
        const { messages } = await client.ok("history", { n: 500, before: kept[0]?.seq });
        assert.ok(messages.length > 0);
        kept.unshift(...messages);
      } while (kept[0].seq > 1);
      assert.deepEqual(kept.map(({ seq }) => seq), Array.from(kept, (_, index) => index + 1));
      for (const [seq, text] of acknowledged) assert.equal(kept[seq - 1]?.text, text);
    },
    processes,
  );
}

test(
  "when a server is killed its users vanish, their rooms are told, and they can log in elsewhere at once",
  async () => {
    await using place = sharedRedis.place();
    await using folder = await temporaryFolder();
    const settings = {
      REDIS_URL: place.url,
      REDIS_PREFIX: place.prefix,
      DEMO_ACCOUNTS: "on",
      ACTIVE_TTL_SECONDS: "1",
      HEARTBEAT_INTERVAL_SECONDS: "0.3",
      DUPLICATE_LOGIN: "reject",
    };
    await using dies = await ServerProcess.start(folder.path, settings);
    await using lives = await ServerProcess.start(folder.path, settings);
    await using watcher = await lives.login("c");
    await using first = await dies.login("a");
    await using second = await dies.login("b");
    await using program = await dies.jsonLogin("d");
    await watcher.expect("a joined lobby", "b joined lobby", "d joined lobby");
    await first.ask("/join general");
    await watcher.expect("a left lobby");
    await watcher.ask("/join general");
    await dies.kill();
    const since = performance.now();

    await watcher.expect("a left general");
    const took = performance.now() - since;
    assert.ok(took < 1_000 + 300 + 2_000, `the room was told after ${took} ms`); // the lease, a heartbeat, and the sweep
    assert.equal(await watcher.ask("/users"), "Users online: c");
    assert.equal(await watcher.ask("/rooms"), "Available rooms: general(1), lobby(0)");
    await using again = await lives.login("a");
    assert.equal(await again.ask("/users"), "Users online: a, c");
    await using resumed = await JsonClient.open(lives);
    assert.equal((await resumed.ok("resume", { token: program.session.resume })).user, "d");
    await second.rest();
  },
  every(processes, sharedRedis),
);
