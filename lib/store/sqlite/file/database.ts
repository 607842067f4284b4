/**
 * The embedded store's file: its schema, its lock and its durability.
 *
 * One process at a time has the file: see {@linkcode FileLock}.
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ChatError } from "../../../common/errors.ts";
import { randomWord } from "../../log_position.ts";
import { tokenLifeMs } from "../../sessions.ts";
import { FileLock } from "../../data_folder/file_lock.ts";
import { LaterSchemaError } from "../../schema.ts";
import { behind } from "../../data_folder/disk_room.ts";

/** What may be lost: `normal` survives the end of the process at any moment, `full` the loss of power as well. */
export type Durability = "normal" | "full";

const marksColumns =
  "user TEXT NOT NULL, topic TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (user, topic)";

const tokensColumns =
  "user TEXT NOT NULL, device TEXT NOT NULL, current TEXT NOT NULL, previous TEXT, revoked TEXT, room TEXT NOT NULL, " +
  "expires INTEGER NOT NULL, since INTEGER NOT NULL, away TEXT, PRIMARY KEY (user, device)";

const stoodColumns = "user TEXT NOT NULL, device TEXT NOT NULL, topic TEXT NOT NULL, position TEXT NOT NULL, " +
  "PRIMARY KEY (user, device, topic)";

const schema = `
  CREATE TABLE IF NOT EXISTS accounts (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL,
    claims INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0,
    passwords INTEGER NOT NULL DEFAULT 0, has_rooms INTEGER NOT NULL DEFAULT 0, deleted TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS follows (
    user TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (user, target)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS followers ON follows (target, user);
  CREATE TABLE IF NOT EXISTS memberships (
    user TEXT NOT NULL, room TEXT NOT NULL, position TEXT NOT NULL DEFAULT '', PRIMARY KEY (user, room)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tokens (${tokensColumns}) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stood (${stoodColumns}) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS topics (
    topic TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL DEFAULT 0, id TEXT NOT NULL DEFAULT '',
    read INTEGER NOT NULL DEFAULT 0, previous TEXT, since INTEGER, indexed INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS log (
    topic TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (topic, seq)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS talks (
    topic TEXT NOT NULL, sender TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (topic, sender, seq)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cids (
    topic TEXT NOT NULL, user TEXT NOT NULL, cid TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
    uptime INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (topic, user, cid)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS cids_by_uptime ON cids (uptime);
  CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL COLLATE NOCASE, topic TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, expires INTEGER NOT NULL, counted INTEGER NOT NULL,
    UNIQUE (owner, topic, sha256, name, size)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS files_by_time ON files (expires, owner, counted);
  CREATE TABLE IF NOT EXISTS blocks (user TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (user, target)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunks (file TEXT NOT NULL, n INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (file, n));
  CREATE TABLE IF NOT EXISTS device_keys (
    user TEXT NOT NULL, public TEXT NOT NULL, added INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (user, public)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS marks (${marksColumns}) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS room_records (
    room TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (room, field)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS room_records_by_field ON room_records (field, room);
  CREATE TABLE IF NOT EXISTS access_tokens (
    user TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL,
    topics TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER, used INTEGER, PRIMARY KEY (user, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS network_bans (
    network TEXT PRIMARY KEY, reason TEXT NOT NULL, made_by TEXT NOT NULL, until INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS contacts (
    user TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (user, target)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS requests (
    user TEXT NOT NULL, sender TEXT NOT NULL, held TEXT NOT NULL, PRIMARY KEY (user, sender)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS invitations (
    hash TEXT PRIMARY KEY, maker TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, user TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS two_factor (
    user TEXT PRIMARY KEY, secret TEXT NOT NULL, confirmed INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,
    recovery TEXT NOT NULL DEFAULT ''
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS deletions (
    topic TEXT NOT NULL, head INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, deleter TEXT NOT NULL,
    author TEXT NOT NULL, room TEXT, PRIMARY KEY (topic, head, number)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** The schema that this code reads and writes. */
const schemaVersion = 19;

/** What leads from each version to the next. */
const migrations: Readonly<Record<number, string>> = {
  1: "ALTER TABLE accounts ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
  2: "", // new tables only
  3: "ALTER TABLE accounts ADD COLUMN passwords INTEGER NOT NULL DEFAULT 0",
  4: "ALTER TABLE topics ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0",
  5: "ALTER TABLE cids ADD COLUMN uptime INTEGER NOT NULL DEFAULT 0; DROP INDEX IF EXISTS cids_by_time",
  6: "", // rows of topics may be behind their logs, which an earlier release would not notice
  7: "ALTER TABLE accounts ADD COLUMN has_rooms INTEGER NOT NULL DEFAULT 0",
  8: "ALTER TABLE tokens ADD COLUMN away TEXT",
  9: "", // a new table only
  10: "", // copies of what users sent, which an earlier release would take for no topic
  // What is there in an inbox counts as read in its talks.
  11: "CREATE TABLE IF NOT EXISTS marks (" + marksColumns + ") WITHOUT ROWID; INSERT OR IGNORE INTO marks " +
    "SELECT substr(topic, 7), 'talk:', epoch, seq FROM topics WHERE topic LIKE 'inbox:%'",
  // What is there is of the session without a device, whose login was when its newest token was made, if not before.
  12: "CREATE TABLE IF NOT EXISTS memberships (user TEXT NOT NULL, room TEXT NOT NULL, PRIMARY KEY (user, room)) " +
    "WITHOUT ROWID; ALTER TABLE memberships ADD COLUMN position TEXT NOT NULL DEFAULT ''; " +
    `CREATE TABLE of_devices (${tokensColumns}) WITHOUT ROWID; INSERT INTO of_devices ` +
    `SELECT user, '', current, previous, revoked, room, expires, expires - ${tokenLifeMs}, away FROM tokens; ` +
    "DROP TABLE tokens; ALTER TABLE of_devices RENAME TO tokens; " +
    `CREATE TABLE of_devices (${stoodColumns}) WITHOUT ROWID; INSERT INTO of_devices ` +
    "SELECT user, '', topic, position FROM stood; DROP TABLE stood; ALTER TABLE of_devices RENAME TO stood",
  13: "", // a new table only, whose bans an earlier release would not keep
  14: "", // a new table only
  // Whom somebody has written to is a contact, as far as it is known.
  15: "CREATE TABLE IF NOT EXISTS contacts (user TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (user, target)) " +
    "WITHOUT ROWID; CREATE TABLE IF NOT EXISTS talks (topic TEXT NOT NULL, sender TEXT NOT NULL, seq INTEGER NOT NULL, " +
    "PRIMARY KEY (topic, sender, seq)) WITHOUT ROWID; INSERT OR IGNORE INTO contacts " +
    "SELECT DISTINCT substr(topic, 6), sender FROM talks WHERE topic LIKE 'sent:%'",
  16: "", // new tables only; an earlier release would ask nobody for a second factor
  17: "", // a new table, and messages without a text, which an earlier release would show as such
  18: "ALTER TABLE accounts ADD COLUMN deleted TEXT",
};

/** How long opening may wait for another process, in milliseconds: an earlier release's server locks the whole file. */
const openingMs = 1_000;

/**
 * How long a commit may wait for the thread that copies the log, in milliseconds. That holds commits up for moments, on a
 * disk that hardly answers for longer: what waits is late then, and does not fail.
 */
const busyMs = 10_000;

const connectTo = (path: string) => new DatabaseSync(path);

/** A database that no other process has while this is open. */
export interface OpenFile {
  readonly database: DatabaseSync;
  /** Undefined for a database in memory. */
  readonly lock: FileLock | undefined;
  /** The schema that it has now, and the one that it had before; 0 where it is new. */
  readonly schema: { readonly version: number; readonly before: number };
}

/**
 * Takes the file's lock, opens it and makes its tables.
 *
 * @param path the file, or `:memory:`
 * @param connect makes the connection
 * @throws {Error} where another process has it, or where a later release wrote it
 */
export function openDatabase(path: string, durability: Durability, connect = connectTo): OpenFile {
  let lock: FileLock | undefined;
  let database: DatabaseSync | undefined;
  try {
    lock = path === ":memory:" ? undefined : FileLock.take(path);
    database = connect(path);
    const before = prepare(database, durability);
    return { database, lock, schema: { version: schemaVersion, before } };
  } catch (error) {
    database?.close();
    lock?.[Symbol.dispose]();
    const cause = behind(error, path);
    const reason = /locked|busy/i.test(String(cause))
      ? "another process has it; one server at a time may use a data folder, or set REDIS_URL to run several"
      : (cause as Error).message;
    throw new Error(`Cannot open the database ${path}: ${reason}`, { cause });
  }
}

/** @returns the schema that it had */
function prepare(database: DatabaseSync, durability: Durability): number {
  database.exec("PRAGMA auto_vacuum = INCREMENTAL"); // of a new file only, and before anything is written to it
  database.exec(`PRAGMA busy_timeout = ${openingMs}`);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON");
  database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > schemaVersion) throw new LaterSchemaError("its", version, schemaVersion);
  database.exec("BEGIN IMMEDIATE");
  if (version > 0) { for (let from = version; from < schemaVersion; from++) database.exec(migrations[from]!); }
  database.exec(schema);
  database.exec(`PRAGMA user_version = ${schemaVersion}`);
  database.exec("COMMIT");
  database.exec(`PRAGMA busy_timeout = ${busyMs}`);
  return version;
}

/** Runs a step of the store; a fault of the disk or the file becomes `store_unavailable`. */
export function guarded<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof ChatError) throw error;
    const isJson = !(error instanceof SyntaxError);
    const cause = isJson ? error : new Error("the database holds a malformed message", { cause: error });
    throw new ChatError("store_unavailable", "The store cannot be used at the moment; try again", {}, { cause });
  }
}

/** What begins and ends a transaction, compiled once for each connection. */
interface Bounds {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
}

const bounds = new WeakMap<DatabaseSync, Bounds>();

function boundsOf(database: DatabaseSync): Bounds {
  let known = bounds.get(database);
  if (!known) {
    known = { begin: database.prepare("BEGIN IMMEDIATE"), commit: database.prepare("COMMIT") };
    bounds.set(database, known);
  }
  return known;
}

/** Runs a step as one transaction: all of it or nothing. */
export function transaction<T>(database: DatabaseSync, step: () => T): T {
  return guarded(() => {
    const { begin, commit } = boundsOf(database);
    begin.run();
    try {
      const result = step();
      commit.run();
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  });
}

/** What positions are signed with: made once for the file. */
export function secretOf(database: DatabaseSync): string {
  database.prepare("INSERT INTO secrets (name, value) VALUES ('positions', ?) ON CONFLICT DO NOTHING")
    .run(randomWord(52));
  return database.prepare("SELECT value FROM secrets WHERE name = 'positions'").get()!.value as string;
}
