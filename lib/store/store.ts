import type { Accounts } from "./accounts.ts";
import type { AccessTokens } from "./accounts/access_tokens.ts";
import type { Requests } from "./accounts/requests.ts";
import type { Invitations } from "./accounts/invitations.ts";
import type { TwoFactors } from "./accounts/two_factor.ts";
import type { AdminStore } from "./admin_store.ts";
import type { Deletions } from "./topics.ts";
import type { DeviceKeys } from "./device_keys.ts";
import type { StoreFailure } from "./failure.ts";
import type { Files } from "./files.ts";
import type { Marks } from "./marks.ts";
import type { NetworkBans } from "./network_bans.ts";
import type { RoomRecords } from "./room_records.ts";
import type { Reports } from "./accounts/reports.ts";
import type { Rooms } from "./rooms.ts";
import type { Servers } from "./servers.ts";
import type { Sessions } from "./sessions.ts";
import type { Talks } from "./talks.ts";
import type { Topics } from "./topics.ts";

/**
 * What outlives a connection or is shared between servers. It knows no socket, no format and no command.
 *
 * Two implementations keep the same promises and pass the same contract suite: Redis for any number of servers, SQLite
 * for one server process with no service beside it.
 *
 * 1. `publish` is one atomic step: a known `cid` gets its first answer, else the message takes the topic's next `seq`,
 *    is in the log, and then goes to every listener of every server.
 * 2. A session is the truth of who is where; member lists are indexes of it. Every change of a session compares the
 *    connection that it is about, so that a late step of a dead connection never touches its successor.
 * 3. A session's `claim` only grows, and `publish` compares it with the copy that the topic keeps: a superseded session
 *    cannot write any more.
 * 4. What fails because the store is away throws a `ChatError` with code `store_unavailable`, within the store's time
 *    limit.
 */
export interface Store extends AsyncDisposable {
  readonly accounts: Accounts;
  readonly accessTokens: AccessTokens;
  readonly requests: Requests;
  readonly invitations: Invitations;
  readonly twoFactor: TwoFactors;
  readonly sessions: Sessions;
  readonly rooms: Rooms;
  readonly records: RoomRecords;
  readonly reports: Reports;
  readonly topics: Topics;
  readonly deletions: Deletions;
  readonly marks: Marks;
  readonly talks: Talks;
  readonly servers: Servers;
  readonly files: Files;
  readonly deviceKeys: DeviceKeys;
  readonly bans: NetworkBans;
  /** What only an operator asks for. */
  readonly admin: AdminStore;
  /** Whether the store answers and its subscriptions are heard; readiness depends on it. */
  readonly available: boolean;
  /** Why it is not available: it does not answer, or its subscriptions are silent. */
  readonly outage: "unreachable" | "unsubscribed" | undefined;
  /** Why calls fail; known of a store that is observed. */
  readonly failure?: StoreFailure | undefined;
  /**
   * Has the listener called each time the store is back after it was away, perhaps with older data. Nothing is published
   * until the listener's promise is settled, or the time limit is over.
   */
  onReturn(listener: () => Promise<void>): void;
}

/** The bounds that a store keeps by itself. */
export interface StoreLimits {
  /** Messages kept in a topic's log. */
  readonly historyMaxMessages: number;
  /** How long a message is kept, in milliseconds. */
  readonly historyMaxAge: number;
  /** Unread messages that an inbox holds. */
  readonly maxInbox: number;
  /** Unread messages of one sender that an inbox of another user holds. */
  readonly maxInboxPerSender: number;
  /** How long a room is kept that nobody is in, and in which nothing is kept that was said, in milliseconds. */
  readonly roomIdleMs: number;
  /** What all files together may have, in bytes. */
  readonly maxFilesBytes: number;
  /** What one user's files together may have, in bytes. */
  readonly maxUserFilesBytes: number;
  /** How many percent one user's files may have of what those of others leave free. */
  readonly maxUserFilesPercent: number;
  /** How long a file is kept, in milliseconds. */
  readonly fileTtl: number;
  /** A server's lease, in milliseconds. */
  readonly leaseMs: number;
  /** How long any call may take, in milliseconds. */
  readonly timeoutMs: number;
}
