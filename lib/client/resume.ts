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

import type { Reply, ServerEvent } from "../wire/event.ts";
import type { ServerAddress } from "./address.ts";
import { type Clock, systemClock } from "./clock.ts";
import { CommandTable } from "./commands.ts";
import { Connection, type ConnectionOptions, type Incoming, type Request } from "./connection.ts";
import { type Dial, DialError } from "./dial.ts";
import { ClientError, type ConnectionLost } from "./exit.ts";
import { type Entry, Outgoing } from "./outgoing.ts";
import { Receipts } from "./receipts.ts";
import { Route, type RouteOptions } from "./route.ts";
import { Standing } from "./standing.ts";
import { type Ending, type Login, unanswered, type Update } from "./update.ts";

/** What a session is made from. */
export interface SessionOptions extends ConnectionOptions, Omit<RouteOptions, "clock"> {
  readonly dial: Dial;
  /** After how many milliseconds without a server it gives up; never by default. */
  readonly giveUpMs?: number;
}

type Updates = Generator<Update, void, void>;
type Answer = Exclude<Incoming, { kind: "event" }>;

/** Refusals of a resume that pass by themselves. */
const passing: ReadonlySet<string> = new Set(
  ["store_unavailable", "server_draining", "rate_limited", "too_many_attempts", "internal"],
);

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
  readonly #route: Route;
  readonly #standing = new Standing();
  readonly #outgoing = new Outgoing();
  readonly #receipts = new Receipts();
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #commands = new CommandTable([]);
  #login: { request: Request; resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #resuming: Request | undefined;
  #live = false;
  #draining = false;
  /** What came since the answer to `resume`, until it is told. */
  #back: { missed: number; before: number; settles: number; marker?: Request } | undefined;
  #ending: Ending | undefined;
  #givenUp = 0;
  #wake = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#route = new Route({ ...options, clock: this.#clock });
  }

  /** The commands that the server told. */
  get commands(): CommandTable {
    return this.#commands;
  }

  /** The longest message, in bytes, as the server told. */
  get maxMessageBytes(): number {
    const told = this.#connection?.limits.message_bytes;
    return typeof told === "number" ? told : Infinity;
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#standing.user;
  }

  /** The room that the user is in. */
  get room(): string | undefined {
    return this.#standing.room;
  }

  /** The server that the session is connected to: where it is, and its own name. */
  get server(): { address: ServerAddress; name: string } | undefined {
    return this.#connection && { address: this.#connection.server, name: this.#connection.name };
  }

  /** How many requests have no answer yet. */
  get unanswered(): number {
    return this.#outgoing.size;
  }

  /** How many requests were given up at the end without an answer. */
  get givenUp(): number {
    return this.#givenUp;
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
    for (;;) {
      try {
        await this.#open();
        return this.#route.reset();
      } catch (error) {
        this.#route.failed();
        if (this.#route.exhausted) throw error;
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
    const answer = new Promise<Reply>((resolve, reject) => {
      if (this.#ending) return reject(new ClientError(this.#ending.exit, this.#ending.message));
      this.#login = { request: { cmd, user, password }, resolve, reject };
      if (this.#connection) this.#connection.request(this.#login.request);
      else this.#wake();
    });
    answer.catch(() => {}); // a refusal is shown as well
    return answer;
  }

  /**
   * Sends a command, now or as soon as there is a connection.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when it will have no answer
   */
  send(request: Request): Promise<Reply> {
    const repetition = this.#commands.repetition(request.cmd);
    const needsCid = repetition === "message" && request.cid === undefined;
    const answer = this.#outgoing.add(needsCid ? { ...request, cid: crypto.randomUUID() } : request, repetition);
    if (this.#ending) this.#abandon();
    else this.#pump();
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
        } else if (this.#standing.resumable || this.#login) {
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
    const { server } = this.#route;
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
    this.#commands = new CommandTable(this.#connection.commands);
    this.#draining = false;
  }

  async *#reconnect(): AsyncGenerator<Update, void, void> {
    const ms = this.#route.pause();
    if (ms > 0) {
      yield { kind: "status", status: { state: "waiting", ms } };
      await this.#clock.sleep(ms, this.#stop.signal).catch(() => {});
      if (this.#ending) return;
    }
    yield { kind: "status", status: { state: "connecting", server: this.#route.server } };
    try {
      await this.#open();
    } catch (error) {
      if (this.#ending) return;
      if (!(error instanceof DialError)) throw error;
      return yield* this.#missServer(error);
    }
    if (this.#standing.resumable) this.#connection!.request(this.#resuming = this.#standing.resume());
    else if (this.#login) this.#connection!.request(this.#login.request);
  }

  /** An attempt failed: the next one goes to the next server, if there is to be one. */
  *#missServer(error: Error): Updates {
    const { server } = this.#route;
    this.#route.failed();
    if (!this.#standing.resumable) {
      if (!this.#route.exhausted) return;
      this.#route.reset();
      return this.#refuseLogin(error);
    }
    yield { kind: "status", status: { state: "unreachable", server, message: error.message } };
    const { lostForMs } = this.#route;
    if (lostForMs < (this.#options.giveUpMs ?? Infinity)) return;
    const seconds = Math.round(lostForMs / 1000);
    yield* this.#abandon();
    yield { kind: "status", status: { state: "gave_up", seconds } };
    this.#end({ reason: "gave_up", exit: "unreachable", message: `No server could be reached for ${seconds} s` });
  }

  *#lose(why: ConnectionLost): Updates {
    const wasLive = this.#live;
    const wasResuming = this.#resuming !== undefined;
    this.#connection = this.#resuming = this.#back = undefined;
    this.#live = false;
    this.#receipts.reset();
    if (this.#ending) return;
    this.#refuseLogin(why);
    for (const { request, reject } of this.#outgoing.interrupt()) {
      const error = unanswered(request, true);
      reject(error);
      yield { kind: "refused", request, error };
    }
    if (wasResuming) return yield* this.#missServer(new Error(`The connection was lost again: ${why.message}`));
    if (!wasLive) return;
    this.#route.lost(this.#draining);
    yield { kind: "status", status: { state: "lost", reason: why.message } };
  }

  *#take(incoming: Incoming): Updates {
    if (this.#ending) return;
    if (incoming.kind === "event") return yield* this.#takeEvent(incoming.event);
    const { request } = incoming;
    const entry = this.#outgoing.find(request);
    if (entry) yield* this.#takeAnswer(entry, incoming);
    else if (request === this.#login?.request) yield* this.#takeLogin(incoming);
    else if (request === this.#resuming) yield* this.#takeResume(incoming);
    else if (request === this.#back?.marker) yield* this.#settle();
    else if (this.#receipts.owns(request)) this.#request(this.#receipts.answered());
    this.#pump();
  }

  *#takeEvent(event: ServerEvent): Updates {
    switch (event.type) {
      case "ping":
        return;
      case "message":
      case "notification":
      case "direct":
        if (!this.#standing.show(event)) return;
        if (this.#back && event.from !== this.user) this.#back.missed++;
        yield { kind: "event", event };
        if (event.type === "direct") this.#request(this.#receipts.shown(event.pos));
        return;
      case "gap":
        this.#standing.skip(event);
        break;
      case "system":
        if (event.code !== "server_draining") break;
        this.#draining = true;
        this.#route.retryAfter(event.retry_after_ms);
    }
    yield { kind: "event", event };
    if (event.type === "system" && event.code === "forced_logout") {
      yield* this.#abandon();
      this.#end({ reason: "forced_logout", exit: "login", message: event.message });
    }
  }

  *#takeLogin(answer: Answer): Updates {
    const { resolve, reject } = this.#login!;
    this.#login = undefined;
    if (answer.kind === "reply") this.#enter(answer.reply);
    yield answer;
    if (answer.kind === "reply") resolve(answer.reply);
    else reject(answer.error);
  }

  *#takeResume(answer: Answer): Updates {
    this.#resuming = undefined;
    if (answer.kind === "reply") {
      this.#enter(answer.reply);
      const { missed } = answer.reply as { missed?: unknown };
      this.#back = { missed: 0, before: 0, settles: 0 };
      if (typeof missed === "number") yield* this.#tellBack(missed);
      else void this.#mark();
      return;
    }
    const { code, message, extra } = answer.error;
    if (passing.has(code)) {
      yield* this.#missServer(answer.error);
      this.#route.retryAfter(extra.retry_after_ms);
      return this.#connection?.close(message);
    }
    yield* this.#forget();
    yield { kind: "status", status: { state: "login_needed", message } };
  }

  *#takeAnswer(entry: Entry, answer: Answer): Updates {
    if (answer.kind === "refused") {
      if (answer.error.code === "server_draining" && entry.repetition !== "once") {
        this.#draining = true;
        return this.#outgoing.postpone(entry);
      }
      this.#outgoing.remove(entry);
      yield answer;
      return entry.reject(answer.error);
    }
    const { reply } = answer;
    this.#outgoing.remove(entry);
    this.#standing.take(reply);
    if (reply.of === "quit") this.close();
    yield answer;
    entry.resolve(reply);
    if (reply.of !== "logout") return;
    yield* this.#forget();
    yield { kind: "status", status: { state: "logged_out" } };
  }

  /** Is logged in: by a login, a registration or a resume. */
  #enter(reply: Reply): void {
    this.#standing.take(reply);
    this.#live = true;
    this.#route.reached();
  }

  /** Is logged out; what was not sent is given up. */
  *#forget(): Updates {
    this.#live = false;
    this.#standing.clear();
    yield* this.#abandon();
  }

  /** Asks for an answer after a short while, to see whether the replay has gone on until then. */
  async #mark(): Promise<void> {
    const back = this.#back!;
    back.before = back.missed;
    await this.#clock.sleep(settleMs, this.#stop.signal).catch(() => {});
    if (this.#back === back) this.#request(back.marker = { cmd: "pong" });
  }

  *#settle(): Updates {
    const back = this.#back!;
    if (back.missed > back.before && ++back.settles < maxSettles) void this.#mark();
    else yield* this.#tellBack(back.missed);
  }

  *#tellBack(missed: number): Updates {
    this.#back = undefined;
    yield { kind: "status", status: { state: "resumed", server: this.#connection!.server, missed } };
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (!this.#live || this.#draining) return;
    for (const entry of this.#outgoing.next()) {
      // The room is fixed when a message is first sent: sent again, it must not be said elsewhere.
      if (entry.repetition === "message" && !entry.request.room && this.#commands.takesRoom(entry.request.cmd)) {
        entry.request = { ...entry.request, room: this.room };
      }
      this.#request(entry.request);
    }
  }

  #request(request: Request | undefined): void {
    if (request) this.#connection?.request(request);
  }

  #refuseLogin(error: Error): void {
    this.#login?.reject(error);
    this.#login = undefined;
  }

  /** Gives up what has no answer. */
  #abandon(): (Update & { kind: "refused" })[] {
    return this.#outgoing.abandon().map(({ request, sent, tried, reject }) => {
      const error = unanswered(request, sent || tried);
      reject(error);
      return { kind: "refused", request, error };
    });
  }

  #end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#live = false;
    const error = new ClientError(ending.exit, ending.message);
    this.#refuseLogin(error);
    this.#givenUp = this.#abandon().filter(({ request }) => request.cmd !== "quit").length;
    this.#stop.abort(error);
    this.#connection?.close();
    this.#wake();
  }
}
