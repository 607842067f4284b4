/**
 * What one reader sees, topic by topic, as it comes: from where it was told that it follows a topic until it no longer
 * does, over lost connections.
 *
 * It writes down and does not judge, but for what is wrong in itself: an event of a topic that is not followed, and a
 * resume that leaves a topic out.
 */

import { decodePosition } from "../../lib/store/log_position.ts";
import type { Account } from "./account.ts";
import type { Json } from "./connection.ts";
import type { Marked, Place, Stretch } from "./record.ts";
import { seconds, type Timeline } from "./timeline.ts";
import { cidOf } from "./words.ts";

/** Where a view writes to. */
export interface Sink {
  readonly timeline: Timeline;
  readonly stretches: Stretch[];
  readonly marks: Marked[];
  notice(kind: string, text: string): void;
}

/** For how long a request that was sent and not answered may still turn up at a server, in milliseconds. */
export const ghostMs = 30_000;

/** See the file's first lines. */
export class View {
  readonly reader: string;
  readonly #sink: Sink;
  readonly #open = new Map<string, { stretch: Stretch; pos: string; first: string }>();
  /** What is followed may have changed: how many commands about it have no good answer. */
  readonly #uncertain = new Map<string, number>();
  /**
   * Since when what a connection that is gone had asked may be done late: following is nobody's but the user's. A session
   * learns of it when it resumes next, however late that is.
   */
  readonly #hazySince = new Map<string, number>();
  readonly #account: Account;
  /** What each login and each resume has to give a place in. */
  readonly #owed: readonly string[];
  /** The last mark of each topic that another device was heard of. */
  readonly #heard = new Map<string, Place>();
  /** How far the inbox must have been read, as of the last login that was asked for. */
  #least = 0;

  /** @param many whether it is in many rooms, so that it follows what its user sends */
  constructor(reader: string, sink: Sink, account: Account, many = false) {
    this.reader = reader;
    this.#sink = sink;
    this.#account = account;
    const { user } = account;
    this.#owed = many ? [`inbox:${user}`, `sent:${user}`] : [`inbox:${user}`];
  }

  /** The last position in each topic that is followed. @param shown whether for a resume: which marks the inbox, answered or not */
  present(shown = true): Record<string, string> {
    for (const [topic, { pos }] of shown ? this.#open : []) {
      if (topic.startsWith("inbox:")) this.#account.mark(topic, pos);
    }
    return Object.fromEntries([...this.#open].map(([topic, { pos }]) => [topic, pos]));
  }

  /** Where it began to follow a topic, as it was told. */
  beginning(topic: string): string | undefined {
    return this.#open.get(topic)?.first;
  }

  /** The topics that are followed. */
  get topics(): string[] {
    return [...this.#open.keys()];
  }

  /** Where it stands in a topic. */
  place(topic: string): Place | undefined {
    return decodePosition(this.#open.get(topic)?.pos);
  }

  /** A command is sent that changes what is followed: until it is answered, it may have or not. */
  doubt(topic: string): void {
    this.#uncertain.set(kindOf(topic), (this.#uncertain.get(kindOf(topic)) ?? 0) + 1);
  }

  /** It was answered. */
  sure(topic: string): void {
    this.#uncertain.set(kindOf(topic), (this.#uncertain.get(kindOf(topic)) ?? 1) - 1);
  }

  /** It asks for a login. */
  loggingIn(): void {
    this.#least = this.#account.least(`inbox:${this.#account.user}`);
  }

  /** It hears that another device of its user's has read a topic. */
  seen({ topic, pos }: Json): void {
    const place = decodePosition(pos);
    if (!place) return this.#notice("positions are whole", `${this.reader} heard of ${topic} read to ${pos}`);
    const text = `${this.reader} heard that ${topic} is read up to ${place.epoch}.${place.seq}`;
    const most = this.#account.most(topic);
    if (place.seq > most) this.#notice("a mark is where it was put", `${text}, which is put at ${most}`);
    const last = this.#heard.get(topic);
    if (last?.epoch === place.epoch && place.seq <= last.seq) {
      this.#notice("marks never go back", `${text}, and before up to ${last.seq}`);
    }
    this.#heard.set(topic, place);
  }

  /** A login was answered: all begins anew. */
  loggedIn(positions: Readonly<Record<string, string>>, server: string): void {
    this.closeAll("login");
    this.#settle();
    this.#lookForOwn(positions, "logged in", server);
    const { timeline, marks } = this.#sink;
    for (const [topic, pos] of Object.entries(positions)) {
      this.open(topic, pos, "login", server);
      if (!topic.startsWith("inbox:")) continue;
      const given = decodePosition(pos);
      const marked = this.#account.most(topic);
      if (given) marks.push({ inbox: topic, at: timeline.now, given, marked, least: this.#least });
    }
  }

  /** A resume was answered: all goes on. */
  resumed(positions: Readonly<Record<string, string>>, server: string): void {
    const { timeline } = this.#sink;
    this.#lookForOwn(positions, "resumed", server);
    for (const [topic, { stretch }] of [...this.#open]) {
      const place = decodePosition(positions[topic]);
      if (place) {
        stretch.items.push({ kind: "resumed", at: timeline.now, server, place });
        continue;
      }
      if (!this.#doubtful(topic)) {
        this.#notice("a resume goes on", `${this.reader} resumed on ${server} and was given no place in ${topic}`);
      }
      this.close(topic, "resume");
    }
    for (const [topic, pos] of Object.entries(positions)) {
      if (this.#open.has(topic)) continue;
      if (!this.#doubtful(topic)) {
        const text = `${this.reader} resumed on ${server} and was given a place in ${topic}, ${this.#past(topic)}`;
        this.#notice("a resume goes on", text);
      }
      this.open(topic, pos, "resume", server);
    }
    this.#settle();
  }

  /** It is told that it is in a room now, and from where on it follows it, or that it no longer is. */
  membership({ room, state, positions }: Json, server: string): void {
    const topic = `room:${room}`;
    if (this.#open.has(topic) === (state === "joined")) {
      this.#notice("a change of rooms is told once", `${this.reader} was told again that it has ${state} ${room}`);
    }
    if (state === "joined") this.open(topic, positions[topic], "membership", server);
    else this.close(topic, "membership");
  }

  /** It is told that it was removed from a room, and where it is now instead, if it is in one room. */
  removed({ room, now, positions = {} }: Json, server: string): void {
    this.close(`room:${room}`, "removed");
    if (now !== undefined) this.open(`room:${now}`, positions[`room:${now}`], "removed", server);
  }

  /** It follows a topic from here on, unless it does already. */
  open(topic: string, pos: string, by: string, server: string): void {
    if (this.#open.has(topic)) return;
    const place = decodePosition(pos);
    if (!place) {
      return this.#notice("positions are whole", `${this.reader} was given ${JSON.stringify(pos)} in ${topic}`);
    }
    const stretch: Stretch = {
      reader: this.reader,
      topic,
      opened: { at: this.#sink.timeline.now, by, server, place },
      items: [],
    };
    this.#sink.stretches.push(stretch);
    this.#open.set(topic, { stretch, pos, first: pos });
  }

  /** It follows a topic no longer. */
  close(topic: string, by: string): void {
    const open = this.#open.get(topic);
    if (!open) return;
    open.stretch.closed = { at: this.#sink.timeline.now, by };
    this.#open.delete(topic);
  }

  closeAll(by: string): void {
    for (const topic of [...this.#open.keys()]) this.close(topic, by);
  }

  /** Takes a message or a gap. */
  take(event: Json): void {
    const { topic, pos } = event;
    const open = this.#open.get(topic);
    const place = decodePosition(pos);
    if (!open || !place) {
      const text = `${this.reader} got ${JSON.stringify(event).slice(0, 200)} and does not follow that`;
      return this.#notice("only what one follows", text);
    }
    open.pos = pos;
    const at = this.#sink.timeline.now;
    if (event.type === "gap") open.stretch.items.push({ kind: "gap", at, from: event.from, to: event.to, place });
    else {
      if (event.seq !== place.seq) this.#notice("positions are whole", `${topic} ${event.seq} has the position ${pos}`);
      const { from, text, cid = cidOf(text) } = event;
      open.stretch.items.push({ kind: "message", at, place, from, cid, text });
    }
  }

  #lookForOwn(positions: Readonly<Record<string, string>>, what: string, server: string): void {
    for (const topic of this.#owed) {
      if (topic in positions) continue;
      this.#notice("everything comes", `${this.reader} ${what} on ${server} and was given no place in ${topic}`);
    }
  }

  /** What was in doubt is known now; but a request to follow somebody may still be on its way to a server. */
  #settle(): void {
    const { now } = this.#sink.timeline;
    for (const [topic, since] of this.#hazySince) if (since + ghostMs < now) this.#hazySince.delete(topic);
    for (const [topic, doubts] of this.#uncertain) if (doubts > 0) this.#hazySince.set(topic, now);
    this.#uncertain.clear();
  }

  #doubtful(topic: string): boolean {
    const { shared, sanctioned } = this.#account;
    if ((shared || sanctioned) && !topic.startsWith("inbox:") && !topic.startsWith("sent:")) return true;
    return Boolean(this.#uncertain.get(kindOf(topic))) || (topic.startsWith("feed:") && this.#hazySince.has(topic));
  }

  /** How it last followed a topic, for a report. */
  #past(topic: string): string {
    const last = this.#sink.stretches.findLast((each) => each.reader === this.reader && each.topic === topic);
    return last?.closed
      ? `which it left at ${seconds(last.closed.at).trim()} (${last.closed.by})`
      : "where it never was";
  }

  #notice(kind: string, text: string): void {
    this.#sink.notice(kind, text);
  }
}

/** Rooms are doubted together: a join is about two of them. */
function kindOf(topic: string): string {
  return topic.startsWith("room:") ? "room" : topic;
}
