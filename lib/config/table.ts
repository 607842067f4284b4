/**
 * ONE table of all that can be configured: name, default, what is allowed, and what it means.
 *
 * `config.ts` makes the typed values from it, `--help` and the README's table.
 */

import {
  auditTarget,
  choice,
  decimal,
  duration,
  host,
  hostPorts,
  type Kind,
  multicastGroup,
  path,
  pattern,
  portOrOff,
  redisUrl,
  roomList,
  secondsOrOff,
  secret,
  toggle,
  whole,
  workers,
} from "./kinds.ts";
import { defaultPlace, formerPlace } from "../wire/discovery.ts";
import { lobby } from "../wire/names.ts";
import { maxDevices } from "../wire/sealed.ts";

/** One option of the table. */
export interface Option<T> {
  /** The default as it would be written, or undefined where there is none. */
  readonly default: string | undefined;
  readonly kind: Kind<T>;
  /** One line, with the unit. */
  readonly doc: string;
  /** The heading that it stands under. */
  readonly section: string;
  /** Whether a running server takes a new value on SIGHUP: its readers read it when they need it. */
  readonly live?: true;
}

type Unplaced<T> = Omit<Option<T>, "section">;

function option<T>(byDefault: string, kind: Kind<T>, doc: string): Unplaced<T>;
function option<T>(byDefault: undefined, kind: Kind<T>, doc: string): Unplaced<T | undefined>;
function option<T>(byDefault: string | undefined, kind: Kind<T>, doc: string): Unplaced<T> {
  return { default: byDefault, kind, doc };
}

/** An option that a running server takes a new value of. */
function live<T>(byDefault: string, kind: Kind<T>, doc: string): Unplaced<T> {
  return { ...option(byDefault, kind, doc), live: true };
}

function section<T extends Record<string, Unplaced<unknown>>>(
  heading: string,
  options: T,
): { readonly [K in keyof T]: T[K] & { readonly section: string } } {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, section: heading }]),
  ) as { [K in keyof T]: T[K] & { readonly section: string } };
}

/** Environment variable → what it is. */
export const options = {
  ...section("Server", {
    SERVER_PORT: option("8000", whole(0, 65_535), "The TCP port, TLS only; 0 takes any that is free"),
    SERVER_HOST: option("0.0.0.0", host, "The address that the port is opened on; :: is IPv6 and IPv4"),
    ADMIN_PORT: option(
      undefined,
      portOrOff,
      "The port of /livez, /readyz and /metrics, plain HTTP; 0 takes any, and without it 9464 is used if it is free",
    ),
    ADMIN_HOST: option("127.0.0.1", host, "The address that the port above is opened on; it asks for no password"),
    SERVER_ID: option(
      undefined,
      pattern("1–32 of A-Z a-z 0-9 _ - .", "<name>", /^[A-Za-z0-9_.-]{1,32}$/),
      "This server's name among those that share a store; without it the lowest free of server1, server2, …",
    ),
    WORKERS: option(
      "1",
      workers,
      "Threads that each are a server, all on the same port, and each with these limits; above 1 needs Redis",
    ),
    DISCOVERY: option(
      "off",
      toggle,
      "Whether clients in the local network find this server with chat --discover",
    ),
    DISCOVERY_GROUP: option(
      defaultPlace.group,
      multicastGroup,
      `The multicast group that questions come to; ${formerPlace.group}:${formerPlace.port} is answered as well`,
    ),
    DISCOVERY_PORT: option(`${defaultPlace.port}`, whole(1, 65_535), "The UDP port that questions come to"),
    ROOMS: live(lobby, roomList, `The rooms that are listed even when empty; ${lobby} always is`),
    FOLLOW_ROOM_MESSAGES: live("off", toggle, "Whether followers who are not in the room get its messages too"),
    START_PATIENCE_SECONDS: option(
      "30",
      decimal(0, 3_600),
      "How long a start waits for a store that is not up yet or a port that is still taken, in seconds",
    ),
    DRAIN_SECONDS: live("8", decimal(0, 600), "How long a stop may take to say goodbye and flush, in seconds"),
  }),
  ...section("Accounts", {
    REGISTRATION: live("open", choice("open", "invite", "closed"), "Whether a client may make itself an account"),
    DEMO_ACCOUNTS: option("off", toggle, "Whether to make accounts with known passwords: for trying out only"),
    DUPLICATE_LOGIN: live(
      "force",
      choice("force", "reject", "share"),
      "On a user's second login: force ends the earlier session, reject refuses the new one, share has one for each device",
    ),
    BCRYPT_COST: option("12", whole(4, 16), "The work for a password's hash; each step doubles it"),
    BCRYPT_CONCURRENCY: option("2", whole(1, 64), "How many passwords are hashed at once; the rest wait"),
  }),
  ...section("Store", {
    REDIS_URL: option(undefined, redisUrl, "The Redis to use; with neither this nor REDIS_HOST, SQLite in DATA_DIR"),
    REDIS_HOST: option(undefined, host, "The Redis to use, by name; REDIS_URL goes before it"),
    REDIS_PORT: option("6379", whole(1, 65_535), "The port at REDIS_HOST"),
    REDIS_DB: option("0", whole(0, 65_535), "The database's number, unless REDIS_URL names it"),
    REDIS_USERNAME: option(undefined, pattern("any text", "<name>", /^\P{Cc}+$/u), "Who to log in to Redis as"),
    REDIS_PASSWORD: option(undefined, secret, "The password for Redis, unless REDIS_URL has it"),
    REDIS_PASSWORD_FILE: option(undefined, path, "A file with that password, where REDIS_PASSWORD is not given"),
    REDIS_TLS: option(
      "off",
      toggle,
      "Whether Redis, all nodes of a cluster and the sentinels are spoken to in TLS; rediss:// in REDIS_URL is TLS anyway",
    ),
    REDIS_CA_FILE: option(undefined, path, "The authority behind Redis' certificates, PEM; else the well-known ones"),
    REDIS_SENTINELS: option(undefined, hostPorts, "Sentinels that know where the master is; go before the others"),
    REDIS_SENTINEL_USERNAME: option(
      undefined,
      pattern("any text", "<name>", /^\P{Cc}+$/u),
      "Who to log in to the sentinels as",
    ),
    REDIS_SENTINEL_PASSWORD: option(
      undefined,
      secret,
      "The password for the sentinels; REDIS_PASSWORD is the master's",
    ),
    REDIS_SENTINEL_PASSWORD_FILE: option(
      undefined,
      path,
      "A file with that password, where REDIS_SENTINEL_PASSWORD is not given",
    ),
    REDIS_MASTER_NAME: option(
      "mymaster",
      pattern("1–64 of A-Z a-z 0-9 _ - .", "<name>", /^[A-Za-z0-9_.-]{1,64}$/),
      "What the sentinels call the master",
    ),
    REDIS_CLUSTER_NODES: option(undefined, hostPorts, "Some nodes of a Redis Cluster; go before the others"),
    REDIS_PREFIX: option(
      "chat:",
      pattern("1–64 of A-Z a-z 0-9 _ - . :", "<text>", /^[A-Za-z0-9_.:-]{1,64}$/),
      "What every key and channel in Redis begins with",
    ),
    STORE_TIMEOUT_MS: option("2000", whole(10, 600_000), "How long the store may take to answer, in milliseconds"),
    DATA_DIR: option("data", path, "The folder of the SQLite database"),
    DURABILITY: option(
      "normal",
      choice("normal", "full"),
      "What SQLite's messages survive: normal a killed server, full a power cut as well",
    ),
  }),
  ...section("Certificate", {
    CERT_FILE: live("certs/cert.pem", path, "The certificate, PEM; made with its key where both are missing"),
    KEY_FILE: live("certs/key.pem", path, "Its private key, PEM"),
  }),
  ...section("History", {
    HISTORY_MAX_MESSAGES: option("10000", whole(1, 10_000_000), "How many messages a topic keeps"),
    DELETE_OWN_SECONDS: live(
      "off",
      secondsOrOff,
      "How long users may delete what they wrote, in seconds; off for as long as it is kept",
    ),
    HISTORY_MAX_AGE: option("90d", duration, "How long a topic keeps a message"),
    MAX_INBOX: option("1000", whole(1, 1_000_000), "How many unread direct messages a user may have"),
    MAX_INBOX_PER_SENDER: option("100", whole(1, 1_000_000), "How many of them may be one sender's"),
  }),
  ...section("Files", {
    MAX_FILE_BYTES: live("16777216", whole(0, 268_435_456), "The largest file that can be offered; 0 takes none"),
    MAX_USER_FILES_BYTES: option("67108864", whole(0, 1_099_511_627_776), "What one user's files may take together"),
    MAX_USER_FILES_PERCENT: option(
      "25",
      whole(1, 100),
      "And how many percent of what those of others leave free; 100, for a server among friends, lets one have it all",
    ),
    MAX_FILES_BYTES: option(
      "268435456",
      whole(0, 1_099_511_627_776),
      "What all files may take together; the store needs a third more, in Redis' memory or SQLite's file",
    ),
    FILE_TTL: option("7d", duration, "How long a file can be fetched"),
  }),
  ...section("Leases and time limits", {
    ACTIVE_TTL_SECONDS: option("15", decimal(0.1, 3600), "How long a silent server counts as alive, in seconds"),
    HEARTBEAT_INTERVAL_SECONDS: option("5", decimal(0.01, 1800), "How often a server says that it lives, in seconds"),
    HANDSHAKE_TIMEOUT_SECONDS: live("10", decimal(0.05, 600), "How long a TLS handshake may take, in seconds"),
    IDLE_TIMEOUT_SECONDS: live(
      "120",
      decimal(0.05, 86_400),
      "How long a client may take to log in, from its connection or its logout on, in seconds",
    ),
  }),
  ...section("Limits", {
    MAX_CONNECTIONS: live("10000", whole(1, 1_000_000), "How many clients may be connected"),
    MAX_CONNECTIONS_PER_IP: live("1000", whole(1, 1_000_000), "How many of them from one address"),
    MAX_CONNECTIONS_PER_USER: live(
      "32",
      whole(1, 1_000_000),
      "How many of one user to each server: a side connection more is refused, a session never is",
    ),
    MAX_DEVICES: live(
      `${maxDevices}`,
      whole(1, maxDevices),
      "How many devices of one user may be logged in at once, where logins are shared; and how many may have a key",
    ),
    MAX_HANDSHAKES: live("2000", whole(1, 1_000_000), "How many TLS handshakes may be under way, counted apart"),
    MAX_LINE_BYTES: live("8192", whole(512, 1_048_576), "The longest line that a client may send, in bytes"),
    MAX_MESSAGE_BYTES: live("4096", whole(1, 1_048_575), "The longest message, in bytes of UTF-8"),
    MAX_QUEUE_BYTES: live("1048576", whole(1024, 1_073_741_824), "What may wait for a slow reader, in bytes"),
    MAX_ROOMS: live(
      "10000",
      whole(1, 10_000_000),
      "How many rooms there may be, besides those of ROOMS; empty ones go when nothing is kept of them",
    ),
    MAX_FOLLOWS: live("1000", whole(1, 1_000_000), "How many users one may follow"),
  }),
  ...section("Pace", {
    RATE_LIMIT: live("on", toggle, "Whether the limits of this section hold; off is for benchmarks"),
    LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: live(
      "60",
      whole(1, 1_000_000),
      "Failed logins and resumes from one address; of IPv6, here and below, from one network of 64 bits",
    ),
    LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: live(
      "10",
      whole(1, 1_000_000),
      "Failed logins to one account from one address; ten times as many from all that never logged in to it",
    ),
    LOGINS_PER_MINUTE_PER_ACCOUNT: live("60", whole(1, 1_000_000), "Logins of one account"),
    LOGINS_PER_MINUTE_PER_ADDRESS: live("600", whole(1, 1_000_000), "Logins from one address"),
    REGISTRATIONS_PER_HOUR_PER_ADDRESS: live(
      "200",
      whole(1, 1_000_000),
      "New accounts from one address, and tries that found the name taken",
    ),
    MESSAGES_PER_SECOND: live(
      "100",
      decimal(0.1, 1_000_000),
      "Lines of one user on one server, 4 KiB counting as one more; ten seconds' worth may come at once, the rest is read later",
    ),
    MESSAGE_BYTES_PER_DAY_PER_USER: live(
      "67108864",
      whole(1, 1_099_511_627_776),
      "Bytes of one user's messages that are stored, each counted with 256 more; all may come at once",
    ),
    ROOMS_PER_HOUR_PER_USER: live("30", whole(1, 1_000_000), "New rooms that one user brings to life"),
    MAX_ROOMS_PER_USER: live("200", whole(1, 10_000), "Rooms that one user may be in at once, with a client for many"),
    JOINS_PER_MINUTE: live("120", whole(1, 1_000_000), "Changes of room of one session"),
  }),
  ...section("Log", {
    LOG_LEVEL: live("info", choice("debug", "info", "warn", "error"), "The least level that is logged"),
    LOG_FORMAT: live(
      "auto",
      choice("auto", "pretty", "json"),
      "How the log is written; auto is pretty on a terminal and JSON lines elsewhere",
    ),
    AUDIT_LOG: live(
      "off",
      auditTarget,
      "Where logins, new passwords and what moderators do are written, a JSON line each",
    ),
  }),
};
