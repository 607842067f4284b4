/**
 * The embedded store: one server process, one SQLite file, no service beside it.
 *
 * It keeps the promises of {@linkcode Store} for that one server: a second process on the same file is refused, so there
 * is nobody to share a lease with, and live delivery never leaves the process.
 */

import type { Reports } from "../accounts/reports.ts";
import { SqliteReports } from "./rooms/reports.ts";
import type { DatabaseSync } from "node:sqlite";
import { allowLate, within } from "../../common/time.ts";
import type { NetworkBans } from "../network_bans.ts";
import type { Deletions } from "../topics.ts";
import type { DeviceKeys } from "../device_keys.ts";
import { roomTopic, type Topic } from "../../wire/names.ts";
import type { Files } from "../files.ts";
import type { AdminStore, ServerState } from "../admin_store.ts";
import type { Order, OrderReport } from "../servers.ts";
import type { Accounts } from "../accounts.ts";
import type { Invitations } from "../accounts/invitations.ts";
import type { TwoFactors } from "../accounts/two_factor.ts";
import type { Servers, ServerSignal } from "../servers.ts";
import type { Sessions } from "../sessions.ts";
import type { Marks } from "../marks.ts";
import type { RecordNews, RoomRecords } from "../room_records.ts";
import type { Rooms } from "../rooms.ts";
import type { Store, StoreLimits } from "../store.ts";
import type { Talks } from "../talks.ts";
import type { Topics } from "../topics.ts";
import type { AccessTokens } from "../accounts/access_tokens.ts";
import type { Requests } from "../accounts/requests.ts";
import { SqliteRequests } from "./accounts/requests.ts";
import { SqliteAccessTokens } from "./accounts/access_tokens.ts";
import { SqliteAccounts } from "./accounts.ts";
import { SqliteInvitations } from "./accounts/invitations.ts";
import { SqliteTwoFactors } from "./accounts/two_factor.ts";
import { type Checkpoints, CheckpointThread, OwnCheckpoints } from "./file/checkpoints.ts";
import { type Durability, openDatabase, type OpenFile } from "./file/database.ts";
import { SqliteNetworkBans } from "./admin/network_bans.ts";
import { SqliteDeletions } from "./deletion/deletions.ts";
import { SqliteDeviceKeys } from "./device_keys.ts";
import { SqliteFiles } from "./files.ts";
import { SqliteRoomRecords } from "./rooms/room_records.ts";
import { SqliteRooms } from "./rooms/rooms.ts";
import { SqliteAdminStore } from "./admin/admin_store.ts";
import { SqliteMarks } from "./marks.ts";
import { SqliteProbe } from "./file/probe.ts";
import { SqliteSessions } from "./sessions.ts";
import { SqliteTalkList } from "./talk_list.ts";
import { SqliteTopics } from "./topics.ts";

/** Settings and ports of the embedded store. */
export interface SqliteOptions extends StoreLimits {
  /** The database file, or `:memory:`. */
  readonly path: string;
  readonly durability: Durability;
  /** Milliseconds since 1970; the clock of every entry. */
  readonly now?: () => number;
  /** Milliseconds, by a clock that nobody sets. */
  readonly uptime?: () => number;
  /** Makes the connection to the file; {@linkcode DatabaseSync}'s own unless given. */
  readonly connect?: (path: string) => DatabaseSync;
  /** Whether a thread copies the write-ahead log into the file, so that nobody waits for the disk: for servers. */
  readonly checkpointThread?: boolean;
  /** Told of a thread that is gone. */
  readonly onFault?: (error: unknown) => void;
}

/** See {@linkcode Store}. */
export class SqliteStore implements Store {
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
  readonly admin: AdminStore;
  readonly available = true;
  readonly outage = undefined;
  readonly #file: OpenFile;
  readonly #checkpoints: Checkpoints;
  readonly #topics: SqliteTopics;

  /** @throws {Error} where the file cannot be opened, another process has it, or a later release wrote it */
  constructor(options: SqliteOptions) {
    const { now = Date.now, uptime = () => performance.now() } = options;
    this.#file = openDatabase(options.path, options.durability, options.connect);
    const { database, schema } = this.#file;
    this.#checkpoints = options.checkpointThread
      ? new CheckpointThread(database, options.path, options.onFault)
      : new OwnCheckpoints(database);
    const servers = new OnlyServer(now, new SqliteProbe(database, options.path));
    const sessions = new SqliteSessions(database, () => servers.id, now);
    const inRooms = {
      members: (room: string) => sessions.membersOf(room),
      strike: (room: string, user: string) => {
        sessions.strike(room, user);
        this.#topics.strike(roomTopic(room), user);
      },
      tell: (room: string, revision: number, change: RecordNews) =>
        this.#topics.tell(roomTopic(room), { kind: "record", revision, change }),
    };
    const records = new SqliteRoomRecords(database, inRooms, now);
    this.records = records;
    const logPorts = { now, uptime, checkpoints: this.#checkpoints };
    this.#topics = new SqliteTopics(database, options, sessions, logPorts, records);
    this.accounts = new SqliteAccounts(database, sessions);
    this.accessTokens = new SqliteAccessTokens(database, now);
    this.requests = new SqliteRequests(database);
    this.invitations = new SqliteInvitations(database, now);
    this.twoFactor = new SqliteTwoFactors(database);
    this.sessions = sessions;
    this.topics = this.#topics;
    this.deletions = new SqliteDeletions(database, this.#topics, this.#checkpoints);
    const marks = new SqliteMarks(database, this.#topics);
    this.marks = marks;
    this.talks = new SqliteTalkList(database, this.#topics, marks);
    const users = {
      isUsed: (room: string) => sessions.isUsed(room) || this.#topics.isHeard(roomTopic(room)),
      forget: (topic: Topic) => this.#topics.forget(topic),
      own: (room: string, owner: string) => records.own(room, owner),
      disown: (room: string) => records.disown(room),
      changed: (room: string) => records.forget(room),
    };
    this.reports = new SqliteReports(database);
    this.rooms = new SqliteRooms(database, options, users, now);
    this.servers = servers;
    this.files = new SqliteFiles(database, options, now);
    this.deviceKeys = new SqliteDeviceKeys(database, now);
    this.bans = new SqliteNetworkBans(database, now);
    this.admin = new SqliteAdminStore(database, sessions, this.#topics, servers, now, schema, records);
  }

  onReturn(): void {
    // It is never away without its server.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#topics.flush();
    await this.#checkpoints[Symbol.asyncDispose]();
    this.#file.database.close();
    this.#file.lock?.[Symbol.dispose]();
  }
}

/** The one server that has the file: nobody can take its lease, and no other can die. */
class OnlyServer implements Servers {
  id = "server1";
  readonly #now: () => number;
  readonly #probe: SqliteProbe;
  #listener: ((signal: ServerSignal) => void) | undefined;
  #since = 0;
  readonly #awaited = new Map<string, (report: OrderReport) => void>();

  constructor(now: () => number, probe: SqliteProbe) {
    this.#now = now;
    this.#probe = probe;
  }

  join(wanted: string, listener: (signal: ServerSignal) => void): Promise<string> {
    this.id = wanted || "server1";
    this.#listener = listener;
    this.#since = this.#now();
    return Promise.resolve(this.id);
  }

  /** The one server, if it has joined. */
  states(sessions: number): ServerState[] {
    return this.#listener ? [{ id: this.id, leaseMs: null, since: this.#since, sessions }] : [];
  }

  /** See {@linkcode AdminStore.order}. */
  async order(order: Order, timeoutMs: number): Promise<OrderReport[]> {
    if (!this.#listener) return [];
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<OrderReport>();
    this.#awaited.set(id, resolve);
    this.#listener({ kind: "order", from: "office", id, order });
    const report = await within(timeoutMs, promise).catch(allowLate);
    this.#awaited.delete(id);
    return [report ?? { server: this.id, failed: "it did not answer in time" }];
  }

  renew(): Promise<"kept"> {
    return Promise.resolve("kept");
  }

  sweep(): Promise<[]> {
    return Promise.resolve([]);
  }

  signal(_server: string, signal: ServerSignal): Promise<void> {
    if (signal.kind === "report") this.#awaited.get(signal.id)?.(signal.report);
    return Promise.resolve();
  }

  probe(): Promise<void> {
    return Promise.resolve();
  }

  // deno-lint-ignore require-await
  async probeWriting(): Promise<void> {
    this.#probe.write();
  }

  leave(): Promise<void> {
    this.#listener = undefined;
    return Promise.resolve();
  }
}
