import type { SystemEvent } from "../wire/event.ts";
import type { InvitedEvent, ReportEvent, RoomChangedEvent } from "../wire/room_event.ts";

/** What an operator did, for the audit log: the record of that log without its time. */
export interface OperatorRecord {
  readonly event: string;
  readonly outcome: string;
  readonly [detail: string]: unknown;
}

/** What a running server can be told to do. */
export type Order =
  /**
   * Ends a user's sessions and side connections there, with their resume tokens, and tells their clients why; where
   * `before` is set, only those that began when the password had been changed less often than that, and where `side` is,
   * only the side connection of that name, and where `access` is, only those that began with the access token of that id.
   */
  | {
    readonly do: "expel";
    readonly user: string;
    readonly message: string;
    readonly before?: number;
    readonly side?: string;
    readonly access?: string;
    /** Set where the account was deleted: the server loads what its user is called now. */
    readonly deleted?: true;
  }
  /** Tells which side connections a user has. */
  | { readonly do: "list_sides"; readonly user: string }
  /** Reads certificate and configuration again. */
  | { readonly do: "reload" }
  /** Reads the banned networks again, and ends the connections from them. */
  | { readonly do: "bans" }
  /** Writes down what an operator did, in an audit log that is the server's own stream. */
  | { readonly do: "audit"; readonly record: OperatorRecord }
  /** Tells everybody something who is logged in there. */
  | { readonly do: "announce"; readonly text: string }
  /** Tells who has to wait for which limit. */
  | { readonly do: "show_limits" }
  /** Lets a user or an address wait no longer, or everybody. */
  | { readonly do: "clear_limits"; readonly key?: string | undefined };

/** Somebody who has to wait. */
export interface Waiting {
  /** The limit's name. */
  readonly limit: string;
  /** By what it counts: a user, an address, or both. */
  readonly key: string;
  /** For how long, in milliseconds. */
  readonly retryAfterMs: number;
}

/** A side connection, as its user's list of devices has it. */
export interface SideConnection {
  readonly device: string;
  /** When it logged in, in milliseconds since 1970. */
  readonly since: number;
  readonly client: string;
  /** The connection's id. */
  readonly connection: string;
}

/** What came of an order on one server. */
export interface OrderReport {
  readonly server: string;
  /** What was done, in words; empty where there was nothing to do. */
  readonly done?: readonly string[];
  /** Who has to wait there, for the order that asks for it. */
  readonly waiting?: readonly Waiting[];
  /** A user's side connections there, for the order that asks for them. */
  readonly sides?: readonly SideConnection[];
  /** Why it could not be done. */
  readonly failed?: string;
}

/** What a user's sessions are told, wherever they are. */
export type UserEvent = SystemEvent | InvitedEvent | RoomChangedEvent | ReportEvent;

/** What servers tell each other. */
export type ServerSignal =
  /** The session of this connection was superseded, or revoked: close it, and tell its client why. */
  | { readonly kind: "evict"; readonly connection: string; readonly last?: SystemEvent }
  /** Signals may have been missed. */
  | { readonly kind: "missed" }
  /** A server's own word to itself: its subscription is alive. */
  | { readonly kind: "probe" }
  /** An operator's order; what came of it is signalled to `from`, under the same `id`. */
  | { readonly kind: "order"; readonly from: string; readonly id: string; readonly order: Order }
  /** Something that a user's sessions are to be told, but for the connection that did it. */
  | { readonly kind: "tell"; readonly user: string; readonly event: UserEvent; readonly except: string }
  /** Something that everybody is to be told who is logged in there. */
  | { readonly kind: "tell_all"; readonly event: UserEvent }
  /** Something for the service's moderators, and for some others. */
  | { readonly kind: "tell_moderators"; readonly event: UserEvent; readonly also: readonly string[] }
  /** What came of an order. */
  | { readonly kind: "report"; readonly id: string; readonly report: OrderReport };

/** Somebody whose server died, and who was in a room. */
export interface Departure {
  readonly user: string;
  readonly room: string;
  readonly claim: number;
  /** Whether the user has no other session. */
  readonly offline: boolean;
}

/** The id that was wanted is another server's, which runs. */
export class ServerIdTakenError extends Error {
  override readonly name = "ServerIdTakenError";

  constructor(readonly id: string) {
    super(`another server runs as ${id}`);
  }
}

/** This server among the others: its lease, and what it owes to those that died. */
export interface Servers {
  /**
   * Takes an id and its lease, and ends what an earlier server of that id left behind. One that was killed has nobody
   * who listens for it, so its id is taken at once; where that is not known, its lease is waited for.
   *
   * @param wanted the id, or empty for the lowest free of server1, server2, …
   * @param listener told what other servers signal
   * @returns the id
   * @throws {ServerIdTakenError} where another server runs as `wanted`
   */
  join(wanted: string, listener: (signal: ServerSignal) => void): Promise<string>;
  /**
   * Renews the lease.
   *
   * @returns `kept`; `expired` where it had run out and others may have ended sessions; `taken` where another process
   *   has the id now
   */
  renew(): Promise<"kept" | "expired" | "taken">;
  /** Ends the sessions of servers whose lease has run out. @returns those that this call ended */
  sweep(): Promise<Departure[]>;
  signal(server: string, signal: ServerSignal): Promise<void>;
  /** Sends this server a word; a subscription that does not hear the last one is made anew. Called every second or so. */
  probe(): Promise<void>;
  /**
   * Writes a little, to see whether the store takes it: one that is full still reads.
   *
   * @throws {ChatError} `store_unavailable`
   */
  probeWriting(): Promise<void>;
  /** Gives the lease up: at once, or after the time in which clients may resume elsewhere. */
  leave(graceMs: number): Promise<void>;
}
