/** What operators do is in the audit log, also where that is the stream of a running server. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { admin } from "../support/admin.ts";
import { every, type Need } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";
import { until } from "../support/turns.ts";

const stores: readonly (readonly [name: string, needs: Need, settings: (place: Settings) => Settings])[] = [
  ["SQLite", processes, () => ({})],
  ["Redis", every(processes, sharedRedis), (place) => place],
];

for (const [name, needs, settingsOf] of stores) {
  test(`an operator's action is written by one running server where AUDIT_LOG is a stream [${name}]`, async () => {
    await using folder = await temporaryFolder();
    await using place = name === "Redis" ? sharedRedis.place() : undefined;
    const redis: Settings = place ? { REDIS_URL: place.url, REDIS_PREFIX: place.prefix } : {};
    const settings = { ...settingsOf(redis), DATA_DIR: join(folder.path, "data"), AUDIT_LOG: "stdout" };
    {
      await using server = await ServerProcess.start(folder.path, { ...settings, DEMO_ACCOUNTS: "on" });
      assert.equal((await admin({ ...settings, USER: "op" }, ["users", "role", "a", "moderator"])).code, 0);
      assert.equal((await admin({ ...settings, USER: "op" }, ["users", "disable", "nobody"])).code, 1);
      const written = () =>
        server.program.log.filter(({ by }) => by === "admin").map(({ event, outcome, user, target, role, server }) =>
          [event, outcome, user, target, role, server].join(" ")
        );
      await until("both are written", () => written().length >= 2);
      assert.deepEqual(written(), ["users role ok op a moderator server1", "users disable failed op nobody  server1"]);
      assert.equal((await server.stop()).code, 0);
    }
    const { code, error } = await admin({ ...settings, USER: "op" }, ["users", "role", "a", "user"]);
    assert.equal(code, 0);
    assert.match(
      error,
      /^Not in the audit log: no server runs .*; keep this line: \{.*"event":"users role".*"user":"op"/,
    );
  }, needs);
}
