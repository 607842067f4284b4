/**
 * Everybody who is logged in on this server: how they drop, are sent away, move and go.
 *
 * Who is where is the store's to say; this directory only knows which of those sessions its own connections hold, and
 * keeps what is owed when one of them ends: the rooms hear of it, and a dropped client's place is kept for a while. How
 * they come is the {@linkcode Entrance}'s.
 */

import type { ChatError } from "../../common/errors.ts";
import type { Departure, ServerSignal, Store } from "../../store/store.ts";
import type { SystemEvent } from "../../wire/event.ts";
import { Endings } from "./session_ends.ts";
import { Entrance, type EntranceOptions } from "./login.ts";
import type { Member } from "./user_session.ts";
import { Reassertion } from "./reconcile.ts";
import { hashToken, makeToken } from "./resume_token.ts";
import { Seats } from "./local_sessions.ts";

/** How long a dropped client's session is kept before its room hears that it left, in milliseconds. */
export const resumeGraceMs = 5_000;

/** See the file's first lines. */
export class Members {
  /** The way in. */
  readonly entrance: Entrance;
  readonly #store: Store;
  readonly #onFault: (what: string, error: unknown) => void;
  readonly #seats = new Seats();
  readonly #endings: Endings;
  readonly #reassertion: Reassertion;

  constructor(options: EntranceOptions) {
    const { store, onFault } = options;
    this.#store = store;
    this.#onFault = onFault;
    this.#endings = new Endings(store, onFault);
    this.#reassertion = new Reassertion({ store, endings: this.#endings, seats: this.#seats, onFault });
    this.entrance = new Entrance(options, this.#seats, this.#endings);
  }

  /** How many sessions this server holds. */
  get size(): number {
    return this.#seats.size;
  }

  /** Gives the member's session a new resume token, and makes the earlier ones worthless. */
  async renewToken(member: Member): Promise<string | undefined> {
    if (!member.session || member.format !== "json") return undefined;
    const token = makeToken(member.user);
    const hash = await hashToken(token);
    // First, so that a store which is away meanwhile is never given the earlier token again.
    member.tokenHash = hash;
    return await this.#store.sessions.renewToken(member.session, hash) ? token : undefined;
  }

  /**
   * Ends a member's session at its own wish.
   *
   * @param revoke whether its resume tokens end with it
   */
  async leave(member: Member, revoke: boolean): Promise<void> {
    const positions = member.following.positions();
    member.following.stopAll();
    this.#seats.giveUp(member.connection);
    // With its token it may come back, and then it goes on from here.
    if (member.session && !revoke && member.format === "json") {
      await this.#store.sessions.stand(member.session, positions).catch((error) => this.#onFault("stand", error));
    }
    await this.#end(member, revoke);
  }

  /**
   * The member's connection is gone. A JSON client has a while to resume before its room hears that it left; somebody
   * who reads text has left.
   */
  async drop(member: Member): Promise<void> {
    const { session, connection } = member;
    if (!session || !this.#seats.isKnown(connection)) {
      member.following.stopAll();
      return;
    }
    if (member.format === "text") {
      this.#seats.giveUp(connection);
      return await this.#end(member, false);
    }
    const positions = member.following.positions();
    member.following.stopAll();
    this.#seats.keep(member, resumeGraceMs, () => void this.#end(member, false));
    try {
      await this.#store.sessions.stand(session, positions);
      await this.#store.sessions.detach(session);
    } catch (error) {
      this.#onFault("detach", error);
    }
  }

  /**
   * Ends a user's sessions here, with their resume tokens, and tells their clients why.
   *
   * @param last the clients' last line
   * @returns how many connections were closed
   */
  async expel(user: string, last: SystemEvent): Promise<number> {
    const { closed, members } = this.#seats.expel(user, last);
    await Promise.all(members.map((member) => this.#end(member, true)));
    return closed;
  }

  /** Takes what another server signals. */
  hear(signal: ServerSignal): void {
    if (signal.kind === "evict") this.#seats.supersede(signal.connection);
    else if (signal.kind === "missed") this.reassert().catch((error) => this.#onFault("reassert", error));
  }

  /** See {@linkcode Reassertion.all}. */
  reassert(): Promise<void> {
    return this.#reassertion.all();
  }

  /** See {@linkcode Reassertion.doubt}. */
  doubt(member: Member): ChatError {
    return this.#reassertion.doubt(member);
  }

  /** Ends what could not be ended when it was due, as the store was away. */
  settle(): Promise<void> {
    return this.#endings.settle();
  }

  /** Tells rooms of those who were lost with their server. */
  async announceDepartures(departures: readonly Departure[]): Promise<void> {
    await Promise.all(departures.map(({ user, room, claim }) => this.#endings.announce(room, user, "left", claim)));
  }

  /** Tells the rooms that a member has changed its own. */
  async moved(member: Member, left: string): Promise<void> {
    if (!member.session) return;
    const { user, session: { claim, room } } = member;
    await Promise.all([
      this.#endings.announce(left, user, "left", claim),
      this.#endings.announce(room, user, "joined", claim),
    ]);
  }

  /**
   * Before the server stops: who reads text leaves, whoever can resume keeps its place for others to find.
   */
  async release(): Promise<void> {
    // Those whose connections are gone are written down already.
    await Promise.all(
      this.#seats.clear().map(async (member) => {
        const positions = member.following.positions();
        member.following.stopAll();
        if (member.format === "text") return await this.#end(member, false);
        try {
          await member.remember(positions);
          await this.#store.sessions.detach(member.session!);
        } catch (error) {
          this.#onFault("detach", error);
        }
      }),
    );
  }

  async #end(member: Member, revoke: boolean): Promise<void> {
    member.following.stopAll();
    if (member.session) await this.#endings.end(member.session, revoke);
  }
}
