import type { Reply, ServerEvent } from "../../wire/event.ts";
import { ClientError, type ConnectionLost } from "../base/exit.ts";
import type { Answer, Request } from "../net/connection.ts";
import { Engine, type EngineOptions, type EnginePolicy, type Granted, type Refused, type Updates } from "./engine.ts";
import { RoomListener } from "./room_listener.ts";
import type { Ending, Login, Update } from "./update.ts";

/** For how long a request is sent again while the store is away, in milliseconds: a program is to know in the end. */
const patienceMs = 60_000;

/**
 * A side connection that survives its connection: beside whoever is logged in, without a session.
 *
 * 1. After a lost connection it logs in again by itself, on any of its servers.
 * 2. What was sent is answered once, in order, and each message arrives once: an unanswered one, and one for which the
 *    store was away, is sent again under the same `cid`.
 * 3. What is said in the room that it has joined is told once and in order, also what was said while it was away.
 *
 * Like in a `Session`, nothing happens unless `updates` is iterated.
 */
export class SideSession {
  readonly #engine: Engine;
  readonly #policy: SidePolicy;

  constructor(options: EngineOptions) {
    this.#policy = new SidePolicy(() => this.#engine);
    this.#engine = new Engine(options, this.#policy);
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#policy.user;
  }

  /** The largest file, in bytes, as the server told. */
  get maxFileBytes(): number {
    return this.#engine.link.maxFileBytes;
  }

  /** Whether everything that was sent is answered. */
  get idle(): boolean {
    return this.#engine.outgoing.size === 0;
  }

  /** How it ended; undefined while it has not. */
  get ending(): Ending | undefined {
    return this.#engine.ending;
  }

  /**
   * Makes the first connection: each server is tried once.
   *
   * @throws {DialError} of the last one, when none can be reached
   */
  connect(): Promise<void> {
    return this.#engine.link.connect();
  }

  /**
   * Logs in.
   *
   * @throws {ChatError} when the server refuses
   * @throws {ClientError} when the connection ends before the answer
   */
  login(login: Login): Promise<Reply> {
    if (login.cmd === "login") return this.#engine.authentication.ask({ ...login, side: true });
    const refusal = Promise.reject(new ClientError("usage", `A side connection cannot ${login.cmd}`));
    refusal.catch(() => {}); // whoever does not await it misses nothing
    return refusal;
  }

  /**
   * Sends a command, now or as soon as there is a connection.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when it will have no answer
   */
  send(request: Request): Promise<Reply> {
    return this.#engine.send(request);
  }

  /** Whether what is sent to a user is encrypted. @throws as {@linkcode send} */
  canSeal(user: string): Promise<boolean> {
    return this.#engine.canSeal(user, false);
  }

  /**
   * Listens to a room, in place of the one before.
   *
   * @param count how many messages of before are told first
   * @throws as {@linkcode send}
   */
  listen(room: string, count: number): Promise<Reply> {
    this.#policy.backlog = count;
    return this.send({ cmd: "join", room });
  }

  /** Leaves politely, after all that was sent, but within `ms` milliseconds. */
  quit(ms: number): Promise<void> {
    return this.#engine.quit(ms);
  }

  /** Ends it here and now. */
  close(): void {
    this.#engine.close();
  }

  /** All that happens, in order, until it ends for good. */
  updates(): AsyncGenerator<Update, void, void> {
    return this.#engine.updates();
  }
}

/** Comes back with the same login, joins its room again, and tells what was said there meanwhile. */
class SidePolicy implements EnginePolicy {
  readonly hold: EnginePolicy["hold"] = { waiting: ["message", "repeat"], giveUpMs: patienceMs };
  readonly tellsStoreAway = false;
  readonly room = undefined;
  user: string | undefined;
  /** How many messages of before are told when a room is joined next. */
  backlog = 0;
  readonly #engine: () => Engine;
  #login: Request | undefined;
  #listener: RoomListener | undefined;
  #rejoining: Request | undefined;
  /** It has come back, and what was missed is not known before the room's history is there. */
  #returning = false;

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  get busy(): boolean {
    return this.#rejoining !== undefined;
  }

  comeback(): Request | undefined {
    return this.#login;
  }

  *entered(answer: Granted, back: boolean): Updates {
    if (!back) {
      this.#login = answer.request;
      yield answer;
    }
    if (this.#listener) this.#request(this.#rejoining = { cmd: "join", room: this.#listener.room });
    this.#returning = back && this.#listener !== undefined;
    if (back && !this.#listener) yield this.#back(0);
  }

  *shutOut(answer: Refused): Updates {
    const engine = this.#engine();
    yield* engine.outgoing.abandon();
    yield answer;
    engine.end({ reason: "gave_up", exit: "login", message: answer.error.message });
  }

  replied(reply: Reply): void {
    const { user } = reply as { user?: unknown };
    if (reply.of === "login" && typeof user === "string") this.user = user;
    if (reply.of === "join") {
      this.#listener = new RoomListener(reply.room, this.backlog);
      this.backlog = 0;
      this.#request(this.#listener.joined());
    }
    if (reply.of === "leave" || reply.of === "logout") this.#listener = undefined;
  }

  *event(event: ServerEvent): Updates {
    if (event.type !== "message") return yield { kind: "event", event };
    for (const told of this.#listener?.live(event) ?? [event]) yield { kind: "event", event: told };
  }

  *answered(answer: Answer): Updates {
    if (answer.request === this.#rejoining) return this.#rejoined(answer);
    if (!this.#listener?.owns(answer.request)) return;
    const reply = answer.kind === "reply" ? answer.reply : undefined;
    // Without its history the room would be silent for ever: the next connection asks again.
    if (reply?.of !== "history") return this.#engine().link.connection?.close("the history was refused");
    const { events, ask } = this.#listener.answered(reply.messages);
    for (const event of events) yield { kind: "event", event };
    this.#request(ask);
    if (!this.#returning || ask) return;
    this.#returning = false;
    const unknown = events.some((event) => event.type === "gap");
    yield this.#back(unknown ? null : events.filter(({ type }) => type === "message").length);
  }

  lost(why: ConnectionLost, pending: boolean): void {
    this.#rejoining = undefined;
    if (pending) this.#engine().end({ reason: "gave_up", exit: "unreachable", message: why.message });
  }

  cleared(): void {
    this.#login = this.#listener = undefined;
  }

  #rejoined(answer: Answer): void {
    this.#rejoining = undefined;
    if (answer.kind === "reply" && this.#listener) this.#request(this.#listener.joined());
    else this.#engine().link.connection?.close("the room was refused");
  }

  #back(missed: number | null): Update {
    return { kind: "status", status: { state: "resumed", server: this.#engine().link.connection!.server, missed } };
  }

  #request(request: Request | undefined): void {
    this.#engine().link.request(request);
  }
}
