/** The loop over a client's lines, with a socket in memory and commands of the test's own. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { Metrics } from "../../../lib/observability/metrics.ts";
import { Connection } from "../../../lib/server/connection/connection.ts";
import { ConnectionLog } from "../../../lib/server/connection/connection_log.ts";
import type { ClientSocket, ConnectionHost } from "../../../lib/server/connection/host.ts";
import { CommandMeter } from "../../../lib/server/metering/command_meter.ts";
import { type CommandSpec, defineCommand, type Outcome, type Services } from "../../../lib/server/registry/command.ts";
import { Registry } from "../../../lib/server/registry/registry.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import type { Reply } from "../../../lib/wire/event.ts";
import { test } from "../../support/declare.ts";
import { microturns } from "../../support/streams.ts";
import { turn } from "../../support/turns.ts";

/** A socket whose peer is the test. */
class FakeSocket implements ClientSocket {
  readonly #incoming: (Uint8Array | Error | null)[] = [];
  #awaited: (() => void) | undefined;
  #text = "";
  closed = false;
  halfClosed = false;
  /** Set, nothing that is written is taken. */
  stuck = false;

  /** What the connection has written, as lines. */
  get lines(): string[] {
    return this.#text.split("\n").slice(0, -1);
  }

  /** The peer says something, or breaks the connection, or closes it. */
  give(what: string | Uint8Array | Error | null): void {
    this.#incoming.push(typeof what === "string" ? new TextEncoder().encode(what) : what);
    this.#awaited?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#incoming.length === 0) {
      if (this.closed) throw new Error("closed here");
      await new Promise<void>((resolve) => this.#awaited = resolve);
    }
    const next = this.#incoming.shift()!;
    if (next === null) return null;
    if (next instanceof Error) throw next;
    const bytes = next.subarray(0, into.length);
    if (bytes.length < next.length) this.#incoming.unshift(next.subarray(bytes.length));
    into.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.stuck) return new Promise(() => {});
    this.#text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    this.halfClosed = true;
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#awaited?.();
  }
}

/** One connection, and what a test does to it. */
interface Scene {
  readonly socket: FakeSocket;
  readonly connection: Connection;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  /** What the logs were told. */
  readonly logged: unknown[][];
  /** Who was dropped with the connection. */
  readonly dropped: UserSession[];
  /** Turns the clock on, in milliseconds. */
  pass(ms: number): void;
  /** Lets all happen that can, and tells what was written since it was asked last. */
  told(): Promise<string[]>;
}

const member = { user: "a", side: false, topics: { catchUp: () => {} } } as unknown as UserSession;

/** A reply of any kind: its text is its name. */
function reply(of: string): Reply {
  return { of: "whoami", user: of, room: null, server: "s" } as Reply;
}

/** A command that does what the test says. */
function command(name: string, run: () => Outcome | Promise<Outcome>, pipelined?: true): CommandSpec {
  return defineCommand({ name, who: "anyone", help: "do as the test says", run, ...(pipelined ? { pipelined } : {}) });
}

function connect(...commands: CommandSpec[]): Scene {
  const socket = new FakeSocket();
  const logged: unknown[][] = [];
  const dropped: UserSession[] = [];
  let now = 0;
  const metrics = new Metrics();
  const sessions = { drop: (session: UserSession) => Promise.resolve(void dropped.push(session)) };
  class Log extends ConnectionLog {
    override failed(...told: unknown[]): void {
      logged.push(["failed", ...told]);
    }
    override closed(...told: unknown[]): void {
      logged.push(["closed", ...told]);
    }
  }
  const all = [
    command("first", () => ({ reply: reply("first") })),
    command("second", () => ({ reply: reply("second") })),
    command("enter", () => ({ reply: reply("entered"), session: member })),
    command("json", () => ({ reply: reply("json"), format: "json" })),
    command("bye", () => ({ reply: reply("bye"), close: true })),
    ...commands,
  ];
  const host: ConnectionHost = {
    services: { sessions } as unknown as Services,
    registry: new Registry(all, { maxMessageBytes: 4096 }),
    turns: microturns,
    meter: {
      received: metrics.counter("chat_received_bytes_total"),
      slow: metrics.counter("chat_slow_consumers_total"),
      commands: new CommandMeter(metrics, all.map(({ name }) => name)),
    },
    config: { maxLineBytes: 256, maxQueueBytes: 1_000, idleTimeoutSeconds: 60 },
    pace: () => undefined,
    now: () => now,
    abandon: (conn) => conn.close(),
    log: (connection, address) => new Log("s", connection, address, undefined, () => now),
  };
  const connection = new Connection(socket, "c-1", "127.0.0.1", host);
  const over = connection.run();
  let seen = 0;
  const told = async () => {
    for (let turns = 0; turns < 10; turns++) await turn();
    const { lines } = socket;
    return lines.slice(seen, seen = lines.length);
  };
  return { socket, connection, over, logged, dropped, pass: (ms) => now += ms, told };
}

/** The answer as text, for a command that replies with its own name. */
const answered = (...names: string[]) => names.map((name) => `${name} (side connection) on s`);

async function ended({ socket, over }: Scene): Promise<void> {
  socket.give(null);
  await over;
}

test("Connection.run() greets, and answers requests in their order, one answer each", async () => {
  const scene = connect();
  assert.match((await scene.told())[0], /^\[SERVER\] Login using/);
  scene.socket.give("/first\n/second\nnonsense\n/first\n");
  const told = await scene.told();
  assert.deepEqual([...told.slice(0, 2), told[3]], answered("first", "second", "first"));
  assert.match(told[2], /^\[ERROR\] login_required/);
  await ended(scene);
});

test("Connection.run() takes lines byte by byte, empty ones and those without a meaning", async () => {
  const scene = connect();
  await scene.told();
  for (const byte of new TextEncoder().encode("\n  \n/first\r\n/second\n")) scene.socket.give(new Uint8Array([byte]));
  assert.deepEqual(await scene.told(), answered("first", "second"));
  scene.socket.give(`/${"x".repeat(300)}\n/first\n`);
  scene.socket.give(new Uint8Array([0xff, 0x0a]));
  const told = await scene.told();
  assert.match(told[0], /line_too_long/);
  assert.deepEqual(told[1], answered("first")[0]);
  assert.match(told[2], /invalid_utf8/);
  await ended(scene);
});

test("Connection holds a line back until all before it are answered, and a pipelined one not", async () => {
  const [slow, quick] = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
  const ran: string[] = [];
  const scene = connect(
    command("slow", () => (ran.push("slow"), slow.promise), true),
    command("quick", () => (ran.push("quick"), quick.promise), true),
    command("plain", () => (ran.push("plain"), { reply: reply("plain") })),
  );
  await scene.told();
  scene.socket.give("/enter\n/slow\n/quick\n/plain\n");
  assert.deepEqual(await scene.told(), answered("entered"));
  assert.deepEqual(ran, ["slow", "quick"]);
  quick.resolve({ reply: reply("quick") });
  assert.deepEqual(await scene.told(), [], "its answer waits for the one before");
  slow.resolve({ reply: reply("slow") });
  assert.deepEqual(await scene.told(), answered("slow", "quick", "plain"));
  await ended(scene);
});

test("Connection refuses the messages behind one that could not be stored, for programs", async () => {
  const away = () => Promise.reject(new ChatError("store_unavailable", "The store is away"));
  let ran = 0;
  const scene = connect(command("lose", away, true), command("keep", () => (ran++, { reply: reply("keep") }), true));
  await scene.told();
  scene.socket.give('/json\n{"cmd":"enter"}\n{"cmd":"lose"}\n');
  await scene.told();
  scene.socket.give('{"cmd":"keep","id":1}\n');
  const [refused] = (await scene.told()).map((line) => JSON.parse(line));
  assert.deepEqual([refused.code, refused.id, ran], ["store_unavailable", 1, 0]);
  await ended(scene);
});

test("Connection applies what an outcome changes with its answer, a refusal's too", async () => {
  const refusal = () => ({ reply: new ChatError("usage", "not so"), format: "json" as const });
  const scene = connect(command("refusal", refusal), command("leave", () => ({ reply: reply("left"), session: null })));
  await scene.told();
  scene.socket.give("/enter\n");
  assert.deepEqual(await scene.told(), answered("entered"));
  assert.equal(scene.connection.session, member);
  scene.socket.give("/leave\n/refusal\n");
  const [left, refused] = await scene.told();
  assert.deepEqual([left, scene.connection.session], [answered("left")[0], undefined]);
  assert.deepEqual(JSON.parse(refused), { type: "error", code: "usage", message: "not so" });
  await ended(scene);
  assert.deepEqual(scene.dropped, []);
});

test("Connection.run() writes the last line, half-closes, and reads on until the peer goes", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.give("/enter\n/bye\n/first\n");
  assert.deepEqual(await scene.told(), answered("entered", "bye"));
  assert.deepEqual([scene.socket.halfClosed, scene.socket.closed], [true, false]);
  scene.socket.give("/first\n");
  assert.deepEqual(await scene.told(), []);
  await ended(scene);
  assert.deepEqual([scene.socket.closed, scene.dropped], [true, [member]]);
  assert.deepEqual(scene.logged, [["closed", "bye", "a"]]);
});

test("Connection.run() ends as connection_broken where the socket breaks, and drops who was logged in", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.give("/enter\n");
  await scene.told();
  scene.socket.give(new Error("reset"));
  await scene.over;
  assert.deepEqual(scene.logged, [["closed", "connection_broken", "a"]]);
  assert.deepEqual(scene.dropped, [member]);
});

test("Connection tells and logs a fault of a handler with a reference, and goes on", async () => {
  const scene = connect(command("fault", () => Promise.reject(new TypeError("a bug"))));
  await scene.told();
  scene.socket.give("/fault\n/first\n");
  const [told, next] = await scene.told();
  const reference = /internal: .* (\w+)$/.exec(told)![1];
  assert.deepEqual(next, answered("first")[0]);
  assert.deepEqual(scene.logged.map(([what, word, error]) => [what, word, String(error)]), [
    ["failed", reference, "TypeError: a bug"],
  ]);
  await ended(scene);
});

test("Connection ends as internal where the loop itself fails: logged once, told, and not as a broken connection", async () => {
  const after = () => {
    throw new TypeError("a bug behind the answer");
  };
  for (const pipelined of [undefined, true] as const) {
    const scene = connect(command("fault", () => ({ reply: reply("fault"), after }), pipelined));
    await scene.told();
    scene.socket.give("/enter\n/fault\n/first\n");
    const told = await scene.told();
    assert.deepEqual(told.slice(0, 2), answered("entered", "fault"));
    assert.match(told.at(-1)!, /internal: Something went wrong/);
    await ended(scene);
    assert.deepEqual(scene.logged.map(([what, why]) => what === "failed" ? what : [what, why]), [
      "failed",
      ["closed", "internal"],
    ]);
    assert.deepEqual(scene.dropped, [member]);
  }
});

test("Connection sends a reader away that is too slow, and answers nothing more", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.stuck = true;
  for (let count = 0; count < 20; count++) scene.connection.outbox.push(new Uint8Array(1_000));
  assert.equal(scene.connection.closed, true);
  await ended(scene);
  assert.deepEqual(scene.logged, [["closed", "slow_consumer", undefined]]);
});

test("Connection.tick() ends whoever does not log in in time, and pings a silent program before it gives up", async () => {
  const guest = connect();
  await guest.told();
  guest.pass(59_999);
  guest.connection.tick();
  assert.deepEqual(await guest.told(), []);
  guest.pass(1);
  guest.connection.tick();
  assert.match((await guest.told())[0], /idle_timeout/);
  await ended(guest);

  const program = connect();
  await program.told();
  program.socket.give('/json\n{"cmd":"enter"}\n');
  await program.told();
  program.pass(30_000);
  program.connection.tick();
  program.connection.tick();
  assert.deepEqual(await program.told(), ['{"type":"ping"}']);
  program.pass(45_000);
  program.connection.tick();
  assert.match((await program.told())[0], /idle_timeout/);
  await ended(program);
});
