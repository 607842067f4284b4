/**
 * A session that survives its connection.
 *
 * Promises:
 * 1. after a lost connection it comes back by itself, on any of its servers, without a password;
 * 2. what was typed is sent in order, also while there is no connection, and each message arrives once: an unanswered
 *    one is sent again under the same `cid`, to the room for which it was typed;
 * 3. each message is shown once and in its topic's order, and a gap is shown where the server told of one;
 * 4. a session that another login has taken over does not come back by itself.
 *
 * It knows no screen: all that happens comes out of {@linkcode Session.updates}, in order, and nothing happens unless
 * that is iterated.
 */

import { ChatError } from "../errors.ts";
import type { CommandHelp, Reply, ServerEvent, TopicEvent } from "../wire/event.ts";
import type { ServerAddress } from "./address.ts";
import { type BackoffOptions, pauseBefore } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Connection, type ConnectionOptions, type Incoming, type Request } from "./connection.ts";
import { type Dial, DialError } from "./dial.ts";
import { ClientError, ConnectionLost, type Exit } from "./exit.ts";
import { type Entry, Outgoing, type Repetition } from "./outgoing.ts";
import { Progress } from "./progress.ts";
import { isObject, toPositions } from "./shape.ts";
import type { Status } from "./status.ts";

/** What a session tells, in order. */
export type Update =
  | { readonly kind: "event"; readonly event: ServerEvent }
  | { readonly kind: "reply"; readonly request: Request; readonly reply: Reply }
  | { readonly kind: "refused"; readonly request: Request; readonly error: Error }
  | { readonly kind: "status"; readonly status: Status };

/** Who logs in, and whether as a new account. */
export interface Login {
  readonly cmd: "login" | "register";
  readonly user: string;
  readonly password: string;
}

/** How a session ended for good. */
export interface Ending {
  readonly reason: "left" | "forced_logout" | "gave_up";
  readonly exit: Exit;
  readonly message: string;
}

/** What a session is made from. */
export interface SessionOptions extends ConnectionOptions {
  /** Tried in turn; at least one. */
  readonly servers: readonly ServerAddress[];
  readonly dial: Dial;
  /** After how many milliseconds without a server it gives up; never by default. */
  readonly giveUpMs?: number;
  readonly backoff?: BackoffOptions;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

/** Commands that may be done twice; one that is not known here is not done again. */
const repeatable: ReadonlySet<string> = new Set(
  ["join", "leave", "rooms", "users", "who", "subscribe", "unsubscribe", "subs", "history", "whoami", "help"],
);

/** Refusals of a resume that pass by themselves. */
const passing: ReadonlySet<string> = new Set(
  ["store_unavailable", "server_draining", "rate_limited", "too_many_attempts", "internal"],
);

/** A connection that lived this long, in milliseconds, was good: the next loss begins with an attempt at once. */
const stableMs = 5_000;

/**
 * A replay counts as complete when nothing came for this long, in milliseconds, or after so many such spans: in a busy
 * room what is live follows what was missed without a pause.
 */
const settleMs = 250;
const maxSettles = 8;

/** See the file's promises. */
export class Session {
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #progress = new Progress();
  readonly #outgoing = new Outgoing();
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #commands: readonly CommandHelp[] = [];
  #wake = () => {};
  #login: { request: Request; resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #user: string | undefined;
  #room: string | undefined;
  #token: string | undefined;
  #resuming: Request | undefined;
  #live = false;
  #draining = false;
  /** What came since the answer to `resume`, until the person is told. */
  #back: { missed: number; settles: number; marker?: Request; marked?: number } | undefined;
  #liveSince = 0;
  #lostAt: number | undefined;
  #server = 0;
  #attempt = 0;
  #retryAfterMs: number | undefined;
  #seen: { sent?: Request; next?: string } = {};
  #ending: Ending | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The commands that the server told. */
  get commands(): readonly CommandHelp[] {
    return this.#commands;
  }

  /** The longest message, in bytes, as the server told. */
  get maxMessageBytes(): number {
    const told = this.#connection?.limits.message_bytes;
    return typeof told === "number" ? told : 4096;
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#user;
  }

  /** The room that the user is in. */
  get room(): string | undefined {
    return this.#room;
  }

  /** The connection's server, by its own name. */
  get serverName(): string | undefined {
    return this.#connection?.name;
  }

  /** How many requests have no answer yet. */
  get unanswered(): number {
    return this.#outgoing.size;
  }

  /** How it ended; undefined while it has not. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * Makes the first connection: each server is tried once.
   *
   * @throws {DialError} of the last one, when none can be reached
   */
  async connect(): Promise<void> {
    for (let tried = 1;; tried++) {
      try {
        await this.#open();
        return;
      } catch (error) {
        if (tried === this.#options.servers.length) throw error;
        this.#server++;
      }
    }
  }

  /**
   * Logs in, or registers and logs in; connects first where there is no connection.
   *
   * @throws {ChatError} when the server refuses
   * @throws {ClientError} when there is no server, or the connection ends before the answer
   */
  login({ cmd, user, password }: Login): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ending) return reject(new ClientError(this.#ending.exit, this.#ending.message));
      this.#login = { request: { cmd, user, password }, resolve, reject };
      if (this.#connection) this.#connection.request(this.#login.request);
      else this.#wake();
    });
  }

  /**
   * Sends a command, now or as soon as there is a connection.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ConnectionLost} when it is not known whether it was done
   * @throws {ClientError} when the session ends before the answer
   */
  send(request: Request): Promise<Reply> {
    if (this.#ending) return Promise.reject(new ClientError(this.#ending.exit, this.#ending.message));
    const repetition = this.#repetition(request.cmd);
    const sent = repetition === "message" && request.cid === undefined
      ? { ...request, cid: crypto.randomUUID() }
      : request;
    const answer = this.#outgoing.add(sent, repetition);
    this.#pump();
    return answer;
  }

  /** Leaves politely, after all that was typed, but within `ms` milliseconds. */
  async quit(ms: number): Promise<void> {
    if (this.#live) {
      const settled = new AbortController();
      const limit = this.#clock.sleep(ms, settled.signal).catch(() => {});
      await Promise.race([this.send({ cmd: "quit" }).catch(() => {}), limit]);
      settled.abort();
    }
    this.close();
  }

  /** Ends the session here and now. */
  close(): void {
    this.#end({ reason: "left", exit: "ok", message: "The session is closed" });
  }

  /** All that happens, in order, until the session ends for good. */
  async *updates(): AsyncGenerator<Update, void, void> {
    try {
      while (!this.#ending) {
        if (this.#connection) {
          for await (const incoming of this.#connection) yield* this.#take(incoming);
          yield* this.#lose(this.#connection.ended!);
        } else if (this.#token !== undefined || this.#login) {
          yield* this.#reconnect();
        } else {
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
      }
    } finally {
      this.close();
    }
  }

  async #open(): Promise<void> {
    const server = this.#options.servers[this.#server % this.#options.servers.length];
    const { signal } = this.#stop;
    const transport = await this.#options.dial(server, signal);
    const stop = () => transport.close();
    signal.addEventListener("abort", stop);
    try {
      this.#connection = await Connection.open(transport, server, this.#options);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (signal.aborted) this.#connection.close();
    this.#commands = this.#connection.commands;
    this.#draining = false;
  }

  async *#reconnect(): AsyncGenerator<Update, void, void> {
    const { servers, backoff, random = Math.random, giveUpMs = Infinity } = this.#options;
    const ms = this.#retryAfterMs ?? pauseBefore(this.#attempt, servers.length, random, backoff);
    this.#retryAfterMs = undefined;
    if (ms > 0) {
      yield { kind: "status", status: { state: "waiting", ms } };
      await this.#clock.sleep(ms, this.#stop.signal).catch(() => {});
      if (this.#ending) return;
    }
    const server = servers[this.#server % servers.length];
    yield { kind: "status", status: { state: "connecting", server } };
    try {
      await this.#open();
    } catch (error) {
      if (this.#ending || !(error instanceof DialError)) return;
      yield* this.#missed(server, error.message);
      if (this.#token === undefined && this.#attempt >= servers.length) this.#refuseLogin(error);
      if (this.#lostAt !== undefined && this.#clock.now() - this.#lostAt >= giveUpMs) {
        const seconds = Math.round((this.#clock.now() - this.#lostAt) / 1000);
        yield { kind: "status", status: { state: "gave_up", seconds } };
        this.#end({ reason: "gave_up", exit: "unreachable", message: `No server could be reached for ${seconds} s` });
      }
      return;
    }
    if (this.#token !== undefined) {
      this.#resuming = { cmd: "resume", token: this.#token, positions: this.#progress.positions() };
      this.#connection!.request(this.#resuming);
    } else if (this.#login) {
      this.#connection!.request(this.#login.request);
    }
  }

  /** Counts an attempt that failed; the next one goes to the next server. */
  *#missed(server: ServerAddress, message: string): Generator<Update, void, void> {
    this.#attempt++;
    this.#server++;
    if (this.#token !== undefined) yield { kind: "status", status: { state: "unreachable", server, message } };
  }

  *#lose(why: ConnectionLost): Generator<Update, void, void> {
    const { server } = this.#connection!;
    const wasResuming = this.#resuming !== undefined;
    const wasLive = this.#live;
    this.#connection = undefined;
    this.#resuming = undefined;
    this.#live = false;
    this.#back = undefined;
    this.#seen = {};
    if (this.#ending) return;
    this.#refuseLogin(why);
    for (const { request, reject } of this.#outgoing.interrupt()) {
      const error = lostRequest(request, true);
      reject(error);
      yield { kind: "refused", request, error };
    }
    if (this.#token === undefined) return;
    if (wasResuming) return yield* this.#missed(server, `The connection was lost again (${why.message})`);
    if (!wasLive) return;
    this.#lostAt = this.#clock.now();
    this.#attempt = this.#lostAt - this.#liveSince >= stableMs ? 0 : this.#attempt + 1;
    if (this.#draining) this.#server++;
    yield { kind: "status", status: { state: "lost", reason: why.message } };
  }

  *#take(incoming: Incoming): Generator<Update, void, void> {
    if (this.#ending) return;
    if (incoming.kind === "event") return yield* this.#takeEvent(incoming.event);
    const { request } = incoming;
    const entry = this.#outgoing.find(request);
    if (entry) yield* this.#takeAnswer(entry, incoming);
    else if (request === this.#login?.request) yield* this.#takeLogin(incoming);
    else if (request === this.#resuming) yield* this.#takeResume(incoming);
    else if (request === this.#back?.marker) yield* this.#settle();
    else if (request === this.#seen.sent) this.#nextSeen();
    this.#pump();
  }

  *#takeEvent(event: ServerEvent): Generator<Update, void, void> {
    switch (event.type) {
      case "ping":
        return;
      case "message":
      case "notification":
      case "direct":
        if (!this.#progress.take(event, this.#room)) return;
        if (this.#back) this.#back.missed++;
        yield { kind: "event", event };
        if (event.type === "direct") this.#markSeen(event);
        return;
      case "gap":
        this.#progress.skip(event, this.#room);
        break;
      case "system":
        if (event.code === "server_draining") {
          this.#draining = true;
          this.#retryAfterMs = event.retry_after_ms;
        }
    }
    yield { kind: "event", event };
    if (event.type === "system" && event.code === "forced_logout") {
      this.#end({ reason: "forced_logout", exit: "login", message: event.message });
    }
  }

  *#takeLogin(incoming: Incoming & { request: Request }): Generator<Update, void, void> {
    const { resolve, reject } = this.#login!;
    this.#login = undefined;
    if (incoming.kind === "refused") {
      yield incoming;
      return reject(incoming.error);
    }
    if (incoming.kind !== "reply") return;
    this.#progress.clear();
    this.#enter(incoming.reply);
    yield incoming;
    resolve(incoming.reply);
  }

  *#takeResume(incoming: Incoming): Generator<Update, void, void> {
    this.#resuming = undefined;
    if (incoming.kind === "reply") {
      this.#enter(incoming.reply);
      const { missed } = incoming.reply as { missed?: unknown };
      if (typeof missed === "number") return yield this.#resumed(missed);
      this.#back = { missed: 0, settles: 0 };
      this.#mark();
    } else if (incoming.kind === "refused") {
      const { code, message, extra } = incoming.error;
      if (passing.has(code)) {
        if (typeof extra.retry_after_ms === "number") this.#retryAfterMs = extra.retry_after_ms;
        yield* this.#missed(this.#connection!.server, message);
        return this.#connection!.close(message);
      }
      yield* this.#forget();
      yield { kind: "status", status: { state: "login_needed", message } };
    }
  }

  *#takeAnswer(entry: Entry, incoming: Incoming): Generator<Update, void, void> {
    if (incoming.kind === "refused") {
      if (incoming.error.code === "server_draining" && entry.repetition !== "once") {
        this.#draining = true;
        return this.#outgoing.postpone(entry);
      }
      this.#outgoing.remove(entry);
      yield incoming;
      return entry.reject(incoming.error);
    }
    if (incoming.kind !== "reply") return;
    const { reply } = incoming;
    this.#outgoing.remove(entry);
    if ("positions" in reply) {
      if ("room" in reply && typeof reply.room === "string") this.#room = reply.room;
      if (this.#room !== undefined) this.#progress.enter(this.#room);
      this.#progress.follow(toPositions(reply.positions));
    }
    if ("resume" in reply && typeof reply.resume === "string") this.#token = reply.resume;
    if (reply.of === "unsubscribe") this.#progress.unfollow(reply.user);
    if (reply.of === "quit") this.#end({ reason: "left", exit: "ok", message: "The session is closed" });
    yield incoming;
    entry.resolve(reply);
    if (reply.of === "logout") {
      yield* this.#forget();
      yield { kind: "status", status: { state: "logged_out" } };
    }
  }

  /** Is logged in: by a login, a registration or a resume. */
  #enter(reply: Reply): void {
    const { user, room, resume, positions } = reply as Readonly<Record<string, unknown>>;
    if (typeof user === "string") this.#user = user;
    if (typeof resume === "string") this.#token = resume;
    this.#room = typeof room === "string" ? room : undefined;
    if (this.#room !== undefined) this.#progress.enter(this.#room);
    this.#progress.follow(toPositions(positions));
    this.#live = true;
    this.#liveSince = this.#clock.now();
    this.#lostAt = undefined;
    this.#retryAfterMs = undefined;
  }

  /** Is logged out; what was not sent is given up. */
  *#forget(): Generator<Update, void, void> {
    this.#live = false;
    this.#token = this.#user = this.#room = undefined;
    this.#progress.clear();
    for (const { request, tried, reject } of this.#outgoing.abandon()) {
      const error = lostRequest(request, tried);
      reject(error);
      yield { kind: "refused", request, error };
    }
  }

  #resumed(missed: number): Update {
    this.#back = undefined;
    return { kind: "status", status: { state: "resumed", server: this.#connection!.server, missed } };
  }

  /** Asks for an answer after a short while, to see whether the replay has gone on until then. */
  async #mark(): Promise<void> {
    const back = this.#back!;
    const connection = this.#connection!;
    await this.#clock.sleep(settleMs, this.#stop.signal).catch(() => {});
    if (this.#back !== back) return;
    back.marked = back.missed;
    back.marker = { cmd: "pong" };
    connection.request(back.marker);
  }

  *#settle(): Generator<Update, void, void> {
    const back = this.#back!;
    if (back.missed === back.marked || ++back.settles >= maxSettles) return yield this.#resumed(back.missed);
    this.#mark();
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (!this.#live || this.#draining || !this.#connection) return;
    for (const entry of this.#outgoing.next()) {
      // The room is fixed when a message is first sent: sent again, it must not be said elsewhere.
      if (entry.repetition === "message" && entry.request.room === undefined && this.#takesRoom(entry.request.cmd)) {
        entry.request = { ...entry.request, room: this.#room };
      }
      this.#connection.request(entry.request);
    }
  }

  /** Tells the server that a private message was shown; one at a time, the last of those that came meanwhile. */
  #markSeen({ pos }: TopicEvent): void {
    this.#seen.next = pos;
    if (!this.#seen.sent) this.#nextSeen();
  }

  #nextSeen(): void {
    const { next: pos } = this.#seen;
    this.#seen = pos === undefined ? {} : { sent: { cmd: "seen", pos } };
    if (this.#seen.sent) this.#connection?.request(this.#seen.sent);
  }

  #repetition(cmd: string): Repetition {
    if (this.#command(cmd)?.arguments.some(({ name }) => name === "cid")) return "message";
    return repeatable.has(cmd) ? "repeat" : "once";
  }

  #takesRoom(cmd: string): boolean {
    return this.#command(cmd)?.arguments.some(({ name, optional }) => name === "room" && optional) ?? false;
  }

  #command(cmd: string): CommandHelp | undefined {
    return this.#commands.find(({ name }) => name === cmd);
  }

  #refuseLogin(error: Error): void {
    this.#login?.reject(error);
    this.#login = undefined;
  }

  #end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#live = false;
    const error = new ClientError(ending.exit, ending.message);
    this.#refuseLogin(error);
    for (const { reject } of this.#outgoing.abandon()) reject(error);
    this.#stop.abort(error);
    this.#connection?.close();
    this.#wake();
  }
}

function lostRequest({ cmd, text }: Request, tried: boolean): Error {
  const what = typeof text === "string" ? `"${text}"` : `"/${cmd}"`;
  return tried
    ? new ConnectionLost(`It is not known whether ${what} was sent`)
    : new ClientError("unreachable", `Not sent: ${what}`);
}
