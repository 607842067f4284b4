/** What errors of stores are called, as Redis, SQLite and the system word them. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { TimeLimitError } from "../../lib/common/time.ts";
import { isStoreFailure, type StoreCause, storeFailure } from "../../lib/store/failure.ts";
import { test } from "../support/declare.ts";

const cases: readonly (readonly [words: string, cause: StoreCause, passing: boolean])[] = [
  ["OOM command not allowed when used memory > 'maxmemory'.", "redis_full", false],
  ["OOM command not allowed when used memory > 'maxmemory'. script: ff9, on @user_script:1.", "redis_full", false],
  ["READONLY You can't write against a read only replica.", "redis_read_only", true],
  ["10.0.0.7:6379 is a slave, not the master", "redis_read_only", true],
  ["NOPERM this user has no permissions to run the 'hset' command", "redis_not_permitted", false],
  [
    "NOPERM this user has no permissions to access one of the channels used as arguments (SSUBSCRIBE chat:0:x)",
    "redis_not_permitted",
    false,
  ],
  ["ERR The user executing the script can't run this command or subcommand script: b4e5", "redis_not_permitted", false],
  ["WRONGPASS invalid username-password pair or user is disabled.", "redis_password", false],
  ["NOAUTH Authentication required.", "redis_password", false],
  ["ERR AUTH <password> called without any password configured for the default user.", "redis_password", false],
  ["LOADING Redis is loading the dataset in memory", "redis_busy", true],
  ["MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk", "redis_disk", false],
  ["ERR max number of clients reached", "redis_busy", true],
  ["CLUSTERDOWN The cluster is down", "redis_busy", true],
  ["connect ECONNREFUSED 127.0.0.1:6379", "unreachable", true],
  ["read ECONNRESET", "unreachable", true],
  ["Socket closed unexpectedly", "unreachable", true],
  ["it is not connected", "unreachable", true],
  ["getaddrinfo ENOTFOUND redis", "unknown_host", true],
  ["failed to lookup address information: Name or service not known", "unknown_host", true],
  ["invalid peer certificate: UnknownIssuer", "tls", false],
  ["database or disk is full", "disk_full", false],
  ["No space left on device (os error 28)", "disk_full", false],
  ["database disk image is malformed", "file_damaged", false],
  ["file is not a database", "file_damaged", false],
  ["Redis is used by servers of an earlier release (server1)", "redis_earlier", true],
  ["Redis' schema is version 3; this release knows versions up to 2", "redis_newer", false],
  ["its schema is version 7; this release knows versions up to 6", "file_newer", false],
  ["attempt to write a readonly database", "file_read_only", false],
  ["Read-only file system (os error 30): open '/data/chat.db'", "file_read_only", false],
  ["database is locked", "file_locked", true],
  ["Permission denied (os error 13): mkdir '/root/data'", "file_not_permitted", false],
  ["Too many open files (os error 24)", "descriptors", true],
  ["unable to open database file: /nowhere/chat.db", "path", false],
  ["Not a directory (os error 20): mkdir '/etc/passwd/data'", "path", false],
  ["disk I/O error", "disk_failing", false],
  ["something else", "unknown", false],
];

test("storeFailure() names each cause by the store's own words, however deep they lie, and quotes them", () => {
  for (const [words, cause, passing] of cases) {
    const own = new Error(words);
    const wrapped = new Error("Cannot use Redis: something", { cause: own });
    const away = new ChatError("store_unavailable", "The store cannot be reached; try again", {}, { cause: own });
    for (const error of [own, away, new Error("outer", { cause: away })]) {
      const failure = storeFailure(error);
      assert.deepEqual([failure.cause, failure.passing], [cause, passing], words);
      assert.ok(failure.reason.endsWith(`: ${words}`), failure.reason);
      assert.ok(failure.advice.length > 0);
    }
    if (cause !== "unknown") assert.equal(storeFailure(wrapped).cause, cause);
  }
});

test("storeFailure() takes an answer that did not come in time for a store that cannot be reached", () => {
  const late = new ChatError("store_unavailable", "try again", {}, { cause: new TimeLimitError() });
  assert.equal(storeFailure(late).cause, "unreachable");
  assert.match(storeFailure(late).reason, /did not answer in time$/);
});

test("isStoreFailure() is true of what says that the store is away, and of nothing else", () => {
  assert.equal(isStoreFailure(new ChatError("store_unavailable", "try again")), true);
  assert.equal(isStoreFailure(new ChatError("usage", "a name is missing")), false);
  assert.equal(isStoreFailure(new Error("database or disk is full")), false);
});
