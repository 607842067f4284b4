import type { Reply, UserDevice } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Request } from "../net/connection.ts";
import { Blocks } from "./blocks.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { ResumePolicy } from "./resume_policy.ts";
import { type KeepToken, SessionIdentity } from "./session_identity.ts";
import type { Ending, Login, Update } from "./update.ts";

/** Settings and ports of a session. */
export interface SessionOptions extends EngineOptions {
  /** Whether the servers are not verified; see {@linkcode Session.insecure}. */
  readonly insecure?: boolean;
  /** Keeps what resumes the session. */
  readonly keep?: KeepToken;
  /** The device that every login is for which names none; without it, none is named. */
  readonly device?: string;
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
 * With `manyRooms` it is in all rooms of its account, and comes back to all of them; requests name their room then. It
 * follows another device of the user into the rooms that it joins, and out of those that it leaves. Where the server
 * cannot do with many rooms, `wanted` goes on in one, as {@linkcode Session.manyRooms} says.
 *
 * It knows no screen: all that happens comes out of {@linkcode Session.updates}, in order, and nothing happens unless
 * that is iterated.
 */
export class Session {
  /** Whether nobody knows who the server is: a screen says so for as long as the session lasts. */
  readonly insecure: boolean;
  readonly #engine: Engine;
  readonly #identity: SessionIdentity;
  readonly #blocks = new Blocks();
  readonly #device: string | undefined;

  constructor(options: SessionOptions) {
    this.insecure = options.insecure ?? false;
    this.#device = options.device;
    this.#identity = new SessionIdentity(options.keep ?? (() => undefined));
    this.#engine = new Engine(
      options,
      (engine) => new ResumePolicy(engine, this.#identity, this.#blocks, options.giveUpMs),
    );
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

  /** The device that the user is logged in on; undefined where it has no name. */
  get device(): string | undefined {
    return this.#identity.device;
  }

  /** How far the account has read topics, as the user's other devices told: topic → position. In many rooms only. */
  get seen(): ReadonlyMap<string, string> {
    return this.#identity.seen;
  }

  /** An update as it is shown to people: see {@linkcode Blocks.shown}; a change that is about the user says so. */
  shown(update: Update): Update | undefined {
    return this.#blocks.shown(this.#identity.addressed(update));
  }

  /** The room that the user is in; undefined where there may be many. */
  get room(): string | undefined {
    return this.#identity.room;
  }

  /** The rooms that the user is in, sorted. */
  get rooms(): readonly string[] {
    return this.#identity.rooms;
  }

  /** Whether the user may be in many rooms: it was asked for, and the server that it is connected to can do with it. */
  get manyRooms(): boolean {
    return this.#engine.link.connection?.manyRooms ?? false;
  }

  /** The server that the session is connected to: where it is, and its own name. */
  get server(): { address: ServerAddress; name: string } | undefined {
    const { connection } = this.#engine.link;
    return connection && { address: connection.server, name: connection.name };
  }

  /** What was given up at the end without an answer, in order: a sentence for each request. */
  get givenUp(): readonly string[] {
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
    const device = login.cmd === "resume" || this.#device === undefined ? {} : { device: this.#device };
    return this.#engine.authentication.ask({ ...device, ...login });
  }

  /**
   * The devices that the user is logged in on, those among them whose connection is lost and may come back.
   *
   * @throws as {@linkcode send}
   */
  async devices(): Promise<readonly UserDevice[]> {
    const { devices } = await this.ask({ cmd: "devices" }) as { readonly devices?: unknown };
    return Array.isArray(devices) ? devices : [];
  }

  /**
   * Logs a device of the user out for good: without the password it does not come back.
   *
   * @param device all but this one where it is left out
   * @returns the names of those that were logged out
   * @throws {ChatError} `unknown_device`, and as {@linkcode send}
   */
  async revoke(device?: string): Promise<readonly string[]> {
    const reply = await this.ask({ cmd: "revoke", device: device ?? "all" });
    const { device: named, revoked = [named] } = reply as { readonly device?: string; readonly revoked?: string[] };
    return revoked.filter((name) => typeof name === "string");
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
   * Asks something on the client's own account, in turn with what is typed; the answer is no update.
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

  /** Tries to connect at once, where it waits to. */
  retry(): void {
    this.#engine.link.wake();
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
