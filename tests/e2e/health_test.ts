/**
 * The admin port of the program: health and metrics, alone and with workers.
 */

import assert from "node:assert/strict";
import { AdminPort } from "../support/admin_port.ts";
import { connect, JsonClient, TextClient } from "../support/client.ts";
import { every, need, permitted } from "../support/needs.ts";
import { processes, runServer, ServerProcess, temporaryFolder } from "../support/process.ts";
import { promtool, promtoolThere } from "../support/prometheus.ts";
import { ownRedis, sharedRedis, startRedis } from "../support/redis.ts";
import { test } from "../support/server.ts";
import { until } from "../support/turns.ts";

const workers = every(processes, sharedRedis, await permitted("ffi", "sys"));

const settings = { ADMIN_PORT: "0", DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };

test("/livez and /readyz are green where all is well, and nothing else is to be had", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, settings);
  const admin = await AdminPort.of(server.program);
  assert.deepEqual(await admin.ask("/livez"), { status: 200, text: '{"live":true}\n' });
  await until("it is ready", async () => (await admin.unready()).length === 0);
  assert.deepEqual(await admin.ask("/readyz"), { status: 200, text: '{"ready":true}\n' });
  assert.equal((await admin.ask("/readyz", "HEAD")).status, 200);
  assert.equal((await admin.ask("/")).status, 404);
  assert.equal((await admin.ask("/metrics", "POST")).status, 405);
  assert.equal((await server.stop()).code, 0);
}, processes);

test("/readyz is red while the server drains, and /livez is not", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { ...settings, DRAIN_SECONDS: "3" });
  const admin = await AdminPort.of(server.program);
  using _stays = await connect(server); // reads nothing, and does not close
  await using person = await TextClient.open(server);
  server.program.signal("SIGTERM");
  await person.line();
  assert.deepEqual(await admin.unready(), ["drain"]);
  assert.equal((await admin.ask("/livez")).status, 200);
  assert.equal(await admin.metric("chat_ready", { check: "drain" }), 0);
  assert.equal((await server.program.ended()).code, 0);
}, processes);

test("/readyz turns red when Redis goes and the lease has run out, and green when it is back", async () => {
  await using folder = await temporaryFolder();
  await using redis = await startRedis({ appendonly: true });
  await using server = await ServerProcess.start(folder.path, {
    ...settings,
    REDIS_URL: redis.url,
    STORE_TIMEOUT_MS: "500",
    ACTIVE_TTL_SECONDS: "1",
    HEARTBEAT_INTERVAL_SECONDS: "0.2",
  });
  const admin = await AdminPort.of(server.program);
  assert.deepEqual(await admin.unready(), []);
  await redis.kill("SIGKILL");
  await until("it is red", async () => (await admin.unready()).includes("store"));
  await until("the lease is over", async () => (await admin.unready()).includes("lease"));
  assert.equal(await admin.metric("chat_ready", { check: "store" }), 0);
  assert.equal((await admin.ask("/livez")).status, 200);
  await redis.restart();
  await until("it is green", async () => (await admin.unready()).length === 0);
  await until("its return is counted", async () => await admin.metric("chat_store_returns_total") > 0);
  assert.ok(await admin.metric("chat_store_errors_total") > 0);
  await redis.kill("SIGSTOP");
  await until("a Redis that hangs makes it red too", async () => (await admin.unready()).includes("store"));
  await redis.kill("SIGCONT");
  await until("it is green again", async () => (await admin.unready()).length === 0);
}, every(processes, ownRedis));

test("/metrics counts what clients do, and promtool has nothing to say against it", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, settings);
  const admin = await AdminPort.of(server.program);
  await using stranger = await TextClient.open(server);
  assert.match(await stranger.ask("LOGIN a wrong"), /invalid_credentials/);
  await using a = await server.login("a");
  await using b = await server.jsonLogin("b");
  await a.expect("b joined lobby");
  for (const text of ["one", "two"]) {
    await a.send(text);
    await a.expect(`a: ${text}`);
    assert.equal((await b.event()).text, text);
  }
  await b.refused("join", { room: "?" }, "invalid_room");
  const counted = async (name: string, labels: Record<string, string> = {}) => await admin.metric(name, labels);
  assert.equal(await counted("chat_messages_published_total", { kind: "room", outcome: "published" }), 2);
  assert.equal(await counted("chat_deliveries_total", { source: "live" }), 5); // two messages for two, and one joined
  assert.equal(await counted("chat_commands_total", { command: "say", outcome: "ok" }), 2);
  assert.equal(await counted("chat_commands_total", { command: "join", outcome: "invalid_room" }), 1);
  assert.equal(await counted("chat_command_duration_seconds_count", { command: "say" }), 2);
  assert.equal(await counted("chat_logins_total", { method: "login", outcome: "ok" }), 2);
  assert.equal(await counted("chat_logins_total", { outcome: "invalid_credentials" }), 1);
  assert.equal(await counted("chat_connections", { state: "member" }), 2);
  assert.equal(await counted("chat_connections", { format: "text", state: "guest" }), 1);
  assert.equal(await counted("chat_sessions"), 2);
  assert.equal(await counted("chat_delivery_latency_seconds_count"), 2);
  assert.ok(await counted("chat_store_operation_duration_seconds_count", { operation: "publish" }) >= 2);
  assert.ok(await counted("chat_password_hash_duration_seconds_count") >= 3);
  assert.ok(await counted("chat_received_bytes_total") > 50);
  assert.ok(await counted("chat_sent_bytes_total") > 500);
  assert.ok(await counted("chat_certificate_not_after_timestamp_seconds") > Date.now() / 1000);
  assert.ok(await counted("process_resident_memory_bytes") > 10_000_000);
  assert.ok(await counted("process_cpu_seconds_total") > 0);
  assert.ok(await counted("chat_event_loop_delay_seconds_count", { worker: "1" }) > 0);
  if (Deno.build.os === "linux") {
    const [open, most] = [await counted("process_open_fds"), await counted("process_max_fds")];
    assert.ok(open > 5 && most >= open, `${open} of ${most}`);
  }
  await promtool(["check", "metrics"], (await admin.ask("/metrics")).text);
}, every(processes, promtoolThere));

test("/metrics counts resumes and what they brought", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, settings);
  const admin = await AdminPort.of(server.program);
  await using a = await server.login("a");
  let token: string;
  {
    await using b = await server.jsonLogin("b");
    token = b.session.resume;
    await a.expect("b joined lobby");
  }
  await until("it is noticed", async () => await admin.metric("chat_connections", { format: "json" }) === 0);
  for (const text of ["one", "two", "three"]) {
    await a.send(text);
    await a.expect(`a: ${text}`);
  }
  await using again = await JsonClient.open(server);
  await again.ok("resume", { token });
  for (const text of ["one", "two", "three"]) assert.equal((await again.event()).text, text);
  assert.equal(await admin.metric("chat_logins_total", { method: "resume", outcome: "ok" }), 1);
  assert.equal(await admin.metric("chat_resume_missed_messages_total"), 3);
  assert.equal(await admin.metric("chat_deliveries_total", { source: "replay" }), 3);
}, processes);

test("workers share one admin port: ready when all are, and counted together", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  await using server = await ServerProcess.start(folder.path, {
    ...settings,
    WORKERS: "2",
    REDIS_URL: place.url,
    REDIS_PREFIX: place.prefix,
  });
  const admin = await AdminPort.of(server.program);
  assert.deepEqual(await admin.unready(), []);
  const people = await Promise.all([..."abcdefgh"].map((user) => server.login(user)));
  assert.equal(await admin.metric("chat_connections", { state: "member" }), 8);
  assert.equal(await admin.metric("chat_logins_total", { outcome: "ok" }), 8);
  assert.equal(await admin.metric("chat_worker_up"), 2);
  assert.equal(await admin.metric("chat_ready", { worker: "2" }), 5);
  assert.equal(await admin.metric("chat_build_info"), 1);
  for (const person of people) await person[Symbol.asyncDispose]();
  server.program.signal("SIGTERM");
  assert.equal((await server.program.ended()).code, 0);
}, workers);

test("ADMIN_PORT: one that is taken stops the start, off opens none", async () => {
  await using folder = await temporaryFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using program = runServer(folder.path, { ADMIN_PORT: `${taken.addr.port}` });
  assert.equal((await program.ended()).code, 1);
  assert.match(program.refusal ?? "", new RegExp(`^port ${taken.addr.port} is taken by another program: .*in use`));
  await using server = await ServerProcess.start(folder.path, { ADMIN_PORT: "off" });
  assert.equal((await server.stop()).code, 0);
  assert.equal(await server.program.logged("admin_ready"), undefined);
}, processes);

const bash = await permitted("run", "read");

/** Runs the container's check beside a server. */
async function healthcheck(env: Record<string, string>): Promise<{ code: number; text: string }> {
  const script = new URL("../../scripts/healthcheck.sh", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command("bash", { args: [script], env }).output();
  return { code, text: new TextDecoder().decode(stderr) };
}

test(
  "the container's check is green on a full server, takes nobody's place, and is red where nothing runs",
  async () => {
    await using folder = await temporaryFolder();
    await using server = await ServerProcess.start(folder.path, { ...settings, MAX_CONNECTIONS: "2" });
    const admin = await AdminPort.of(server.program);
    await using _a = await server.login("a");
    await using _b = await server.login("b");
    const env = { ADMIN_PORT: `${admin.port}`, ADMIN_HOST: "0.0.0.0" };
    for (let i = 0; i < 5; i++) assert.deepEqual(await healthcheck(env), { code: 0, text: "" });
    assert.equal(await admin.metric("chat_connections_refused_total"), 0);
    assert.deepEqual(await healthcheck({ ADMIN_PORT: "off", SERVER_PORT: `${server.port}` }), { code: 0, text: "" });
    assert.equal((await server.stop()).code, 0);
    assert.equal((await healthcheck(env)).code, 1);
  },
  every(processes, bash, need(Deno.build.os === "windows" ? "bash is not everywhere" : undefined)),
);
