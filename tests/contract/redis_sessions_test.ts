/** Sessions in Redis whose steps come late, as a frozen server's or those of a way that was held up. */

import assert from "node:assert/strict";
import type { RedisGateway } from "../../lib/store/redis/gateway.ts";
import { RedisGateway as Gateway } from "../../lib/store/redis/gateway.ts";
import { Keys } from "../../lib/store/redis/keys.ts";
import { RedisSessions } from "../../lib/store/redis/sessions.ts";
import type { ClaimRequest } from "../../lib/store/sessions.ts";
import { test as declared } from "../support/declare.ts";
import { sharedRedis } from "../support/redis.ts";
import { turn } from "../support/turns.ts";

/** A server's sessions, of which one call of a script can be held up on its way. */
function makeSessions(gateway: RedisGateway, keys: Keys, id: string) {
  let held: { readonly script: string; readonly gate: Promise<void> } | undefined;
  const late = {
    command: gateway.command.bind(gateway),
    async run(script: string, names: string[], args: (string | number)[]) {
      const mine = held?.script === script && args[1] !== "0" ? held : undefined; // not what comes before a claim
      if (mine) {
        held = undefined;
        await mine.gate;
      }
      return await gateway.run(script as "admit", names, args);
    },
  } as unknown as RedisGateway;
  const sessions = new RedisSessions(late, keys, { id, instance: `${id}-1`, live: () => Promise.resolve([]) });
  return {
    sessions,
    hold(script: string) {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = { script, gate: promise };
      return resolve;
    },
  };
}

const login = (connection: string): ClaimRequest => ({
  ...{ user: "eve", room: "lobby", tokenHash: `hash of ${connection}`, connection, policy: "force" },
});

declared("RedisSessions leaves nobody in a room by a step that comes behind a newer login's", async () => {
  await using place = sharedRedis.place();
  const keys = new Keys(place.prefix, 0);
  await using gateway = await Gateway.connect({ url: place.url, timeoutMs: 5_000 });
  await gateway.command("HSET", keys.account("eve"), "name", "eve");
  const [frozen, other] = [makeSessions(gateway, keys, "server1"), makeSessions(gateway, keys, "server2")];

  const early = await frozen.sessions.claim(login("c1"));
  assert.ok(early.kind === "claimed");
  const thaw = frozen.hold("admit");
  const moving = frozen.sessions.move(early.session, "tech");
  for (let i = 0; i < 50; i++) await turn(); // the server froze before it wrote itself into the room
  const newer = await other.sessions.claim(login("c2"));
  assert.ok(newer.kind === "claimed");
  assert.equal(await other.sessions.end(newer.session, true), "offline");
  thaw();
  await moving;
  assert.deepEqual(await other.sessions.members("tech"), []);
  assert.deepEqual(await other.sessions.members("lobby"), []);

  const again = frozen.hold("admit");
  const claiming = frozen.sessions.claim(login("c3"));
  for (let i = 0; i < 50; i++) await turn();
  const last = await other.sessions.claim(login("c4"));
  assert.ok(last.kind === "claimed");
  const moved = await other.sessions.move(last.session, "ops");
  assert.ok(moved);
  again();
  await claiming;
  assert.deepEqual(await other.sessions.members("lobby"), []);
  assert.deepEqual(await other.sessions.members("ops"), ["eve"]);
}, sharedRedis);

/** A gateway that gives one command after the other, and keeps what the store has after each. */
function remembering(gateway: RedisGateway, hashes: readonly string[]) {
  const moments: Record<string, string[]>[] = [];
  let turns: Promise<unknown> = Promise.resolve();
  function inTurn<A>(call: () => Promise<A>): Promise<A> {
    const answer = turns.then(async () => {
      const answer = await call();
      moments.push(await hashesOf(gateway, hashes));
      return answer;
    });
    turns = answer.catch(() => {});
    return answer;
  }
  const kept = {
    command: (...command: Parameters<RedisGateway["command"]>) => inTurn(() => gateway.command(...command)),
    run: (...call: Parameters<RedisGateway["run"]>) => inTurn(() => gateway.run(...call)),
  } as unknown as RedisGateway;
  return { kept, moments };
}

async function hashesOf(gateway: RedisGateway, names: readonly string[]): Promise<Record<string, string[]>> {
  const pairs = names.map(async (name) => [name, await gateway.command("HGETALL", name) as string[]] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

declared(
  "RedisSessions.held() knows each session that names its server, whatever moment the data are put back to",
  async () => {
    await using place = sharedRedis.place();
    const keys = new Keys(place.prefix, 0);
    await using gateway = await Gateway.connect({ url: place.url, timeoutMs: 5_000 });
    await gateway.command("HSET", keys.account("eve"), "name", "eve");
    const servers = ["server1", "server2"];
    const [session, grants] = [keys.session("eve", ""), keys.grants("eve", "")];
    const hashes = [
      ...[session, grants],
      ...servers.flatMap((id) => [keys.serverSessions(`${id}-1`), keys.serverUsers(`${id}-1`)]),
      ...(["room:lobby", "room:tech"] as const).flatMap((room) => [keys.writers(room), keys.present(room)]),
    ];
    const { kept, moments } = remembering(gateway, hashes);
    const live = () => Promise.resolve(servers.map((id) => `${id}-1`));
    const [one, other] = servers.map((id) => new RedisSessions(kept, keys, { id, instance: `${id}-1`, live }));

    const first = await one.claim(login("c1"));
    assert.ok(first.kind === "claimed");
    const resumed = await other.claim({ ...login("c2"), presentedHash: "hash of c1" });
    assert.ok(resumed.kind === "claimed");
    assert.equal((await one.claim({ ...login("c3"), policy: "reject" })).kind, "live");
    const moved = await other.move(resumed.session, "tech");
    assert.ok(moved);
    assert.equal((await one.endAll("server2-1")).length, 1); // it was taken for dead
    const again = await other.reassert(moved, { tokenHash: "hash of c2" });
    assert.ok(again.kind === "held" && again.wasGone);
    assert.equal((await one.reassert(first.session, { tokenHash: "hash of c1" })).kind, "superseded");
    assert.equal(await other.end(again.session, true), "offline");
    const none = Object.fromEntries(hashes.map((name) => [name, []]));
    assert.deepEqual(await hashesOf(gateway, hashes), none);

    let brought = 0;
    for (const [at, moment] of [...moments].entries()) {
      for (const [name, pairs] of Object.entries(moment)) {
        await gateway.command("DEL", name);
        if (pairs.length > 0) await gateway.command("HSET", name, ...pairs);
      }
      const of = moment[session].length === 0 ? undefined : moment[session][moment[session].indexOf("connection") + 1];
      const [here, there] = await Promise.all([one.held(), other.held()]);
      assert.deepEqual([...here, ...there].map(({ connection }) => connection), of === undefined ? [] : [of], `${at}`);
      if (of !== undefined) brought++;
      for (const session of here) assert.equal(await one.end(session, false), "offline", `${at}`);
      for (const session of there) assert.equal(await other.end(session, false), "offline", `${at}`);
      assert.deepEqual(await hashesOf(gateway, hashes), none, `${at}`);
    }
    assert.ok(brought > 10, `${brought}`);
  },
  sharedRedis,
);

declared("RedisSessions.endAll() leaves what a server lists that wakes up meanwhile", async () => {
  await using place = sharedRedis.place();
  const keys = new Keys(place.prefix, 0);
  await using gateway = await Gateway.connect({ url: place.url, timeoutMs: 5_000 });
  await gateway.command("HSET", keys.account("eve"), "name", "eve");
  const [frozen, other] = [makeSessions(gateway, keys, "server1"), makeSessions(gateway, keys, "server2")];
  const on = (device: string): ClaimRequest => ({ ...login(device), device, policy: "share" });

  const early = await frozen.sessions.claim(on("desk"));
  assert.ok(early.kind === "claimed");
  const goOn = other.hold("revoke");
  const sweeping = other.sessions.endAll("server1-1");
  for (let i = 0; i < 50; i++) await turn(); // it is ending the first session
  assert.ok((await frozen.sessions.claim(on("phone"))).kind === "claimed");
  goOn();
  assert.deepEqual((await sweeping).map(({ session, offline }) => [session.device, offline]), [["desk", false]]);
  // When it dies after that, its session is found.
  const found = await other.sessions.endAll("server1-1");
  assert.deepEqual(found.map(({ session, offline }) => [session.device, offline]), [["phone", true]]);
  for (const key of [keys.serverSessions("server1-1"), keys.serverUsers("server1-1"), keys.present("room:lobby")]) {
    assert.equal(await gateway.command("EXISTS", key), 0, key);
  }
}, sharedRedis);
