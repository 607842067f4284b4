import { ChatError } from "../../common/errors.ts";
import { closest } from "../../common/similar.ts";
import type { Reply, ServerEvent, TopicEvent } from "../../wire/event.ts";
import { deletedText } from "../../wire/format.ts";
import { roomTopic } from "../../wire/names.ts";
import { formatServer } from "../base/address.ts";
import { cleanLine } from "../../wire/clean.ts";
import { awayLines, errorLine, note, render } from "../terminal/render.ts";
import type { Session } from "../session/session.ts";
import type { Status } from "../net/status.ts";
import type { Update } from "../session/update.ts";
import { Attention } from "./attention.ts";
import { Backlog } from "./backlog.ts";
import { ConnectionState } from "./connection_state.ts";
import { type Item, itemText, type LineItem, type SaidItem } from "./text/item.ts";
import { isTopicEvent, moment, privacyFields, saidItem } from "./text/said_item.ts";
import type { Theme } from "./text/theme.ts";
import type { ReadMarks } from "./read_marks.ts";
import { Roster } from "./roster.ts";
import { Findings, type Range, search } from "./search.ts";

/** What a screen needs of a session. */
export type SessionPort = Pick<
  Session,
  "user" | "room" | "server" | "commands" | "maxMessageBytes" | "waiting" | "storeAway" | "ending" | "ask"
>;

/** Settings and ports of a talk. */
export interface TimelineOptions {
  readonly session: SessionPort;
  readonly theme: Theme;
  readonly marks: ReadMarks;
  /** A message that came by the client's own asking, as a person is to see it. */
  readonly labelled: (event: TopicEvent) => TopicEvent;
  /** Milliseconds since some fixed moment. */
  readonly now: () => number;
  /** Something that is meant for the reader came. */
  readonly notify: (title: string, text: string) => void;
  /** Something has changed that was not told by an update. */
  readonly changed: () => void;
}

/** How many messages are loaded when a room is entered, and when the scrollback's beginning is reached. */
const pageSize = 100;

/**
 * What a session tells → what stands on the screen: the scrollback, who is there, how the connection is.
 *
 * Everything passes the one cleaning function here, before it is kept; nothing here draws.
 */
export class Timeline {
  readonly backlog: Backlog;
  readonly roster = new Roster();
  readonly connection = new ConnectionState();
  readonly attention: Attention;
  readonly #options: TimelineOptions;
  readonly #session: SessionPort;
  #lastNote = "";
  readonly #findings: Findings;
  #loading = false;
  #beginnings = new Set<string>();

  constructor(options: TimelineOptions) {
    this.#options = options;
    this.#session = options.session;
    this.backlog = new Backlog(options.theme);
    this.#findings = new Findings(this.backlog, (range) => this.#history(range));
    this.attention = new Attention(this.backlog, options.now);
  }

  /** Takes what the session tells. */
  take(update: Update): void {
    switch (update.kind) {
      case "event":
        return this.#event(update.event);
      case "reply":
        return this.#reply(update.reply);
      case "refused":
        return this.#refused(update);
      case "status":
        return this.#status(update.status);
    }
  }

  /** Adds a line, which must be clean. */
  line(tone: LineItem["tone"], text: string): LineItem {
    const item = { kind: "line", tone, text, at: new Date() } as const;
    this.backlog.add(item);
    return item;
  }

  /** Loads what was said before the beginning of the scrollback. */
  async loadEarlier(): Promise<void> {
    const { room } = this.#session;
    if (room === undefined || this.#loading) return;
    const topic = roomTopic(room);
    const first = this.backlog.items.find((item) => item.kind === "said" && item.topic === topic) as SaidItem;
    if (!first || first.seq! <= 1 || this.#beginnings.has(topic)) return;
    const items = await this.#history({ n: pageSize, before: first.seq });
    if (items?.length === 0) this.#beginnings.add(topic);
    if (items) this.backlog.insert(items, first);
    this.#options.changed();
  }

  /** Finds what was said, here and in what the server has of the room, or of the talk with a user. */
  async search(words: string, user: string | undefined): Promise<void> {
    const { items, read } = await search(words, user, this.backlog.items, async (range) => {
      return this.connection.connected ? await this.#history(range) : undefined;
    });
    const there = user === undefined ? `the room's last ${read} messages` : `the last ${read} of the talk with ${user}`;
    const where = read === 0 ? "on this screen" : `on this screen and in ${there}`;
    this.line("note", note(`${items.length === 0 ? "Nothing" : items.length} found for "${words}" ${where}`));
    this.#findings.items = items;
    for (const [index, item] of items.entries()) {
      const finding = { text: itemText(item), marked: words, said: item.at, number: index + 1 };
      this.backlog.add({ kind: "line", tone: "answer", ...finding, at: new Date() });
    }
    if (items.length > 0) this.line("note", note("/jump <n> goes to one of them, Alt-> comes back"));
    this.#options.changed();
  }

  /** See {@linkcode Findings.find}. */
  finding(n: number): Promise<Item> {
    return this.#findings.find(n, this.#session.room);
  }

  /** Remembers how far was read. */
  keepMarks(): void {
    const last = new Map<string, number>();
    for (const item of this.backlog.items) {
      if (item.kind === "said" && item.how === "room") last.set(item.topic!, item.seq!);
    }
    for (const [topic, seq] of last) this.#options.marks.set(this.#account, topic, seq);
    this.#options.marks.save();
  }

  #account = "";

  #event(event: ServerEvent): void {
    switch (event.type) {
      case "message":
      case "notification":
      case "direct": {
        const item = saidItem(event, this.#session.user);
        this.roster.spoke(item.user);
        this.backlog.add(item);
        this.attention.take(item);
        const personal = item.how !== "room" && !item.own;
        if (item.mention || personal) {
          const title = item.how === "room" ? `${item.user} in ${this.#session.room}` : item.user;
          this.#options.notify(title, item.text);
        }
        return;
      }
      case "deleted":
        if (this.#delete(event.topic, event.seq)) return;
        break;
      case "presence":
        if (event.room !== this.#session.room) break;
        this.roster.follow(event);
        return this.backlog.presence(
          cleanLine(event.user),
          event.state,
          cleanLine(event.room),
          this.roster.members ?? 0,
          new Date(),
        );
      case "removed": {
        const before = this.backlog.items.length;
        this.#lines("system", { kind: "event", event });
        void this.#entered(this.backlog.items[before]);
        return;
      }
      case "system":
        if (event.code === "forced_logout") this.connection.replaced();
    }
    this.#lines(event.type === "error" ? "error" : "system", { kind: "event", event });
  }

  #reply(reply: Reply): void {
    this.roster.learn(reply, this.#session.room);
    if (reply.of === "msg") {
      const { to, text, time } = reply;
      const said = { user: cleanLine(String(to)), text: cleanLine(String(text)), at: moment(time) };
      const item = { kind: "said", how: "direct_sent", mention: false, own: true } as const;
      this.backlog.add({ ...item, ...said, ...privacyFields(reply) });
      for (const line of awayLines(reply)) this.line("system", line);
      return;
    }
    if (reply.of === "delete") this.#delete(String(reply.topic), Number(reply.seq));
    const before = this.backlog.items.length;
    this.#lines("answer", { kind: "reply", request: { cmd: reply.of }, reply });
    const arrived = ["login", "register", "resume"].includes(reply.of);
    if (arrived) this.#arrived();
    if (arrived || reply.of === "join" || reply.of === "leave") void this.#entered(this.backlog.items[before]);
  }

  /** Shows a message as deleted. @returns whether it is here */
  #delete(topic: string, seq: number): boolean {
    const found = this.backlog.items.findLast((item) =>
      item.kind === "said" && item.topic === topic && item.seq === seq
    ) as SaidItem | undefined;
    if (!found) return false;
    const { offer: _, ...said } = found;
    this.backlog.replace(found, { ...said, text: deletedText, mention: false });
    return true;
  }

  #refused({ request, error }: Update & { kind: "refused" }): void {
    this.line("error", errorLine(error));
    if (!(error instanceof ChatError) || error.code !== "unknown_user") return;
    const named = this.#session.commands.find(request.cmd)?.arguments.find(({ kind }) => kind === "user");
    const meant = named && closest(String(request[named.name]), this.roster.users());
    if (meant !== undefined) this.line("note", note(`Did you mean ${meant}?`));
  }

  #status(status: Status): void {
    this.connection.follow(status, this.#options.now());
    if (status.state === "lost") this.attention.leave();
    if (status.state === "resumed") {
      this.#lastNote = "";
      this.#refresh();
    }
    const { lines } = render({ kind: "status", status });
    // A server that stays unreachable is told of once, not at every attempt.
    for (const line of lines) if (line !== this.#lastNote) this.line("note", this.#lastNote = line);
  }

  #lines(tone: LineItem["tone"], update: Update): void {
    for (const line of render(update).lines) this.backlog.add({ kind: "line", tone, ...timed(line), at: new Date() });
  }

  #arrived(): void {
    const { user, server } = this.#session;
    this.backlog.me = user;
    this.#account = `${user}@${server ? formatServer(server.address) : ""}`;
    this.#ask({ cmd: "rooms" });
    this.#ask({ cmd: "users" });
  }

  /** Is in a room: learns who is there, and what was said before. */
  async #entered(line: Item | undefined): Promise<void> {
    const { room } = this.#session;
    if (room === undefined) return;
    const rooms = this.roster.rooms();
    this.roster.moved(cleanLine(room));
    this.#refresh();
    const topic = roomTopic(room);
    const items = await this.#history({ n: pageSize });
    if (!items || this.#session.room !== room) return;
    if (items.length === 0) this.#doubt(room, rooms);
    const known = new Set(this.backlog.items.map((item) => item.kind === "said" ? `${item.topic} ${item.seq}` : ""));
    const fresh = items.filter(({ topic, seq }) => !known.has(`${topic} ${seq}`));
    this.backlog.insert(fresh, line);
    const read = this.#options.marks.get(this.#account, topic);
    const unread = read === undefined ? undefined : fresh.find(({ seq, own }) => seq! > read && !own);
    if (unread) this.backlog.markUnread(unread);
    this.#options.changed();
  }

  /** Says which room may have been meant, where the one that was entered seems to be new. @param others of before */
  #doubt(room: string, others: readonly string[]): void {
    const meant = others.includes(room) || (this.roster.members ?? 1) > 1 ? undefined : closest(room, others);
    if (meant !== undefined) {
      this.line("note", note(`Nobody else is in ${room}; did you mean ${meant}? /join ${meant}`));
    }
  }

  #refresh(): void {
    this.#ask({ cmd: "who" });
  }

  /** Asks the server something that only the roster is to know. */
  #ask(request: { cmd: string }): void {
    this.#session.ask(request).then((reply) => {
      this.roster.learn(reply, this.#session.room);
      this.#options.changed();
    }, () => {});
  }

  /** Messages of the room, or of a talk, the oldest first; undefined where they cannot be had. */
  async #history(range: Range): Promise<SaidItem[] | undefined> {
    this.#loading = true;
    try {
      const reply = await this.#session.ask({ cmd: "history", ...range });
      const { messages } = reply as { messages?: unknown };
      if (!Array.isArray(messages)) return undefined;
      return messages.filter(isTopicEvent).map((event) => saidItem(this.#options.labelled(event), this.#session.user));
    } catch {
      return undefined;
    } finally {
      this.#loading = false;
    }
  }
}

/** A line, and when it was said where it is one of history, which begins with a time in UTC. */
function timed(line: string): Pick<LineItem, "text" | "said"> {
  const [head, time] = /^\[(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)\] /.exec(line) ?? [];
  return head === undefined ? { text: line } : { text: line.slice(head.length), said: new Date(time) };
}
