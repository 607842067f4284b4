/**
 * Everybody who is logged in on this server: how they come, are superseded, drop, come back and go.
 *
 * Who is where is the store's to say; this directory only knows which of those sessions its own connections hold, and
 * keeps what is owed when one of them ends: the rooms hear of it, and a dropped client's place is kept for a while.
 */

import { accountDisabled, ChatError } from "../errors.ts";
import { TokenBucket } from "../rate_limit.ts";
import type { Account, ClaimResult, Departure, ServerSignal, Session, Store } from "../store/store.ts";
import type { LoggedIn, SystemEvent } from "../wire/event.ts";
import { fold, lobby } from "../wire/names.ts";
import type { Feeds } from "./following.ts";
import { Endings } from "./endings.ts";
import { type Channel, Member, superseded } from "./member.ts";
import { type Opened, openTopics } from "./opening.ts";
import { Reassertion } from "./reassertion.ts";
import { hashToken, makeToken, tokenUser } from "./resume_token.ts";

/** How long a dropped client's session is kept before its room hears that it left, in milliseconds. */
export const resumeGraceMs = 5_000;

/** What a connection is told, as its last line, whose session has gone to another. */
export const forcedLogout: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "Logged in from another location.",
};

/** What the directory is made from. */
export interface MembersOptions {
  readonly serverId: string;
  readonly store: Store;
  readonly feeds: Feeds;
  readonly policy: "force" | "reject";
  readonly maxQueueBytes: number;
  /** Room changes per minute and session; undefined where that is not limited. */
  readonly joinsPerMinute: number | undefined;
  /** Told of what could not be done because the store was away. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** A login that has gone through: what to answer, and what to do once the answer is queued. */
export interface Entrance {
  readonly member: Member;
  readonly loggedIn: LoggedIn;
  start(): void;
}

/** A connection with a session, or on its way to one. */
interface Seat {
  /** Whose it is or will be, folded. */
  readonly user: string;
  member: Member | undefined;
  superseded: boolean;
  /** What its client is told who is sent away while it is still entering. */
  expelled: SystemEvent | undefined;
  /** Running while the connection is gone and its client may resume. */
  grace: ReturnType<typeof setTimeout> | undefined;
}

/** See the file's first lines. */
export class Members {
  readonly #options: MembersOptions;
  readonly #endings: Endings;
  readonly #seats = new Map<string, Seat>();
  readonly #reassertion: Reassertion;

  constructor(options: MembersOptions) {
    this.#options = options;
    const { store, onFault } = options;
    this.#endings = new Endings(store, onFault);
    this.#reassertion = new Reassertion({
      store,
      endings: this.#endings,
      onFault,
      seated: () => [...this.#seats.values()].flatMap(({ member, grace }) => grace === undefined ? member ?? [] : []),
      isSeated: (member) => {
        const seat = this.#seats.get(member.connection);
        return seat?.member === member && seat.grace === undefined;
      },
      isKnown: (connection) => this.#seats.has(connection),
      supersede: (connection) => this.supersede(connection),
    });
  }

  /** How many sessions this server holds. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * Logs somebody in whose password was right.
   *
   * @throws {ChatError} `already_logged_in` where the policy keeps a live session, `store_unavailable`
   */
  async login(account: Account, channel: Channel): Promise<Entrance> {
    const token = makeToken(account.name);
    const request = { user: account.name, room: lobby, tokenHash: await hashToken(token) };
    return await this.#enter(request, channel, token, {});
  }

  /**
   * Brings a client back that was cut off.
   *
   * @param positions where the client stands: topic → position; what is none is ignored
   * @throws {ChatError} `invalid_credentials`, `already_logged_in`, `store_unavailable`
   */
  async resume(presented: string, positions: Readonly<Record<string, unknown>>, channel: Channel): Promise<Entrance> {
    const name = tokenUser(presented);
    const account = name === undefined ? undefined : await this.#options.store.accounts.find(name);
    if (!account) throw refused();
    const token = makeToken(account.name);
    const request = {
      user: account.name,
      room: lobby,
      tokenHash: await hashToken(token),
      presentedHash: await hashToken(presented),
    };
    return await this.#enter(request, channel, token, positions);
  }

  /** Lets a script in beside whoever is logged in: no session, no presence. */
  async side(account: Account, channel: Channel): Promise<Entrance> {
    // It may have been disabled while the password was looked at; a session's claim sees that by itself.
    if ((await this.#options.store.accounts.find(account.name))?.disabled) throw accountDisabled(account.name);
    const member = this.#member(account.name, undefined, "", channel);
    return { member, loggedIn: { user: account.name, room: null, positions: {} }, start: () => {} };
  }

  /** Gives the member's session a new resume token, and makes the earlier ones worthless. */
  async renewToken(member: Member): Promise<string | undefined> {
    if (!member.session || member.format !== "json") return undefined;
    const token = makeToken(member.user);
    const hash = await hashToken(token);
    // First, so that a store which is away meanwhile is never given the earlier token again.
    member.tokenHash = hash;
    return await this.#options.store.sessions.renewToken(member.session, hash) ? token : undefined;
  }

  /**
   * Ends a member's session at its own wish.
   *
   * @param revoke whether its resume tokens end with it
   */
  async leave(member: Member, revoke: boolean): Promise<void> {
    const positions = member.following.positions();
    member.following.stopAll();
    this.#unseat(member);
    // With its token it may come back, and then it goes on from here.
    if (member.session && !revoke && member.format === "json") {
      await this.#options.store.sessions.stand(member.session, positions)
        .catch((error) => this.#options.onFault("stand", error));
    }
    await this.#end(member, revoke);
  }

  /**
   * The member's connection is gone. A JSON client has a while to resume before its room hears that it left; somebody
   * who reads text has left.
   */
  async drop(member: Member): Promise<void> {
    const seat = this.#seats.get(member.connection);
    if (!member.session || !seat) {
      member.following.stopAll();
      return;
    }
    if (member.format === "text") {
      this.#unseat(member);
      return await this.#end(member, false);
    }
    const { session } = member;
    const positions = member.following.positions();
    member.following.stopAll();
    seat.grace = setTimeout(() => {
      this.#unseat(member);
      void this.#end(member, false);
    }, resumeGraceMs);
    try {
      await this.#options.store.sessions.stand(session, positions);
      await this.#options.store.sessions.detach(session);
    } catch (error) {
      this.#options.onFault("detach", error);
    }
  }

  /** Another connection has the session: tells this one, and closes it. */
  supersede(connection: string): void {
    const seat = this.#seats.get(connection);
    if (!seat) return;
    seat.superseded = true;
    if (!seat.member) return; // still entering: it is told then
    this.#unseat(seat.member);
    seat.member.following.stopAll();
    seat.member.end(forcedLogout);
  }

  /**
   * Ends a user's sessions here, with their resume tokens, and tells their clients why.
   *
   * @param last the clients' last line
   * @returns how many connections were closed
   */
  async expel(user: string, last: SystemEvent): Promise<number> {
    let closed = 0;
    for (const seat of [...this.#seats.values()].filter((seat) => seat.user === fold(user))) {
      const { member, grace } = seat;
      if (grace === undefined) closed++;
      if (!member) { // still entering: it is told then
        seat.expelled = last;
        continue;
      }
      this.#unseat(member);
      member.end(last);
      await this.#end(member, true);
    }
    return closed;
  }

  /** Takes what another server signals. */
  hear(signal: ServerSignal): void {
    if (signal.kind === "evict") this.supersede(signal.connection);
    else if (signal.kind === "missed") this.reassert().catch((error) => this.#options.onFault("reassert", error));
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
    const members = [...this.#seats.values()].flatMap(({ member, grace }) => {
      clearTimeout(grace);
      return grace === undefined ? member ?? [] : []; // whose connection is gone is written down already
    });
    this.#seats.clear();
    await Promise.all(members.map(async (member) => {
      const positions = member.following.positions();
      member.following.stopAll();
      if (member.format === "text") return await this.#end(member, false);
      try {
        await member.remember(positions);
        await this.#options.store.sessions.detach(member.session!);
      } catch (error) {
        this.#options.onFault("detach", error);
      }
    }));
  }

  async #enter(
    request: { user: string; room: string; tokenHash: string; presentedHash?: string },
    channel: Channel,
    token: string,
    given: Readonly<Record<string, unknown>>,
  ): Promise<Entrance> {
    const { store, policy, serverId } = this.#options;
    const { connection } = channel;
    const user = fold(request.user);
    const seat: Seat = { user, member: undefined, superseded: false, expelled: undefined, grace: undefined };
    this.#seats.set(connection, seat);
    try {
      const result = await store.sessions.claim({ ...request, connection, policy });
      if (result.kind === "live") {
        throw new ChatError("already_logged_in", `${request.user} is logged in, and this server keeps that session`);
      }
      if (result.kind === "refused") throw refused();
      if (result.kind === "disabled") throw accountDisabled(request.user);
      const member = this.#member(result.session.user, result.session, request.tokenHash, channel);
      return await this.#seatMember(member, result, seat, channel, token, given, request.presentedHash !== undefined);
    } catch (error) {
      this.#seats.delete(connection);
      if (error instanceof ChatError && error.code === "store_unavailable") {
        // The claim may have gone through all the same.
        this.#endings.owe({ user: request.user, server: serverId, connection, claim: 0, room: request.room });
      }
      throw error;
    }
  }

  async #seatMember(
    member: Member,
    { session, superseded: earlier, stood }: ClaimResult & { kind: "claimed" },
    seat: Seat,
    channel: Channel,
    token: string,
    given: Readonly<Record<string, unknown>>,
    resumed: boolean,
  ): Promise<Entrance> {
    let opened: Opened;
    try {
      if (earlier) await this.#evict(earlier);
      opened = await openTopics(member, this.#options.store, resumed ? { stood, given } : undefined);
      if (!earlier || earlier.room !== session.room) {
        if (earlier) await this.#endings.announce(earlier.room, session.user, "left", earlier.claim);
        await this.#endings.announce(session.room, session.user, "joined", session.claim);
      }
    } catch (error) {
      member.following.stopAll();
      await this.#end(member, false);
      throw error;
    }
    if (seat.superseded) {
      member.following.stopAll();
      channel.end(forcedLogout);
      throw superseded();
    }
    if (seat.expelled) {
      await this.#end(member, true);
      channel.end(seat.expelled);
      throw accountDisabled(session.user); // nobody is told: that was the last line
    }
    seat.member = member;
    const { user, room } = session;
    const { positions, missed, start } = opened;
    const loggedIn: LoggedIn = {
      user,
      room,
      positions,
      ...(channel.format === "json" ? { resume: token } : {}),
      ...(resumed ? { missed } : {}),
    };
    return { member, loggedIn, start };
  }

  async #evict({ server, connection }: Session): Promise<void> {
    if (server === this.#options.serverId) this.supersede(connection);
    else await this.#options.store.servers.signal(server, { kind: "evict", connection });
  }

  async #end(member: Member, revoke: boolean): Promise<void> {
    member.following.stopAll();
    if (!member.session) return;
    await this.#endings.end(member.session, revoke);
  }

  #unseat(member: Member): void {
    clearTimeout(this.#seats.get(member.connection)?.grace);
    this.#seats.delete(member.connection);
  }

  #member(user: string, session: Session | undefined, tokenHash: string, channel: Channel): Member {
    const { store, feeds, maxQueueBytes, joinsPerMinute, onFault } = this.#options;
    const joins = joinsPerMinute === undefined
      ? undefined
      : new TokenBucket({ rate: joinsPerMinute / 60, burst: joinsPerMinute });
    return new Member({
      user,
      session,
      tokenHash,
      channel,
      store,
      feeds,
      replayBelow: maxQueueBytes / 4,
      joins,
      onFault,
    });
  }
}

function refused(): ChatError {
  return new ChatError("invalid_credentials", "The resume token is spent, expired or revoked; log in again");
}
