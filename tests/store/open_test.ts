import assert from "node:assert/strict";
import { join } from "node:path";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { openStore } from "../../lib/store/open.ts";
import { test as declared } from "../support/declare.ts";
import { temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { letIn, login, type Secured, secured, sentinelLogin } from "../support/redis_tls.ts";

function configOf(env: Record<string, string>): Config {
  const loaded = loadConfig({ args: [], env: { REDIS_PREFIX: "test:", ...env } });
  assert.equal(loaded.kind, "config");
  return (loaded as { config: Config }).config;
}

/** Opens the store, and has a message go through it: by a script, the log and a channel. */
async function use(env: Record<string, string>): Promise<void> {
  await using store = await openStore(configOf(env));
  const heard = Promise.withResolvers<string>();
  const subscription = await store.topics.subscribe("room:lobby", (signal) => {
    if (signal.kind === "entry") heard.resolve(signal.entry.text);
  });
  await store.topics.publish("room:lobby", { from: "ann", text: "over TLS" }, undefined);
  assert.equal(await heard.promise, "over TLS");
  await subscription.close();
}

/** Declares a test that is given what a Redis with TLS, a password and an authority of its own is started with. */
function test(name: string, fn: (security: Secured, env: Record<string, string>) => Promise<void>): void {
  const run = async () => {
    await using security = await secured();
    const { username, password } = login;
    await fn(security, { REDIS_CA_FILE: security.caFile, REDIS_USERNAME: username, REDIS_PASSWORD: password });
  };
  declared(name, run, ownRedis);
}

test(
  "openStore() speaks TLS with the Redis of REDIS_URL or REDIS_HOST, as its authority says",
  async (security, env) => {
    await using redis = await startRedis({ tls: true, auth: security.auth, args: security.args });
    await letIn(redis, "test:");
    const port = `${redis.tlsPort}`;
    for (const host of ["127.0.0.1", "localhost"]) {
      await use({ ...env, REDIS_URL: `rediss://${host}:${port}` });
      await use({ ...env, REDIS_URL: `redis://${host}:${port}`, REDIS_TLS: "on" });
      await use({ ...env, REDIS_HOST: host, REDIS_PORT: port, REDIS_TLS: "on" });
    }
    const { REDIS_CA_FILE: _, ...unknown } = env;
    await assert.rejects(
      use({ ...unknown, REDIS_URL: `rediss://localhost:${port}` }),
      /^Error: Cannot use Redis: .*(certificate|issuer)/i,
    );
    await assert.rejects(
      use({ ...unknown, REDIS_HOST: "127.0.0.1", REDIS_PORT: port }),
      /^Error: Cannot use Redis: /,
      "no TLS",
    );
  },
);

test("openStore() speaks TLS with sentinels and the master, each with its own password", async (security, env) => {
  await using servers = await startSentinels({ secured: security });
  await using folder = await temporaryFolder();
  const file = join(folder.path, "password");
  await Deno.writeTextFile(file, `${sentinelLogin.password}\n`);
  const named = {
    ...env,
    REDIS_TLS: "on",
    REDIS_SENTINELS: servers.sentinels.map(({ host, port }) => `${host}:${port}`).join(","),
    REDIS_MASTER_NAME: servers.masterName,
  };
  const user = { REDIS_SENTINEL_USERNAME: sentinelLogin.username };
  await use({ ...named, ...user, REDIS_SENTINEL_PASSWORD: sentinelLogin.password });
  await use({ ...named, ...user, REDIS_SENTINEL_PASSWORD_FILE: file });
  await assert.rejects(use(named), /No sentinel names a master: NOAUTH/);
  await assert.rejects(
    use({ ...named, ...user, REDIS_SENTINEL_PASSWORD: "wrong" }),
    /No sentinel names a master: WRONGPASS/,
  );
});

test("openStore() speaks TLS with every node of a cluster, with its password", async (security, env) => {
  await using cluster = await startCluster({ secured: security });
  const [first] = cluster.nodes;
  const named = { ...env, REDIS_TLS: "on", REDIS_CLUSTER_NODES: `${first.host}:${first.port}` };
  await use(named);
  await assert.rejects(use({ ...named, REDIS_PASSWORD: "wrong" }), /^Error: Cannot use Redis: .*WRONGPASS/);
});

test("openStore() refuses an authority's file that it cannot use, by the option's name", async (_, env) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ca.pem");
  const named = { ...env, REDIS_URL: "rediss://localhost:1", REDIS_CA_FILE: file };
  await assert.rejects(openStore(configOf(named)), /^ConfigError: REDIS_CA_FILE .*ca\.pem cannot be read: /);
  await Deno.writeTextFile(file, "nothing");
  await assert.rejects(
    openStore(configOf(named)),
    /^ConfigError: REDIS_CA_FILE .*ca\.pem holds no certificate in PEM$/,
  );
});
