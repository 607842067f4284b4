import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Answer, Request } from "../net/connection.ts";
import { Engine, type EngineOptions, type EnginePolicy, type Granted, type Refused, type Updates } from "./engine.ts";
import { Receipts } from "./receipts.ts";
import { SessionIdentity } from "./session_identity.ts";
import type { Ending, Login, Update } from "./update.ts";

/** What a session is made from. */
export interface SessionOptions extends EngineOptions {
  /** Whether the servers are not verified; see {@linkcode Session.insecure}. */
  readonly insecure?: boolean;
  /** Called with what resumes the session, whenever that changes; undefined when nothing does any more. */
  readonly keep?: (token: string | undefined) => void;
}

/**
 * A session that survives its connection.
 *
 * 1. After a lost connection it comes back by itself, on any of its servers, without a password.
 * 2. What was typed is sent in order, also while there is no connection, and each message arrives once: an unanswered
 *    one, and one for which the store was away, is sent again under the same `cid`, to the room for which it was typed.
 * 3. Each message is shown once and in its topic's order, and a gap is shown where the server told of one.
 * 4. A session that another login has taken over does not come back by itself.
 *
 * It knows no screen: all that happens comes out of {@linkcode Session.updates}, in order, and nothing happens unless
 * that is iterated.
 */
export class Session {
  /** Whether nobody knows who the server is: a screen says so for as long as the session lasts. */
  readonly insecure: boolean;
  readonly #engine: Engine;
  readonly #identity: SessionIdentity;

  constructor(options: SessionOptions) {
    this.insecure = options.insecure ?? false;
    this.#identity = new SessionIdentity(options.keep ?? (() => {}));
    const policy = new ResumePolicy(this.#identity, options.giveUpMs, () => this.#engine);
    this.#engine = new Engine(options, policy);
  }

  /** The commands that the server told. */
  get commands(): CommandTable {
    return this.#engine.link.commands;
  }

  /** The longest message, in bytes, as the server told. */
  get maxMessageBytes(): number {
    return this.#engine.link.maxMessageBytes;
  }

  /** The largest file, in bytes, as the server told. */
  get maxFileBytes(): number {
    return this.#engine.link.maxFileBytes;
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
    const { connection } = this.#engine.link;
    return connection && { address: connection.server, name: connection.name };
  }

  /** How many requests were given up at the end without an answer. */
  get givenUp(): number {
    return this.#engine.givenUp;
  }

  /** How it ended; undefined while it has not. */
  get ending(): Ending | undefined {
    return this.#engine.ending;
  }

  /** Whether messages wait because the server cannot store them at the moment. */
  get storeAway(): boolean {
    return this.#engine.hold.storeAway;
  }

  /** What was typed and has no answer yet, in order. */
  get waiting(): readonly Request[] {
    return this.#engine.outgoing.typed;
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
   * Logs in, registers, or takes up a session that was kept; connects first where there is no connection.
   *
   * @throws {ChatError} when the server refuses
   * @throws {ClientError} when there is no server, or the connection ends before the answer
   */
  login(login: Login): Promise<Reply> {
    return this.#engine.authentication.ask({ ...login });
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

  /**
   * Asks something on the client's own account, in turn with what is typed; only whoever asked is told of the answer.
   *
   * @throws as {@linkcode send}
   */
  ask(request: Request): Promise<Reply> {
    return this.#engine.send(request, true);
  }

  /**
   * Whether what is sent to a user is encrypted.
   *
   * @throws {ChatError} where nothing may be sent to them now
   */
  canSeal(user: string): Promise<boolean> {
    return this.#engine.canSeal(user, true);
  }

  /** Leaves politely, after all that was typed, but within `ms` milliseconds. */
  quit(ms: number): Promise<void> {
    return this.#engine.quit(ms);
  }

  /** Ends the session here and now. */
  close(): void {
    this.#engine.close();
  }

  /** All that happens, in order, until the session ends for good. */
  updates(): AsyncGenerator<Update, void, void> {
    return this.#engine.updates();
  }
}

/** Comes back with a resume token, and shows each message once. */
class ResumePolicy implements EnginePolicy {
  readonly hold: EnginePolicy["hold"];
  readonly tellsStoreAway = true;
  readonly busy = false;
  readonly #identity: SessionIdentity;
  readonly #receipts = new Receipts();
  readonly #engine: () => Engine;

  constructor(identity: SessionIdentity, giveUpMs: number | undefined, engine: () => Engine) {
    this.#identity = identity;
    this.#engine = engine;
    // A question is answered at once, if only by a refusal; what was said waits.
    this.hold = { waiting: ["message"], giveUpMs };
  }

  get room(): string | undefined {
    return this.#identity.room;
  }

  comeback(): Request | undefined {
    return this.#identity.resume();
  }

  *entered(answer: Granted, back: boolean): Updates {
    if (!back) return yield answer;
    const { missed } = answer.reply as { missed?: unknown };
    const { server } = this.#engine().link.connection!;
    // A server that cannot tell says nothing, or null: then nobody may say that nothing was missed.
    yield { kind: "status", status: { state: "resumed", server, missed: typeof missed === "number" ? missed : null } };
  }

  *shutOut({ error }: Refused): Updates {
    yield* this.#engine().forget();
    yield { kind: "status", status: { state: "login_needed", message: error.message } };
  }

  replied(reply: Reply): void {
    this.#identity.take(reply);
  }

  *event(event: ServerEvent): Updates {
    const engine = this.#engine();
    switch (event.type) {
      case "message":
      case "notification":
      case "direct":
        if (!this.#identity.show(event)) return;
        yield { kind: "event", event };
        if (event.type === "direct") engine.link.request(this.#receipts.shown(event.pos));
        return;
      case "gap":
        this.#identity.skip(event);
        break;
      case "system":
        if (event.code === "server_draining") return; // a move that nobody need know of
    }
    yield { kind: "event", event };
    if (event.type === "system" && event.code === "forced_logout") {
      this.#identity.forfeit();
      yield* engine.outgoing.abandon();
      engine.end({ reason: "forced_logout", exit: "login", message: event.message });
    }
  }

  // deno-lint-ignore require-yield -- nothing that it asked by itself is told
  *answered({ request }: Answer): Updates {
    if (this.#receipts.owns(request)) this.#engine().link.request(this.#receipts.answered());
  }

  lost(): void {
    this.#receipts.reset();
  }

  cleared(): void {
    this.#identity.clear();
  }
}
