/**
 * The program: how `server.ts` starts, refuses to start, and stops.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { AdminPort } from "../support/admin_port.ts";
import { connect, JsonClient, TextClient } from "../support/client.ts";
import { every, need } from "../support/needs.ts";
import { processes, runServer, runTask, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { test } from "../support/server.ts";

/** Longer than a stop takes whose clients go when they are told, in milliseconds; the default for the rest is 8 s. */
const promptly = 4_000;

const demo = { DEMO_ACCOUNTS: "on" };

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} tells the clients, releases them and ends the server with 0`, async () => {
    await using folder = await temporaryFolder();
    await using server = await ServerProcess.start(folder.path, demo);
    await using person = await server.login("a");
    await using guest = await TextClient.open(server);
    await using program = await server.jsonLogin("b");
    await person.expect("b joined lobby");
    server.program.signal(signal);
    for (const client of [person, guest]) {
      assert.match(await client.line(), /^\[SYSTEM\] .*stopping/);
      await client.expectEnd();
    }
    const { type, code, retry_after_ms } = await program.event();
    assert.deepEqual([type, code, typeof retry_after_ms], ["system", "server_draining", "number"]);
    await program.expectEnd();
    assert.deepEqual(await server.program.ended(promptly), { code: 0, signal: null, text: "" });
    assert.ok(await server.program.logged("server_stopped"));
  }, processes);
}

test("repeated signals change nothing", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, demo);
  await using person = await server.login("a");
  for (const signal of ["SIGINT", "SIGTERM", "SIGINT", "SIGTERM"] as const) server.program.signal(signal);
  assert.match(await person.line(), /^\[SYSTEM\] .*stopping/);
  server.program.signal("SIGTERM");
  await person.expectEnd();
  assert.equal((await server.program.ended(promptly)).code, 0);
}, processes);

test("a client that does not go holds up a stop no longer than DRAIN_SECONDS", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { DRAIN_SECONDS: "1" });
  using _stays = await connect(server); // reads nothing, and does not close
  await using person = await TextClient.open(server);
  const since = performance.now();
  server.program.signal("SIGTERM");
  await person.line();
  assert.equal((await server.program.ended()).code, 0);
  const took = performance.now() - since;
  assert.ok(took < 3_000, `${took} ms`);
}, processes);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`deno task server ends with 0 on ${signal} to its process group`, async () => {
    await using folder = await temporaryFolder();
    await using server = await ServerProcess.start(folder.path, demo, runTask);
    await using person = await server.login("a");
    server.program.signal(signal);
    assert.match(await person.line(), /^\[SYSTEM\] .*stopping/);
    await person.expectEnd();
    assert.equal((await server.program.ended(promptly)).code, 0);
  }, processes);
}

test("a configuration that is not allowed is one line that names it, and exit code 1", async () => {
  await using folder = await temporaryFolder();
  const cases: [settings: Record<string, string>, flags: string[], line: RegExp][] = [
    [{ SERVER_PORT: "banana" }, [], /^SERVER_PORT is "banana"; allowed: /],
    [{}, ["--drain-seconds=-1"], /^--drain-seconds is "-1"; allowed: /],
    [{}, ["--no-such-flag"], /^Unknown flag "--no-such-flag"/],
    [{ HEARTBEAT_INTERVAL_SECONDS: "10" }, [], /^HEARTBEAT_INTERVAL_SECONDS is 10; allowed: /],
    [{ KEY_FILE: "" }, [], /^CERT_FILE is given without KEY_FILE/],
    [{ REDIS_URL: "redis://127.0.0.1:1" }, [], /^Redis cannot be reached, or does not answer: .*ECONNREFUSED/],
  ];
  await Promise.all(cases.map(async ([settings, flags, line]) => {
    await using program = runServer(folder.path, settings, flags);
    const { code, text } = await program.ended();
    assert.match(program.refusal ?? "", line);
    assert.deepEqual([code, text, program.log.length], [1, "", 1], text);
  }));
}, processes);

test("a start that fails says which name, path or address it was, and what about it", async () => {
  const cases: [settings: Record<string, string>, line: RegExp][] = [
    [{ REDIS_HOST: "no-such-host.invalid" }, /^the name of Redis is not known: .*no-such-host\.invalid/],
    [{ DATA_DIR: import.meta.filename! }, /^the path cannot be used: DATA_DIR .*process_test\.ts cannot be used: /],
    [{ SERVER_HOST: "192.0.2.1" }, /^192\.0\.2\.1 is no address of this machine: /],
    [{ AUDIT_LOG: "/no/such/folder/audit" }, /^The audit log \/no\/such\/folder\/audit cannot be opened: /],
  ];
  for (const [settings, line] of cases) {
    await using folder = await temporaryFolder();
    await using program = runServer(folder.path, settings);
    const { code, text } = await program.ended();
    assert.match(program.refusal ?? "", line);
    assert.deepEqual([code, text], [1, ""]);
  }
}, processes);

test("a start that fails is told in one line of text where the log is for people", async () => {
  await using folder = await temporaryFolder();
  await using program = runServer(folder.path, { LOG_FORMAT: "pretty", SERVER_PORT: "banana" });
  const { code, text } = await program.ended();
  assert.match(text, /^Cannot start: SERVER_PORT is "banana"; allowed: /);
  assert.deepEqual([code, text.split("\n").length], [1, 1]);
}, processes);

test("a start waits for a port that its predecessor still has, and for a Redis that is not up yet", async () => {
  await using folder = await temporaryFolder();
  const patience = { START_PATIENCE_SECONDS: "30", ADMIN_PORT: "0" };
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using program = runServer(folder.path, { ...patience, SERVER_PORT: `${taken.addr.port}` });
  const admin = await AdminPort.of(program);
  const waits = (await program.logged("start_waits"))!.properties as Record<string, unknown>;
  assert.match(String(waits.reason), new RegExp(`^port ${taken.addr.port} is taken by another program: `));
  assert.match((await admin.ask("/readyz")).text, /"check":"start".*is taken by another program/);
  taken.close();
  assert.ok(await program.logged("server_ready"));
  program.signal("SIGTERM");
  assert.equal((await program.ended()).code, 0);

  await using waiting = runServer(folder.path, { ...patience, REDIS_URL: `redis://127.0.0.1:${taken.addr.port}` });
  assert.match(
    String(((await waiting.logged("start_waits"))!.properties as Record<string, unknown>).reason),
    /^Redis /,
  );
  waiting.signal("SIGTERM"); // a start that waits can be stopped
  assert.deepEqual(await waiting.ended(promptly), { code: 0, signal: null, text: "" });
}, processes);

test("a start does not wait for what waiting does not mend", async () => {
  await using folder = await temporaryFolder();
  await using redis = await startRedis();
  await redis.call("CONFIG", "SET", "requirepass", "right");
  const settings = { START_PATIENCE_SECONDS: "600", REDIS_URL: redis.url };
  for (const password of ["", "wrong"]) {
    await using program = runServer(folder.path, { ...settings, REDIS_PASSWORD: password });
    assert.equal((await program.ended()).code, 1);
    assert.match(program.refusal ?? "", /^Redis refuses the user or the password: .*(NOAUTH|WRONGPASS)/);
  }
  await using damaged = await temporaryFolder();
  await Deno.mkdir(join(damaged.path, "data"));
  await Deno.writeTextFile(join(damaged.path, "data", "chat.db"), "this is no database. ".repeat(1_000));
  await using program = runServer(damaged.path, { START_PATIENCE_SECONDS: "600" });
  assert.equal((await program.ended()).code, 1);
  assert.match(program.refusal ?? "", /^the database file is damaged: .*chat\.db.*not a database/);
}, every(processes, ownRedis));

test("a .env file is read as any editor saves it, and a misspelt name in it is named", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, ".env");
  const text = "\ufeffMAX_INBOX=banana\r\n";
  const utf16 = new Uint8Array(new Uint16Array([...text].map((char) => char.charCodeAt(0))).buffer);
  for (const bytes of [new TextEncoder().encode(text), utf16]) {
    await Deno.writeFile(path, bytes);
    await using program = runServer(folder.path);
    await program.ended();
    assert.match(program.refusal ?? "", /MAX_INBOX in \.env is .?"banana.?"/);
  }
  await Deno.writeTextFile(path, "SEVER_HOST=127.0.0.1\n");
  await using server = await ServerProcess.start(folder.path);
  assert.deepEqual((await server.program.logged("config_misspelt"))?.properties, {
    ...{ name: "SEVER_HOST", meant: "SERVER_HOST", file: ".env" },
  });
}, processes);

test("a port that is taken is one line and exit code 1", async () => {
  await using folder = await temporaryFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using program = runServer(folder.path, { SERVER_PORT: `${taken.addr.port}` });
  const { code, text } = await program.ended();
  assert.match(program.refusal ?? "", new RegExp(`^port ${taken.addr.port} is taken by another program: .*in use`));
  assert.deepEqual([code, text, program.log.length], [1, "", 1], text);
}, processes);

test("a second server on the same DATA_DIR is refused, and the first goes on", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, demo);
  for (const lock of ["there", "deleted"]) {
    if (lock === "deleted") await Deno.remove(join(folder.path, "data", "chat.db-lock"));
    await using second = runServer(folder.path);
    const { code, text } = await second.ended();
    const refused = /^another process has the database file: .*another process has it; .*REDIS_URL/;
    assert.match(second.refusal ?? "", refused, `the lock's file is ${lock}`);
    assert.deepEqual([code, text], [1, ""]);
  }
  await using person = await server.login("a");
  assert.equal(await person.ask("/users"), "Users online: a");
}, processes);

test("the first start makes the certificate, and says where it lies and which it is", async () => {
  await using folder = await temporaryFolder();
  await using first = runServer(folder.path);
  const made = await first.logged("certificate_made");
  const { files, fingerprint } = made!.properties as { files: string[]; fingerprint: string };
  assert.deepEqual(files, ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder.path, "certs", name)));
  assert.match(fingerprint, /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/);
  assert.equal((await Deno.stat(join(folder.path, "certs", "key.pem"))).mode! & 0o777, 0o600);
  assert.ok(await first.logged("server_ready"));
  first.signal("SIGTERM");
  assert.equal((await first.ended()).code, 0);
  await using again = await ServerProcess.start(folder.path);
  const loaded = await again.program.logged("certificate_loaded");
  assert.equal((loaded!.properties as { fingerprint: string }).fingerprint, fingerprint);
}, processes);

const openssl = processes.ignored ? need() : need(
  await new Deno.Command("openssl", { args: ["version"] }).output().then(
    () => undefined,
    () => "openssl is not installed",
  ),
);

test("openssl s_client verifies the certificate, is greeted, and chats", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, demo);
  await using json = await JsonClient.login(server, "b");
  const s_client = ["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"];
  const args = [...s_client, "-CAfile", server.caFile, "-connect", `localhost:${server.port}`];
  const child = new Deno.Command("openssl", { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("LOGIN a 1\nhello\n/who\n/quit\n"));
  const { code, stdout } = await child.output();
  await writer.close().catch(() => {});
  assert.deepEqual(new TextDecoder().decode(stdout).split("\n"), [
    "[SERVER] Login using: LOGIN <username> <password>",
    "[SERVER] New here: REGISTER <username> <password>; /help lists the commands",
    "Login successful. Room: lobby",
    "a: hello",
    "Members of lobby: a, b",
    "Goodbye",
    "",
  ]);
  assert.equal(code, 0);
  assert.deepEqual((await json.events(3)).map(({ type }) => type), ["presence", "message", "presence"]);
}, every(processes, openssl));
