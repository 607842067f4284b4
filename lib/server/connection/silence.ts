/** A program that is silent for so long is asked for a sign of life, in milliseconds. */
const pingAfterMs = 30_000;
/** After so long without a word from a program, its connection is given up, in milliseconds. */
export const deadAfterMs = 75_000;

/** What is to be done about a client that says nothing. */
export type SilenceVerdict = "wait" | "ping" | "end";

/**
 * How long a client has been silent, and what follows from it.
 *
 * Somebody who is not logged in has a limited time, and gains none by saying something. A person who only reads may be silent for ever: TCP notices when
 * their machine is gone. A program is pinged.
 */
export class Silence {
  readonly #now: () => number;
  #guestSince: number;
  #lastHeard: number;
  #lastAsked = -Infinity;

  /** @param now milliseconds since some fixed moment */
  constructor(now: () => number) {
    this.#now = now;
    this.#guestSince = this.#lastHeard = now();
  }

  /** Something came from the client. */
  heard(): void {
    this.#lastHeard = this.#now();
  }

  /** Nobody is logged in any more: the time to log in begins again. */
  loggedOut(): void {
    this.#guestSince = this.#now();
  }

  /** @param limitMs how long somebody may take to log in */
  ofGuest(limitMs: number): SilenceVerdict {
    return this.#now() - this.#guestSince < limitMs ? "wait" : "end";
  }

  /** Of a program that is logged in; where the verdict is `ping`, the caller asks now. */
  ofProgram(): SilenceVerdict {
    const now = this.#now();
    if (now - this.#lastHeard >= deadAfterMs) return "end";
    if (now - this.#lastHeard < pingAfterMs || now - this.#lastAsked < pingAfterMs) return "wait";
    this.#lastAsked = now;
    return "ping";
  }
}
