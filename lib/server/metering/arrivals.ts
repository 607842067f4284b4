import type { Distribution } from "../../observability/metrics.ts";
import type { Entry } from "../../store/topics.ts";
import { tracing } from "../../observability/tracing.ts";
import { type Topic, topicKind } from "../../wire/names.ts";
import type { Flushable, Turns } from "../delivery/flush_scheduler.ts";

/**
 * Measures how long messages take from their log to the connections of this server, and ends the spans of their
 * deliveries.
 *
 * The messages of one turn of the event loop are measured together when their writes have begun. So a message costs one
 * addition, for any number of readers.
 */
export class Arrivals implements Flushable {
  readonly #turns: Turns;
  readonly #latency: Distribution;
  readonly #now: () => number;
  #times: number[] = [];
  #spans: { end(): void }[] = [];
  #written = false;

  /**
   * @param latency takes seconds
   * @param now milliseconds since 1970; the store's clock is thought to agree with it
   */
  constructor(turns: Turns, latency: Distribution, now: () => number = Date.now) {
    this.#turns = turns;
    this.#latency = latency;
    this.#now = now;
  }

  /** A message was passed on to the connections that follow its topic; it is written when the turn is over. */
  passed(topic: Topic, { time, trace, seq }: Entry): void {
    if (this.#times.push(time) === 1) this.#turns.schedule(this);
    if (!tracing || trace === undefined) return;
    const attributes = { "chat.topic.kind": topicKind(topic), "chat.seq": seq };
    this.#spans.push(tracing.follow(trace, "deliver", attributes));
  }

  /** Schedules itself once more in the same turn: by then the queues that this turn filled are being written. */
  flush(): void {
    this.#written = !this.#written;
    if (this.#written) return this.#turns.schedule(this);
    const now = this.#now();
    for (const time of this.#times) this.#latency.observe((now - time) / 1000);
    this.#times = [];
    for (const span of this.#spans) span.end();
    this.#spans = [];
  }
}
