/**
 * Numbered messages on lanes: what was sent and when, who has it, and what went wrong on the way.
 *
 * A lane is one sender's messages to one topic, numbered 1, 2, 3, … It knows no connection: receivers report what they
 * got to a {@linkcode Ledger} of their own, which reports to the {@linkcode Lanes} of the run.
 */

import { Histogram } from "./histogram.ts";

/** How many messages of a lane may be under way: in the closed loop its window, in the open one what it may lag. */
const ring = 1024;

/** What receivers got in the time that is measured. */
export class Tally {
  /** Messages that reached somebody. */
  deliveries = 0;
  /** Answers to their senders. */
  answers = 0;
  /** From the sending, or the time that it was due, to the arrival. */
  readonly deliveryLatency = new Histogram();
  readonly answerLatency = new Histogram();

  clear(): void {
    this.deliveries = this.answers = 0;
    this.deliveryLatency.clear();
    this.answerLatency.clear();
  }
}

/** What was wrong; all must be 0. */
export interface Faults {
  lost: number;
  doubled: number;
  disordered: number;
}

/** All lanes of a run. */
export class Lanes {
  readonly count: number;
  readonly tally = new Tally();
  /** The last number sent on each lane. */
  readonly sent: Int32Array;
  /** Messages that everybody has who is to have them, in all. */
  completed = 0;
  /** Told when a message is complete. */
  onComplete: (lane: number) => void = () => {};
  readonly #expected: number;
  readonly #arrivals: Int32Array;
  readonly #sentAt: Float64Array;

  /** @param expected how many arrivals make a message complete */
  constructor(count: number, expected: number) {
    this.count = count;
    this.#expected = expected;
    this.sent = new Int32Array(count);
    this.#arrivals = new Int32Array(count * ring);
    this.#sentAt = new Float64Array(count * ring);
  }

  /** Messages sent, in all. */
  get total(): number {
    return this.sent.reduce((sum, each) => sum + each, 0);
  }

  /**
   * The number of a lane's next message.
   *
   * @param at when it is sent, or was due, by `performance.now()`
   * @throws {RangeError} when too many are under way
   */
  next(lane: number, at: number): number {
    const seq = ++this.sent[lane];
    const place = lane * ring + seq % ring;
    if (this.#arrivals[place] > 0) {
      throw new RangeError(`A message arrives later than ${ring} after it: too fast a pace`);
    }
    this.#sentAt[place] = at;
    return seq;
  }

  /** One more has a message. */
  arrived(lane: number, seq: number): void {
    const place = lane * ring + seq % ring;
    if (++this.#arrivals[place] < this.#expected) return;
    this.#arrivals[place] = 0;
    this.completed++;
    this.onComplete(lane);
  }

  /** When a message was sent, or due. */
  sentAt(lane: number, seq: number): number {
    return this.#sentAt[lane * ring + seq % ring];
  }
}

/** One receiver's account of the lanes that it hears: every number must come once, and in order. */
export class Ledger {
  readonly #lanes: Lanes;
  readonly #first: number;
  readonly #own: number | undefined;
  readonly #last: Int32Array;
  readonly #missing = new Set<string>();
  #doubled = 0;
  #disordered = 0;

  /**
   * @param first the first of the lanes that it hears
   * @param own the one among them that it does not hear, as it speaks on it itself
   */
  constructor(lanes: Lanes, first: number, count: number, own?: number) {
    this.#own = own;
    this.#lanes = lanes;
    this.#first = first;
    this.#last = new Int32Array(count);
  }

  /** Takes down a message; @returns whether it is a new one */
  take(lane: number, seq: number): boolean {
    const index = lane - this.#first;
    const last = this.#last[index];
    if (seq === last + 1) this.#last[index] = seq;
    else if (seq > last) {
      for (let missing = last + 1; missing < seq; missing++) this.#missing.add(`${lane} ${missing}`);
      this.#last[index] = seq;
    } else if (this.#missing.delete(`${lane} ${seq}`)) this.#disordered++;
    else {
      this.#doubled++;
      return false;
    }
    this.#lanes.arrived(lane, seq);
    return true;
  }

  /** What is wrong once all should have arrived. */
  faults(): Faults {
    let lost = this.#missing.size;
    this.#last.forEach((last, index) => {
      const lane = this.#first + index;
      if (lane !== this.#own) lost += Math.max(0, this.#lanes.sent[lane] - last);
    });
    return { lost, doubled: this.#doubled, disordered: this.#disordered };
  }
}
