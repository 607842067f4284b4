import type { Clock } from "../base/clock.ts";
import type { Request } from "../net/connection.ts";

/** How long the replay may pause, in milliseconds. */
const settleMs = 250;

/** After how many spans of that length it is over in any case. */
const maxSpans = 8;

/**
 * What came since a session was resumed, until it is known to be all that was missed.
 *
 * A server that says with its answer how many messages are to come is believed. With any other, the replay counts as
 * complete when nothing came for a while, or after several such spans: in a busy room what is live follows what was
 * missed without a pause.
 */
export class Homecoming {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #ask: (request: Request) => void;
  #marker: Request | undefined;
  #missed = 0;
  #before = 0;
  #spans = 0;

  /**
   * @param signal aborted when the session ends
   * @param ask sends a request whose answer tells that the time is up
   */
  constructor(clock: Clock, signal: AbortSignal, ask: (request: Request) => void) {
    this.#clock = clock;
    this.#signal = signal;
    this.#ask = ask;
    void this.#wait();
  }

  /** Somebody else's message came. */
  count(): void {
    this.#missed++;
  }

  /** Whether a request is the one that it asked. */
  owns(request: Request): boolean {
    return request === this.#marker;
  }

  /** Its request was answered. @returns how many messages were missed, if that was all of them */
  answered(): number | undefined {
    if (this.#missed === this.#before || ++this.#spans >= maxSpans) return this.#missed;
    void this.#wait();
    return undefined;
  }

  async #wait(): Promise<void> {
    this.#before = this.#missed;
    await this.#clock.sleep(settleMs, this.#signal).catch(() => {});
    this.#marker = { cmd: "pong" };
    this.#ask(this.#marker);
  }
}
