/**
 * Fakes for the client's tests: a clock that is moved by hand, and a server without sockets that a test plays.
 */

import { LineFramer } from "../../lib/wire/lines.ts";
import type { Dial, Transport } from "../../lib/client/net/dial.ts";
import { DialError } from "../../lib/client/net/dial.ts";
import type { ServerAddress } from "../../lib/client/base/address.ts";
import { formatServer } from "../../lib/client/base/address.ts";
import type { Session } from "../../lib/client/session/session.ts";
import type { Status } from "../../lib/client/net/status.ts";
import type { Update } from "../../lib/client/session/update.ts";
import type { CommandHelp } from "../../lib/wire/event.ts";

export { test } from "../support/declare.ts";
export { FakeClock, settled } from "../support/fake_clock.ts";

/** A JSON line that came in. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** Fails when a promise does not settle soon: a test that hangs says where. */
export async function soon<T>(promise: Promise<T>, what = "what was awaited"): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen`)), 10_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One direction of a connection in memory. */
class Pipe {
  #chunks: Uint8Array[] = [];
  #waiting: (() => void) | undefined;
  #state: "open" | "ended" | "broken" = "open";

  write(bytes: Uint8Array): number {
    if (this.#state !== "open") throw new Deno.errors.BrokenPipe("closed");
    this.#chunks.push(bytes.slice());
    this.#waiting?.();
    return bytes.length;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#state === "ended") return null;
      if (this.#state === "broken") throw new Deno.errors.ConnectionReset("reset");
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    const chunk = this.#chunks[0].subarray(0, buffer.length);
    buffer.set(chunk);
    if (chunk.length === this.#chunks[0].length) this.#chunks.shift();
    else this.#chunks[0] = this.#chunks[0].subarray(chunk.length);
    return chunk.length;
  }

  end(state: "ended" | "broken"): void {
    if (this.#state === "open") this.#state = state;
    this.#waiting?.();
  }
}

const encoder = new TextEncoder();

/** A client's connection, seen from the server that a test plays. */
export class Peer {
  readonly server: string;
  readonly transport: Transport;
  readonly #toClient = new Pipe();
  readonly #toServer = new Pipe();
  readonly #framer = new LineFramer(1 << 20);
  readonly #lines: string[] = [];

  constructor(server: string) {
    this.server = server;
    const [toClient, toServer] = [this.#toClient, this.#toServer];
    this.transport = {
      read: (buffer) => toClient.read(buffer),
      write: (bytes) => new Promise((resolve) => resolve(toServer.write(bytes))),
      close() {
        toClient.end("broken");
        toServer.end("ended");
      },
    };
  }

  /** The next line from the client; undefined when it has gone. */
  async line(): Promise<string | undefined> {
    const buffer = new Uint8Array(65536);
    while (this.#lines.length === 0) {
      const count = await soon(this.#toServer.read(buffer), "a line from the client");
      if (count === null) return undefined;
      for (const line of this.#framer.push(buffer.subarray(0, count))) {
        if (line.kind === "line") this.#lines.push(line.text);
      }
    }
    return this.#lines.shift();
  }

  /** The next request, which must be this command. */
  async expect(cmd: string): Promise<Json> {
    const line = await this.line();
    const request = line === undefined ? undefined : JSON.parse(line);
    if (request?.cmd !== cmd) throw new Error(`Expected "${cmd}", got ${line}`);
    return request;
  }

  /** Sends lines as they are, or objects as JSON. */
  send(...lines: (string | Record<string, unknown>)[]): void {
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)) + "\n").join("");
    this.#toClient.write(encoder.encode(text));
  }

  /** Sends bytes. */
  bytes(bytes: Uint8Array): void {
    this.#toClient.write(bytes);
  }

  ok(request: Json, fields: Record<string, unknown> = {}): void {
    this.send({ type: "ok", id: request.id, ...fields });
  }

  error(request: Json, code: string, extra: Record<string, unknown> = {}): void {
    this.send({ type: "error", id: request.id, code, message: `No: ${code}`, ...extra });
  }

  /** Ends the connection. */
  close(how: "ended" | "broken" = "ended"): void {
    this.#toClient.end(how);
    this.#toServer.end(how);
  }

  /** Greets, and answers `HELLO` and `help`; `rooms` is in the answer where the server can do with many. */
  async greet(commands: readonly CommandHelp[] = fakeCommands, fields: { rooms?: "many" } = {}): Promise<this> {
    this.send("[SERVER] Login using: LOGIN <username> <password>");
    const hello = await this.line();
    if (!hello?.startsWith("HELLO {")) throw new Error(`Expected HELLO, got ${hello}`);
    this.send({
      type: "hello",
      version: 1,
      server: this.server,
      formats: ["text", "json"],
      limits: { message_bytes: 64 },
      ...fields,
    });
    this.ok(await this.expect("help"), { commands });
    return this;
  }

  /** Answers the login that comes next. */
  async admit(fields: Record<string, unknown> = {}): Promise<this> {
    const { user, ...request } = await this.expect("login");
    const positions = { "room:lobby": "e.0.", [`inbox:${user}`]: "e.0." };
    this.ok(request, { user, room: "lobby", resume: "token1", positions, ...fields });
    return this;
  }

  /** Answers the resume that comes next. @returns the request */
  async readmit(fields: Record<string, unknown> = {}): Promise<Json> {
    const request = await this.expect("resume");
    this.ok(request, { user: "a", room: "lobby", resume: "token2", positions: request.positions, ...fields });
    return request;
  }
}

/** Servers that a test plays: connections are accepted in the order in which they are dialed. */
export class FakeServers {
  readonly dialed: string[] = [];
  /** Servers that refuse connections. */
  readonly down = new Set<string>();
  /** Whether they can do with many rooms, and what they say of it. */
  rooms: { rooms?: "many" } = {};
  readonly #peers: Peer[] = [];
  #waiting: (() => void) | undefined;

  readonly dial: Dial = (server: ServerAddress, signal: AbortSignal) => {
    const where = formatServer(server);
    this.dialed.push(where);
    if (signal.aborted || this.down.has(where)) {
      return Promise.reject(new DialError("refused", `Cannot connect to ${where}`));
    }
    const peer = new Peer(where);
    this.#peers.push(peer);
    this.#waiting?.();
    return Promise.resolve(peer.transport);
  };

  /** The next connection, greeted. */
  async accept(commands?: readonly CommandHelp[]): Promise<Peer> {
    while (this.#peers.length === 0) {
      await soon(new Promise<void>((resolve) => this.#waiting = resolve), "a connection");
    }
    return await this.#peers.shift()!.greet(commands, this.rooms);
  }
}

/** Keeps what a session tells. */
export class Recorder {
  readonly updates: Update[] = [];
  /** Resolves when the session has ended. */
  readonly done: Promise<void>;
  #waiting = () => {};

  constructor(session: Pick<Session, "updates">) {
    this.done = this.#record(session);
  }

  /** Waits until an update like this was told, from the beginning on. */
  async until(wanted: (update: Update) => boolean, what: string): Promise<Update> {
    for (;;) {
      const found = this.updates.find(wanted);
      if (found) return found;
      await soon(new Promise<void>((resolve) => this.#waiting = resolve), what);
    }
  }

  /** Waits until this status was told. */
  async status<S extends Status["state"]>(state: S): Promise<Status & { state: S }> {
    const update = await this.until(({ kind, ...rest }) => {
      return kind === "status" && (rest as { status: Status }).status.state === state;
    }, `the status "${state}"`);
    return (update as { status: Status }).status as Status & { state: S };
  }

  /** The texts of the messages that were shown. */
  texts(): string[] {
    return this.updates.flatMap((update) => {
      return update.kind === "event" && "text" in update.event ? [update.event.text as string] : [];
    });
  }

  async #record(session: Pick<Session, "updates">): Promise<void> {
    for await (const update of session.updates()) {
      this.updates.push(update);
      this.#waiting();
    }
  }
}

/** A message of the lobby, as an event. */
export function said(seq: number, text: string, fields: Record<string, unknown> = {}): Record<string, unknown> {
  const time = "2026-11-21T09:00:00.123Z";
  return { type: "message", topic: "room:lobby", seq, from: "b", text, time, pos: `e.${seq}.x`, ...fields };
}

const argument = (name: string, kind: string, optional = false) => ({ name, kind, optional });
const command = (name: string, ...declared: Json[]): CommandHelp => ({
  name,
  aliases: name === "msg" ? ["dm"] : name === "quit" ? ["exit"] : [],
  arguments: declared,
  help: `does ${name}`,
  typed: name !== "seen",
});
const text = [argument("text", "text"), argument("cid", "id", true)];

/** A server's command table, in part. */
export const fakeCommands: readonly CommandHelp[] = [
  command("login", argument("user", "user"), argument("password", "secret"), argument("side", "flag", true)),
  command("say", ...text, argument("room", "room", true)),
  command("publish", ...text),
  command("msg", argument("to", "user"), ...text),
  command("join", argument("room", "room")),
  command("leave"),
  command("rooms"),
  command("whoami"),
  command("subscribe", argument("user", "user")),
  command("unsubscribe", argument("user", "user")),
  command("history", argument("user", "user", true), argument("n", "count", true), argument("before", "seq", true)),
  command("seen", argument("pos", "id")),
  command("passwd", argument("old", "secret"), argument("new", "secret")),
  command("logout"),
  command("quit"),
  command("help", argument("command", "command", true)),
  command("hello", argument("options", "fields")),
  command("novel"),
];
