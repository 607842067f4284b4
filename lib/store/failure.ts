/**
 * ONE table of why a store cannot be used, in words that say what to do. The server's log, its readiness, a start that
 * fails and `doctor` all take their words from it.
 */

import { ChatError, messageOf } from "../common/errors.ts";
import { TimeLimitError } from "../common/time.ts";

/** Why a store cannot be used. */
export interface StoreFailure {
  /** A word for programs: one of the table's. */
  readonly cause: StoreCause;
  /** One sentence, with the store's own words. */
  readonly reason: string;
  /** What to do about it. */
  readonly advice: string;
  /** Whether it may pass by itself, as a store that is still starting does. */
  readonly passing: boolean;
  /** Whether it stays until the server is started again. */
  readonly lasting: boolean;
}

interface Cause {
  /** What of the error's text tells it. */
  readonly words: RegExp;
  readonly plain: string;
  readonly advice: string;
  readonly passing?: boolean;
  readonly lasting?: boolean;
}

const redisCauses = {
  redis_full: {
    words: /\bOOM\b/,
    plain: "Redis has no memory left for what is written",
    advice: "raise maxmemory, or lower MAX_FILES_BYTES, HISTORY_MAX_MESSAGES and HISTORY_MAX_AGE",
  },
  redis_read_only: {
    words: /\bREADONLY\b|is a (slave|replica)/,
    plain: "this Redis is a replica, which takes no writes",
    advice: "name the master, or its sentinels (REDIS_SENTINELS)",
    passing: true,
  },
  redis_not_permitted: {
    words: /\bNOPERM\b|user executing the script can't run/,
    plain: "Redis does not permit this user what the server needs",
    advice:
      "widen the user's ACL: all keys and channels that begin with REDIS_PREFIX, and the commands of docs/operate.md",
  },
  redis_password: {
    words: /\b(WRONGPASS|NOAUTH)\b|AUTH <password> called without/,
    plain: "Redis refuses the user or the password",
    advice: "see REDIS_USERNAME and REDIS_PASSWORD, REDIS_PASSWORD_FILE or REDIS_URL",
  },
  redis_disk: {
    words: /\bMISCONF\b/,
    plain: "Redis cannot write its file, and takes nothing until it can",
    advice: "see the disk of Redis and its log",
  },
  redis_earlier: {
    words: /servers of an earlier release/,
    plain: "this release does not run beside an earlier one",
    advice: "stop those servers, then start; `deno task admin migrate` may migrate the data beforehand",
    passing: true,
  },
  redis_newer: {
    words: /Redis' schema is version/,
    plain: "a later release wrote the data",
    advice: "start that release, or one later, or restore the backup that was made before it",
    lasting: true,
  },
  redis_busy: {
    words: /\b(LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN|NOREPLICAS)\b|max number of clients|No sentinel names/,
    plain: "Redis cannot serve now",
    advice: "wait; if it stays, see its log, its replicas and its cluster",
    passing: true,
  },
} satisfies Record<string, Cause>;

const fileCauses = {
  disk_full: {
    words: /disk is full|\bENOSPC\b|\bEDQUOT\b|no space left|os error (28|122)\b/i,
    plain: "the disk is full",
    advice: "make room where DATA_DIR is; lower HISTORY_MAX_AGE or MAX_FILES_BYTES",
  },
  file_damaged: {
    words: /malformed|is not a database|it is empty|quick_check/i,
    plain: "the database file is damaged",
    advice: "stop the server, and restore a backup, or import an export into a new DATA_DIR",
    lasting: true,
  },
  file_newer: {
    words: /its schema is version/,
    plain: "a later release wrote the database file",
    advice: "start that release, or one later, or restore the backup that was made before it",
    lasting: true,
  },
  file_gone: {
    words: /moved or deleted/,
    plain: "the database file is not where it was",
    advice: "put it back before the server stops, or export at once: what is written now is lost with the process",
    lasting: true,
  },
  file_locked: {
    words: /another process has it|database is locked/,
    plain: "another process has the database file",
    advice: "one server at a time may use a DATA_DIR; see which process that is (fuser), or use Redis",
    passing: true,
  },
  file_read_only: {
    words: /readonly database|read-only file system|\bEROFS\b|os error 30\b/i,
    plain: "the database file cannot be written to",
    advice: "see how the file system of DATA_DIR is mounted, and whose the file is",
  },
  file_not_permitted: {
    words: /permission denied|Requires .* access to|\bEACCES\b|\bEPERM\b|os error (1|13)\b/i,
    plain: "this user may not use the file or the folder",
    advice: "see whose DATA_DIR is, and its mode",
  },
  descriptors: {
    words: /too many open files|\bE[MN]FILE\b|os error 2[34]\b/i,
    plain: "no descriptors are left",
    advice: "raise the limit where the server is started (ulimit -n, LimitNOFILE=, ulimits:)",
    passing: true,
  },
  path: {
    words: /no such file|not a directory|unable to open database file|file exists|os error (2|17|20|21|36)\b/i,
    plain: "the path cannot be used",
    advice: "see DATA_DIR",
  },
  disk_failing: {
    words: /disk I\/O error|os error 5\b|input\/output error/i,
    plain: "the disk does not do what it should",
    advice: "see dmesg and the disk's health; have a backup",
  },
} satisfies Record<string, Cause>;

const networkCauses = {
  tls: {
    words: /certificate|UnknownIssuer|\bCERT_|\bERR_TLS|handshake|self.signed/i,
    plain: "the TLS connection to Redis is refused",
    advice: "see the certificate of Redis, its names and its authority",
  },
  unknown_host: {
    words: /\b(ENOTFOUND|EAI_AGAIN)\b|failed to lookup|not known/,
    plain: "the name of Redis is not known",
    advice: "see REDIS_HOST or REDIS_URL, and the name server",
    passing: true,
  },
  unreachable: {
    words:
      /\bE(CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE)\b|closed unexpectedly|not connected|timeout|socket|the connection broke|does not answer|did not answer/i,
    plain: "Redis cannot be reached, or does not answer",
    advice: "see whether it runs, and REDIS_URL or REDIS_HOST and REDIS_PORT",
    passing: true,
  },
} satisfies Record<string, Cause>;

const otherCauses = {
  settling: {
    words: /it is just back|store is closing/,
    plain: "the store is just back",
    advice: "wait",
    passing: true,
  },
  unknown: { words: /^/, plain: "the store failed", advice: "see the error; please report what is not explained" },
} satisfies Record<string, Cause>;

/** The first that fits is taken: what a store says itself goes before what the connection says of it. */
const causes = { ...redisCauses, ...fileCauses, ...networkCauses, ...otherCauses } as const;

/** The words for programs. */
export type StoreCause = keyof typeof causes;

/** Whether a call failed because the store cannot be used, and not because it refused or we are wrong. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof ChatError && error.code === "store_unavailable";
}

/** What an error means that came of opening or asking a store. */
export function storeFailure(error: unknown): StoreFailure {
  const chain = chainOf(error);
  const inner = chain.toReversed().filter((each) => !(each instanceof ChatError)); // which says what clients are told
  for (const each of inner) {
    if (each instanceof TimeLimitError) return told("unreachable", messageOf(each));
    for (const [cause, { words }] of Object.entries(causes) as [StoreCause, Cause][]) {
      if (cause === "unknown" || !words.test(textOf(each))) continue;
      // Who wrapped it may know more: which path, which command.
      return told(cause, messageOf(inner.findLast((outer) => words.test(messageOf(outer))) ?? each));
    }
  }
  return told("unknown", messageOf(inner[0] ?? error));
}

function told(cause: StoreCause, words: string): StoreFailure {
  const own = words.replace(/^Cannot use Redis: /, ""); // the plain words say that
  const { plain, advice, passing = false, lasting = false }: Cause = causes[cause];
  return { cause, reason: own === "" ? plain : `${plain}: ${own}`, advice, passing, lasting };
}

/** An error, its cause, the cause of that, … */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < 8; at = (at as Error).cause) chain.push(at);
  return chain;
}

function textOf(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  const inner = Array.isArray(errors) ? errors.map(messageOf) : [];
  return [typeof code === "string" ? code : "", messageOf(error), ...inner].join(" ");
}
