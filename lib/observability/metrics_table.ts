/**
 * ONE table of all that is measured: name, type, what it means, labels and buckets.
 *
 * Names and units are by Prometheus' conventions: seconds and bytes, `_total` for what only grows, `_info` for what is
 * always 1. `metrics.ts` makes the cells from it; the dashboard and the alert rules are tested against it.
 */

/** One metric. */
export interface Measure {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Label → the values that it always has, from the start; none where they are not known before. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** A histogram's upper bounds, ascending. */
  readonly buckets?: readonly number[];
  /** Whose it is: each server's, or that of the process, which may have several as workers. */
  readonly of: "server" | "process";
  /** How the values of several workers are made one, where their labels are the same. */
  readonly aggregator: "sum" | "min" | "max" | "first";
}

type Labels = Readonly<Record<string, readonly string[]>>;

/** From a tenth of a millisecond, a store's answer next door, to the longest that a call may take by default. */
const quick = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** From what nobody notices to what everybody does. */
const felt = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** From a hash of the lowest cost to a crowd at the door. */
const hashing = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What becomes of a message that is published: the store's word for it, or `failed`. */
export const messageOutcomes = [
  "published",
  "repeated",
  "missing",
  "fenced",
  "banned",
  "not_member",
  "muted",
  "slow",
  "blocked",
  "stranger",
  "full",
  "failed",
] as const;

const none = {} as const;

const counter = <const L extends Labels>(labels: L, help: string) => ({
  type: "counter" as const,
  help,
  labels,
  of: "server" as const,
  aggregator: "sum" as const,
});

const gauge = <const L extends Labels>(labels: L, help: string, aggregator: Measure["aggregator"] = "sum") => ({
  type: "gauge" as const,
  help,
  labels,
  of: "server" as const,
  aggregator,
});

const histogram = <const L extends Labels>(labels: L, help: string, buckets: readonly number[]) => ({
  type: "histogram" as const,
  help,
  labels,
  buckets,
  of: "server" as const,
  aggregator: "sum" as const,
});

const ofProcess = <M>(measure: M): Omit<M, "of"> & { readonly of: "process" } => ({ ...measure, of: "process" });

const worker = [] as const;

/** Name → what it is. */
export const measures = {
  chat_build_info: ofProcess(gauge({ version: [], deno: [], store: [] }, "Always 1; the labels say what runs")),
  chat_server_info: gauge({ worker, server: [] }, "Always 1; the labels say which worker is which server"),
  chat_worker_up: gauge({ worker }, "Whether the worker answers; without workers the server is worker 1"),
  chat_ready: gauge(
    { worker, check: ["store", "subscription", "lease", "drain", "port"] },
    "Whether the check holds, 1 or 0; a server is ready when all of its checks hold",
  ),
  chat_certificate_not_after_timestamp_seconds: gauge(
    none,
    "When the certificate that new connections are shown expires, in seconds since 1970",
    "min",
  ),

  chat_connections: gauge(
    { format: ["text", "json"], state: ["guest", "member", "side"] },
    "Clients that are connected, their handshake done",
  ),
  chat_connections_total: counter(none, "Connections whose handshake was done"),
  chat_connections_refused_total: counter(
    none,
    "Connections that were closed for being too many, in all or of one address",
  ),
  chat_handshakes_failed_total: counter(none, "TLS handshakes that failed, or were not done in time"),
  chat_sessions: gauge(none, "Users' sessions that this server holds, those that may be resumed among them"),
  chat_received_bytes_total: counter(none, "Bytes read from clients, before TLS"),
  chat_sent_bytes_total: counter(none, "Bytes written to clients, before TLS"),

  chat_limit_refusals_total: counter({ limit: [] }, "What was refused, or had to wait, for being too much, by limit"),
  chat_logins_total: counter(
    { method: ["login", "side", "register", "resume"], outcome: ["ok", "invalid_credentials", "too_many_attempts"] },
    "Logins, by how and what came of it: ok, or the error's code",
  ),
  chat_resume_missed_messages_total: counter(
    none,
    "Messages that resuming clients had missed and that were there for them",
  ),
  chat_commands_total: counter(
    { command: [], outcome: [] },
    "Commands that were answered: ok, or the error's code; the command none is a line without one",
  ),
  chat_command_duration_seconds: histogram({ command: [] }, "From a command's line to its answer, queued", quick),

  chat_messages_published_total: counter(
    {
      kind: ["room", "feed", "inbox", "sent"],
      outcome: messageOutcomes,
    },
    "Messages that clients of this server sent, by topic's kind and outcome",
  ),
  chat_deliveries_total: counter(
    { source: ["live", "replay"] },
    "Messages and notices queued for connections: as they came, or read from the log",
  ),
  chat_delivery_latency_seconds: histogram(
    none,
    "From a message's time in its log, by the store's clock, to the write to this server's connections",
    felt,
  ),
  chat_outbox_bytes: gauge(none, "Bytes that wait to be written to clients"),
  chat_outbox_largest_bytes: gauge(none, "Bytes that wait for the client that most wait for", "max"),
  chat_slow_consumers_total: counter(none, "Connections that were ended because they did not read"),
  chat_topics: gauge(none, "Topics that clients of this server follow"),
  chat_holes_filled_messages_total: counter(
    none,
    "Messages that did not come by themselves and were read from the log",
  ),
  chat_gaps_total: counter(
    { source: ["live", "replay"] },
    "Gaps that clients were told of: messages that the log does not have",
  ),

  chat_file_chunks_total: counter(
    { direction: ["stored", "fetched"] },
    "Parts of files that clients sent and fetched, of 48 KiB but for each file's last",
  ),
  chat_files_refused_total: counter(none, "Files that there was no room for"),

  chat_store_operation_duration_seconds: histogram(
    { operation: [] },
    "How long the store took, failures included",
    quick,
  ),
  chat_store_errors_total: counter({ operation: [] }, "Calls to the store that failed"),
  chat_store_returns_total: counter(none, "How often the store came back after it was away"),
  chat_leases_lost_total: counter(
    { outcome: ["expired", "taken"] },
    "Leases that had run out or were another's when they were to be renewed",
  ),

  chat_password_hashes_running: gauge(none, "Passwords that are being hashed"),
  chat_password_hashes_waiting: gauge(none, "Passwords that wait to be hashed"),
  chat_password_hash_duration_seconds: histogram(none, "How long hashing a password took", hashing),
  chat_password_hash_wait_seconds: histogram(none, "How long a password waited to be hashed", hashing),
  chat_password_hashes_refused_total: counter(none, "Passwords that were not hashed because too many waited"),

  chat_event_loop_delay_seconds: histogram(
    { worker },
    "How late a timer of the event loop was, ten times a second",
    felt,
  ),
  chat_heap_used_bytes: gauge({ worker }, "Memory that the thread's objects take"),

  process_cpu_seconds_total: ofProcess(counter(none, "Processor time, user and system")),
  process_resident_memory_bytes: ofProcess(gauge(none, "Resident memory")),
  process_start_time_seconds: ofProcess(gauge(none, "When the process started, in seconds since 1970")),
  process_open_fds: ofProcess(gauge(none, "Descriptors that are open; absent where the system cannot be asked")),
  process_max_fds: ofProcess(gauge(none, "Descriptors that may be open; absent where the system cannot be asked")),
};

measures satisfies Record<string, Measure>; // apart from the table, since it would widen what is inferred
