/**
 * What a link asks about keys by itself: which questions are open, and which may be asked.
 *
 * A message that was written with an unknown key leads to a question. Whoever sends many such messages is to use up
 * nothing but their own share: what is counted is what was asked in vain, for each sender and connection.
 */

import { fold } from "../../wire/names.ts";
import type { Request } from "../connection.ts";

/** How many keys of one sender are asked about in vain. */
const maxInVain = 3;

/** About how many senders is asked. */
const maxSenders = 10_000;

/** See the file's first lines. */
export class Questions {
  readonly #open = new Map<Request, string>();
  readonly #asked = new Map<string, ReadonlySet<string>>();

  /** Whose keys an open question is about, "" where the answer is nobody's; undefined where the request is no question. */
  about(request: Request): string | undefined {
    return this.#open.get(request);
  }

  /** The open question about a user. */
  find(user: string): Request | undefined {
    for (const [request, asked] of this.#open) if (fold(asked) === fold(user)) return request;
    return undefined;
  }

  /** A question goes out. */
  add(request: Request, user: string): void {
    this.#open.set(request, user);
  }

  /** It is answered. */
  answered(request: Request): void {
    this.#open.delete(request);
  }

  /**
   * Whether to ask who has a key; it is noted that it was.
   *
   * @param isKnown whether a key that was asked about turned out to be the sender's
   */
  mayAsk(sender: string, key: string, isKnown: (key: string) => boolean): boolean {
    const name = fold(sender);
    const before = this.#asked.get(name);
    if (!before && this.#asked.size >= maxSenders) return false;
    const inVain = new Set([...before ?? []].filter((key) => !isKnown(key)));
    if (inVain.has(key) || inVain.size >= maxInVain) return false;
    this.#asked.set(name, inVain.add(key));
    return true;
  }

  /** The connection is gone: nothing will be answered, and all may be asked again. */
  clear(): void {
    this.#open.clear();
    this.#asked.clear();
  }
}
