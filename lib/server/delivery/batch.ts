import type { ServerEvent } from "../../wire/event.ts";
import { encodeEvent, type Encoding, sharedEncoding } from "../../wire/format.ts";
import type { Topic } from "../../wire/names.ts";

/** A reader, as far as a batch needs it. */
export interface Reader {
  readonly encoding: Encoding;
  /** Takes the bytes of whole lines; `seq` is that of the last logged message among them, if there is any. */
  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void;
}

/** One event of a batch. */
export class Piece {
  readonly topic: Topic;
  /** The message's number; undefined for what is not logged. */
  readonly seq: number | undefined;
  /** The event's number among those of all topics, in the order of their delivery. */
  readonly order: number;
  readonly #event: ServerEvent;
  readonly #encoded: { [E in Encoding]?: Uint8Array } = {};

  constructor(topic: Topic, event: ServerEvent, seq: number | undefined, order: number) {
    this.topic = topic;
    this.seq = seq;
    this.order = order;
    this.#event = event;
  }

  /** The event's bytes, made at the first call for each encoding. */
  bytes(encoding: Encoding): Uint8Array {
    return this.#encoded[sharedEncoding(this.#event, encoding)] ??= encodeEvent(this.#event, encoding);
  }
}

/**
 * The events that one topic gets in one turn of the event loop. Each is encoded once for each encoding; all are joined
 * once for all readers that get the same.
 */
export class Batch<R extends Reader> {
  readonly #topic: Topic;
  readonly #pieces: Piece[] = [];
  /** How many of the pieces a reader has already, or is not to get; 0 for all others. Made where there is such a reader. */
  #taken: Map<R, number> | undefined;
  /** All pieces from some number on as the bytes of one push, by encoding and number. Made where there are two pieces. */
  #joined: Map<string, Uint8Array> | undefined;

  constructor(topic: Topic) {
    this.#topic = topic;
  }

  /** Adds an event, the batch's last. */
  add(event: ServerEvent, seq: number | undefined, order: number): void {
    this.#pieces.push(new Piece(this.#topic, event, seq, order));
    this.#joined = undefined;
  }

  /** Leaves out for one reader the events that the batch has now. */
  skip(reader: R): void {
    this.#taken ??= new Map();
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
    reader.push(this.#bytes(reader.encoding, from), this.#topic, this.#lastSeq(from));
  }

  #from(reader: R): number {
    return this.#taken?.get(reader) ?? 0;
  }

  /** The pieces from some number on, joined. */
  #bytes(encoding: Encoding, from: number): Uint8Array {
    if (from === this.#pieces.length - 1) return this.#pieces[from].bytes(encoding);
    this.#joined ??= new Map();
    const key = `${encoding} ${from}`;
    let bytes = this.#joined.get(key);
    if (!bytes) this.#joined.set(key, bytes = join(this.#pieces.slice(from).map((piece) => piece.bytes(encoding))));
    return bytes;
  }

  #lastSeq(from: number): number | undefined {
    for (let index = this.#pieces.length - 1; index >= from; index--) {
      if (this.#pieces[index].seq !== undefined) return this.#pieces[index].seq;
    }
    return undefined;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
