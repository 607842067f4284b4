import { isObject } from "../base/shape.ts";
import { readPrivate, writePrivate } from "../base/private_file.ts";

/** More rooms than anyone reads: of more, those read longest ago are forgotten. */
const maxMarks = 1000;

/**
 * How far each room was read, kept between runs, so that the next one knows where the unread begin.
 *
 * A file that cannot be read or written is no fault.
 */
export class ReadMarks {
  readonly #path: string | undefined;
  #marks = new Map<string, number>();
  #changed = false;

  /** @param path undefined for none */
  constructor(path: string | undefined) {
    this.#path = path;
    try {
      const text = path === undefined ? undefined : readPrivate(path);
      const kept: unknown = text === undefined ? {} : JSON.parse(text);
      if (!isObject(kept)) return;
      for (const [key, seq] of Object.entries(kept)) if (Number.isSafeInteger(seq)) this.#marks.set(key, seq as number);
    } catch {
      // none, then
    }
  }

  /** The number of the last message that was read of a topic; undefined where that is not known. */
  get(account: string, topic: string): number | undefined {
    return this.#marks.get(`${account} ${topic}`);
  }

  /** A message was read. */
  set(account: string, topic: string, seq: number): void {
    const key = `${account} ${topic}`;
    this.#marks.delete(key);
    this.#marks.set(key, seq);
    if (this.#marks.size > maxMarks) this.#marks.delete(this.#marks.keys().next().value!);
    this.#changed = true;
  }

  /** Writes them. */
  save(): void {
    if (this.#path === undefined || !this.#changed) return;
    this.#changed = false;
    try {
      writePrivate(this.#path, JSON.stringify(Object.fromEntries(this.#marks)));
    } catch {
      // not kept, then
    }
  }
}
