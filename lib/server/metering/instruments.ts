import { X509Certificate } from "node:crypto";
import type { Count, Metrics } from "../../observability/metrics.ts";
import type { Format } from "../../wire/event.ts";
import { Arrivals } from "./arrivals.ts";
import { CommandMeter } from "./command_meter.ts";
import { watchEventLoop } from "./event_loop.ts";
import type { Turns } from "../delivery/flush_scheduler.ts";
import type { Check, Problem } from "./health.ts";

/** The counters of connections. */
export interface ConnectionMeter {
  /** Bytes. */
  readonly received: Count;
  readonly slow: Count;
  readonly commands: CommandMeter;
}

/** The counters of the listener. */
export interface ListenerMeter {
  readonly refused: Count;
  readonly failed: Count;
}

/** A connection, as far as it is measured. */
export interface MeasuredConnection {
  readonly format: Format;
  readonly session: { readonly side: boolean } | undefined;
  readonly outbox: {
    /** Bytes that wait. */
    readonly pending: number;
    /** Bytes that were written. */
    readonly sent: number;
  };
}

/** What is read off a service whenever its metrics are asked for. */
export interface Readings {
  connections(): Iterable<MeasuredConnection>;
  sessions(): number;
  readonly hub: { readonly deliveries: number };
  readonly relay: { readonly size: number; readonly filled: number; readonly gaps: number };
  readonly replays: { readonly messages: number; readonly gaps: number };
  problems(): readonly Problem[];
}

/**
 * The metrics of one service: the counters of its parts, and the values that are read off it when they are asked for.
 *
 * The parts count in plain numbers. Nothing here is called for a delivery.
 */
export class Instruments implements Disposable {
  readonly connection: ConnectionMeter;
  readonly listener: ListenerMeter;
  readonly arrivals: Arrivals;
  readonly #metrics: Metrics;
  readonly #loop: Disposable;
  readonly #came: Count;
  #sentByTheGone = 0;

  /** @param commands the names of all commands */
  constructor(metrics: Metrics, turns: Turns, commands: readonly string[]) {
    this.#metrics = metrics;
    this.#came = metrics.counter("chat_connections_total");
    this.connection = {
      received: metrics.counter("chat_received_bytes_total"),
      slow: metrics.counter("chat_slow_consumers_total"),
      commands: new CommandMeter(metrics, commands),
    };
    this.listener = {
      refused: metrics.counter("chat_connections_refused_total"),
      failed: metrics.counter("chat_handshakes_failed_total"),
    };
    this.arrivals = new Arrivals(turns, metrics.histogram("chat_delivery_latency_seconds"));
    const { worker } = metrics;
    this.#loop = watchEventLoop(metrics.histogram("chat_event_loop_delay_seconds", { worker }));
  }

  /** Reads a running service from now on. */
  read(server: string, readings: Readings): void {
    const metrics = this.#metrics;
    const { worker } = metrics;
    metrics.gauge("chat_server_info", { worker, server }).value = 1;
    metrics.gauge("chat_worker_up", { worker }).value = 1;
    const { hub, relay, replays } = readings;
    const heap = metrics.gauge("chat_heap_used_bytes", { worker });
    const live = metrics.counter("chat_deliveries_total", { source: "live" });
    const replayed = metrics.counter("chat_deliveries_total", { source: "replay" });
    const liveGaps = metrics.counter("chat_gaps_total", { source: "live" });
    const replayedGaps = metrics.counter("chat_gaps_total", { source: "replay" });
    const filled = metrics.counter("chat_holes_filled_messages_total");
    const topics = metrics.gauge("chat_topics");
    const sessions = metrics.gauge("chat_sessions");
    metrics.onRead(() => {
      this.#readConnections(readings.connections());
      this.#readProblems(readings.problems());
      heap.value = Deno.memoryUsage().heapUsed;
      live.value = hub.deliveries;
      replayed.value = replays.messages;
      liveGaps.value = relay.gaps;
      replayedGaps.value = replays.gaps;
      filled.value = relay.filled;
      topics.value = relay.size;
      sessions.value = readings.sessions();
    });
  }

  /** A connection's handshake is done. */
  came(): void {
    this.#came.value++;
  }

  /** A connection is gone; keeps what it counted. */
  went({ outbox: { sent } }: MeasuredConnection): void {
    this.#sentByTheGone += sent;
  }

  /** Notes when a certificate ends. @param cert PEM: the chain that new connections are shown from now on */
  certificate(cert: string): void {
    const { validTo } = new X509Certificate(cert);
    this.#metrics.gauge("chat_certificate_not_after_timestamp_seconds").value = Date.parse(validTo) / 1000;
  }

  /** Counts a lease that has expired, or that another server has taken. */
  leaseLost(outcome: "expired" | "taken"): void {
    this.#metrics.counter("chat_leases_lost_total", { outcome }).value++;
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
  }

  #readConnections(connections: Iterable<MeasuredConnection>): void {
    const metrics = this.#metrics;
    const counts: Record<Format, Record<"guest" | "member" | "side", number>> = {
      text: { guest: 0, member: 0, side: 0 },
      json: { guest: 0, member: 0, side: 0 },
    };
    let [waiting, largest, sent] = [0, 0, this.#sentByTheGone];
    for (const { format, session, outbox } of connections) {
      counts[format][!session ? "guest" : session.side ? "side" : "member"]++;
      waiting += outbox.pending;
      largest = Math.max(largest, outbox.pending);
      sent += outbox.sent;
    }
    for (const format of ["text", "json"] as const) {
      for (const state of ["guest", "member", "side"] as const) {
        metrics.gauge("chat_connections", { format, state }).value = counts[format][state];
      }
    }
    metrics.gauge("chat_outbox_bytes").value = waiting;
    metrics.gauge("chat_outbox_largest_bytes").value = largest;
    metrics.counter("chat_sent_bytes_total").value = sent;
  }

  #readProblems(problems: readonly Problem[]): void {
    const { worker } = this.#metrics;
    for (const check of ["store", "subscription", "lease", "drain", "port"] as const satisfies Check[]) {
      const holds = problems.every((problem) => problem.check !== check);
      this.#metrics.gauge("chat_ready", { worker, check }).value = holds ? 1 : 0;
    }
  }
}
