/** A request's answer, in the order of the requests. */
export interface QueuedReply {
  /** The line to send, once it is known. */
  bytes: Uint8Array | undefined;
  /** Whether it is the connection's last line. */
  last?: true;
  /** Called when it is queued: nothing that this pushes can overtake it. */
  after?(): void;
}

/** What becomes of answers. */
export interface ReplyOutlet {
  /** Called before the first of some answers goes out: what came before is read before. */
  before(): void;
  send(bytes: Uint8Array): void;
  /** Sends the connection's last line. */
  finish(bytes: Uint8Array): void;
}

/** How many requests may be unanswered before the next line waits, and how many bytes of their lines. */
const [maxUnanswered, maxUnansweredBytes] = [256, 131_072];

/**
 * One connection's answers: sent in the order of the requests, however long each takes.
 *
 * It knows no command and no socket.
 */
export class ReplyQueue {
  readonly #outlet: ReplyOutlet;
  readonly #answers: QueuedReply[] = [];
  #waiting: (() => void)[] = [];
  #bytes = 0;

  constructor(outlet: ReplyOutlet) {
    this.#outlet = outlet;
  }

  /** Whether every request has its answer. */
  get complete(): boolean {
    return this.#answers.length === 0;
  }

  /** Takes note of a line that is about to be read; resolves when there are few enough before it, undefined for now. */
  admit(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    if (this.#answers.length >= maxUnanswered || this.#bytes > maxUnansweredBytes) return this.settled();
  }

  /** Adds an answer behind all others; once its bytes are known, {@linkcode emit} sends it in its turn. */
  add(answer: QueuedReply = { bytes: undefined }): QueuedReply {
    this.#answers.push(answer);
    if (answer.bytes !== undefined) this.emit();
    return answer;
  }

  /**
   * Sends the answers that are ready, as far as none before them is missing. Where the outlet or an answer's `after`
   * throws, it passes the error on and drops the answers that are ready, so that {@linkcode settled} still resolves.
   */
  emit(): void {
    try {
      if (this.#answers[0]?.bytes?.length) this.#outlet.before();
      while (this.#answers[0]?.bytes !== undefined) this.#send(this.#answers.shift()!);
    } finally {
      while (this.#answers[0]?.bytes !== undefined) this.#answers.shift();
      if (this.#answers.length === 0) {
        this.#bytes = 0;
        for (const resolve of this.#waiting.splice(0)) resolve();
      }
    }
  }

  #send({ bytes, last, after }: QueuedReply): void {
    if (last) return this.#outlet.finish(bytes!);
    this.#outlet.send(bytes!);
    after?.();
  }

  /** Resolves when every request has its answer. */
  settled(): Promise<void> {
    if (this.#answers.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
