import { lobby } from "../wire/names.ts";

/** How long a resume token is valid, in milliseconds. */
export const tokenLifeMs = 86_400_000;

/** Somebody who is logged in on a device: held by one connection of one server. */
export interface Session {
  readonly user: string;
  /** The user's device that it is on; empty where the user has one session and named no device. */
  readonly device: string;
  readonly server: string;
  /** The id of the connection that holds it, unique for ever. */
  readonly connection: string;
  /** Grows with every claim of any of this user's sessions. */
  readonly claim: number;
  /** When its user logged in, in milliseconds since 1970, by the store's clock; a resume keeps it. */
  readonly since: number;
  /** What the client calls itself; empty where it does not say. */
  readonly client: string;
  /** Whether it is in many rooms: then these are its account's, see {@linkcode Sessions.enter}. */
  readonly many: boolean;
  /** The rooms that it is in, sorted; exactly one where it is not in many. */
  readonly rooms: readonly string[];
}

/** A session as its user's list of devices has it. */
export interface DeviceState extends Session {
  /** False where the connection dropped and its client may resume. */
  readonly attached: boolean;
}

/** How a session is claimed. */
export interface ClaimRequest {
  readonly user: string;
  readonly connection: string;
  /** The device; empty unless given. */
  readonly device?: string;
  /** What the client calls itself. */
  readonly client?: string;
  /**
   * The room of a new session; a resumed one stays in its own. Of a session that is to be in many it is the first one of
   * an account that has not had such a session yet.
   */
  readonly room: string;
  /** Whether the session is to be in many rooms; in one unless given. */
  readonly many?: boolean;
  /**
   * What happens to the user's live sessions. `force`: all are superseded. `reject`: they are kept, and the claim is
   * refused. `share`: that of the same device is superseded, the others go on.
   */
  readonly policy: "force" | "reject" | "share";
  /**
   * Under `share`, how many sessions the user may have, those whose connections dropped among them. Where there would be
   * more, the one whose connection has been gone longest is superseded.
   */
  readonly mostDevices?: number;
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
    /** The sessions that this one took the place of, if they were still there. */
    readonly superseded: readonly Session[];
    /** Where the session stood when its connection dropped, and since its login: topic → position. */
    readonly savedPositions: Readonly<Record<string, string>>;
  }
  /** Under `share`: the user has as many sessions as there may be, and all are connected. */
  | { readonly kind: "too_many_devices" }
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

/** What became of an end: the session is not this connection's; or its user goes on with others, or is offline. */
export type EndResult = "not_held" | "ended" | "offline";

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
   * account begins in them. A room that the account is in already is added to the session all the same.
   *
   * @param most how many rooms the account may have
   * @param joined where the room's log was, as {@linkcode encodePosition} writes it: the account's devices read on from there
   * @returns the session with the room; `full` where the account has too many, undefined where the session is no longer
   *   this connection's
   */
  enter(session: Session, room: string, most: number, joined?: string): Promise<Session | "full" | undefined>;
  /**
   * Takes a room from those of a session that is in many, from its account's, and from those of its user's other sessions
   * that are in many: from now on none of them writes there.
   *
   * @returns the session without the room, or undefined where it is no longer this connection's
   */
  leave(session: Session, room: string): Promise<Session | undefined>;
  /**
   * Takes a room from an account's, whoever asks: its user was removed from it. Sessions that the user has leave it by
   * themselves; those that come are not in it.
   */
  forgetRoom(user: string, room: string): Promise<void>;
  /** The session after another one of its account has taken a room from it; the store knows that already. */
  withoutRoom(session: Session, room: string): Promise<Session>;
  /** The rooms of an account, and where each was joined: room → position, empty where that is not known. */
  memberships(user: string): Promise<Map<string, string>>;
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
   */
  end(session: Session, revoke: boolean): Promise<EndResult>;
  /** Makes a device's resume token worthless, whether its session is there or not; tokens that came after it stay. */
  revokeToken(user: string, device: string, tokenHash: string): Promise<void>;
  /**
   * Ends what a user has on a device for good: its session, and its resume tokens. A connection that has the session is
   * not held again.
   *
   * @returns the session that there was; `away` where there were resume tokens only, undefined where there was nothing
   */
  revokeDevice(user: string, device: string): Promise<Session | "away" | undefined>;
  /**
   * Makes the store hold a session that its connection still has, even if others have ended it
   * when the lease ran out, or the store came back with older data.
   */
  reassert(session: Session, owner: SessionOwner): Promise<Reasserted>;
  /** The sessions that the store believes this server to hold. */
  held(): Promise<Session[]>;
  /** The devices of a user that have a session, or resume tokens. */
  revocable(user: string): Promise<string[]>;
  /** A user's sessions on live servers, by the names of their devices. */
  devices(user: string): Promise<DeviceState[]>;
  /** Everybody who is online on any live server, sorted. */
  online(): Promise<string[]>;
  /** How many of these users are online. */
  countOnline(users: readonly string[]): Promise<number>;
  /** Rooms with somebody in them: name → how many. */
  rooms(): Promise<Map<string, number>>;
  /** Who is in a room, sorted. */
  members(room: string): Promise<string[]>;
}
