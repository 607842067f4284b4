/**
 * ONE table of what is limited: name → by what it is counted, and how much there may be.
 *
 * The names are labels of the metric `chat_limit_refusals_total` and words of `deno task admin limits`.
 */

import type { Config } from "../config/config.ts";

/** A limit on pace: so many tokens come back in so many seconds, and so many may be used at once. */
export interface PaceSpec {
  /** What each key is. */
  readonly by: string;
  /** @returns tokens a period, and the period in seconds */
  readonly pace: (config: Config) => readonly [tokens: number, seconds: number];
}

/** How many networks together may fail for one account, for each one that may alone. */
const strangers = 10;

/** How long an allowance of messages may be saved up, in seconds. */
const burstSeconds = 10;

/** How many users' pace those of one network have together who are not logged in: a classroom comes back at once. */
const guestsPerNetwork = 10;

/** Codes have six digits, far fewer than passwords: for each failure that a password may have in a minute, so long. */
const codeSeconds = 3600;

/** How many refused attempts to log in of one network the logs have in a minute. */
const refusalsPerMinute = 30;

/** How many users one may invite to rooms in an hour: each of them is told. */
const invitationsPerHour = 100;

/** How many reports one may make in an hour: each is kept until an operator closes it. */
const reportsPerHour = 20;

/** Limits on pace: each counts by a key, and forgets. */
export const paceTable = {
  login_failures_known: {
    by: "account and address, where a login from there succeeded before",
    pace: (config) => [config.loginFailuresPerMinutePerAccount, 60],
  },
  login_failures_account: {
    by: "account and network",
    pace: (config) => [config.loginFailuresPerMinutePerAccount, 60],
  },
  login_failures_strangers: {
    by: "account, of all networks together that are not known",
    pace: (config) => [strangers * config.loginFailuresPerMinutePerAccount, 60],
  },
  login_failures_network: { by: "network", pace: (config) => [config.loginFailuresPerMinutePerAddress, 60] },
  logins_account: { by: "account", pace: (config) => [config.loginsPerMinutePerAccount, 60] },
  logins_network: { by: "network", pace: (config) => [config.loginsPerMinutePerAddress, 60] },
  code_failures_known: {
    by: "account and address, where a login from there succeeded before",
    pace: (config) => [config.loginFailuresPerMinutePerAccount, codeSeconds],
  },
  code_failures_account: {
    by: "account, of all addresses together that are not known",
    pace: (config) => [config.loginFailuresPerMinutePerAccount, codeSeconds],
  },
  invitation_failures: { by: "network", pace: (config) => [config.loginFailuresPerMinutePerAddress, 60] },
  resume_failures: { by: "network", pace: (config) => [config.loginFailuresPerMinutePerAddress, 60] },
  registrations: { by: "network", pace: (config) => [config.registrationsPerHourPerAddress, 3600] },
  messages: { by: "user", pace: (config) => [burstSeconds * config.messagesPerSecond, burstSeconds] },
  guest_lines: {
    by: "connection that is not logged in",
    pace: (config) => [burstSeconds * config.messagesPerSecond, burstSeconds],
  },
  guest_lines_network: {
    by: "network, of all its connections that are not logged in",
    pace: (config) => [guestsPerNetwork * burstSeconds * config.messagesPerSecond, burstSeconds],
  },
  message_bytes: { by: "user", pace: (config) => [config.messageBytesPerDayPerUser, 86_400] },
  new_rooms: { by: "user", pace: (config) => [config.roomsPerHourPerUser, 3600] },
  written_refusals: {
    by: "network, of refused logins and connections in the logs",
    pace: () => [refusalsPerMinute, 60],
  },
  joins: { by: "user", pace: (config) => [config.joinsPerMinute, 60] },
  invitations: { by: "user", pace: () => [invitationsPerHour, 3600] },
  reports: { by: "user", pace: () => [reportsPerHour, 3600] },
} as const satisfies Record<string, PaceSpec>;

/** Limits on how much there may be at once: each is enforced where the things are. */
export const boundTable = {
  connections: "clients that are connected, in all",
  connections_network: "clients of one network",
  connections_user: "connections of one user",
  answers: "bytes of answers that wait to be read, of one user or one network's guests, and for how long",
  handshakes: "TLS handshakes under way",
  guest_buffers: "bytes of unfinished lines, of one network's connections that are not logged in",
  password_hashes: "passwords that wait to be hashed, of one account, one network, or in all",
  rooms: "rooms that exist",
  inbox: "unread private messages of one user",
  inbox_sender: "unread private messages of one user, by sender",
  files: "bytes of all files, or of one user's",
  follows: "users that one follows",
} as const;

/** The name of a limit on pace. */
export type PaceName = keyof typeof paceTable;

/** The name of any limit. */
export type LimitName = PaceName | keyof typeof boundTable;

/** Every limit's name. */
export const limitNames = [...Object.keys(paceTable), ...Object.keys(boundTable)] as LimitName[];
