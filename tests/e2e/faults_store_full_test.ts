/** A store that cannot write: what is answered is true, and what is owed is done when it can. */

import assert from "node:assert/strict";
import { eventually, type JsonClient, type TextClient } from "../support/client.ts";
import { Disk, runOnDisk, smallDisks } from "../support/disk.ts";
import { test } from "../support/declare.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { startServer } from "../support/server.ts";

interface Server {
  json(): Promise<JsonClient>;
  login(user: string): Promise<TextClient>;
}

/** Logs out, and is told that the token is still good. */
async function logOut(client: JsonClient): Promise<void> {
  const { message } = await client.refused("logout", {}, "store_unavailable");
  assert.match(message, /^You are logged out here, but/);
  await client.refused("whoami", {}, "login_required");
}

/** Waits until the token resumes nothing. */
async function worthless(server: Server, token: string): Promise<void> {
  await eventually(async () => {
    await using client = await server.json();
    client.post("resume", { token });
    const { code } = await client.reply();
    assert.notEqual(code, undefined, "the token is good");
    return code === "invalid_credentials";
  }, "the token is worthless");
}

test("a logout while Redis is away is no ok, and the token is worthless as soon as Redis is back", async () => {
  await using redis = await startRedis();
  await using server = await startServer({ STORE_TIMEOUT_MS: "500" }, { REDIS_URL: redis.url });
  await using client = await server.jsonLogin("a");
  await redis.kill("SIGSTOP");
  await logOut(client);
  await redis.kill("SIGCONT");
  await eventually(() => server.store.available, "Redis is back");
  await eventually(async () => (await server.store.sessions.online()).length === 0, "the session has ended");
  await worthless(server, client.session.resume);
}, ownRedis);

test(
  "a logout on a full disk is no ok, leaves no ghost, and the token is worthless as soon as there is room",
  async () => {
    await using folder = await temporaryFolder();
    const settings = { DEMO_ACCOUNTS: "true", DUPLICATE_LOGIN: "reject", DURABILITY: "full" };
    await using server = await ServerProcess.start(folder.path, settings, runOnDisk);
    await using watcher = await server.login("b");
    await using client = await server.jsonLogin("a");
    await watcher.expect("a joined lobby");
    const disk = new Disk(server.program.pid);
    await disk.fill();
    await logOut(client);
    await watcher.expect("a left lobby");
    assert.equal(await watcher.ask("/users"), "Users online: b");
    await client.refused("login", { user: "a", password: "1" }, "store_unavailable");
    assert.equal(await watcher.ask("/users"), "Users online: b");
    await disk.free();
    await worthless(server, client.session.resume);
    await client.ok("login", { user: "a", password: "1" });
  },
  processes,
  smallDisks,
);

test(
  "what is said on a full disk is refused, and stored once when there is room, over a restart too",
  async () => {
    await using folder = await temporaryFolder();
    const settings = { DEMO_ACCOUNTS: "true", DURABILITY: "full" };
    const texts = async (client: JsonClient) => {
      const { messages } = await client.ok("history", { room: "lobby" });
      return (messages as { text: string }[]).map(({ text }) => text);
    };
    {
      await using server = await ServerProcess.start(folder.path, settings, runOnDisk);
      await using client = await server.jsonLogin("a");
      await client.ok("say", { text: "one", cid: "1" });
      const disk = new Disk(server.program.pid);
      await disk.fill();
      await client.refused("say", { text: "two", cid: "2" }, "store_unavailable");
      assert.deepEqual(await texts(client), ["one"]);
      await disk.free();
      await client.ok("say", { text: "two", cid: "2" });
      await client.ok("say", { text: "two", cid: "2" });
      assert.deepEqual(await texts(client), ["one", "two"]);
      await server.kill();
    }
    await using server = await ServerProcess.start(folder.path, settings);
    await using client = await server.jsonLogin("a");
    assert.deepEqual(await texts(client), ["one", "two"]);
  },
  processes,
  smallDisks,
);
