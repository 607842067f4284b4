/** Load on a server, and what it does with it: senders on lanes, receivers, a pace, and a time in which all is counted. */

import { Lanes, Ledger } from "./lanes.ts";
import type { Values } from "./metrics.ts";
import { answerSink, eventSink, type Odd, Template, textSink } from "./receiver.ts";
import { pooled, type Wire } from "./wire.ts";
import type { Usage } from "./world.ts";

/**
 * When messages are sent. Closed: a lane has `window` messages under way, and the next goes when one of them is complete.
 * Open: `rate` messages a second over all lanes, whether or not the server keeps up.
 */
export type Pace = { readonly window: number } | { readonly rate: number };

/** What messages that are still under way may take to arrive at the end, in milliseconds, as long as none comes. */
const drainMs = 10_000;

/** How a text connection hears its lanes. */
export interface Heard {
  /** What the messages are; deliveries unless told. */
  readonly kind?: "delivery" | "answer";
  /** How many bytes end a line: 1 unless told. */
  readonly ending?: 1 | 2;
  /** The lane that it speaks on itself, where nobody hears themselves. */
  readonly own?: number | undefined;
}

/** See the file's first line. */
export class Load {
  readonly lanes: Lanes;
  disconnected = 0;
  readonly odd: Odd = { count: 0, sample: "" };
  readonly #ledgers: Ledger[] = [];
  readonly #wires = new Set<Wire>();
  readonly #senders: ((seq: number) => void)[] = [];

  /**
   * @param lanes how many
   * @param expected how many arrivals, answers among them, make a message complete
   */
  constructor(lanes: number, expected: number) {
    this.lanes = new Lanes(lanes, expected);
  }

  /** Messages on a lane go out on this connection from now on; `wrap` makes a command of a text. */
  sends(lane: number, wire: Wire, wrap = (text: string) => text): void {
    this.#own(wire);
    const template = new Template(lane, wrap);
    this.#senders[lane] = (seq) => wire.send(template.stamped(seq));
  }

  /**
   * What comes on a text connection is counted from now on.
   *
   * @param offset where in its lines the texts begin
   * @param from the first of the lanes that it hears
   */
  hears(wire: Wire, offset: number, from: number, lanes: number, { own, ...lines }: Heard = {}): void {
    this.#own(wire);
    wire.sink = textSink(this.lanes, this.#ledger(from, lanes, own), { offset, ...lines }, this.odd);
  }

  /** What comes on a JSON connection is counted from now on, as {@linkcode hears} does for text. */
  hearsEvents(wire: Wire, from: number, lanes: number): void {
    this.#own(wire);
    wire.sink = eventSink(this.lanes, this.#ledger(from, lanes), this.odd);
  }

  /** The answers on a JSON connection to what it publishes on one lane are counted from now on. */
  hearsAnswers(wire: Wire, lane: number): void {
    this.#own(wire);
    wire.sink = answerSink(this.lanes, this.#ledger(lane, 1), lane, this.odd);
  }

  /**
   * Sends at a pace, and counts.
   *
   * @param usage what has been used of the processor, asked before and after
   * @param during for how long, after a while to warm up
   */
  async measure(pace: Pace, usage: () => Usage, during: () => Promise<unknown>, warmUpMs = 500): Promise<Values> {
    const { lanes } = this;
    const { tally } = lanes;
    const pump = this.#start(pace);
    await Promise.race([pump.failed, sleep(warmUpMs)]);
    tally.clear();
    const [since, before, completedBefore] = [performance.now(), usage(), lanes.completed];
    await Promise.race([pump.failed, during()]);
    const [seconds, after] = [(performance.now() - since) / 1000, usage()];
    const { deliveries, deliveryLatency: latency, answerLatency: answers } = tally;
    const perSecond = (a: number | undefined, b: number | undefined) =>
      a === undefined || b === undefined ? undefined : (b - a) / seconds;
    const [server, redis] = [perSecond(before.server, after.server), perSecond(before.redis, after.redis)];
    const perMillion = (load: number | undefined) =>
      load === undefined || deliveries === 0 ? undefined : load * seconds * 1e6 / deliveries;
    const values: Values = {
      messages: (lanes.completed - completedBefore) / seconds,
      deliveries: deliveries / seconds,
      serverCpu: perMillion(server),
      redisCpu: perMillion(redis),
      p50: latency.quantile(0.5),
      p99: latency.quantile(0.99),
      max: latency.max,
      ...(answers.count > 0 ? { answerP50: answers.quantile(0.5), answerP99: answers.quantile(0.99) } : {}),
      serverLoad: server,
      generatorLoad: perSecond(before.generator, after.generator),
    };
    pump.stop();
    await this.drained();
    if (this.odd.count > 0) throw new Error(`The server said ${this.odd.count} times: ${this.odd.sample}`);
    return { ...values, ...this.faults() };
  }

  /** Waits until all that was sent has arrived, or nothing comes any more. */
  async drained(): Promise<void> {
    const { lanes } = this;
    for (let [seen, since] = [-1, performance.now()]; lanes.completed < lanes.total;) {
      if (lanes.completed !== seen) [seen, since] = [lanes.completed, performance.now()];
      else if (performance.now() - since > drainMs) return;
      await sleep(5);
    }
    await sleep(50); // for what comes a second time
  }

  /** What was wrong with what arrived so far. */
  faults(): Values {
    const sum = { lost: 0, doubled: 0, disordered: 0 };
    for (const faults of this.#ledgers.map((ledger) => ledger.faults())) {
      sum.lost += faults.lost;
      sum.doubled += faults.doubled;
      sum.disordered += faults.disordered;
    }
    return { ...sum, disconnected: this.disconnected };
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await pooled([...this.#wires], 100, (wire) => wire.close());
  }

  #own(wire: Wire): void {
    this.#wires.add(wire);
    wire.onLost = () => void this.disconnected++;
  }

  #ledger(from: number, lanes: number, own?: number): Ledger {
    const ledger = new Ledger(this.lanes, from, lanes, own);
    this.#ledgers.push(ledger);
    return ledger;
  }

  #start(pace: Pace): { readonly failed: Promise<never>; stop(): void } {
    const { lanes } = this;
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => {}); // looked at while there is somebody to look
    const send = (lane: number, at: number) => {
      try {
        this.#senders[lane](lanes.next(lane, at));
      } catch (error) {
        failure.reject(error);
      }
    };
    if ("window" in pace) {
      lanes.onComplete = (lane) => send(lane, performance.now());
      for (let i = 0; i < pace.window; i++) {
        for (let lane = 0; lane < lanes.count; lane++) send(lane, performance.now());
      }
      return { failed: failure.promise, stop: () => void (lanes.onComplete = () => {}) };
    }
    const start = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      // Latency counts from when a message was due: a server that stalls must not make the figures better.
      for (let due; (due = start + sent * 1000 / pace.rate) <= performance.now(); sent++) send(sent % lanes.count, due);
    }, 1);
    return { failed: failure.promise, stop: () => clearInterval(timer) };
  }
}

/** Waits. @param ms how long, in milliseconds */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
