import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import { Authentication } from "./authentication.ts";
import { atMost, type Clock, systemClock } from "../base/clock.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Answer, Incoming, Request } from "../net/connection.ts";
import { ClientError, type ConnectionLost } from "../base/exit.ts";
import { SendHold } from "./send_hold.ts";
import { Homecoming } from "./homecoming.ts";
import { Link, type LinkOptions, type LinkPort, type LinkStep, type Sealer } from "./link.ts";
import { type Entry, Outgoing } from "./outgoing.ts";
import { Receipts } from "./receipts.ts";
import { SessionIdentity } from "./session_identity.ts";
import type { Ending, Login, Update } from "./update.ts";

type Updates = Generator<Update, void, void>;

/** What a session is made from. */
export interface SessionOptions extends LinkOptions {
  /** Whether the servers are not verified; see {@linkcode Session.insecure}. */
  readonly insecure?: boolean;
  /** Encrypts private messages, where there is one. */
  readonly sealing?: Sealer;
  /** Called with what resumes the session, whenever that changes; undefined when nothing does any more. */
  readonly keep?: (token: string | undefined) => void;
}

/**
 * A session that survives its connection.
 *
 * Promises:
 * 1. after a lost connection it comes back by itself, on any of its servers, without a password;
 * 2. what was typed is sent in order, also while there is no connection, and each message arrives once: an unanswered
 *    one, and one for which the store was away, is sent again under the same `cid`, to the room for which it was typed;
 * 3. each message is shown once and in its topic's order, and a gap is shown where the server told of one;
 * 4. a session that another login has taken over does not come back by itself.
 *
 * It knows no screen: all that happens comes out of {@linkcode Session.updates}, in order, and nothing happens unless
 * that is iterated.
 */
export class Session {
  /** Whether nobody knows who the server is: a screen says so for as long as the session lasts. */
  readonly insecure: boolean;
  readonly #clock: Clock;
  readonly #sealing: Sealer | undefined;
  readonly #link: LinkPort;
  readonly #authentication: Authentication;
  readonly #identity: SessionIdentity;
  readonly #outgoing = new Outgoing();
  readonly #receipts = new Receipts();
  readonly #hold: SendHold;
  #homecoming: Homecoming | undefined;
  #ending: Ending | undefined;
  #givenUp = 0;

  constructor(options: SessionOptions) {
    this.insecure = options.insecure ?? false;
    this.#identity = new SessionIdentity(options.keep ?? (() => {}));
    this.#clock = options.clock ?? systemClock;
    this.#sealing = options.sealing;
    const link = new Link(options);
    this.#link = this.#sealing?.over(link) ?? link;
    this.#authentication = new Authentication(this.#link);
    const { giveUpMs } = options;
    // A question is answered at once, if only so; what was said waits.
    this.#hold = new SendHold({ clock: this.#clock, link, waiting: ["message"], giveUpMs, again: () => this.#pump() });
  }

  /** The commands that the server told. */
  get commands(): CommandTable {
    return this.#link.commands;
  }

  /** The longest message, in bytes, as the server told. */
  get maxMessageBytes(): number {
    return this.#link.maxMessageBytes;
  }

  /** The largest file, in bytes, as the server told. */
  get maxFileBytes(): number {
    return this.#link.maxFileBytes;
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#identity.user;
  }

  /** The room that the user is in. */
  get room(): string | undefined {
    return this.#identity.room;
  }

  /** The server that the session is connected to: where it is, and its own name. */
  get server(): { address: ServerAddress; name: string } | undefined {
    const { connection } = this.#link;
    return connection && { address: connection.server, name: connection.name };
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
  connect(): Promise<void> {
    return this.#link.connect();
  }

  /**
   * Logs in, registers, or takes up a session that was kept; connects first where there is no connection.
   *
   * @throws {ChatError} when the server refuses
   * @throws {ClientError} when there is no server, or the connection ends before the answer
   */
  login(login: Login): Promise<Reply> {
    return this.#authentication.ask({ ...login });
  }

  /**
   * Sends a command, now or as soon as there is a connection.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when it will have no answer
   */
  send(request: Request): Promise<Reply> {
    return this.#add(request, false);
  }

  #add(request: Request, own: boolean): Promise<Reply> {
    const answer = this.#outgoing.add(request, this.commands, own);
    if (this.#ending) this.#outgoing.abandon();
    else this.#pump();
    return answer;
  }

  /**
   * Asks something on the client's own account, in turn with what is typed; only whoever asked is told of the answer.
   *
   * @throws as {@linkcode send}
   */
  ask(request: Request): Promise<Reply> {
    return this.#add(request, true);
  }

  /**
   * Whether what is sent to a user is encrypted.
   *
   * @throws {ChatError} where nothing may be sent to them now
   */
  async canSeal(user: string): Promise<boolean> {
    return await this.#sealing?.canSeal(user, (request) => this.ask(request)) ?? false;
  }

  /** Whether messages wait because the server cannot store them at the moment. */
  get storeAway(): boolean {
    return this.#hold.storeAway;
  }

  /** What was typed and has no answer yet, in order. */
  get waiting(): readonly Request[] {
    return this.#outgoing.typed;
  }

  /** Leaves politely, after all that was typed, but within `ms` milliseconds. */
  async quit(ms: number): Promise<void> {
    if (this.#authentication.granted) await atMost(this.#clock, ms, this.send({ cmd: "quit" }));
    this.close();
  }

  /** Ends the session here and now. */
  close(): void {
    this.#end({ reason: "left", exit: "ok", message: "The session is closed" });
  }

  /** All that happens, in order, until the session ends for good. */
  async *updates(): AsyncGenerator<Update, void, void> {
    try {
      const wanted = () => this.#identity.resumable || this.#authentication.wanted;
      for await (const step of this.#link.steps(wanted)) yield* this.#step(step);
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
        return this.#authentication.begin(this.#identity.resume());
      case "incoming":
        return yield* this.#take(step.incoming);
      case "down":
        return yield* this.#lose(step.why);
    }
  }

  /** An attempt failed. */
  *#miss(server: ServerAddress, error: Error): Updates {
    if (!this.#identity.resumable) return this.#authentication.failed(error);
    const { route } = this.#link;
    if (!route.patient) {
      yield { kind: "status", status: { state: "unreachable", server, message: error.message } };
    }
    if (!route.hopeless) return;
    const seconds = Math.round(route.lostForMs / 1000);
    yield* this.#outgoing.abandon();
    yield { kind: "status", status: { state: "gave_up", seconds } };
    this.#end({ reason: "gave_up", exit: "unreachable", message: `No server could be reached for ${seconds} s` });
  }

  *#lose(why: ConnectionLost): Updates {
    const { server } = this.#link.route;
    const lost = this.#authentication.lost(why, this.#hold.draining);
    this.#homecoming = undefined;
    this.#receipts.reset();
    yield* this.#outgoing.interrupt();
    if (lost === "resume") {
      yield* this.#miss(server, new Error(`The connection was lost again: ${why.message}`));
    } else if (lost === "session") {
      yield { kind: "status", status: { state: "lost", reason: why.message, planned: this.#hold.draining } };
    }
  }

  *#take(incoming: Incoming): Updates {
    if (incoming.kind === "event") return yield* this.#takeEvent(incoming.event);
    const { request } = incoming;
    const entry = this.#outgoing.find(request);
    const asked = this.#authentication.find(request);
    if (entry) yield* this.#takeAnswer(entry, incoming);
    else if (asked === "login") yield* this.#takeLogin(incoming);
    else if (asked === "resume") yield* this.#takeResume(incoming);
    else if (this.#homecoming?.owns(request)) yield* this.#tellBack(this.#homecoming.answered());
    else if (this.#receipts.owns(request)) this.#link.request(this.#receipts.answered());
    this.#pump();
  }

  *#takeEvent(event: ServerEvent): Updates {
    switch (event.type) {
      case "ping":
        return;
      case "message":
      case "notification":
      case "direct":
        if (!this.#identity.show(event)) return;
        if (event.from !== this.user) this.#homecoming?.count();
        yield { kind: "event", event };
        if (event.type === "direct") this.#link.request(this.#receipts.shown(event.pos));
        return;
      case "gap":
        this.#identity.skip(event);
        break;
      case "system":
        if (event.code !== "server_draining") break;
        this.#hold.drain();
        return this.#link.route.retryAfter(event.retry_after_ms); // a move that nobody need know of
    }
    yield { kind: "event", event };
    if (event.type === "system" && event.code === "forced_logout") {
      this.#identity.forfeit();
      yield* this.#outgoing.abandon();
      this.#end({ reason: "forced_logout", exit: "login", message: event.message });
    }
  }

  *#takeLogin(answer: Answer): Updates {
    this.#enter(answer);
    yield answer;
  }

  *#takeResume(answer: Answer): Updates {
    const outcome = this.#enter(answer);
    if (answer.kind === "reply") {
      const { missed } = answer.reply as { missed?: unknown };
      this.#homecoming = new Homecoming(this.#clock, this.#link.signal, (request) => this.#link.request(request));
      if (typeof missed === "number") yield* this.#tellBack(missed);
      return;
    }
    const { message } = answer.error;
    if (outcome === "again") {
      const { connection } = this.#link;
      yield* this.#miss(connection!.server, answer.error);
      return connection!.close(message);
    }
    yield* this.#forget();
    yield { kind: "status", status: { state: "login_needed", message } };
  }

  *#takeAnswer(entry: Entry, answer: Answer): Updates {
    if (answer.kind === "refused") {
      const { storeAway } = this.#hold;
      if (this.#hold.takes(entry, answer.error.code)) {
        this.#outgoing.postpone(entry);
        if (this.#hold.storeAway && !storeAway) yield { kind: "status", status: { state: "store_away" } };
        return;
      }
      this.#outgoing.remove(entry);
      entry.reject(answer.error);
      if (!entry.own) yield answer;
      return;
    }
    const { reply } = answer;
    this.#outgoing.remove(entry);
    this.#hold.answered(entry);
    this.#identity.take(reply);
    if (reply.of === "quit") this.close();
    if (reply.of === "logout") this.#authentication.leave(); // whoever waits for the answer sends nothing more
    entry.resolve(reply);
    if (!entry.own) yield answer;
    if (reply.of !== "logout") return;
    yield* this.#forget();
    yield { kind: "status", status: { state: "logged_out" } };
  }

  /** A login or a resume has its answer: what it tells is known before whoever asked is told. */
  #enter(answer: Answer): ReturnType<Authentication["answered"]> {
    if (answer.kind === "reply") this.#identity.take(answer.reply);
    return this.#authentication.answered(answer);
  }

  /** Is logged out; what was not sent is given up. */
  *#forget(): Updates {
    this.#authentication.leave();
    this.#identity.clear();
    yield* this.#outgoing.abandon();
  }

  /** The session is back, and knows what it missed. */
  *#tellBack(missed: number | undefined): Updates {
    if (missed === undefined) return;
    this.#homecoming = undefined;
    yield { kind: "status", status: { state: "resumed", server: this.#link.connection!.server, missed } };
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (!this.#authentication.granted || this.#hold.active) return;
    for (const request of this.#outgoing.next(this.room, this.commands)) this.#link.request(request);
  }

  #end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#authentication.close(new ClientError(ending.exit, ending.message));
    this.#givenUp = this.#outgoing.abandon().filter(({ request }) => request.cmd !== "quit").length;
    this.#link.close();
  }
}
