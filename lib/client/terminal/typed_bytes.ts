/**
 * What is typed on a terminal, for readers that follow one another.
 *
 * A read of a terminal cannot be taken back: one for which a reader has stopped to wait is the next reader's.
 */
export class TypedBytes {
  readonly #read: (buffer: Uint8Array) => Promise<number | null>;
  #next: Promise<Uint8Array | null> | undefined;

  /** @param read as `Deno.stdin.read` */
  constructor(read: (buffer: Uint8Array) => Promise<number | null>) {
    this.#read = read;
  }

  /**
   * Waits until something is typed, and leaves it to a reader.
   *
   * @param ms for how long, in milliseconds
   * @returns whether there is something to read, its end and its failure included
   */
  async typed(ms = Infinity): Promise<boolean> {
    const ready = this.#ready().then(() => true, () => true);
    if (ms === Infinity) return await ready;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
    return await Promise.race([ready, late]).finally(() => clearTimeout(timer));
  }

  /** Reads what is typed, as `Deno.stdin.read` does. */
  async read(buffer: Uint8Array): Promise<number | null> {
    const bytes = await this.#ready().finally(() => this.#next = undefined);
    if (bytes === null) return null;
    buffer.set(bytes.subarray(0, buffer.length));
    if (bytes.length > buffer.length) this.#next = Promise.resolve(bytes.subarray(buffer.length));
    return Math.min(bytes.length, buffer.length);
  }

  #ready(): Promise<Uint8Array | null> {
    return this.#next ??= this.#piece();
  }

  async #piece(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(4096);
    const count = await this.#read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  }
}
