/** Lines over datagrams that may be lost, doubled and reordered: each arrives once, and in order. */

/** The first byte of a frame. A bare line begins with neither. */
const kinds = { data: 1, ack: 2 } as const;

/** Bytes before a frame's line: its kind, its channel, and a number. */
const headBytes = 9;

/** How many frames may be on their way. */
const window = 64;

/** The time before a frame is sent again, in milliseconds: at first, and its bounds. */
const timeoutMs = { first: 200, least: 20, most: 2_000 } as const;

/** A frame is lost when one that was sent so many frames later is answered (RFC 9002, section 6.1.1). */
const overtakenBy = 3;

/** Whether a datagram is a frame of a {@linkcode ReliableChannel}. */
export function isFrame(datagram: Uint8Array): boolean {
  return datagram.length >= headBytes && (datagram[0] === kinds.data || datagram[0] === kinds.ack);
}

/** Which channel a frame belongs to: an address alone may be another client's by now. */
export function channelOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(1);
}

/** Settings and ports of {@linkcode ReliableChannel}. */
export interface ReliableOptions {
  /** The channel's number, which the client makes up. */
  readonly channel: number;
  /** Sends a datagram. */
  send(datagram: Uint8Array): void;
  /** Takes a line that has arrived. */
  take(line: Uint8Array): void;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** A frame on its way. */
interface Sent {
  readonly frame: Uint8Array;
  at: number;
  /** Among all frames that were sent, repeated ones included. */
  order: number;
  repeated: boolean;
}

/**
 * One end of a reliable channel.
 *
 * Every frame has a number. The receiver answers each with the number that it waits for and the one that came, and
 * keeps what comes early. The sender repeats a frame when three that were sent later are answered, or, the oldest one,
 * when its time is over. That time follows the measured round trip (RFC 6298, with a least time of 20 ms), and doubles
 * until something is answered.
 */
export class ReliableChannel {
  readonly #options: ReliableOptions;
  readonly #now: () => number;
  readonly #waiting: Uint8Array[] = [];
  readonly #unanswered = new Map<number, Sent>();
  readonly #early = new Map<number, Uint8Array>();
  #next = 0;
  #oldest = 0;
  #wanted = 0;
  #order = 0;
  #smoothed: number | undefined;
  #variation = 0;
  #timeout: number = timeoutMs.first;
  #patience: number = timeoutMs.first;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReliableOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Sends a line, when the window has room for it. */
  send(line: Uint8Array): void {
    this.#waiting.push(line);
    this.#fill();
  }

  /** Takes a frame that has come. */
  receive(frame: Uint8Array): void {
    if (channelOf(frame) !== this.#options.channel) return;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const number = view.getUint32(5);
    if (frame[0] === kinds.data) this.#arrived(number, frame.slice(headBytes));
    else if (frame.length === headBytes + 4) this.#answered(number, view.getUint32(headBytes));
  }

  /** Repeats nothing any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#unanswered.clear();
  }

  #fill(): void {
    while (this.#next < this.#oldest + window && this.#waiting.length > 0) {
      const frame = this.#frame(kinds.data, this.#next, this.#waiting.shift()!);
      this.#unanswered.set(this.#next++, { frame, at: this.#now(), order: this.#order++, repeated: false });
      this.#options.send(frame);
    }
    this.#watch();
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#unanswered.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#patience = Math.min(timeoutMs.most, this.#patience * 2);
      const oldest = this.#unanswered.get(this.#oldest);
      if (oldest) this.#repeat(oldest);
      this.#watch();
    }, this.#patience);
  }

  #repeat(sent: Sent): void {
    sent.repeated = true;
    sent.order = this.#order++;
    this.#options.send(sent.frame);
  }

  #answered(wanted: number, came: number): void {
    if (wanted > this.#next || came >= this.#next) return; // of nothing that was sent
    const last = this.#unanswered.get(came);
    for (const number of this.#unanswered.keys()) {
      if (number >= wanted) break; // a map's keys are in the order of their numbers
      this.#unanswered.delete(number);
    }
    this.#unanswered.delete(came);
    const [oldest] = this.#unanswered.keys();
    this.#oldest = oldest ?? this.#next;
    // The answer to a frame that was sent twice may be to either: it tells no time, and no order (Karn's algorithm).
    if (last && !last.repeated) {
      this.#measured(this.#now() - last.at);
      for (const sent of this.#unanswered.values()) if (sent.order <= last.order - overtakenBy) this.#repeat(sent);
    }
    if (last) this.#patience = this.#timeout;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#fill();
  }

  #measured(ms: number): void {
    const smoothed = this.#smoothed ?? ms;
    this.#variation = this.#smoothed === undefined ? ms / 2 : 0.75 * this.#variation + 0.25 * Math.abs(smoothed - ms);
    this.#smoothed = 0.875 * smoothed + 0.125 * ms;
    this.#timeout = Math.min(timeoutMs.most, Math.max(timeoutMs.least, this.#smoothed + 4 * this.#variation));
  }

  #arrived(number: number, line: Uint8Array): void {
    // What is far ahead was never sent by a peer that keeps to the window: it must not fill the memory.
    if (number >= this.#wanted && number < this.#wanted + window) this.#early.set(number, line);
    for (let next; (next = this.#early.get(this.#wanted)) !== undefined;) {
      this.#early.delete(this.#wanted++);
      this.#options.take(next);
    }
    const came = new Uint8Array(4);
    new DataView(came.buffer).setUint32(0, number);
    this.#options.send(this.#frame(kinds.ack, this.#wanted, came));
  }

  #frame(kind: number, number: number, line: Uint8Array): Uint8Array {
    const frame = new Uint8Array(headBytes + line.length);
    const view = new DataView(frame.buffer);
    frame[0] = kind;
    view.setUint32(1, this.#options.channel);
    view.setUint32(5, number);
    frame.set(line, headBytes);
    return frame;
  }
}
