import type { PresenceChange } from "../../store/topics.ts";
import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";

/** A session that is still to end. */
interface Debt {
  readonly session: Session;
  /** Hash of the resume token that is to end with it; undefined where the session may be resumed. */
  readonly tokenHash: string | undefined;
}

/**
 * Ends sessions in the store and tells their rooms. Where the store is away, it queues the end until {@linkcode drain}.
 *
 * 1. What is queued only grows: an end that is to revoke the resume token stays one, and the newest claim stays.
 * 2. A token is revoked by its hash, also where another server has ended the session meanwhile; a newer login's stays.
 * 3. What is queued while {@linkcode drain} works stays queued.
 */
export class SessionEnds {
  readonly #store: Store;
  readonly #onFault: (what: string, error: unknown) => void;
  /** Sessions that were to end while the store was away, by connection. */
  readonly #queue = new Map<string, Debt>();

  /** @param onFault told of what could not be done because the store was away */
  constructor(store: Store, onFault: (what: string, error: unknown) => void) {
    this.#store = store;
    this.#onFault = onFault;
  }

  /** Users whose resume tokens are still to be revoked. */
  get unrevoked(): string[] {
    return [...this.#queue.values()].flatMap(({ session, tokenHash }) => tokenHash === undefined ? [] : session.user);
  }

  /**
   * Ends a session if it is still its connection's, now or when the store is back.
   *
   * @param tokenHash hash of the resume token that ends with it; without one the session may be resumed
   * @returns whether it has ended, and its token with it
   */
  async end(session: Session, tokenHash?: string): Promise<boolean> {
    try {
      await this.#end({ session, tokenHash });
      return true;
    } catch (error) {
      this.enqueue(session, tokenHash);
      this.#onFault("end", error);
      // The presence of a user may end though the token cannot be revoked yet.
      if (tokenHash !== undefined) await this.#end({ session, tokenHash: undefined }).catch(() => {});
      return false;
    }
  }

  /** Queues a session's end for {@linkcode drain}; a claim of 0 stands for one of which nobody got the answer. */
  enqueue(session: Session, tokenHash?: string): void {
    const known = this.#queue.get(session.connection);
    this.#queue.set(session.connection, {
      session: known && known.session.claim > session.claim ? known.session : session,
      tokenHash: tokenHash ?? known?.tokenHash,
    });
  }

  /**
   * Ends the queued sessions.
   *
   * @param user whose; everybody's unless given
   * @throws {ChatError} `store_unavailable`: the rest stays queued
   */
  async drain(user?: string): Promise<void> {
    const failures: unknown[] = [];
    for (const [connection, debt] of [...this.#queue]) {
      if (user !== undefined && debt.session.user !== user) continue;
      try {
        await this.#end(debt);
        if (this.#queue.get(connection) === debt) this.#queue.delete(connection);
      } catch (error) {
        failures.push(error); // one that cannot be ended holds up no other
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Tells a room that a user joined or left; best effort, since presence is not logged. */
  async announce(room: string, change: PresenceChange): Promise<void> {
    try {
      await this.#store.topics.announce(room, change);
    } catch (error) {
      this.#onFault("announce", error);
    }
  }

  /** Tells rooms of a session that its user joined or left; all of its rooms unless given. */
  async announceAll(
    { user, rooms, claim }: Session,
    state: PresenceChange["state"],
    told: readonly string[] = rooms,
  ): Promise<void> {
    await Promise.all(told.map((room) => this.announce(room, { user, state, claim })));
  }

  /** Tells the rooms of a session that its user is offline. */
  async announceOffline({ user, rooms, claim }: Session): Promise<void> {
    await Promise.all(rooms.map((room) => this.announce(room, { user, state: "left", claim, offline: true })));
  }

  async #end({ session: known, tokenHash }: Debt): Promise<void> {
    const { sessions } = this.#store;
    const { user } = known;
    const session = known.claim === 0 ? await this.#found(known) : known;
    const ended = await sessions.end(session, tokenHash !== undefined);
    if (ended === "offline") await this.announceOffline(session);
    else if (ended === "ended") await this.announceAll(session, "left");
    else if (tokenHash !== undefined) await sessions.revokeToken(user, session.device, tokenHash);
  }

  /** A session of whose claim nobody got the answer, as the store has it if it went through. */
  async #found(session: Session): Promise<Session> {
    const held = await this.#store.admin.sessionsOf(session.user);
    return held.find(({ connection }) => connection === session.connection) ?? session;
  }
}
