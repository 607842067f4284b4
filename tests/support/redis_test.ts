import assert from "node:assert/strict";
import { ownRedis, sharedRedis, startRedis } from "./redis.ts";
import { ask, RespError } from "./resp.ts";

const sanitize = { sanitizeOps: true, sanitizeResources: true };

/** A test that needs a Redis which it may kill. */
function own(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: ownRedis.named(name), ignore: ownRedis.ignored, fn, ...sanitize });
}

own("startRedis() gives a server that answers, and takes it and its folder away", async () => {
  let dir: string, port: number;
  {
    await using redis = await startRedis();
    assert.equal(await redis.call("PING"), "PONG");
    [, dir] = await redis.call("CONFIG", "GET", "dir") as [string, string];
    assert.ok((await Deno.stat(dir)).isDirectory);
    ({ port } = redis);
    assert.equal(redis.url, `redis://127.0.0.1:${port}`);
  }
  await assert.rejects(Deno.stat(dir), Deno.errors.NotFound);
  await assert.rejects(ask({ hostname: "127.0.0.1", port }, ["PING"]), Deno.errors.ConnectionRefused);
});

own("TestRedis.restart() after SIGKILL keeps port and, with appendonly, data", async () => {
  await using redis = await startRedis({ appendonly: true });
  const { port, pid } = redis;
  await redis.call("SET", "key", "välue\r\n");
  await redis.kill("SIGKILL");
  await assert.rejects(redis.call("PING"), Deno.errors.ConnectionRefused);
  await redis.restart();
  assert.equal(await redis.call("GET", "key"), "välue\r\n");
  assert.equal(redis.port, port);
  assert.notEqual(redis.pid, pid);
});

own("TestRedis.restart() of a running server without appendonly loses its data", async () => {
  await using redis = await startRedis();
  await redis.call("SET", "key", "value");
  await redis.restart();
  assert.equal(await redis.call("GET", "key"), null);
});

own("TestRedis.kill() with SIGSTOP makes it silent until SIGCONT", async () => {
  await using redis = await startRedis();
  await redis.kill("SIGSTOP");
  await assert.rejects(
    ask({ hostname: "127.0.0.1", port: redis.port }, ["PING"], { timeoutMs: 50 }),
    Deno.errors.TimedOut,
  );
  await redis.kill("SIGCONT");
  assert.equal(await redis.call("PING"), "PONG");
});

own("startRedis() with arguments that Redis refuses says what Redis logged", async () => {
  await assert.rejects(startRedis({ args: ["--no-such-option", "1"] }), /ended at once/);
});

own("TestRedis.call() of an unknown command throws what Redis says", async () => {
  await using redis = await startRedis();
  await assert.rejects(redis.call("NONSENSE"), RespError);
});

Deno.test({
  name: sharedRedis.named("SharedRedis.place() gives each caller a prefix of its own and clears it afterwards"),
  ignore: sharedRedis.ignored,
  fn: async () => {
    const address = () => ({ hostname: "127.0.0.1", port: Number(new URL(one.url).port) });
    await using one = sharedRedis.place();
    {
      await using other = sharedRedis.place();
      assert.equal(other.url, one.url);
      assert.notEqual(other.prefix, one.prefix);
      await ask(address(), ["SET", `${one.prefix}key`, "kept"]);
      await ask(address(), ["SET", `${other.prefix}key`, "goes"]);
      await ask(address(), ["LPUSH", `${other.prefix}{list}`, "goes", "too"]);
      assert.deepEqual(await ask(address(), ["LRANGE", `${other.prefix}{list}`, "0", "-1"]), ["too", "goes"]);
    }
    assert.equal(await ask(address(), ["GET", `${one.prefix}key`]), "kept");
    assert.deepEqual(await ask(address(), ["KEYS", `${one.prefix}*`]), [`${one.prefix}key`]);
  },
  ...sanitize,
});
