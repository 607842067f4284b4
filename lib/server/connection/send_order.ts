/** What the order needs of its connection. */
export interface SendOrderOptions {
  /** Asks the client for a sign of life. */
  ping(): void;
  /** Resolves when the client has been told what became of all that it sent. */
  told(): Promise<void>;
  /** Milliseconds, by a clock that never goes back. */
  now(): number;
  /** How long after a failure a client may take that answers pings, in milliseconds. */
  readonly deadAfterMs: number;
}

/** A message that may be stored. */
export interface Admitted {
  /** The client's own name for it, if it gave one: without it, it cannot be known when it is sent again. */
  readonly cid: string | undefined;
  /** When it was sent first, among the messages of its connection. */
  readonly rank: number;
}

/** A message that was refused, or could not be stored. */
interface Unsaid extends Admitted {
  /** Which ping the client was sent after it had been told; undefined before. */
  ping: number | undefined;
}

/** How long after a failure a client may take that never answered a ping, in milliseconds; then it is believed to know. */
const knownAfterMs = 3_000;

/**
 * The order of one connection's messages when some of them cannot be stored.
 *
 * Where a message could not be stored, the client may be about to send it again, and nothing that it sent later may
 * overtake that. So later messages are refused until the client has sent the older one again, or has answered a ping that
 * was written behind the failure: then it knows of the failure, and did not send the message again.
 */
export class SendOrder {
  readonly #options: SendOrderOptions;
  #count = 0;
  #failedAt = 0;
  #pings = 0;
  #pongs = 0;
  #asking = false;
  /** The oldest first; no more than a client can send while it is refused. */
  #unsaid: Unsaid[] = [];
  /** The rank of each cid that was refused since all was well. */
  readonly #ranks = new Map<string, number>();

  constructor(options: SendOrderOptions) {
    this.#options = options;
  }

  /** Takes a message that has come in; undefined where one that is older must be stored before it. */
  admit(cid: string | undefined): Admitted | undefined {
    const message = { cid, rank: (cid === undefined ? undefined : this.#ranks.get(cid)) ?? ++this.#count };
    if (!this.#refusing) return message;
    const [oldest] = this.#unsaid;
    if (message.rank > oldest.rank) {
      if (cid !== undefined) this.#note(message); // without a cid, it is not known when it is sent again
      return undefined;
    }
    if (message.rank === oldest.rank) this.#unsaid.shift();
    if (this.#unsaid.length === 0) this.#goOn();
    return message;
  }

  /** An admitted message could not be stored. */
  failed(message: Admitted): void {
    if (!this.#refusing) this.#goOn();
    this.#note(message);
    this.#failedAt = this.#options.now();
    this.#ask();
  }

  /** Asks the client for a sign of life; the connection does so after a silence, and the order after a failure. */
  ping(): void {
    this.#pings++;
    this.#options.ping();
  }

  /** The client gave one. */
  pong(): void {
    // A pong that nobody asked for would count as the answer to a later ping.
    if (this.#pongs < this.#pings) this.#pongs++;
    if (!this.#refusing) return;
    this.#unsaid = this.#unsaid.filter(({ ping }) => ping === undefined || ping > this.#pongs);
    if (this.#unsaid.length === 0) this.#goOn();
    else this.#ask();
  }

  get #refusing(): boolean {
    const { now, deadAfterMs } = this.#options;
    return this.#unsaid.length > 0 && now() < this.#failedAt + (this.#pongs > 0 ? deadAfterMs : knownAfterMs);
  }

  #note({ cid, rank }: Admitted): void {
    if (cid !== undefined) this.#ranks.set(cid, rank);
    const before = this.#unsaid.findLastIndex((other) => other.rank <= rank);
    const known = this.#unsaid[before];
    if (known?.rank === rank) known.ping = undefined;
    else this.#unsaid.splice(before + 1, 0, { cid, rank, ping: undefined });
  }

  /** Pings behind all that the client is still to be told, unless that is under way. */
  #ask(): void {
    if (this.#asking || this.#unsaid.every(({ ping }) => ping !== undefined)) return;
    this.#asking = true;
    void this.#options.told().then(() => {
      this.#asking = false;
      this.ping();
      for (const message of this.#unsaid) message.ping ??= this.#pings;
    });
  }

  #goOn(): void {
    this.#unsaid = [];
    this.#ranks.clear();
  }
}
