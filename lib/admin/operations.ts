import type { DeviceState } from "../store/sessions.ts";
import type { Role } from "../store/accounts.ts";
import { networkRule, parseNetwork } from "../limits/networks.ts";
import type { OperatorRecord } from "../store/servers.ts";
import type { Store } from "../store/store.ts";
import { cleanLine } from "../wire/clean.ts";
import { durationRule, durationText, parseDuration } from "../wire/duration.ts";
import { fold, parseTopic, roomTopic } from "../wire/names.ts";
import { deletedAlias } from "../auth/accounts.ts";
import { exportRecords, exportUser, showUser } from "./export.ts";
import { AdminError, done, type Given, knownAccount as known, orderMs, textOf as text } from "./given.ts";
import { invitationOperations } from "./invitations.ts";
import { roomOperations } from "./room_operations.ts";

const roles: readonly Role[] = ["user", "moderator", "admin"];

function role(given: Given): Role {
  const wanted = text(given, "role") as Role;
  if (!roles.includes(wanted)) throw new AdminError(`There is no role ${JSON.stringify(wanted)}; ${roles.join(", ")}`);
  return wanted;
}

function network(given: Given): string {
  const wanted = text(given, "network");
  const parsed = parseNetwork(wanted);
  if (parsed === undefined) throw new AdminError(`${JSON.stringify(wanted)} is no network; ${networkRule}`);
  return parsed;
}

/** Has every server keep to the bans as they are now; one that does not hear of it looks for itself within 10 seconds. */
async function* tellBans({ admin }: Store): AsyncIterable<{ done: string }> {
  for (const { server, done: closed = [], failed } of await admin.order({ do: "bans" }, orderMs)) {
    if (failed !== undefined) yield done(`${server}: ${failed}`);
    for (const what of closed) yield done(`${server} ${what}`);
  }
}

/** Closes all of a user's connections, on all servers, and makes its resume tokens worthless. */
async function* expel(store: Store, user: string, message: string, deleted?: true): AsyncIterable<{ done: string }> {
  const { admin, sessions, topics } = store;
  await admin.revokeTokens(user);
  const order = { do: "expel", user, message, ...(deleted ? { deleted } : {}) } as const;
  for (const { server, done: closed = [], failed } of await admin.order(order, orderMs)) {
    if (failed !== undefined) yield done(`${server}: ${failed}`);
    for (const what of closed) yield done(`${server} ${what}`);
  }
  // A session that no server ended: its own server is gone, or did not answer.
  for (const left of await admin.sessionsOf(user)) {
    const result = await sessions.end(left, true);
    if (result === "not_held") continue;
    const change = { user: left.user, state: "left", claim: left.claim } as const;
    const offline = result === "offline" ? { offline: true } as const : {};
    await Promise.all(left.rooms.map((room) => topics.announce(room, { ...change, ...offline })));
    yield done(`ended ${user}'s session, which ${left.server} did not`);
  }
}

async function allSessions(store: Store): Promise<Map<string, DeviceState>> {
  const sessions = new Map<string, DeviceState>();
  for await (const session of store.admin.sessions()) sessions.set(fold(session.user), session);
  return sessions;
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/**
 * What an operator can have done, as one table: name → a function that does it to a store, and yields what
 * is to be shown.
 *
 * It is the same whether the store is this process's own or a running server is asked for it; passwords come in as
 * hashes, which the asking process makes.
 */
export const operations: Readonly<Record<string, (store: Store, given: Given) => AsyncIterable<unknown>>> = {
  async *"users list"(store) {
    const online = await allSessions(store);
    for await (const { name, role, disabled, created, follows, deleted } of store.admin.accounts()) {
      if (deleted !== undefined) continue;
      const server = online.get(fold(name))?.server ?? null;
      yield {
        user: name,
        role,
        disabled: disabled === true,
        created: isoOrNull(created),
        follows: follows.length,
        server,
      };
    }
  },

  async *"users create"(store, given) {
    const name = text(given, "user");
    const account = { name, hash: text(given, "hash"), role: role(given), created: Date.now() };
    if (!await store.accounts.create(account)) throw new AdminError(`The name ${name} is taken`);
    yield done(`created ${name}`);
  },

  async *"users password"(store, given) {
    const { name } = await known(store, given);
    await store.accounts.setHash(name, text(given, "hash"));
    yield done(`changed the password of ${name}`);
    yield* expel(store, name, "An operator gave you a new password; log in with it.");
  },

  async *"users disable"(store, given) {
    const { name } = await known(store, given);
    await store.admin.setDisabled(name, true);
    yield done(`disabled ${name}`);
    yield* expel(store, name, "An operator disabled your account.");
  },

  async *"users enable"(store, given) {
    const { name } = await known(store, given);
    await store.admin.setDisabled(name, false);
    yield done(`enabled ${name}`);
  },

  async *"users show"(store, given) {
    yield* showUser(store, (await known(store, given)).name);
  },

  async *"users export"(store, given) {
    yield* exportUser(store, (await known(store, given)).name);
  },

  async *"users delete"(store, given) {
    const { name, passwords = 0 } = await known(store, given);
    if (await store.accounts.delete(name, deletedAlias(), passwords) === undefined) {
      throw new AdminError(`The password of ${name} was changed meanwhile; try again`);
    }
    yield done(`deleted ${name}`);
    yield* expel(store, name, "An operator deleted your account.", true);
    await store.accounts.clear(name);
  },

  async *"users role"(store, given) {
    const { name } = await known(store, given);
    const wanted = role(given);
    await store.admin.setRole(name, wanted);
    yield done(`${name} is ${wanted} now`);
  },

  async *"users totp-off"(store, given) {
    const { name } = await known(store, given);
    const wasOn = await store.twoFactor.remove(name);
    yield done(wasOn ? `${name} logs in without a code from now on` : `${name} has no two-factor login`);
  },

  ...invitationOperations,

  async *"rooms list"(store) {
    const members = await store.sessions.rooms();
    for await (const { topic, messages, last, seq } of store.admin.topics()) {
      const { kind, name } = parseTopic(topic)!;
      if (kind !== "room") continue;
      yield { room: name, members: members.get(name) ?? 0, messages, sent: seq, last: isoOrNull(last) };
      members.delete(name);
    }
    for (const [room, count] of members) yield { room, members: count, messages: 0, sent: 0, last: null };
  },

  async *"rooms purge"(store, given) {
    const room = text(given, "room");
    const keep = given.keep === undefined ? 0 : Number(given.keep);
    if (!Number.isSafeInteger(keep) || keep < 0) throw new AdminError("keep is a whole number");
    const topic = parseTopic(roomTopic(room));
    let there = false;
    if (topic) { for await (const _ of store.admin.topics(topic.name)) there = true; }
    if (!topic || !there) throw new AdminError(`There is no room ${JSON.stringify(room)}`);
    yield done(`forgot ${await store.admin.purge(topic.name, keep)} messages of ${topic.name}`);
  },

  ...roomOperations,

  async *"sessions list"(store) {
    for await (const { user, server, rooms, connection, attached } of store.admin.sessions()) {
      yield { user, server, room: rooms.join(" "), connection, attached };
    }
  },

  async *"sessions kick"(store, given) {
    const { name } = await known(store, given);
    let closed = false;
    for await (const item of expel(store, name, "An operator ended your session.")) {
      closed = true;
      yield item;
    }
    if (!closed) yield done(`${name} is not logged in; its resume tokens are worthless now`);
  },

  async *"bans list"({ bans }) {
    for (const { network, reason, by, until } of await bans.list()) {
      yield { network, reason, by, until: isoOrNull(until ?? null) };
    }
  },

  async *"bans add"(store, given) {
    const banned = network(given);
    const seconds = given.for === undefined ? undefined : parseDuration(text(given, "for"));
    if (given.for !== undefined && !seconds) throw new AdminError(`for is ${durationRule}`);
    const reason = given.reason === undefined ? "" : cleanLine(text(given, "reason"));
    const until = seconds === undefined ? {} : { until: Date.now() + seconds * 1000 };
    await store.bans.put({ network: banned, reason, by: `${given.by ?? ""}`, ...until });
    yield done(`banned ${banned}${seconds === undefined ? "" : ` for ${durationText(seconds)}`}`);
    yield* tellBans(store);
  },

  async *"bans remove"(store, given) {
    const banned = network(given);
    if (!await store.bans.remove(banned)) throw new AdminError(`${banned} is not banned`);
    yield done(`${banned} is not banned any more`);
    yield* tellBans(store);
  },

  async *"servers list"(store) {
    for (const { id, leaseMs, since, sessions } of await store.admin.servers()) {
      yield { server: id, sessions, lease_ms: leaseMs, since: isoOrNull(since) };
    }
  },

  async *reload(store) {
    const reports = await store.admin.order({ do: "reload" }, 4 * orderMs);
    if (reports.length === 0) throw new AdminError("No server is running");
    for (const { server, done: what = [] } of reports) {
      for (const line of what) yield done(`${server}: ${line}`);
    }
    const failed = reports.filter((report) => report.failed !== undefined);
    if (failed.length > 0) throw new AdminError(failed.map(({ server, failed }) => `${server}: ${failed}`).join("; "));
  },

  // The store was migrated when it was opened.
  async *migrate({ admin: { schema } }) {
    const { version, before, ended, tokens } = schema;
    if (before === version) return yield done(`schema ${version}, which is this release's: nothing was to be done`);
    if (before === 0) return yield done(`schema ${version}: there were no data yet`);
    const left = ended + tokens === 0
      ? ""
      : `: ended ${ended} sessions of earlier servers, kept ${tokens} resume tokens`;
    yield done(`migrated from schema ${before} to ${version}${left}`);
  },

  async *"store show"(store) {
    yield { failure: store.failure ?? null };
  },

  async *audit(store, given) {
    const record = given.record as OperatorRecord;
    for (const { id } of await store.admin.servers()) {
      const [report] = await store.admin.order({ do: "audit", record }, orderMs, id);
      if (report && report.failed === undefined) return yield done(`${id} wrote it into its audit log`);
    }
    throw new AdminError("no server runs that could write it into its audit log");
  },

  async *"limits show"(store) {
    for (const { server, waiting = [], failed } of await store.admin.order({ do: "show_limits" }, orderMs)) {
      if (failed !== undefined) yield done(`${server}: ${failed}`);
      for (const { limit, key, retryAfterMs } of waiting) {
        yield { server, limit, key, wait_seconds: Math.ceil(retryAfterMs / 1000) };
      }
    }
  },

  async *"limits clear"(store, given) {
    const key = given.key === undefined ? undefined : text(given, "key");
    let cleared = false;
    for (const { server, done: what = [], failed } of await store.admin.order({ do: "clear_limits", key }, orderMs)) {
      if (failed !== undefined) yield done(`${server}: ${failed}`);
      for (const line of what) yield done(`${server} ${line}`);
      cleared ||= what.length > 0;
    }
    if (!cleared) yield done(`${key ?? "nobody"} has to wait for ${key === undefined ? "any" : "no"} limit`);
  },

  export: (store, given) => exportRecords(store, text(given, "store")),
};
