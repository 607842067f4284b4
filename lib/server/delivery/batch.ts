import type { Format, ServerEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import type { Topic } from "../../wire/names.ts";

/** A reader, as far as a batch needs it. */
export interface Reader {
  readonly format: Format;
  /** Takes the bytes of whole lines; `seq` is that of the last logged message among them, if there is any. */
  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void;
}

/** One event of a batch. */
export interface Piece {
  readonly topic: Topic;
  /** The message's number; undefined for what is not logged. */
  readonly seq: number | undefined;
  /** The event's number among those of all topics, in the order of their delivery. */
  readonly order: number;
  /** The event, encoded; at the first call of each format. */
  bytes(format: Format): Uint8Array;
}

/**
 * The events that one topic gets in one turn of the event loop. Each is encoded once for each format; all are joined
 * once for all readers that get the same.
 */
export class Batch<R extends Reader> {
  readonly #topic: Topic;
  readonly #pieces: Piece[] = [];
  /** How many of the pieces a reader has already, or is not to get; 0 for all others. */
  readonly #taken = new Map<R, number>();
  /** All pieces from some number on as the bytes of one push, by format. */
  readonly #joined = { text: new Map<number, Uint8Array>(), json: new Map<number, Uint8Array>() };

  constructor(topic: Topic) {
    this.#topic = topic;
  }

  /** Adds an event, the batch's last. */
  add(event: ServerEvent, seq: number | undefined, order: number): void {
    const encoded: { text?: Uint8Array; json?: Uint8Array } = {};
    const bytes = (format: Format) => encoded[format] ??= encodeEvent(event, format);
    this.#pieces.push({ topic: this.#topic, seq, order, bytes });
    this.#joined.text.clear();
    this.#joined.json.clear();
  }

  /** Leaves out for one reader the events that the batch has now. */
  skip(reader: R): void {
    this.#taken.set(reader, this.#pieces.length);
  }

  /** The pieces that the reader is still to get. */
  untaken(reader: R): readonly Piece[] {
    return this.#pieces.slice(this.#from(reader));
  }

  /** Pushes the pieces that the reader is still to get, as one. */
  pushTo(reader: R): void {
    const from = this.#from(reader);
    if (from === this.#pieces.length) return;
    const { format } = reader;
    const known = this.#joined[format];
    let bytes = known.get(from);
    if (!bytes) known.set(from, bytes = join(this.#pieces.slice(from).map((piece) => piece.bytes(format))));
    reader.push(bytes, this.#topic, this.#lastSeq(from));
  }

  #from(reader: R): number {
    return this.#taken.size === 0 ? 0 : this.#taken.get(reader) ?? 0;
  }

  #lastSeq(from: number): number | undefined {
    for (let index = this.#pieces.length - 1; index >= from; index--) {
      if (this.#pieces[index].seq !== undefined) return this.#pieces[index].seq;
    }
    return undefined;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
