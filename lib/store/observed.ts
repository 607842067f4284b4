import type { Reports } from "./accounts/reports.ts";
import type { Count, Distribution, Metrics } from "../observability/metrics.ts";
import { messageOutcomes } from "../observability/metrics_table.ts";
import { tracing } from "../observability/tracing.ts";
import { type Topic, type TopicKind, topicKind } from "../wire/names.ts";
import type { Accounts } from "./accounts.ts";
import type { AccessTokens } from "./accounts/access_tokens.ts";
import type { Requests } from "./accounts/requests.ts";
import type { Invitations } from "./accounts/invitations.ts";
import type { TwoFactors } from "./accounts/two_factor.ts";
import type { StoreHealth } from "./health.ts";
import type { Deletions } from "./topics.ts";
import type { DeviceKeys } from "./device_keys.ts";
import type { Files } from "./files.ts";
import type { Marks } from "./marks.ts";
import type { NetworkBans } from "./network_bans.ts";
import type { RoomRecords } from "./room_records.ts";
import type { Rooms } from "./rooms.ts";
import type { Servers } from "./servers.ts";
import type { Sessions } from "./sessions.ts";
import type { Store } from "./store.ts";
import type { Talks } from "./talks.ts";
import type { PublishResult, Topics } from "./topics.ts";

/** Each operation of a port, and its label in metrics and spans. */
type Labels<Port> = Readonly<Record<Exclude<keyof Port, "positions">, string>>;

/** Dashboards know these labels: an operation that gets another name keeps its label. */
const labels = {
  accounts: {
    create: "create",
    find: "find",
    setHash: "setHash",
    delete: "delete_account",
    clear: "clear_account",
    loadDeleted: "load_deleted",
    deleted: "deleted",
    replaceHash: "replaceHash",
    follow: "follow",
    unfollow: "unfollow",
    follows: "follows",
    followers: "followers",
    block: "block",
    unblock: "unblock",
    blocks: "blocks",
    setAway: "set_away",
    away: "away",
  } satisfies Labels<Accounts>,
  accessTokens: {
    add: "access_tokens_add",
    list: "access_tokens_list",
    use: "access_tokens_use",
    revoke: "access_tokens_revoke",
  } satisfies Labels<AccessTokens>,
  requests: {
    from: "requests_from",
    setFrom: "requests_set_from",
    hold: "requests_hold",
    list: "requests_list",
    find: "requests_find",
    accept: "requests_accept",
    remove: "requests_remove",
  } satisfies Labels<Requests>,
  invitations: {
    add: "invitations_add",
    isGood: "invitations_is_good",
    accept: "invitations_accept",
    list: "invitations_list",
    revoke: "invitations_revoke",
  } satisfies Labels<Invitations>,
  twoFactor: {
    find: "two_factor_find",
    begin: "two_factor_begin",
    confirm: "two_factor_confirm",
    spendStep: "two_factor_spend_step",
    spendRecovery: "two_factor_spend_recovery",
    remove: "two_factor_remove",
  } satisfies Labels<TwoFactors>,
  sessions: {
    claim: "claim",
    enter: "enter",
    leave: "leave",
    move: "move",
    renewToken: "renewToken",
    savePositions: "stand",
    detach: "detach",
    end: "end",
    forgetRoom: "forgetRoom",
    withoutRoom: "withoutRoom",
    memberships: "memberships",
    revocable: "revocable",
    devices: "devices",
    revokeToken: "revokeToken",
    revokeDevice: "revokeDevice",
    reassert: "reassert",
    held: "held",
    online: "online",
    countOnline: "countOnline",
    rooms: "rooms",
    members: "members",
  } satisfies Labels<Sessions>,
  rooms: {
    find: "rooms_find",
    make: "rooms_make",
    sweep: "rooms_sweep",
  } satisfies Labels<Rooms>,
  records: {
    read: "records_read",
    change: "records_change",
    admit: "records_admit",
    privateRooms: "records_privateRooms",
    invitations: "records_invitations",
  } satisfies Labels<RoomRecords>,
  reports: {
    add: "reports_add",
    list: "reports_list",
    close: "reports_close",
  } satisfies Labels<Reports>,
  topics: {
    publish: "publish",
    read: "read",
    readTalk: "readTalk",
    head: "head",
    renewEpoch: "renewEpoch",
    readMark: "readMark",
    markRead: "markRead",
    subscribe: "subscribe",
    tellAccount: "tellAccount",
    announce: "announce",
    sweep: "topics_sweep",
  } satisfies Labels<Topics>,
  deletions: {
    erase: "deletions_erase",
    since: "deletions_since",
    sweep: "deletions_sweep",
  } satisfies Labels<Deletions>,
  marks: {
    mark: "marks_mark",
    begin: "marks_begin",
    unread: "marks_unread",
    forget: "marks_forget",
  } satisfies Labels<Marks>,
  talks: {
    list: "talks_list",
    unread: "talks_unread",
    mark: "talks_mark",
  } satisfies Labels<Talks>,
  servers: {
    join: "join",
    renew: "renew",
    sweep: "sweep",
    signal: "signal",
    probe: "probe",
    probeWriting: "probeWriting",
    leave: "leave",
  } satisfies Labels<Servers>,
  files: {
    begin: "files_begin",
    find: "files_find",
    put: "files_put",
    get: "files_get",
    remove: "files_remove",
    sweep: "files_sweep",
  } satisfies Labels<Files>,
  bans: { list: "bans_list", put: "bans_put", remove: "bans_remove" } satisfies Labels<NetworkBans>,
  deviceKeys: {
    announce: "keys_announce",
    revoke: "keys_revoke",
    list: "keys_list",
  } satisfies Labels<DeviceKeys>,
} as const;

/** What becomes of a message that is published. */
type Outcome = (typeof messageOutcomes)[number];

/**
 * Watches a store: how long each operation takes, which fail, and what is published. Nothing else changes: the promises
 * that callers get are the store's own. Disposing of the result is disposing of the store.
 *
 * @param health told how calls end
 */
export function observedStore(store: Store, metrics: Metrics, health?: StoreHealth): Store {
  const watch = { metrics, health };
  const returns = metrics.counter("chat_store_returns_total");
  return {
    accounts: timed(store.accounts, labels.accounts, watch),
    accessTokens: timed(store.accessTokens, labels.accessTokens, watch),
    requests: timed(store.requests, labels.requests, watch),
    invitations: timed(store.invitations, labels.invitations, watch),
    twoFactor: timed(store.twoFactor, labels.twoFactor, watch),
    sessions: timed(store.sessions, labels.sessions, watch),
    rooms: timed(store.rooms, labels.rooms, watch),
    records: timed(store.records, labels.records, watch),
    reports: timed(store.reports, labels.reports, watch),
    topics: {
      ...timed<Topics>(store.topics, labels.topics, watch),
      publish: timedMethod(store.topics, "publish", labels.topics.publish, watch, messageCounter(metrics)),
      positions: store.topics.positions,
    },
    deletions: timed(store.deletions, labels.deletions, watch),
    marks: timed(store.marks, labels.marks, watch),
    talks: timed(store.talks, labels.talks, watch),
    servers: timed(store.servers, labels.servers, watch),
    files: countingFiles(timed(store.files, labels.files, watch), metrics),
    deviceKeys: timed(store.deviceKeys, labels.deviceKeys, watch),
    bans: timed(store.bans, labels.bans, watch),
    admin: store.admin,
    get available() {
      return store.available;
    },
    get outage() {
      return store.outage;
    },
    get failure() {
      return health?.failure;
    },
    onReturn: (listener) =>
      store.onReturn(() => {
        returns.value++;
        return listener();
      }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Who is told of each call. */
interface Watch {
  readonly metrics: Metrics;
  readonly health: StoreHealth | undefined;
}

/** A port whose operations are timed; each answers with a promise. */
function timed<Port extends object>(port: Port, labels: Labels<Port>, watch: Watch): Port {
  const methods = Object.entries<string>(labels).map((
    [name, label],
  ) => [name, timedMethod(port, name, label, watch)]);
  return Object.fromEntries(methods) as Port;
}

type Operation<A extends unknown[], T> = (...args: A) => Promise<T>;

/** @param count told what each call came to; undefined where it failed */
function timedMethod<A extends unknown[], T>(
  port: object,
  name: string,
  operation: string,
  { metrics, health }: Watch,
  count?: (result: T | undefined, ...args: A) => void,
): Operation<A, T> {
  const call: Operation<A, T> = (...args) => (port as Readonly<Record<string, Operation<A, T>>>)[name](...args);
  let cells: { readonly duration: Distribution; readonly errors: Count } | undefined;
  return (...args) => {
    const since = performance.now();
    const answer = tracing ? tracing.run(`store ${operation}`, {}, () => call(...args)) : call(...args);
    const { duration, errors } = cells ??= {
      duration: metrics.histogram("chat_store_operation_duration_seconds", { operation }),
      errors: metrics.counter("chat_store_errors_total", { operation }),
    };
    answer.then((result) => {
      duration.observe((performance.now() - since) / 1000);
      count?.(result, ...args);
      if (name === "probeWriting") health?.wrote(since);
    }, (error) => {
      duration.observe((performance.now() - since) / 1000);
      count?.(undefined, ...args);
      errors.value++;
      health?.failed(operation, error);
    });
    return answer;
  };
}

/** Counts messages by their topic's kind and what came of them. */
function messageCounter(metrics: Metrics): (result: PublishResult | undefined, topic: Topic) => void {
  const cells = (kind: TopicKind) => {
    const cell = (outcome: Outcome) => metrics.counter("chat_messages_published_total", { kind, outcome });
    return Object.fromEntries(messageOutcomes.map((outcome) => [outcome, cell(outcome)])) as Record<Outcome, Count>;
  };
  const counts = { room: cells("room"), feed: cells("feed"), inbox: cells("inbox"), sent: cells("sent") };
  return (result, topic) => {
    const outcome = !result ? "failed" : result.kind === "published" && result.repeated ? "repeated" : result.kind;
    counts[topicKind(topic)][outcome].value++;
  };
}

function countingFiles(files: Files, metrics: Metrics): Files {
  const stored = metrics.counter("chat_file_chunks_total", { direction: "stored" });
  const fetched = metrics.counter("chat_file_chunks_total", { direction: "fetched" });
  const refused = metrics.counter("chat_files_refused_total");
  return {
    ...files,
    async begin(draft) {
      const begun = await files.begin(draft);
      if (typeof begun === "string") refused.value++;
      return begun;
    },
    async put(file, n, data) {
      const have = await files.put(file, n, data);
      if (have === n + 1) stored.value++;
      if (typeof have === "string") refused.value++;
      return have;
    },
    async get(id, n) {
      const data = await files.get(id, n);
      if (data !== undefined) fetched.value++;
      return data;
    },
  };
}
