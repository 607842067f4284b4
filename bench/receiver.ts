/**
 * What receives under load: looks for numbers at fixed places of lines, and nothing else.
 *
 * A message's text is `@LLLL SSSSSSSS` (lane and number) filled up to 64 bytes. So a text client finds both at the place
 * where its lines' texts begin, and the next line at a known distance.
 */

import type { Lanes, Ledger } from "./lanes.ts";
import type { Sink } from "./wire.ts";

/** A message's length, in bytes. */
export const textBytes = 64;

const LF = 10;
const AT = 64;
const ZERO = 48;
const encoder = new TextEncoder();

/** Lines of a run that were neither messages nor anybody's coming and going. */
export interface Odd {
  count: number;
  sample: string;
}

/** The number at a place, in digits. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) value = 10 * value + bytes[i] - ZERO;
  return value;
}

/** What a sender sends: the same line each time, but for the number. */
export class Template {
  readonly #bytes: Uint8Array;
  readonly #places: number[];

  /** @param wrap the line around the text; `#` in it, eight times, is the number as well */
  constructor(lane: number, wrap: (text: string) => string) {
    const text = `@${`${lane}`.padStart(4, "0")} ########`.padEnd(textBytes, ".");
    const line = wrap(text) + "\n";
    this.#places = [...line.matchAll(/########/g)].map(({ index }) => index);
    this.#bytes = encoder.encode(line);
  }

  /** The line with a number. */
  stamped(seq: number): Uint8Array {
    const bytes = this.#bytes.slice();
    for (const place of this.#places) {
      for (let i = place + 7, rest = seq; i >= place; i--, rest = Math.floor(rest / 10)) bytes[i] = ZERO + rest % 10;
    }
    return bytes;
  }
}

/**
 * A text client's messages.
 *
 * @param lines where in its lines the texts begin, how many bytes end them, and whether these are deliveries, or the
 *   answers to what it sends itself
 */
export function textSink(
  lanes: Lanes,
  ledger: Ledger,
  { offset, ending = 1, kind = "delivery" }: { offset: number; ending?: 1 | 2; kind?: "delivery" | "answer" },
  odd: Odd,
): Sink {
  const length = offset + textBytes + ending;
  const { tally } = lanes;
  return (bytes, end) => {
    const now = performance.now();
    let start = 0;
    while (start < end) {
      if (start + length <= end && bytes[start + offset] === AT && bytes[start + length - 1] === LF) {
        const lane = digits(bytes, start + offset + 1, 4);
        const seq = digits(bytes, start + offset + 6, 8);
        const latency = now - lanes.sentAt(lane, seq);
        if (ledger.take(lane, seq)) {
          if (kind === "delivery") {
            tally.deliveries++;
            tally.deliveryLatency.record(latency);
          } else {
            tally.answers++;
            tally.answerLatency.record(latency);
          }
        }
        start += length;
        continue;
      }
      const lf = bytes.indexOf(LF, start);
      if (lf < 0 || lf >= end) break;
      if (bytes[start] === 91) note(odd, bytes.subarray(start, lf)); // "[": an error, or the server's own word
      start = lf + 1;
    }
    return start;
  };
}

/** A JSON client's messages: their texts are the only place where `@` is. */
export function eventSink(lanes: Lanes, ledger: Ledger, odd: Odd): Sink {
  const { tally } = lanes;
  return (bytes, end) => {
    const now = performance.now();
    let start = 0;
    for (let lf; (lf = bytes.indexOf(LF, start)) >= 0 && lf < end; start = lf + 1) {
      if (bytes[start + 9] === 101) note(odd, bytes.subarray(start, lf)); // "error"
      const at = bytes.indexOf(AT, start);
      if (at < 0 || at > lf) continue;
      const lane = digits(bytes, at + 1, 4);
      const seq = digits(bytes, at + 6, 8);
      const latency = now - lanes.sentAt(lane, seq);
      if (!ledger.take(lane, seq)) continue;
      tally.deliveries++;
      tally.deliveryLatency.record(latency);
    }
    return start;
  };
}

/** A JSON client's answers to what it published on one lane: `{"type":"ok","id":"SSSSSSSS",…`. */
export function answerSink(lanes: Lanes, ledger: Ledger, lane: number, odd: Odd): Sink {
  const { tally } = lanes;
  return (bytes, end) => {
    const now = performance.now();
    let start = 0;
    for (let lf; (lf = bytes.indexOf(LF, start)) >= 0 && lf < end; start = lf + 1) {
      if (bytes[start + 9] === 111 && bytes[start + 10] === 107) { // "ok"
        const seq = digits(bytes, start + 19, 8);
        const latency = now - lanes.sentAt(lane, seq);
        if (!ledger.take(lane, seq)) continue;
        tally.answers++;
        tally.answerLatency.record(latency);
      } else if (bytes[start + 9] === 101) note(odd, bytes.subarray(start, lf)); // "error"
    }
    return start;
  };
}

function note(odd: Odd, line: Uint8Array): void {
  odd.count++;
  odd.sample ||= new TextDecoder().decode(line);
}
