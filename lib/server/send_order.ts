/**
 * The order of one connection's messages when some of them cannot be stored.
 *
 * A message could not be stored, and the client may be about to send it again: nothing that it sent later may overtake
 * that. So what follows is refused until the client is known to know: whoever sends the oldest of what was refused again
 * has read why, and may go on with the next of them; whoever answers a ping has read what was written before the ping.
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

/** A message that may be stored. */
export interface Admitted {
  /** The client's own name for it, if it gave one: without it, it cannot be known when it is sent again. */
  readonly cid: string | undefined;
  /** When it was sent first, among the messages of its connection. */
  readonly place: number;
}

/** How long a client that never answered a ping may take, in milliseconds; then it is believed to know. */
const knownAfterMs = 3_000;

/** See the file's first lines. */
export class SendOrder {
  readonly #options: SendOrderOptions;
  #places = 0;
  #refusingUntil = 0;
  #pings = 0;
  #pongs = 0;
  #awaitedPong = 0;
  #refusedSince = false;
  /** What has a cid and is not stored, the oldest first: no more than a client can send while it is refused. */
  #unsaid: Admitted[] = [];
  readonly #cids = new Set<string>();

  constructor(options: SendOrderOptions) {
    this.#options = options;
  }

  /** Takes a message that has come in; undefined where it must not be stored before the client knows what was not. */
  admit(cid: string | undefined): Admitted | undefined {
    const message = { cid, place: ++this.#places };
    if (this.#options.now() >= this.#refusingUntil) return message;
    if (cid === undefined) return undefined;
    if (this.#unsaid[0]?.cid === cid) {
      const first = this.#unsaid.shift();
      this.#cids.delete(cid);
      if (this.#unsaid.length === 0) this.#goOn();
      return first;
    }
    this.#note(message);
    return undefined;
  }

  /**
   * An admitted message could not be stored.
   *
   * @param told resolves when the client has been told of all that was under way with it
   */
  failed(message: Admitted, told: () => Promise<void>): void {
    const { now, deadAfterMs } = this.#options;
    const refusing = now() < this.#refusingUntil;
    if (!refusing) this.#goOn();
    this.#note(message);
    this.#refusingUntil = now() + (this.#pongs > 0 ? deadAfterMs : knownAfterMs);
    if (refusing) return;
    this.#refusedSince = false;
    this.#awaitedPong = Infinity;
    void told().then(() => this.#askAgain());
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

  #note(message: Admitted): void {
    const { cid, place } = message;
    this.#refusedSince = true;
    if (cid === undefined || this.#cids.has(cid)) return;
    this.#cids.add(cid);
    const before = this.#unsaid.findLastIndex((other) => other.place < place);
    this.#unsaid.splice(before + 1, 0, message);
  }

  #askAgain(): void {
    this.ping();
    this.#awaitedPong = this.#pings;
  }

  #goOn(): void {
    this.#refusingUntil = 0;
    this.#refusedSince = false;
    this.#unsaid = [];
    this.#cids.clear();
  }
}
