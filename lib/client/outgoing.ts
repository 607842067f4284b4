/**
 * Requests that are not answered yet, in the order in which they were made, for a session whose connection may go.
 *
 * Promises:
 * 1. requests are sent in order; messages follow each other without waiting for answers, up to a window, while any
 *    other command is sent alone, so that whatever follows it meets what it has changed;
 * 2. after an interruption, what had no answer is sent again in the same order, messages under the same `cid`;
 *    a command that must not be done twice is given back instead, for nobody knows whether it was done.
 */

import type { Reply } from "../wire/event.ts";
import type { Request } from "./connection.ts";

/** Whether a request can be sent again: `message` has a `cid`, `repeat` is harmless twice, `once` is neither. */
export type Repetition = "message" | "repeat" | "once";

/** One request on its way. */
export interface Entry {
  /** What is sent; the same object comes back with the answer. */
  request: Request;
  readonly repetition: Repetition;
  /** Sent on the connection that there is. */
  sent: boolean;
  /** Sent on an earlier connection as well. */
  tried: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** How many messages may be unanswered at once: enough to fill a slow line, fewer than a server queues. */
const maxWindow = 32;

/** See the file's promises. */
export class Outgoing {
  #entries: Entry[] = [];
  readonly #window: number;

  constructor(window = maxWindow) {
    this.#window = window;
  }

  /** How many requests have no answer. */
  get size(): number {
    return this.#entries.length;
  }

  /** Adds a request behind all others; the promise is its answer's. */
  add(request: Request, repetition: Repetition): Promise<Reply> {
    const answer = new Promise<Reply>((resolve, reject) => {
      this.#entries.push({ request, repetition, sent: false, tried: false, resolve, reject });
    });
    answer.catch(() => {}); // a refusal is shown as well: whoever does not await it misses nothing
    return answer;
  }

  /** The requests that may be sent now, in order; they count as sent. */
  next(): Entry[] {
    const ready: Entry[] = [];
    for (const [index, entry] of this.#entries.entries()) {
      const alone = entry.repetition !== "message";
      if (index >= this.#window || (alone && index > 0)) break;
      if (!entry.sent) {
        entry.sent = true;
        ready.push(entry);
      }
      if (alone) break;
    }
    return ready;
  }

  /** The entry that this request belongs to, if it is one of them. */
  find(request: Request): Entry | undefined {
    return this.#entries.find((entry) => entry.sent && entry.request === request);
  }

  /** Takes an entry out: it has its answer. */
  remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Leaves an entry where it stands, to be sent once more: its answer was none. */
  postpone(entry: Entry): void {
    entry.sent = false;
    entry.tried = true;
  }

  /** The connection is gone. @returns what was taken out because it must not be sent twice */
  interrupt(): Entry[] {
    const uncertain = this.#entries.filter(({ sent, repetition }) => sent && repetition === "once");
    this.#entries = this.#entries.filter((entry) => !uncertain.includes(entry));
    for (const entry of this.#entries) {
      if (entry.sent) entry.tried = true;
      entry.sent = false;
    }
    return uncertain;
  }

  /** Gives everything up. @returns what was left, in order */
  abandon(): Entry[] {
    return this.#entries.splice(0);
  }
}
