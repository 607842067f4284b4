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
      const mine = held?.script === script ? held : undefined;
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
