import type { Reply } from "../../wire/event.ts";
import { systemClock } from "../../common/time.ts";
import { fold } from "../../wire/names.ts";
import { ClientError } from "../base/exit.ts";
import type { Request } from "../net/connection.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { SidePolicy } from "./side_policy.ts";
import type { Ending, Login, Update } from "./update.ts";

/**
 * A side connection that survives its connection: beside the user's session, and without one of its own.
 *
 * 1. After a lost connection it logs in again by itself, on any of its servers.
 * 2. What was sent is answered once, in order, and each message arrives once: an unanswered one, and one for which the
 *    store was away, is sent again under the same `cid`.
 * 3. What is said in the room that it has joined is told once and in order, also what was said while it was away; with
 *    `manyRooms` it may join many, and each is told so.
 *
 * Of its own rooms nobody reminds it, so it never goes on in one where it was to be in many: whether many were `wanted`
 * or `needed`, a server that cannot do with them counts as one that is not there.
 *
 * Like in a `Session`, nothing happens unless `updates` is iterated.
 */
export class SideSession {
  readonly #engine: Engine<SidePolicy>;
  readonly #manyRooms: boolean;

  constructor(options: EngineOptions) {
    this.#manyRooms = options.manyRooms !== undefined;
    const { manyRooms, clock = systemClock } = options;
    const needed: EngineOptions = manyRooms === undefined ? options : { ...options, manyRooms: "needed" };
    this.#engine = new Engine(needed, (engine) => new SidePolicy(engine, clock));
  }

  /** Who is logged in. */
  get user(): string | undefined {
    return this.#engine.policy.user;
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
    refusal.catch(() => {}); // nobody has to await it
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
   * Listens to these rooms, in place of those before; there is one, unless it may be in many.
   *
   * @param count how many messages of before are told first, in each
   * @throws as {@linkcode send}
   */
  async listen(rooms: readonly string[], count: number): Promise<void> {
    const { policy } = this.#engine;
    const wanted = new Set(rooms.map(fold));
    const left = this.#manyRooms ? policy.rooms.filter((room) => !wanted.has(room)) : [];
    const requests = [
      ...left.map((room) => ({ cmd: "leave", room })),
      ...[...wanted].map((room) => {
        policy.expect(room, count);
        return { cmd: "join", room };
      }),
    ];
    await Promise.all(requests.map((request) => this.send(request)));
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
