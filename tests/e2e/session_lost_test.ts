/** A store that has lost its data: nobody is told of a login that there was not. */

import assert from "node:assert/strict";
import { eventually } from "../support/client.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { startServer, test } from "../support/server.ts";

const lost = "The server's store has lost your session; log in again.";

test("after a FLUSHALL everybody is told that the store has lost the session, and may come back", async () => {
  await using redis = await startRedis();
  await using server = await startServer({ HEARTBEAT_INTERVAL_SECONDS: "1" }, { REDIS_URL: redis.url });
  await using person = await server.login("a");
  await using program = await server.jsonLogin("b");
  await person.expect("b joined lobby");
  await using side = await server.jsonLogin("c", { side: true });
  await redis.call("FLUSHALL");
  const last = (line: string) => JSON.parse(line);
  const expected = { type: "system", code: "session_lost", message: lost, retry_after_ms: 0 };
  assert.equal((await person.rest()).at(-1), `[SYSTEM] ${lost}`);
  assert.deepEqual(last((await program.rest()).at(-1)!), expected);
  assert.deepEqual(last((await side.rest()).at(-1)!), expected);

  await server.accounts.makeDemoAccounts();
  await using back = await server.login("a");
  assert.equal(await back.ask("hello"), "a: hello");
}, ownRedis);

test("a session that the store alone has lost goes on, and nobody is told of anything", async () => {
  await using redis = await startRedis();
  await using server = await startServer({}, { REDIS_URL: redis.url });
  await using person = await server.login("a");
  for (const key of await redis.call("KEYS", "*") as string[]) {
    if (/user:a\}:(session|tokens|grants)|lobby\}:writers/.test(key)) await redis.call("DEL", key);
  }
  await eventually(async () => await person.ask("hello") === "a: hello", "it is heard again");
  assert.equal(await person.ask("/users"), "Users online: a");
}, ownRedis);
