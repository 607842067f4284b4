import type { ServerEvent, TopicEvent } from "../../wire/event.ts";
import { maxCount } from "../../wire/command.ts";
import { roomTopic } from "../../wire/names.ts";
import type { Request } from "../net/connection.ts";

/** What a page of history led to. */
export interface Told {
  readonly events: readonly ServerEvent[];
  /** How many of the events were said while the side connection was away; null where more may have been said. */
  readonly missed: number | null;
  /** What is to be asked next. */
  readonly ask?: Request;
}

/** A place in the room's log. */
interface Spot {
  readonly seq: number;
  readonly pos: string;
}

/**
 * A room that a side connection listens to, over the ends of its connections.
 *
 * A side connection is no session, so nothing is replayed to it: after each join it asks for the room's history and
 * tells what it missed, before anything newer. Promises: each message since the first join is told once and in its order;
 * where the log does not reach back to the last that was told, or is another, a gap is told.
 */
export class RoomListener {
  readonly room: string;
  readonly #count: number;
  readonly #topic: string;
  /** Where the log stood when the room was joined first. */
  #start: Spot | undefined;
  /** The last message that was told. */
  #last: Spot | undefined;
  #asked: Request | undefined;
  #pages: TopicEvent[] = [];
  #kept: TopicEvent[] = [];
  /** Told from the history on this connection: what of it comes live as well is not told again. */
  #read = new Set<string>();

  /** @param count how many messages of before are told at first */
  constructor(room: string, count = 0) {
    this.room = room;
    this.#topic = roomTopic(room);
    this.#count = count;
  }

  /**
   * The room is joined, on a new connection perhaps.
   *
   * @param pos the log's end when it was
   * @returns what is to be asked
   */
  joined(pos?: string): Request {
    this.#start ??= spotAt(pos);
    this.#pages = [];
    this.#kept = [];
    this.#read.clear();
    return this.#ask();
  }

  /** Whether there is history to come, before which nothing newer is told. */
  get reading(): boolean {
    return this.#asked !== undefined;
  }

  /** Whether a request is the one that it asked. */
  owns(request: Request): boolean {
    return request === this.#asked;
  }

  /** A page of the history came. */
  answered(messages: readonly TopicEvent[]): Told {
    this.#pages.unshift(...messages);
    const oldest = this.#pages[0];
    if (messages.length > 0 && oldest.seq > 1 && this.#wantsMore(oldest.seq)) {
      return { events: [], missed: null, ask: this.#ask(oldest.seq) };
    }
    this.#asked = undefined;
    const from = this.#last ?? this.#start;
    const newer = from ? this.#missed(from) : [];
    const events = [...this.#last ? [] : this.#before(), ...newer];
    // Without a place to go on from, nobody knows what was said meanwhile.
    const missed = from && newer[0]?.type !== "gap" ? newer.length : null;
    this.#last = this.#pages.at(-1) ?? from ?? { seq: 0, pos: "" };
    for (const { pos } of this.#pages) this.#read.add(pos);
    this.#pages = [];
    const live = this.#kept.splice(0).flatMap((event) => this.live(event));
    return { events: [...events, ...live], missed };
  }

  /** A message came. @returns what is to be told now */
  live(event: TopicEvent): readonly ServerEvent[] {
    if (event.topic !== this.#topic) return [event];
    if (this.#asked) {
      this.#kept.push(event);
      return [];
    }
    if (this.#read.delete(event.pos)) return [];
    this.#last = event;
    return [event];
  }

  #ask(before?: number): Request {
    const wanted = this.#last ? maxCount : Math.max(1, this.#count - this.#earlier().length);
    const n = Math.min(maxCount, wanted);
    return this.#asked = { cmd: "history", room: this.room, n, ...(before === undefined ? {} : { before }) };
  }

  #wantsMore(oldest: number): boolean {
    if (this.#last) return oldest > this.#last.seq;
    return this.#earlier().length < this.#count || (this.#start !== undefined && oldest > this.#start.seq + 1);
  }

  /** What was said before the first join. */
  #earlier(): TopicEvent[] {
    const start = this.#start?.seq ?? Infinity;
    return this.#pages.filter(({ seq }) => seq <= start);
  }

  #before(): TopicEvent[] {
    return this.#count === 0 ? [] : this.#earlier().slice(-this.#count);
  }

  #missed({ seq, pos }: Spot): ServerEvent[] {
    const newer = this.#pages.filter((event) => event.seq > seq);
    const place = this.#pages.find((event) => event.seq === seq);
    const next = newer[0]?.seq ?? seq + 1;
    // Another message in its place, or a log that ends before it: the log was lost or rolled back.
    const other = place ? !isSame(place.pos, pos) : seq > 0 && (this.#pages.at(-1)?.seq ?? 0) < seq;
    if (!other && next === seq + 1) return newer;
    const gap = { type: "gap", topic: this.#topic, from: seq + 1, to: other ? null : next - 1, pos } as const;
    return [gap, ...newer];
  }
}

/** Whether two positions are one: what follows `epoch.seq.id` differs where servers of two releases said it. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((pos) => pos.split(".").slice(0, 3).join("."));
  return a === b;
}

/** @param pos `epoch.seq.id.signature`, or without the signature; anything else is no place */
function spotAt(pos: string | undefined): Spot | undefined {
  const seq = Number(pos?.split(".")[1]);
  return pos !== undefined && Number.isSafeInteger(seq) ? { seq, pos } : undefined;
}
