import { ChatError } from "../common/errors.ts";
import { FairQueue } from "../common/fair_queue.ts";
import type { Count, Distribution, Metrics } from "../observability/metrics.ts";
import type { Hasher } from "./password.ts";

/** What hashing is measured in; times in seconds. */
export interface HashMeter {
  readonly running: Count;
  readonly waiting: Count;
  readonly refused: Count;
  readonly wait: Distribution;
  readonly work: Distribution;
}

/** The cells that hashing is measured in. */
export function hashMeter(metrics: Metrics): HashMeter {
  return {
    running: metrics.gauge("chat_password_hashes_running"),
    waiting: metrics.gauge("chat_password_hashes_waiting"),
    refused: metrics.counter("chat_password_hashes_refused_total"),
    wait: metrics.histogram("chat_password_hash_wait_seconds"),
    work: metrics.histogram("chat_password_hash_duration_seconds"),
  };
}

/** Whose password is hashed: turns go round networks, in each of them round known and strangers, then round accounts. */
export interface Turn {
  readonly network: string;
  /** Whether a login of the account from there has succeeded before. */
  readonly known: boolean;
  /** The account's folded name. */
  readonly account: string;
}

/** An account that has not had a turn for so long, in milliseconds, goes before the others where it is known. */
const seldomMs = 2_000;

/** Of how many accounts it is remembered when they had a turn; and how many of those that go before may do so in a row. */
const [maxRemembered, maxInRow] = [10_000, 3];

/** Settings of a queue; how many may wait is to bound memory, since turns are fair. */
export interface HashQueueOptions {
  /** How many are hashed at once. */
  readonly running: number;
  /** How many may wait of one account, of one network, and in all; one more is refused. */
  readonly waiting?: { readonly account: number; readonly network: number; readonly all: number };
  /** Told what is under way. */
  readonly meter?: HashMeter;
  /** Told of each that was refused. */
  readonly onRefused?: () => void;
  /** Milliseconds, by a clock that never goes back. */
  readonly now?: () => number;
}

const usualWaiting = { account: 32, network: 1_000, all: 5_000 };

/** When somebody who was refused may try again, in milliseconds. */
const retryMs = 5_000;

/**
 * Lets a bounded number of hashes run at once: each takes a core for a good part of a second, and the event loop and
 * the sockets need a core too. The others wait for their turn: see {@linkcode Turn}.
 *
 * Who logs in once goes before those who try again and again: a known account that has not had a turn for two seconds.
 * Of each four turns one is for the others, so that these are not kept waiting for ever.
 */
export class HashQueue {
  readonly #hasher: Hasher;
  readonly #options: HashQueueOptions;
  readonly #waiting = new FairQueue<() => void>();
  readonly #seldom = new FairQueue<() => void>();
  /** Account → when it last had a turn or came for one; the longest ago is first. */
  readonly #came = new Map<string, number>();
  #inRow = 0;
  #running = 0;

  constructor(hasher: Hasher, options: HashQueueOptions) {
    this.#hasher = hasher;
    this.#options = options;
  }

  /** Hashes a password when it is its turn. @throws {ChatError} `too_many_attempts` where too many wait */
  hash(password: string, turn: Turn): Promise<string> {
    return this.#inTurn(turn, () => this.#hasher.hash(password));
  }

  /**
   * Compares a password with a hash when it is its turn.
   *
   * @param hash undefined where there is no such account, see {@linkcode Hasher.verify}
   * @param admit called then; what it throws is thrown instead of hashing
   * @throws {ChatError} `too_many_attempts` where too many wait
   */
  verify(password: string, hash: string | undefined, turn: Turn, admit?: () => void): Promise<boolean> {
    return this.#inTurn(turn, () => {
      admit?.();
      return this.#hasher.verify(password, hash);
    });
  }

  /** Whether a hash is like those that are made now. */
  isCurrent(hash: string): boolean {
    return this.#hasher.isCurrent(hash);
  }

  async #inTurn<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
    const { meter, now = () => performance.now() } = this.#options;
    const came = performance.now();
    const queue = this.#isSeldom(turn, now()) ? this.#seldom : this.#waiting;
    if (this.#running < this.#options.running) this.#running++;
    else await this.#wait(turn, queue);
    const began = performance.now();
    meter?.wait.observe((began - came) / 1000);
    this.#note();
    try {
      return await work();
    } finally {
      meter?.work.observe((performance.now() - began) / 1000);
      const next = this.#next();
      if (next) next();
      else this.#running--;
      this.#note();
    }
  }

  /** Whether an account goes before the others; from now on it does not, for a while. */
  #isSeldom({ known, account }: Turn, now: number): boolean {
    // What strangers try is no turn of the account's: it would put the owner behind the crowd.
    if (!known) return false;
    const before = this.#came.get(account) ?? -Infinity;
    this.#came.delete(account);
    this.#came.set(account, now);
    for (const oldest of this.#came.keys()) {
      if (this.#came.size <= maxRemembered) break;
      this.#came.delete(oldest);
    }
    return now - before >= seldomMs;
  }

  /** Takes out whose turn it is. */
  #next(): (() => void) | undefined {
    const before = this.#seldom.size > 0 && (this.#inRow < maxInRow || this.#waiting.size === 0);
    this.#inRow = before ? this.#inRow + 1 : 0;
    return (before ? this.#seldom : this.#waiting).shift();
  }

  async #wait({ network, known, account }: Turn, queue: FairQueue<() => void>): Promise<void> {
    const { waiting: most = usualWaiting, meter, onRefused } = this.#options;
    const path = [network, known ? "known" : "strangers", account];
    const sizeOf = (path: readonly string[]) => this.#waiting.sizeOf(path) + this.#seldom.sizeOf(path);
    if (sizeOf([]) >= most.all || sizeOf(path.slice(0, 1)) >= most.network || sizeOf(path) >= most.account) {
      if (meter) meter.refused.value++;
      onRefused?.();
      throw new ChatError("too_many_attempts", "Too many logins at this moment; try again in a few seconds", {
        retry_after_ms: retryMs,
      });
    }
    await new Promise<void>((resolve) => {
      queue.push(path, resolve);
      this.#note();
    });
  }

  /** How many wait. */
  get #size(): number {
    return this.#waiting.size + this.#seldom.size;
  }

  #note(): void {
    const { meter } = this.#options;
    if (!meter) return;
    meter.running.value = this.#running;
    meter.waiting.value = this.#size;
  }
}
