import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";

/**
 * Ends sessions in the store and tells their rooms. Where the store is away, it queues the end until {@linkcode drain}.
 */
export class SessionEnds {
  readonly #store: Store;
  readonly #onFault: (what: string, error: unknown) => void;
  /** Sessions that were to end while the store was away, by connection. */
  readonly #queue = new Map<string, { session: Session; revoke: boolean }>();

  /** @param onFault told of what could not be done because the store was away */
  constructor(store: Store, onFault: (what: string, error: unknown) => void) {
    this.#store = store;
    this.#onFault = onFault;
  }

  /**
   * Ends a session if it is still its connection's, now or when the store is back.
   *
   * @param revoke whether its resume tokens end with it
   */
  async end(session: Session, revoke: boolean): Promise<void> {
    try {
      await this.#end(session, revoke);
    } catch (error) {
      this.enqueue(session, revoke);
      this.#onFault("end", error);
    }
  }

  /** Queues a session's end for {@linkcode drain}. */
  enqueue(session: Session, revoke = false): void {
    this.#queue.set(session.connection, { session, revoke });
  }

  /** Ends the queued sessions. @throws {ChatError} `store_unavailable`: the rest stays queued */
  async drain(): Promise<void> {
    for (const [connection, { session, revoke }] of [...this.#queue]) {
      await this.#end(session, revoke);
      this.#queue.delete(connection);
    }
  }

  /** Tells a room that a user joined or left; best effort, since presence is not logged. */
  async announce(room: string, user: string, state: "joined" | "left", claim: number): Promise<void> {
    try {
      await this.#store.topics.announce(room, { user, state, claim });
    } catch (error) {
      this.#onFault("announce", error);
    }
  }

  async #end(session: Session, revoke: boolean): Promise<void> {
    const { user, room, claim } = session;
    if (await this.#store.sessions.end(session, revoke)) await this.announce(room, user, "left", claim);
  }
}
