/**
 * A person's device: one text connection after the other, each a device of its own, beside the other devices of the user.
 *
 * It sends nothing again and resumes nothing. What it is shown is written down, line by line, and judged at the end by
 * what the logs have (`text_views.ts`).
 */

import type { Account } from "./account.ts";
import type { Prng } from "./prng.ts";
import type { Sent } from "./record.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";
import { TextConnection } from "./text_connection.ts";
import { reads, type TextRun } from "./text_views.ts";
import type { Timeline } from "./timeline.ts";
import { cidOf, textOf } from "./words.ts";

/** What a text device is made from. */
export interface TextDeviceOptions {
  readonly name: string;
  readonly account: Account;
  readonly names: readonly string[];
  readonly rooms: readonly string[];
  readonly nodes: readonly ServerNode[];
  readonly prng: Prng;
  readonly ca: string;
  readonly timeline: Timeline;
  readonly sent: Sent[];
  readonly runs: TextRun[];
  count(what: string): void;
  readonly paceMs: number;
}

/** How long a line may be waited for before the connection counts as dead, in milliseconds. */
const patienceMs = 5_000;

/** How often it asks who it is, in milliseconds: the answer shows that the connection is there. */
const askMs = 1_500;

const habits = { say: 50, msg: 35, join: 6, leave: 4, drop: 1 };

/** See the file's first lines. */
export class TextDevice {
  readonly name: string;
  readonly account: Account;
  readonly #options: TextDeviceOptions;
  readonly #acts: Prng;
  readonly #stopped = new AbortController();
  #connection: TextConnection | undefined;
  #run: TextRun | undefined;
  #count = 0;
  #sessions = 0;
  /** The room that it is in; undefined where it is not logged in, or has asked for another one. */
  #room: string | undefined;
  #quiet = false;

  constructor(options: TextDeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.account = options.account;
    this.#acts = options.prng.fork(`${options.name} acts`);
  }

  /** Whether it is logged in, and knows in which room. */
  get live(): boolean {
    return this.#room !== undefined;
  }

  get rooms(): ReadonlySet<string> {
    return new Set(this.#room === undefined ? [] : [this.#room]);
  }

  /**
   * What its connection is called as a device. Each is one of its own: a server that was frozen may read the last lines of
   * one that is gone when the next has said more elsewhere.
   */
  get #device(): string {
    return `${this.name} ${this.#sessions}`;
  }

  /** The acknowledged messages of others that it should have been shown, and was not. */
  get missing(): Sent[] {
    const run = this.#run;
    return run ? this.#options.sent.filter((sent) => reads(run, sent) && !run.seen.has(sent.cid)) : [];
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped;
    const { nodes, ca, timeline } = this.#options;
    while (!signal.aborted) {
      try {
        const connection = await TextConnection.open(this.#acts.pick(nodes), ca);
        if (signal.aborted) connection.drop();
        this.#connection = connection;
        await this.#live(connection, signal);
      } catch {
        // It is over, or a server is away.
      }
      if (this.#run) this.#run.closed = timeline.now;
      this.#run = this.#room = this.#connection = undefined;
      await pause(this.#acts.next() * 1_000, signal);
    }
  }

  quiet(): void {
    this.#quiet = true;
  }

  stop(): void {
    this.#stopped.abort();
    this.#connection?.drop();
  }

  async #live(connection: TextConnection, signal: AbortSignal): Promise<void> {
    const { user, password } = this.account;
    const { timeline } = this.#options;
    this.#sessions++;
    connection.write(`LOGIN ${user} ${password}`);
    let heard = timeline.now;
    const over = new AbortController();
    const acting = this.#actOn(connection, AbortSignal.any([signal, over.signal]));
    const asking = setInterval(() => {
      if (timeline.now - heard > patienceMs) connection.drop();
      else if (this.#run) connection.write("/whoami");
    }, askMs);
    try {
      for await (const line of connection.lines()) {
        heard = timeline.now;
        this.#take(line);
      }
    } finally {
      clearInterval(asking);
      over.abort();
      connection.drop();
      await acting;
    }
  }

  #take(line: string): void {
    const { timeline, runs, count } = this.#options;
    const entered = /^(?:Login successful\. Room: |Joined room |Returned to )(\S+)$/.exec(line)?.[1];
    if (entered !== undefined) {
      if (!this.#run) {
        const { account: { user } } = this;
        const reader = this.#device;
        this.#run = { reader, user, session: this.#sessions, at: timeline.now, lines: [], seen: new Set(), rooms: [] };
        runs.push(this.#run);
        count("text logins");
      }
      const old = this.#run.rooms.at(-1);
      if (old?.room !== entered) this.#run.rooms.push({ room: entered, at: timeline.now });
      this.#room = entered;
      return;
    }
    // Whether it has been done nobody knows: it comes in anew.
    if (line.startsWith("[ERROR]") && this.#room === undefined) return this.#connection?.drop();
    const shown = /^(?:DM (to|from) \S+|(Notification) from \S+|[\w-]+): (\S.*)$/.exec(line);
    if (!shown || !this.#run) return;
    const [, direction, notification, text] = shown;
    const kind = direction === "to" ? "sent" : direction === "from" ? "inbox" : notification ? "feed" : "room";
    const cid = cidOf(text);
    this.#run.lines.push({ at: timeline.now, kind, cid });
    this.#run.seen.add(cid);
    count("lines shown");
  }

  async #actOn(connection: TextConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#acts.wait(this.#options.paceMs), signal);
      if (!this.#quiet && !signal.aborted && this.#room !== undefined) this.#act(connection, this.#room);
    }
  }

  #act(connection: TextConnection, room: string): void {
    const { names, rooms } = this.#options;
    switch (this.#acts.weighted(habits)) {
      case "say":
        return connection.write(this.#says(`room:${room}`));
      case "msg": {
        const other = this.#acts.pick(names.filter((name) => name !== this.account.user));
        return connection.write(`/msg ${other} ${this.#says(`inbox:${other}`)}`);
      }
      case "join":
        return this.#move(connection, `/join ${this.#acts.pick(rooms)}`);
      case "leave":
        return this.#move(connection, "/leave");
      case "drop":
        return connection.drop();
    }
  }

  #move(connection: TextConnection, line: string): void {
    this.#room = undefined;
    connection.write(line);
  }

  /** @returns the text of a message that it is about to send */
  #says(topic: string): string {
    const { timeline, sent } = this.#options;
    const cid = `${this.name}-${++this.#count}`;
    const text = textOf(cid, this.#acts);
    const attempts = [{ at: timeline.now, server: "", session: this.#sessions }];
    const outcome = { kind: "unknown" } as const;
    sent.push({
      publisher: this.account.user,
      device: this.#device,
      topic,
      n: this.#count,
      cid,
      text,
      attempts,
      outcome,
    });
    return text;
  }
}
