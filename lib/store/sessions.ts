import { lobby } from "../wire/names.ts";

/** How long a resume token is valid, in milliseconds. */
export const tokenLifeMs = 86_400_000;

/** Somebody who is logged in: held by one connection of one server. */
export interface Session {
  readonly user: string;
  readonly server: string;
  /** The id of the connection that holds it, unique for ever. */
  readonly connection: string;
  /** Grows with every claim of this user's session. */
  readonly claim: number;
  /** Whether it is in many rooms: then these are its account's, see {@linkcode Sessions.enter}. */
  readonly many: boolean;
  /** The rooms that it is in, sorted; exactly one where it is not in many. */
  readonly rooms: readonly string[];
}

/** How a session is claimed. */
export interface ClaimRequest {
  readonly user: string;
  readonly connection: string;
  /**
   * The room of a new session; a resumed one stays in its own. Of a session that is to be in many it is the first one of
   * an account that has not had such a session yet.
   */
  readonly room: string;
  /** Whether the session is to be in many rooms; in one unless given. */
  readonly many?: boolean;
  /** What happens to a live session: it is superseded, or the claim is refused. */
  readonly policy: "force" | "reject";
  /** How often the password had been changed when it was checked; undefined where nothing was. */
  readonly passwords?: number;
  /** Hash of the resume token that this claim makes; the earlier ones are revoked by a login. */
  readonly tokenHash: string;
  /** Hash of the resume token that is presented; without it the claim is a login. */
  readonly presentedHash?: string;
}

/** What became of a claim. */
export type ClaimResult =
  | {
    readonly kind: "claimed";
    readonly session: Session;
    /** The session that this one took the place of, if it was still there. */
    readonly superseded?: Session;
    /** Where the session stood when its connection dropped, and since its login: topic → position. */
    readonly savedPositions: Readonly<Record<string, string>>;
  }
  /** The policy keeps a live session. */
  | { readonly kind: "live" }
  /** The resume token is unknown, spent, expired or revoked. */
  | { readonly kind: "refused" }
  /** The account is disabled. */
  | { readonly kind: "disabled" }
  /** The password was changed after it was checked. */
  | { readonly kind: "outdated" };

/** What became of a session that its connection still has. */
export type Reasserted =
  | {
    readonly kind: "held";
    readonly session: Session;
    /** Whether it was gone, and is held anew. */
    readonly wasGone: boolean;
  }
  /** A newer claim has it, or had it. */
  | { readonly kind: "superseded" }
  /** The account is disabled. */
  | { readonly kind: "disabled" }
  /** The password was changed after the session began. */
  | { readonly kind: "outdated" }
  /** The store has lost the account, or has another one of the same name. */
  | { readonly kind: "lost" };

/** Whose session a connection has: what a store that lost data is asked by. */
export interface SessionOwner {
  /** Hash of the session's present resume token. */
  readonly tokenHash: string;
  /** How often the password had been changed when the session began, or by the session itself. */
  readonly passwords?: number;
  /** When the account was made, in milliseconds since 1970. */
  readonly created?: number;
}

/** The room that a session's token leads back to; of one in many rooms it is the lobby, since these are its account's. */
export function oneRoom({ many, rooms }: Session): string {
  return many ? lobby : rooms[0];
}

/** Rooms with one more, sorted, each once. */
export function withRoom(rooms: readonly string[], room: string): string[] {
  return [...new Set([...rooms, room])].sort();
}

/** Sessions, and the indexes that are made from them. */
export interface Sessions {
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /**
   * Moves a session that is in one room.
   *
   * @returns the session in its new room, or undefined where it is no longer this connection's
   */
  move(session: Session, room: string): Promise<Session | undefined>;
  /**
   * Adds a room to those of a session that is in many, and to its account's, which last: the next such session of the
   * account begins in them.
   *
   * @param most how many rooms the account may have
   * @returns the session with the room; `full` where the account has too many, undefined where the session is no longer
   *   this connection's
   */
  enter(session: Session, room: string, most: number): Promise<Session | "full" | undefined>;
  /**
   * Takes a room from those of a session that is in many, and from its account's.
   *
   * @returns the session without the room, or undefined where it is no longer this connection's
   */
  leave(session: Session, room: string): Promise<Session | undefined>;
  /** Replaces the session's resume tokens. @returns false where the session is no longer this connection's */
  renewToken(session: Session, tokenHash: string): Promise<boolean>;
  /** Writes down where the session stands in topics, for a resume that does not say. */
  savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void>;
  /** Marks that the connection dropped: the session stays, but no longer stands against a login. */
  detach(session: Session): Promise<void>;
  /**
   * Ends the session.
   *
   * @param revoke whether its resume tokens end with it
   * @returns false where it is no longer this connection's
   */
  end(session: Session, revoke: boolean): Promise<boolean>;
  /** Makes a user's resume token worthless, whether its session is there or not; tokens that came after it stay. */
  revokeToken(user: string, tokenHash: string): Promise<void>;
  /**
   * Makes the store hold a session that its connection still has, even if others have ended it
   * when the lease ran out, or the store came back with older data.
   */
  reassert(session: Session, owner: SessionOwner): Promise<Reasserted>;
  /** The sessions that the store believes this server to hold. */
  held(): Promise<Session[]>;
  /** Everybody who is online on any live server, sorted. */
  online(): Promise<string[]>;
  /** How many of these users are online. */
  countOnline(users: readonly string[]): Promise<number>;
  /** Rooms with somebody in them: name → how many. */
  rooms(): Promise<Map<string, number>>;
  /** Who is in a room, sorted. */
  members(room: string): Promise<string[]>;
}
