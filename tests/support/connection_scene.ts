/** One connection over a socket in memory, with commands of the test's own. */

import { peerOf } from "../../lib/limits/peer.ts";
import { Metrics } from "../../lib/observability/metrics.ts";
import { Connection } from "../../lib/server/connection/connection.ts";
import { ConnectionLog } from "../../lib/server/connection/connection_log.ts";
import type { ClientSocket, ConnectionHost } from "../../lib/server/connection/host.ts";
import { CommandMeter } from "../../lib/server/metering/command_meter.ts";
import { type CommandSpec, defineCommand, type Outcome, type Services } from "../../lib/server/registry/command.ts";
import { Registry } from "../../lib/server/registry/registry.ts";
import type { UserSession } from "../../lib/server/sessions/user_session.ts";
import type { Reply } from "../../lib/wire/event.ts";
import { AnswerBudget } from "../../lib/server/connection/answer_budget.ts";
import { GuestBuffers } from "../../lib/server/connection/guest_buffers.ts";
import { PaceQueues } from "../../lib/server/connection/pace.ts";
import { makeLimits } from "./limits.ts";
import { microturns } from "./streams.ts";
import { turn } from "./turns.ts";

/** A socket whose peer is the test. */
export class FakeSocket implements ClientSocket {
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
export interface Scene {
  readonly socket: FakeSocket;
  readonly connection: Connection;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  /** What the logs were told. */
  readonly logged: unknown[][];
  /** Who was dropped with the connection. */
  readonly dropped: UserSession[];
  /** What of the log fails from now on. */
  readonly failing: "ran"[];
  /** Turns the clock on, in milliseconds. */
  pass(ms: number): void;
  /** Lets all happen that can, and tells what was written since it was asked last. */
  told(): Promise<string[]>;
}

/** Somebody who is logged in, as far as a connection looks. */
export const member = { user: "a", side: false, topics: { catchUp: () => {} } } as unknown as UserSession;

/** A reply of any kind: its text is its name. */
export function reply(of: string): Reply {
  return { of: "whoami", user: of, room: null, server: "s" } as Reply;
}

/** A command that does what the test says. */
export function command(name: string, run: () => Outcome | Promise<Outcome>, pipelined?: true): CommandSpec {
  return defineCommand({ name, who: "anyone", help: "do as the test says", run, ...(pipelined ? { pipelined } : {}) });
}

/** A connection over such a socket, with these commands and a few that are always there. */
export function connect(...commands: CommandSpec[]): Scene {
  const socket = new FakeSocket();
  const logged: unknown[][] = [];
  const dropped: UserSession[] = [];
  let now = 0;
  const metrics = new Metrics();
  const sessions = { drop: (session: UserSession) => Promise.resolve(void dropped.push(session)) };
  const failing: "ran"[] = [];
  class Log extends ConnectionLog {
    override ran(): void {
      if (failing.includes("ran")) throw new TypeError("a bug in the log");
    }
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
  const { limits } = makeLimits({ RATE_LIMIT: "off" });
  const host: ConnectionHost = {
    services: { sessions, limits } as unknown as Services,
    registry: new Registry(all, { maxMessageBytes: 4096 }),
    turns: microturns,
    meter: {
      received: metrics.counter("chat_received_bytes_total"),
      slow: metrics.counter("chat_slow_consumers_total"),
      commands: new CommandMeter(metrics, all.map(({ name }) => name)),
    },
    config: { maxLineBytes: 256, maxQueueBytes: 1_000, idleTimeoutSeconds: 60 },
    pace: new PaceQueues(limits),
    guests: new GuestBuffers(),
    answers: new AnswerBudget(() => 1_000),
    now: () => now,
    abandon: (conn) => conn.close(),
    log: (connection, peer) => new Log("s", connection, peer, { audit: undefined, now: () => now }),
  };
  const connection = new Connection(socket, "c-1", peerOf("127.0.0.1"), host);
  const over = connection.run();
  let seen = 0;
  const told = async () => {
    for (let turns = 0; turns < 10; turns++) await turn();
    const { lines } = socket;
    return lines.slice(seen, seen = lines.length);
  };
  return { socket, connection, over, logged, dropped, failing, pass: (ms) => now += ms, told };
}

/** The answer as text, for a command that replies with its own name. */
export const answered = (...names: string[]) => names.map((name) => `${name} (side connection) on s`);

/** The peer closes; resolves when the connection is over. */
export async function ended({ socket, over }: Scene): Promise<void> {
  socket.give(null);
  await over;
}
