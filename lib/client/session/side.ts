import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import { atMost, type Clock, systemClock } from "../base/clock.ts";
import type { Answer, Request } from "../net/connection.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { SendHold } from "./send_hold.ts";
import { Link, type LinkOptions, type LinkPort, type LinkStep, type Sealer } from "./link.ts";
import { type Entry, Outgoing } from "./outgoing.ts";
import { type Ending, type Login, passing, type Update } from "./update.ts";
import { RoomListener } from "./room_listener.ts";

type Updates = Generator<Update, void, void>;

/** For how long a request is sent again while the store is away, in milliseconds: a program is to know in the end. */
const patienceMs = 60_000;

/** What a side connection is made from. */
export interface SideOptions extends LinkOptions {
  /** Encrypts private messages, where there is one. */
  readonly sealing?: Sealer;
}

/**
 * A side connection that survives its connection: beside whoever is logged in, without a session.
 *
 * Promises:
 * 1. after a lost connection it logs in again by itself, on any of its servers;
 * 2. what was sent is answered once, in order, and each message arrives once: an unanswered one, and one for which the
 *    store was away, is sent again under the same `cid`;
 * 3. what is said in the room that it has joined is told once and in order, also what was said while it was away.
 *
 * It has the face of a {@linkcode Session}, and like there nothing happens unless `updates` is iterated.
 */
export class SideSession {
  readonly #clock: Clock;
  readonly #sealing: Sealer | undefined;
  readonly #link: LinkPort;
  readonly #outgoing = new Outgoing();
  readonly #hold: SendHold;
  #login: Request | undefined;
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #user: string | undefined;
  #live = false;
  #returning = false;
  #listener: RoomListener | undefined;
  #rejoining: Request | undefined;
  #backlog = 0;
  #ending: Ending | undefined;

  constructor(options: SideOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#sealing = options.sealing;
    const link = new Link(options);
    this.#link = this.#sealing?.over(link) ?? link;
    this.#hold = new SendHold({
      clock: this.#clock,
      link,
      waiting: ["message", "repeat"],
      giveUpMs: patienceMs,
      again: () => this.#pump(),
    });
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#user;
  }

  /** The largest file, in bytes, as the server told. */
  get maxFileBytes(): number {
    return this.#link.maxFileBytes;
  }

  /** Whether everything that was sent is answered. */
  get idle(): boolean {
    return this.#outgoing.size === 0;
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
  connect(): Promise<void> {
    return this.#link.connect();
  }

  /**
   * Logs in.
   *
   * @throws {ChatError} when the server refuses
   * @throws {ClientError} when the connection ends before the answer
   */
  login(login: Login): Promise<Reply> {
    const answer = new Promise<Reply>((resolve, reject) => {
      if (this.#ending) return reject(new ClientError(this.#ending.exit, this.#ending.message));
      if (login.cmd !== "login") return reject(new ClientError("usage", `A side connection cannot ${login.cmd}`));
      this.#waiting = { resolve, reject };
      this.#login = { ...login, side: true };
      this.#link.request(this.#login);
      this.#link.wake();
    });
    answer.catch(() => {}); // a refusal is told as well
    return answer;
  }

  /**
   * Sends a command, now or as soon as there is a connection.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when it will have no answer
   */
  send(request: Request): Promise<Reply> {
    const answer = this.#outgoing.add(request, this.#link.commands);
    if (this.#ending) this.#outgoing.abandon();
    else this.#pump();
    return answer;
  }

  /** Whether what is sent to a user is encrypted. @throws as {@linkcode send} */
  async canSeal(user: string): Promise<boolean> {
    return await this.#sealing?.canSeal(user, (request) => this.send(request)) ?? false;
  }

  /**
   * Listens to a room, in place of the one before.
   *
   * @param count how many messages of before are told first
   * @throws as {@linkcode send}
   */
  listen(room: string, count: number): Promise<Reply> {
    this.#backlog = count;
    return this.send({ cmd: "join", room });
  }

  /** Leaves politely, after all that was sent, but within `ms` milliseconds. */
  async quit(ms: number): Promise<void> {
    if (this.#live) await atMost(this.#clock, ms, this.send({ cmd: "quit" }));
    this.close();
  }

  /** Ends it here and now. */
  close(): void {
    this.#end("left", "ok", "The session is closed");
  }

  /** All that happens, in order, until it ends for good. */
  async *updates(): AsyncGenerator<Update, void, void> {
    try {
      for await (const step of this.#link.steps(() => this.#login !== undefined)) yield* this.#step(step);
    } finally {
      this.close();
    }
  }

  *#step(step: LinkStep): Updates {
    if (this.#ending) return;
    switch (step.kind) {
      case "status":
        return yield step;
      case "failed":
        return yield* this.#miss(step.server, step.error);
      case "up":
        this.#hold.begin();
        return this.#link.request(this.#login);
      case "down":
        return yield* this.#lose(step.why);
      case "incoming":
        if (step.incoming.kind === "event") yield* this.#takeEvent(step.incoming.event);
        else yield* this.#takeAnswer(step.incoming);
        this.#pump();
    }
  }

  *#lose(why: ClientError): Updates {
    const { route } = this.#link;
    const wasLive = this.#live;
    this.#live = false;
    yield* this.#outgoing.interrupt();
    if (this.#waiting || !this.#login) return this.#end("gave_up", "unreachable", why.message);
    if (wasLive) {
      route.lost(this.#hold.draining);
      return yield { kind: "status", status: { state: "lost", reason: why.message, planned: this.#hold.draining } };
    }
    const { server } = route;
    route.failed();
    yield* this.#miss(server, new Error(`The connection was lost again: ${why.message}`));
  }

  /** An attempt failed. */
  *#miss(server: ServerAddress, error: Error): Updates {
    const { route } = this.#link;
    yield { kind: "status", status: { state: "unreachable", server, message: error.message } };
    if (!route.hopeless) return;
    const seconds = Math.round(route.lostForMs / 1000);
    yield* this.#outgoing.abandon();
    yield { kind: "status", status: { state: "gave_up", seconds } };
    this.#end("gave_up", "unreachable", `No server could be reached for ${seconds} s`);
  }

  *#takeEvent(event: ServerEvent): Updates {
    switch (event.type) {
      case "ping":
        return;
      case "message":
        for (const told of this.#listener?.live(event) ?? [event]) yield { kind: "event", event: told };
        return;
      case "system":
        if (event.code === "server_draining") {
          this.#hold.drain();
          this.#link.route.retryAfter(event.retry_after_ms);
        }
    }
    yield { kind: "event", event };
  }

  *#takeAnswer(answer: Answer): Updates {
    const { request } = answer;
    const entry = this.#outgoing.find(request);
    if (entry) return yield* this.#takeEntry(entry, answer);
    if (request === this.#login) return yield* this.#takeLogin(answer);
    if (request === this.#rejoining) return this.#rejoined(answer);
    if (!this.#listener?.owns(request)) return;
    const reply = answer.kind === "reply" ? answer.reply : undefined;
    // Without its history the room would be silent for ever: the next connection asks again.
    if (reply?.of !== "history") return this.#link.connection?.close("the history was refused");
    const { events, ask } = this.#listener.answered(reply.messages);
    for (const event of events) yield { kind: "event", event };
    this.#link.request(ask);
    if (!this.#returning || ask) return;
    this.#returning = false;
    yield this.#back(events.filter(({ type }) => type === "message").length);
  }

  #back(missed: number): Update {
    return { kind: "status", status: { state: "resumed", server: this.#link.connection!.server, missed } };
  }

  *#takeLogin(answer: Answer): Updates {
    const { route, connection } = this.#link;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (answer.kind === "reply") {
      const { user } = answer.reply as { user?: unknown };
      if (typeof user === "string") this.#user = user;
      this.#live = true;
      if (waiting) route.reset();
      route.reached();
      waiting?.resolve(answer.reply);
      if (this.#listener) this.#link.request(this.#rejoining = { cmd: "join", room: this.#listener.room });
      if (waiting) return yield answer;
      // What was missed is known when the room's history is there.
      this.#returning = this.#listener !== undefined;
      if (!this.#returning) yield this.#back(0);
      return;
    }
    const { error } = answer;
    if (waiting) {
      this.#login = undefined;
      waiting.reject(error);
      return yield answer;
    }
    if (!passing.has(error.code)) {
      yield* this.#outgoing.abandon();
      yield answer;
      return this.#end("gave_up", "login", error.message);
    }
    route.failed();
    route.retryAfter(error.extra.retry_after_ms);
    yield* this.#miss(connection!.server, error);
    connection!.close(error.message);
  }

  #rejoined(answer: Answer): void {
    this.#rejoining = undefined;
    if (answer.kind === "reply" && this.#listener) this.#link.request(this.#listener.joined());
    else this.#link.connection?.close("the room was refused");
  }

  *#takeEntry(entry: Entry, answer: Answer): Updates {
    if (answer.kind === "refused") {
      if (this.#hold.takes(entry, answer.error.code)) return this.#outgoing.postpone(entry);
      this.#outgoing.remove(entry);
      entry.reject(answer.error);
      return yield answer;
    }
    const { reply } = answer;
    this.#outgoing.remove(entry);
    this.#hold.answered(entry);
    if (reply.of === "join") {
      this.#listener = new RoomListener(reply.room, this.#backlog);
      this.#backlog = 0;
      this.#link.request(this.#listener.joined());
    }
    if (reply.of === "leave" || reply.of === "logout") this.#listener = undefined;
    if (reply.of === "quit") this.close();
    if (reply.of === "logout") {
      this.#live = false;
      this.#login = undefined;
    }
    entry.resolve(reply);
    yield answer;
    if (reply.of !== "logout") return;
    yield* this.#outgoing.abandon();
    yield { kind: "status", status: { state: "logged_out" } };
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (!this.#live || this.#hold.active || this.#rejoining) return;
    for (const request of this.#outgoing.next(undefined, this.#link.commands)) this.#link.request(request);
  }

  #end(reason: Ending["reason"], exit: Exit, message: string): void {
    if (this.#ending) return;
    this.#ending = { reason, exit, message };
    this.#live = false;
    this.#waiting?.reject(new ClientError(exit, message));
    this.#waiting = undefined;
    this.#outgoing.abandon();
    this.#link.close();
  }
}
