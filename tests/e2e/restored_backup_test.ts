/**
 * A store that is put back to an older backup while every server is down: only clients know what it has lost.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { decodePosition } from "../../lib/store/log_position.ts";
import { type Json, JsonClient } from "../support/client.ts";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { ask } from "../support/resp.ts";
import { type Settings, startServer, type TestServer } from "../support/server.ts";

const files = await permitted("read", "write");

/** Where a store's data are, and how they are put back; each is called while no server runs. */
interface Data {
  readonly settings: Settings;
  backUp(): Promise<void>;
  putBack(): Promise<void>;
}

const room = "room:lobby";

async function loggedIn(server: TestServer, user: string): Promise<JsonClient> {
  const client = await JsonClient.open(server);
  const account = { user, password: `${user} has a long one` };
  client.session = await client.ok("register", account).catch(() => client.ok("login", account));
  return client;
}

async function resumed(server: TestServer, token: string, pos: string): Promise<JsonClient> {
  const client = await JsonClient.open(server);
  client.session = await client.ok("resume", { token, positions: { [room]: pos } });
  return client;
}

/** The next message or gap of the room. */
async function next(client: JsonClient): Promise<Json> {
  for (;;) {
    const event = await client.event();
    if (event.topic === room) return event;
  }
}

async function say(client: JsonClient, ...texts: readonly string[]): Promise<Json> {
  let event: Json = {};
  for (const text of texts) {
    await client.ok("say", { text });
    event = await next(client);
    assert.equal(event.text, text);
  }
  return event;
}

/**
 * Loses messages 3 to 5, has others say two anew, and lets somebody come back who saw the fifth.
 *
 * @param shown what the witness shows of its position
 * @returns what a bystander, and somebody who had stopped reading at the second, are told next
 */
async function afterLoss(data: Data, shown: (pos: string) => string): Promise<{ bystander: Json; behind: Json }> {
  let [witness, behind] = ["", ""];
  {
    await using server = await startServer({}, data.settings);
    for (const user of ["bystander", "witness", "behind"]) (await loggedIn(server, user)).drop();
  }
  let second: string;
  {
    await using server = await startServer({}, data.settings);
    await using client = await loggedIn(server, "witness");
    await using other = await loggedIn(server, "behind");
    [witness, behind] = [client.session.resume, other.session.resume];
    second = (await say(client, "1", "2")).pos;
  }
  await data.backUp();
  let fifth: string;
  {
    await using server = await startServer({}, data.settings);
    await using client = await loggedIn(server, "bystander");
    fifth = (await say(client, "3", "4", "5")).pos;
  }
  await data.putBack();
  await using server = await startServer({}, data.settings);
  await using bystander = await loggedIn(server, "bystander");
  await say(bystander, "new 3", "new 4");
  await using back = await resumed(server, witness, shown(fifth));
  assert.equal(back.session.missed, null);
  const gap = await next(back);
  assert.deepEqual([gap.type, gap.from, gap.to], ["gap", 6, null]);
  for (const text of ["1", "2", "new 3", "new 4"]) assert.equal((await next(back)).text, text);
  await back.ok("say", { text: "new 5" });
  await using other = await resumed(server, behind, second);
  return { bystander: await next(bystander), behind: await next(other) };
}

function onEachData(name: string, fn: (data: Data) => Promise<void>): void {
  test(`${name} (SQLite)`, async () => {
    await using folder = await temporaryFolder();
    await using backup = await temporaryFolder();
    const copy = async (from: string, to: string) => {
      for await (const { name } of Deno.readDir(to)) if (name.startsWith("chat.db")) await Deno.remove(join(to, name));
      for await (const { name } of Deno.readDir(from)) {
        if (name.startsWith("chat.db")) await Deno.copyFile(join(from, name), join(to, name));
      }
    };
    await fn({
      settings: { DATA_DIR: folder.path },
      backUp: () => copy(folder.path, backup.path),
      putBack: () => copy(backup.path, folder.path),
    });
  }, files);

  test(`${name} (Redis)`, async () => {
    await using place = sharedRedis.place();
    await using backup = sharedRedis.place();
    const { hostname, port } = new URL(place.url);
    const call = (...command: string[]) => ask({ hostname, port: Number(port) }, command);
    const copy = async (from: string, to: string) => {
      for (const key of await call("KEYS", `${to}*`) as string[]) await call("DEL", key);
      for (const key of await call("KEYS", `${from}*`) as string[]) {
        await call("COPY", key, to + key.slice(from.length));
      }
    };
    await fn({
      settings: { REDIS_URL: place.url, REDIS_PREFIX: place.prefix },
      backUp: () => copy(place.prefix, backup.prefix),
      putBack: () => copy(backup.prefix, place.prefix),
    });
  }, sharedRedis);
}

onEachData("after an older backup, a signed position tells everybody of what no server remembers", async (data) => {
  const { bystander, behind } = await afterLoss(data, (pos) => pos);
  assert.deepEqual([bystander.type, bystander.from, bystander.to], ["gap", 5, null]);
  assert.deepEqual([behind.type, behind.from, behind.to], ["gap", 3, null]);
});

onEachData("after an older backup, a position without its signature is a gap for its reader only", async (data) => {
  const unsigned = (pos: string) => {
    const { epoch, seq, id } = decodePosition(pos)!;
    return `${epoch}.${seq}.${id}`;
  };
  const { bystander, behind } = await afterLoss(data, unsigned);
  assert.deepEqual([bystander.type, bystander.text], ["message", "new 5"]);
  assert.deepEqual([behind.type, behind.text], ["message", "new 3"]);
});
