import assert from "node:assert/strict";
import { examineRedis } from "../../lib/admin/doctor_redis.ts";
import type { Finding } from "../../lib/admin/finding.ts";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { aclRules } from "../../lib/store/redis/transport/permissions.ts";
import { test } from "../support/declare.ts";
import { ownRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { login, secured } from "../support/redis_tls.ts";

async function examined(env: Record<string, string>): Promise<Finding[]> {
  const loaded = loadConfig({ args: [], env: { REDIS_PREFIX: "test:", ...env } }) as { config: Config };
  return await Array.fromAsync(examineRedis(loaded.config));
}

/** What the doctor does not try: to try `BGREWRITEAOF` would be to do it. */
const untried = ["+ping", "+cluster|slots", "+asking", "+select", "+sunsubscribe", "+bgrewriteaof"];

/** Makes the server's user anew, with the least rights but for some. */
async function permit(redis: TestRedis, ...more: string[]): Promise<void> {
  await redis.call("ACL", "SETUSER", "chat", "reset", "on", ">secret", ...aclRules("test:"), ...more);
}

test(
  "examineRedis() names each command, the keys and the channels that are not permitted, and what permits them",
  async () => {
    await using redis = await startRedis();
    const env = { REDIS_URL: `redis://chat:secret@127.0.0.1:${redis.port}` };
    const look = async () => {
      const [{ subject, state, text, advice }] = await examined(env);
      assert.equal(subject, "rights");
      return [state, text, advice];
    };
    await permit(redis);
    assert.deepEqual(await look(), ["ok", "its user may do all that a server does", undefined]);
    assert.ok((await examined(env)).every(({ state }) => state !== "fail"));
    await permit(redis, "-xadd", "-script|load", "-ssubscribe");
    assert.deepEqual(await look(), [
      "fail",
      "Redis does not permit this user what the server needs: NOPERM for SCRIPT LOAD, SSUBSCRIBE, XADD",
      "ACL SETUSER chat +script|load +ssubscribe +xadd",
    ]);
    await permit(redis, "resetkeys", "resetchannels", "~other:*");
    assert.deepEqual(await look(), [
      "fail",
      "Redis does not permit this user what the server needs: NOPERM for the keys test:*, the channels test:*",
      "ACL SETUSER chat ~test:* &test:*",
    ]);
    await permit(redis, "-info", "-role");
    assert.deepEqual((await look())[0], "warn", "a server goes on without these");
    for (const rule of aclRules("").filter((rule) => rule.startsWith("+"))) {
      if (untried.includes(rule)) continue;
      await permit(redis, rule.replace("+", "-"));
      assert.equal((await look())[2], `ACL SETUSER chat ${rule}`);
    }
  },
  ownRedis,
);

test("examineRedis() looks at the rights on every node of a cluster", async () => {
  await using security = await secured();
  await using cluster = await startCluster({ secured: security });
  await cluster.masters[1].call("ACL", "SETUSER", login.username, "-zadd");
  const findings = await examined({
    REDIS_TLS: "on",
    REDIS_CA_FILE: security.caFile,
    REDIS_USERNAME: login.username,
    REDIS_PASSWORD: login.password,
    REDIS_CLUSTER_NODES: cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(","),
  });
  const rights = findings.filter(({ subject }) => subject.startsWith("rights"));
  assert.deepEqual(rights.map(({ state }) => state).sort(), ["fail", "ok", "ok"]);
  const refused = rights.find(({ state }) => state === "fail")!;
  assert.equal(refused.subject, `rights 127.0.0.1:${cluster.masters[1].tlsPort}`);
  assert.equal(refused.text, "Redis does not permit this user what the server needs: NOPERM for ZADD");
}, ownRedis);
