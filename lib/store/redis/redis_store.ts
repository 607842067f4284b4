/**
 * The store that servers share: Redis 7 or later. The promises are those of {@linkcode Store}.
 */

import type { Reports } from "../accounts/reports.ts";
import { RedisReports } from "./rooms/reports.ts";
import type { Deletions } from "../topics.ts";
import type { DeviceKeys } from "../device_keys.ts";
import type { Files } from "../files.ts";
import type { Accounts } from "../accounts.ts";
import type { Invitations } from "../accounts/invitations.ts";
import type { TwoFactors } from "../accounts/two_factor.ts";
import type { Marks } from "../marks.ts";
import type { NetworkBans } from "../network_bans.ts";
import type { RoomRecords } from "../room_records.ts";
import type { Rooms } from "../rooms.ts";
import type { Sessions } from "../sessions.ts";
import type { Store, StoreLimits } from "../store.ts";
import type { Talks } from "../talks.ts";
import type { Topics } from "../topics.ts";
import type { AccessTokens } from "../accounts/access_tokens.ts";
import type { Requests } from "../accounts/requests.ts";
import { RedisRequests } from "./accounts/requests.ts";
import { RedisAccessTokens } from "./accounts/access_tokens.ts";
import { RedisAccounts } from "./accounts.ts";
import { RedisInvitations } from "./accounts/invitations.ts";
import { RedisTwoFactors } from "./accounts/two_factor.ts";
import { AofRewrites } from "./deletion/aof_rewrites.ts";
import { RedisDeletions } from "./deletion/deletions.ts";
import { RedisDeviceKeys } from "./device_keys.ts";
import { RedisFiles } from "./files.ts";
import { RedisGateway } from "./gateway.ts";
import { Keys } from "./keys.ts";
import { RedisMarks } from "./marks.ts";
import { Migration } from "./migration.ts";
import { type Eviction, findEviction } from "./transport/eviction.ts";
import type { RedisAddress } from "./transport/redis_transport.ts";
import { RedisAdminStore } from "./admin/admin_store.ts";
import { RedisNetworkBans } from "./admin/network_bans.ts";
import { RedisRoomRecords } from "./rooms/room_records.ts";
import { RedisRooms } from "./rooms/rooms.ts";
import { RedisServers } from "./servers.ts";
import { SessionLists } from "./session_lists.ts";
import { RedisSessions } from "./sessions.ts";
import { RedisTalks } from "./talks.ts";
import { RedisTopics } from "./topics.ts";

/** Settings and ports of the store. */
export interface RedisOptions extends StoreLimits, RedisAddress {
  /** What every key and channel begins with. */
  readonly prefix: string;
  /** Told of connections that broke, for the log. */
  readonly onFault?: (error: unknown) => void;
}

/** See {@linkcode Store}. */
export class RedisStore implements Store {
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
  readonly servers: RedisServers;
  readonly files: Files;
  readonly deviceKeys: DeviceKeys;
  readonly bans: NetworkBans;
  readonly admin: RedisAdminStore;
  readonly #redis: RedisGateway;
  readonly #migration: Migration;
  readonly #topics: RedisTopics;

  private constructor(redis: RedisGateway, options: RedisOptions) {
    this.#redis = redis;
    const keys = new Keys(options.prefix, options.database ?? 0);
    const servers: RedisServers = new RedisServers(
      redis,
      keys,
      options.leaseMs,
      options.timeoutMs,
      () => sessions,
      () => this.#topics.copies,
    );
    const sessions: RedisSessions = new RedisSessions(redis, keys, servers);
    this.accounts = new RedisAccounts(redis, keys);
    this.accessTokens = new RedisAccessTokens(redis, keys);
    this.requests = new RedisRequests(redis, keys);
    this.invitations = new RedisInvitations(redis, keys);
    this.twoFactor = new RedisTwoFactors(redis, keys);
    this.sessions = sessions;
    this.topics = this.#topics = new RedisTopics(redis, keys, options, sessions, servers);
    this.deletions = new RedisDeletions(redis, keys, this.#topics, new AofRewrites(redis, keys));
    this.talks = new RedisTalks(redis, keys, options, this.#topics);
    this.marks = new RedisMarks(redis, keys, options);
    const records = new RedisRoomRecords(redis, keys);
    this.records = records;
    this.reports = new RedisReports(redis, keys);
    this.rooms = new RedisRooms(redis, keys, options, servers);
    this.servers = servers;
    this.files = new RedisFiles(redis, keys, options);
    this.deviceKeys = new RedisDeviceKeys(redis, keys);
    this.bans = new RedisNetworkBans(redis, keys);
    this.admin = new RedisAdminStore(redis, keys, this.#topics, sessions.stored, records);
    this.#migration = new Migration(redis, keys, { sessions, lists: new SessionLists(redis, keys, servers) });
  }

  /**
   * @throws {Error} where Redis cannot be reached within the time limit, or refuses the password; where servers of an
   * earlier release run on its data, or a later one wrote them
   */
  static async open(options: RedisOptions): Promise<RedisStore> {
    const redis = await RedisGateway.connect(options);
    try {
      const store = new RedisStore(redis, options);
      store.admin.schema = await store.#migration.run();
      await store.#topics.shareSecret();
      await store.accounts.loadDeleted();
      return store;
    } catch (error) {
      await redis[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The servers that may throw keys away, see {@linkcode findEviction}. @throws {ChatError} `store_unavailable` */
  async evicting(): Promise<Eviction[]> {
    return await findEviction(await this.#redis.masters());
  }

  get available(): boolean {
    return this.outage === undefined;
  }

  get outage(): "unreachable" | "unsubscribed" | undefined {
    if (!this.#redis.available) return "unreachable";
    return this.servers.unsubscribed ? "unsubscribed" : undefined;
  }

  onReturn(listener: () => Promise<void>): void {
    this.#redis.onReturn(async () => {
      await this.#migration.run(); // a backup that was put back may be of an earlier release
      await this.servers.watchDataGeneration();
      await this.#topics.shareSecret(); // older data may have none
      await this.accounts.loadDeleted();
      this.#topics.copies.renote(); // likewise
      await this.#topics.verify();
      await listener();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#topics.copies.stop();
    return this.#redis[Symbol.asyncDispose]();
  }
}
