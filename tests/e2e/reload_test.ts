/**
 * What changes while the server runs: its certificate, its configuration, its audit log's file.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { Readable } from "node:stream";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { connect, type Endpoint, eventually, TextClient, within } from "../support/client.ts";
import { every, need, permitted } from "../support/needs.ts";
import { type LogLine, processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";

const linux = need(Deno.build.os === "linux" ? undefined : "two sockets share a port on Linux only");
const kernel = every(await permitted("ffi", "run"), linux);
const program = join(import.meta.dirname!, "..", "support", "listener_process.ts");
const names = ["localhost", "127.0.0.1"];
const demo = { DEMO_ACCOUNTS: "on" };

/** Whether who connects now is shown a certificate of this authority. */
async function shows({ port }: Pick<Endpoint, "port">, ca: string): Promise<boolean> {
  try {
    (await connect({ port, ca })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return false;
    throw error;
  }
}

/** How many sockets there are with that port at either end; other tests of the same process have sockets too. */
async function sockets(port: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: ["/proc/net/tcp"] }).output();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = new TextDecoder().decode(stdout).trim().split("\n").map((row) => row.trim().split(/\s+/));
  // A row without an inode is a connection that the kernel remembers and nobody has.
  return rows.filter(([, local, remote, , , , , , , inode]) =>
    inode !== "0" && (local.endsWith(suffix) || remote.endsWith(suffix))
  ).length;
}

/** Puts a pair in the place of a server's own, one file after the other. */
async function replace(folder: string, pair: { cert: string; key: string }): Promise<void> {
  await Deno.writeTextFile(join(folder, "certs", "key.pem"), pair.key);
  await Deno.writeTextFile(join(folder, "certs", "cert.pem"), pair.cert);
}

/** The properties of a line of a server's log that is to come. */
async function logged(server: ServerProcess, event: string): Promise<LogLine["properties"]> {
  const line = await server.program.logged(event);
  assert.ok(line, `no ${event}`);
  return line.properties;
}

/** A certificate's and its key's file. */
interface Files {
  readonly cert: string;
  readonly key: string;
}

/** The listener of tests/support/listener_process.ts. */
class ListenerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #answers: Interface;
  readonly #lines: AsyncIterator<string>;
  port = 0;

  private constructor(args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-net=127.0.0.1", "--allow-read", "--allow-ffi", program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#answers = createInterface({ input: Readable.fromWeb(this.#child.stdout as never) });
    this.#lines = this.#answers[Symbol.asyncIterator]();
  }

  static async open(certificate: Files, lingerMs: number): Promise<ListenerProcess> {
    const listener = new ListenerProcess([certificate.cert, certificate.key, String(lingerMs)]);
    listener.port = Number(await listener.#answer());
    return listener;
  }

  async renew({ cert, key }: Files): Promise<string> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`renew ${cert} ${key}\n`));
    writer.releaseLock();
    return await this.#answer();
  }

  async #answer(): Promise<string> {
    return (await within(this.#lines.next(), () => "the listener's answer")).value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    const { code } = await this.#child.status;
    this.#answers.close();
    assert.equal(code, 0);
  }
}

test("Listener.renew() drops and refuses nobody, and 60 certificates later no socket is left over", async () => {
  await using folder = await temporaryFolder();
  const pairs = await Promise.all(["first", "second"].map(async (name) => {
    const pair = await makeCertificates({ names });
    const files = { cert: join(folder.path, `${name}.pem`), key: join(folder.path, `${name}.key`) };
    await Deno.writeTextFile(files.cert, pair.cert);
    await Deno.writeTextFile(files.key, pair.key);
    return { ...files, ca: pair.ca };
  }));
  await using listener = await ListenerProcess.open(pairs[0], 20);
  const { port } = listener;
  const echo = async (conn: Deno.TlsConn) => {
    await conn.write(new Uint8Array([7]));
    assert.equal(await conn.read(new Uint8Array(16)), 1);
  };
  const ca = pairs.map(({ ca }) => ca).join("");
  using stays = await connect({ port, ca });
  await listener.renew(pairs[1]);
  await eventually(async () => await sockets(port) === 3, "the former listener is closed");

  let renewing = true;
  let connected = 0;
  const coming = Array.from({ length: 4 }, async () => {
    while (renewing) {
      const conn = await connect({ port, ca }); // a connection that is refused or reset fails the test
      await echo(conn);
      conn.close();
      connected++;
    }
  });
  const all = Promise.all(coming);
  all.catch(() => {}); // awaited below
  try {
    for (let swap = 0; swap < 60; swap++) {
      assert.equal(await listener.renew(pairs[swap % 2]), "renewed");
      if (swap % 10 === 0) assert.ok(await shows({ port }, pairs[swap % 2].ca), `swap ${swap}`);
    }
  } finally {
    renewing = false;
    await Promise.allSettled(coming);
  }
  await all;
  assert.ok(connected > 60, `only ${connected} connections`);
  await echo(stays);
  await eventually(async () => await sockets(port) === 3, "one listener and both ends of one connection are left");

  assert.equal(await listener.renew({ cert: pairs[0].cert, key: pairs[1].key }), "refused");
  assert.ok(await shows({ port }, pairs[1].ca));
}, every(processes, kernel));

for (const [workers, needs] of [["1", processes], ["2", every(processes, sharedRedis, linux)]] as const) {
  test(`a replaced certificate is used within a second, also by WORKERS=${workers}`, async () => {
    await using place = workers === "1" ? undefined : sharedRedis.place();
    const redis: Settings = place ? { REDIS_URL: place.url, REDIS_PREFIX: place.prefix, WORKERS: workers } : {};
    await using folder = await temporaryFolder();
    await using server = await ServerProcess.start(folder.path, { ...demo, ...redis });
    await using person = await server.login("a");
    const next = await makeCertificates({ names });
    await replace(folder.path, next);
    const since = performance.now();
    await eventually(() => shows(server, next.ca), "the new certificate is shown");
    const took = performance.now() - since;
    assert.ok(took < 1_000, `${took} ms`);
    for (let attempt = 0; attempt < 20; attempt++) assert.ok(await shows(server, next.ca));
    assert.equal(await person.ask("still here"), "a: still here");

    const foreign = await makeCertificates({ names });
    await replace(folder.path, { cert: foreign.cert, key: next.key });
    const { reason } = await logged(server, "certificate_refused") as { reason: string };
    assert.match(reason, /key\.pem is not the private key of .*cert\.pem/);
    assert.ok(await shows(server, next.ca));
    await replace(folder.path, foreign);
    await eventually(() => shows(server, foreign.ca), "the whole pair is shown");
    assert.equal(await person.ask("still here"), "a: still here");
    assert.equal((await server.stop()).code, 0);
  }, needs);
}

for (const [workers, needs] of [["1", processes], ["2", every(processes, sharedRedis)]] as const) {
  test(`SIGHUP takes what may change, and names what waits for a restart, with WORKERS=${workers}`, async () => {
    await using place = workers === "1" ? undefined : sharedRedis.place();
    const redis: Settings = place ? { REDIS_URL: place.url, REDIS_PREFIX: place.prefix, WORKERS: workers } : {};
    await using folder = await temporaryFolder();
    const dotenv = join(folder.path, ".env");
    await Deno.writeTextFile(dotenv, "LOG_LEVEL=info\nROOMS=lobby\n");
    await using server = await ServerProcess.start(folder.path, { ...demo, ...redis });
    await using person = await server.login("a");
    assert.equal(await person.ask("/rooms"), "Available rooms: lobby(1)");

    await Deno.writeTextFile(dotenv, "LOG_LEVEL=debug\nROOMS=ops\nMAX_MESSAGE_BYTES=10\nHISTORY_MAX_AGE=1d\n");
    server.program.signal("SIGHUP");
    const { taken } = await logged(server, "config_reloaded") as { taken: string[] };
    assert.deepEqual(taken.toSorted(), ["LOG_LEVEL", "MAX_MESSAGE_BYTES", "ROOMS"]);
    await eventually(
      async () => await person.ask("/rooms") === "Available rooms: lobby(1), ops(0)",
      "the new room is listed",
    );
    assert.match(await person.ask("longer than ten bytes"), /^\[ERROR\] message_too_long: /);
    const { options } = await logged(server, "config_needs_restart") as { options: string[] };
    assert.deepEqual(options, ["HISTORY_MAX_AGE"]);
    await using _guest = await TextClient.open(server);
    await logged(server, "client_connected"); // a line of the level debug

    await Deno.writeTextFile(dotenv, "ROOMS=not a room\n");
    server.program.signal("SIGHUP");
    const { reason } = await logged(server, "config_refused") as { reason: string };
    assert.match(reason, /^ROOMS in \.env is "not a room"; allowed: /);
    assert.equal(await person.ask("/rooms"), "Available rooms: lobby(1), ops(0)");
  }, needs);
}

/** The records of an audit log. */
async function records(path: string): Promise<Record<string, unknown>[]> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

test(
  "AUDIT_LOG holds logins, failed ones too, and new passwords, for its owner alone, and survives its rotation",
  async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "audit.jsonl");
    await using server = await ServerProcess.start(folder.path, { ...demo, AUDIT_LOG: path });
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    await using person = await TextClient.open(server);
    assert.match(await person.ask("LOGIN a wrong horse"), /invalid_credentials/);
    assert.equal(await person.ask("LOGIN a 1"), "Login successful. Room: lobby");
    assert.equal(await person.ask('/passwd 1 "battery staple"'), "Password changed");
    await using program = await server.jsonLogin("b");
    await person.expect("b joined lobby");
    const brief = (record: Record<string, unknown>) => [record.event, record.outcome, record.user].join(" ");
    const first = await records(path);
    assert.deepEqual(first.map(brief), ["login invalid_credentials a", "login ok a", "passwd ok a", "login ok b"]);
    for (const { time, address, connection, server } of first) {
      assert.ok(Math.abs(Date.now() - Date.parse(String(time))) < 60_000);
      assert.deepEqual([address, server, typeof connection], ["127.0.0.1", "server1", "string"]);
    }
    assert.equal(new Set(first.slice(0, 3).map(({ connection }) => connection)).size, 1);

    await Deno.rename(path, `${path}.1`);
    server.program.signal("SIGHUP");
    await logged(server, "config_reloaded");
    await using back = await server.json();
    assert.equal((await back.ok("resume", { token: program.session.resume })).user, "b");
    const key = { public: "A".repeat(43) };
    await back.ok("key", key);
    await back.ok("unkey", key);
    await back.refused("kick", { user: "a", reason: "spam" }, "forbidden");
    const second = await records(path);
    assert.deepEqual(second.map(brief), ["resume ok b", "key ok b", "unkey ok b", "kick forbidden b"]);
    assert.deepEqual(second.slice(1, 3).map((record) => record.public), [key.public, key.public], "which key it was");
    const { target, room, reason } = second[3];
    assert.deepEqual({ target, room, reason }, { target: "a", room: "lobby", reason: "spam" });
    assert.deepEqual(await records(`${path}.1`), first);
  },
  processes,
);

test(
  "the logs of a session hold its connection's id from its coming to its end, and nothing that is secret",
  async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "audit.jsonl");
    await using server = await ServerProcess.start(folder.path, { ...demo, LOG_LEVEL: "debug", AUDIT_LOG: path });
    const secrets = [
      "horsebattery1",
      "staplecorrect2",
      "sesame3sesame",
      "said4aloud",
      "whispered5",
      "published6",
      "cid7",
    ];
    await using person = await TextClient.open(server);
    await person.ask(`LOGIN nobody ${secrets[0]}`);
    await person.ask(`REGISTER eve ${secrets[1]}`);
    await person.until("Login successful. Room: lobby");
    await person.ask(secrets[3]);
    await person.ask(`/msg a ${secrets[4]}`);
    await person.ask(`/publish ${secrets[5]}`);
    await person.ask(`/passwd ${secrets[1]} ${secrets[2]}`);
    await person.ask(`LOGIN eve ${secrets[2]}`);
    await person.ask("/quit");
    await person.expectEnd();
    await using program = await server.jsonLogin("a");
    await program.ok("say", { text: secrets[3], cid: secrets[6] });
    await program.refused("passwd", { old: secrets[0], new: secrets[1] }, "invalid_credentials");
    program.drop();
    await using back = await server.json();
    await back.ok("resume", { token: program.session.resume });
    await back.refused("login", { user: "a", password: secrets[0] }, "already_authenticated");
    await back.request("nonsense", { text: secrets[3] });
    secrets.push(program.session.resume, program.session.resume.split(".").at(-1));
    assert.equal((await server.stop()).code, 0);

    const lines = server.program.log;
    const written = [...lines.map((line) => JSON.stringify(line)), server.program.text, await Deno.readTextFile(path)];
    for (const line of written) for (const secret of secrets) assert.ok(!line.includes(secret), line);
    const told = lines.filter(({ properties }) => (properties as Record<string, unknown>).connection !== undefined);
    const stories = Map.groupBy(told, ({ properties }) => (properties as Record<string, unknown>).connection);
    const story = (of: Iterable<LogLine>) =>
      [...of].map(({ message, properties }) => {
        const { outcome, reason } = properties as Record<string, unknown>;
        return [message, outcome ?? reason].filter((word) => word !== undefined).join(" ");
      });
    assert.deepEqual([...stories.values()].map(story), [
      [
        "client_connected",
        "login invalid_credentials",
        "register ok",
        "passwd ok",
        "client_closed quit",
      ],
      ["client_connected", "login ok", "passwd invalid_credentials", "client_closed closed_by_client"],
      ["client_connected", "resume ok", "client_closed server_draining"],
    ]);
  },
  processes,
);
