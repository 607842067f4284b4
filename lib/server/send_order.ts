/**
 * The order of one connection's messages when some of them cannot be stored.
 *
 * A message could not be stored, and the client may be about to send it again: nothing that it sent before it knew may
 * overtake that. So its further messages are refused until it is known to know: whoever sends one of them again does,
 * and whoever answers a ping has read what was written before the ping.
 */

/** What the order needs of its connection. */
export interface SendOrderOptions {
  /** Asks the client for a sign of life. */
  ping(): void;
  /** Milliseconds, by a clock that never goes back. */
  now(): number;
  /** How long a client that answers pings may take, in milliseconds; then it is given up anyway. */
  readonly deadAfterMs: number;
}

/** How long a client that never answered a ping may take, in milliseconds; then it is believed to know. */
const knownAfterMs = 3_000;

/** See the file's first lines. */
export class SendOrder {
  readonly #options: SendOrderOptions;
  #refusingUntil = 0;
  #pings = 0;
  #pongs = 0;
  #awaitedPong = 0;
  #refusedSince = false;
  /** The cids of what was not stored: bounded by what a client can send while it is refused. */
  readonly #unsaid = new Set<string>();

  constructor(options: SendOrderOptions) {
    this.#options = options;
  }

  /**
   * A message could not be stored.
   *
   * @param told resolves when the client has been told of all that was under way with it
   */
  failed(cid: string | undefined, told: () => Promise<void>): void {
    const { now, deadAfterMs } = this.#options;
    if (cid !== undefined) this.#unsaid.add(cid);
    const refusing = now() < this.#refusingUntil;
    this.#refusingUntil = now() + (this.#pongs > 0 ? deadAfterMs : knownAfterMs);
    if (refusing) return;
    this.#awaitedPong = Infinity;
    void told().then(() => this.#askAgain());
  }

  /** Whether a message must not be stored before the client knows of those that were not. */
  mustWait(cid: string | undefined): boolean {
    if (this.#options.now() >= this.#refusingUntil) return false;
    if (cid === undefined) return true;
    if (this.#unsaid.has(cid)) {
      this.#goOn();
      return false;
    }
    this.#unsaid.add(cid);
    this.#refusedSince = true;
    return true;
  }

  /** Asks the client for a sign of life, for whatever reason. */
  ping(): void {
    this.#pings++;
    this.#options.ping();
  }

  /** The client gave one. */
  pong(): void {
    if (++this.#pongs < this.#awaitedPong) return;
    if (!this.#refusedSince) return this.#goOn();
    this.#refusedSince = false; // of what was refused after the ping, the client may not know
    this.#askAgain();
  }

  #askAgain(): void {
    this.ping();
    this.#awaitedPong = this.#pings;
  }

  #goOn(): void {
    this.#refusingUntil = 0;
    this.#refusedSince = false;
    this.#unsaid.clear();
  }
}
