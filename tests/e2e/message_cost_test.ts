/** What a message and a login cost that a clock does not tell: commits, calls of Redis and their round trips, and timers. */

import assert from "node:assert/strict";
import { StatementSync } from "node:sqlite";
import { JsonClient } from "../support/client.ts";
import { sharedRedis } from "../support/redis.ts";
import { ask } from "../support/resp.ts";
import { slowRedis } from "../support/slow_redis.ts";
import { onRedis, onSqlite, type Start } from "../support/server.ts";

const count = 100;

/** What is set meanwhile for another reason, or for a flush that took long on a busy machine. */
const few = 20;

/** Counts calls of a function while something is done. */
async function counted<T extends object>(
  owner: T,
  name: keyof T,
  counts: (self: unknown) => boolean,
  work: () => Promise<void>,
): Promise<number> {
  let calls = 0;
  // deno-lint-ignore no-explicit-any -- of any function
  const real = owner[name] as any;
  // deno-lint-ignore no-explicit-any
  owner[name] = function (this: unknown, ...args: any[]) {
    if (counts(this)) calls++;
    return real.apply(this, args);
  } as T[keyof T];
  try {
    await work();
  } finally {
    owner[name] = real;
  }
  return calls;
}

/** Two people in a room: what one of them says, one message after the other or all in one write. */
async function talk(start: Start, work: (one: () => Promise<void>, all: () => Promise<void>) => Promise<void>) {
  await using server = await start({ RATE_LIMIT: "off" });
  await using ann = await server.login("a");
  await using bob = await server.login("b");
  await ann.expect("b joined lobby");
  let said = 0;
  const heard = async () => {
    for (const person of [ann, bob]) await person.until(`a: ${said}`);
  };
  const one = async () => {
    for (let i = 0; i < count; i++) {
      await ann.send(`${++said}`);
      await heard();
    }
  };
  const all = async () => {
    await ann.send(...Array.from({ length: count }, () => `${++said}`));
    await heard();
  };
  await one(); // everything is there that is made once
  await work(one, all);
}

/** Timers and signals that the server and what it uses set, and not the test's own clients, meanwhile. */
async function timers(work: () => Promise<void>): Promise<number> {
  const isServers = () => !new Error().stack!.includes("/tests/support/");
  let signals = 0;
  const set = await counted(globalThis, "setTimeout", isServers, async () => {
    signals = await counted(AbortSignal, "timeout", isServers, work);
  });
  return set + signals;
}

onSqlite("a message is one commit, those of one write share them, and none sets a timer", async (start) => {
  const isCommit = (self: unknown) => (self as StatementSync).sourceSQL === "COMMIT";
  await talk(start, async (one, all) => {
    const commits = (work: () => Promise<void>) => counted(StatementSync.prototype, "run", isCommit, work);
    assert.equal(await commits(one), count);
    const shared = await commits(all);
    assert.ok(shared <= count / 10, `${shared} commits for ${count} messages of one write`);
    const set = await timers(one);
    assert.ok(set <= few, `${set} timers for ${count} messages`);
  });
});

onRedis("a message is one call of Redis, those of one write share them, and none sets a timer", async (start) => {
  await using place = sharedRedis.place();
  const calls = async () => {
    const { hostname, port } = new URL(place.url);
    const info = String(await ask({ hostname, port: Number(port) }, ["INFO", "commandstats"]));
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
  };
  const made = async (work: () => Promise<unknown>) => {
    const before = await calls();
    await work();
    return await calls() - before;
  };
  await talk(start, async (one, all) => {
    let set = 0;
    const single = await made(async () => set = await timers(one));
    assert.ok(single >= count && single <= count + 5, `${single} calls for ${count} messages`);
    const shared = await made(all);
    assert.ok(shared <= count / 5, `${shared} calls for ${count} messages of one write`);
    assert.ok(set <= few, `${set} timers for ${count} messages`);
  });
});

onRedis("a login takes as many round trips to Redis in 200 rooms as in one", async (start) => {
  const rooms = 200;
  await using place = sharedRedis.place();
  await using way = slowRedis(place.url);
  await using server = await start({ RATE_LIMIT: "off", REDIS_URL: way.url, REDIS_PREFIX: place.prefix });
  const logsIn = async (delayMs: number) => {
    way.delayMs = delayMs;
    const [since, before] = [performance.now(), way.commands];
    const client = await JsonClient.many(server, "a");
    const [ms, commands, inRooms] = [performance.now() - since, way.commands - before, client.session.rooms.length];
    way.delayMs = 0;
    await client.ok("logout");
    client.drop();
    return { ms, commands, inRooms };
  };
  const delayMs = 100;
  const trips = async () => {
    const near = await logsIn(0);
    const far = await logsIn(delayMs);
    return { ...near, trips: (far.ms - near.ms) / delayMs };
  };
  await logsIn(0); // everything is there that is made once
  const inOne = await trips();
  const { hostname, port } = new URL(place.url);
  const others = Array.from({ length: rooms - 1 }, (_, index) => [`r${index}`, ""]).flat();
  await ask({ hostname, port: Number(port) }, ["HSET", `${place.prefix}{user:a}:rooms`, ...others]);
  await logsIn(0); // makes the rooms
  const inAll = await trips();
  assert.deepEqual([inOne.inRooms, inAll.inRooms], [1, rooms]);
  assert.ok(inAll.commands < 9 * rooms, `${inAll.commands} commands`);
  assert.ok(inAll.trips < inOne.trips + 6, `${inAll.trips} round trips, and ${inOne.trips} in one room`);
});
