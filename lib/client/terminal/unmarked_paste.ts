import type { Key } from "./keys.ts";

/** How soon after a part of a paste what is read is the next part, in milliseconds. */
const goesOnMs = 30;

/**
 * Recognizes what was pasted where the terminal sets no marks around it: nobody types several lines between two reads.
 *
 * A long one comes in several reads, of which some have one line.
 */
export class UnmarkedPaste {
  readonly #now: () => number;
  #last = -Infinity;

  /** @param now tells the time in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Makes a paste of the keys of one read, where they are one: an Enter at their end stays what it is.
   *
   * @returns the keys as they are, where they are none
   */
  gather(keys: readonly Key[]): readonly Key[] {
    const now = this.#now();
    const pieces = keys.map(pieceOf);
    if (pieces.includes(undefined)) return keys;
    const text = pieces.join("");
    const goesOn = now - this.#last < goesOnMs;
    const lines = text.split("\n").filter((line) => line !== "").length;
    if (lines < 2 && !(goesOn && lines === 1)) return keys;
    this.#last = now;
    const last = keys.at(-1)!;
    const paste: Key = { kind: "paste", text, ...(goesOn ? { goesOn } : {}) };
    return [paste, ...(pieceOf(last) === "\n" ? [last] : [])];
  }
}

/** What a key stands for in a paste; undefined where pasted text has no such key. */
function pieceOf(key: Key): string | undefined {
  if (key.kind === "text") return key.text;
  if (key.kind === "paste") return undefined;
  return key.name === "enter" ? "\n" : key.name === "tab" ? "\t" : undefined;
}
