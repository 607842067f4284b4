/**
 * `/search`: finds what was said, on the screen and in what the server has of a room or of a talk.
 */

import { roomTopic } from "../../wire/names.ts";
import { ClientError } from "../base/exit.ts";
import type { Backlog } from "./backlog.ts";
import { type Item, itemText, type SaidItem } from "./text/item.ts";

/** How many messages are asked for at a time, and how often. */
const pageSize = 500;
const maxPages = 10;

/** How many findings are shown. */
const maxFound = 200;

/** So many characters of text are less than a server gives at most. */
const shortAnswer = 100_000;

/** Which messages are asked for: the last ones, or those before one. */
export interface Range {
  readonly n: number;
  /** The number of the message before which they are; in a talk, its `pos`. */
  readonly before?: number | string;
  /** The other one of a talk. */
  readonly user?: string;
}

/** What was found, the oldest first. */
export interface Found {
  readonly items: readonly SaidItem[];
  /** How many messages the server gave. */
  readonly read: number;
}

/**
 * Looks for words, in any case.
 *
 * @param user the other one of the talk that is searched; undefined for the room
 * @param history asks the server; undefined where it cannot be asked
 */
export async function search(
  words: string,
  user: string | undefined,
  onScreen: readonly Item[],
  history: (range: Range) => Promise<readonly SaidItem[] | undefined>,
): Promise<Found> {
  const wanted = words.toLowerCase();
  const found = new Map<string, SaidItem>();
  const collect = (items: readonly Item[]) => {
    for (const item of items) {
      if (item.kind !== "said" || !isOfTalk(item, user) || !itemText(item).toLowerCase().includes(wanted)) continue;
      // What was just sent has no number yet; it is on the screen as the server gave it, too.
      found.set(item.seq === undefined ? `${item.text} ${item.at.getTime()}` : `${item.topic} ${item.seq}`, item);
    }
  };
  let read = 0;
  let before: number | string | undefined;
  for (let page = 0; page < maxPages && found.size < maxFound; page++) {
    const range = { n: pageSize, ...(before === undefined ? {} : { before }), ...(user === undefined ? {} : { user }) };
    const items = await history(range);
    if (!items || items.length === 0) break;
    collect(items);
    read += items.length;
    before = user === undefined ? items[0].seq! : items[0].pos;
    if (before === undefined || isLast(items)) break;
  }
  collect(onScreen.filter((item) => !isGiven(item, found)));
  const items = [...found.values()].sort((a, b) => a.at.getTime() - b.at.getTime()).slice(-maxFound);
  return { items, read };
}

/** Whether a message is one of the talk with somebody; without a name, all are. */
function isOfTalk({ how, user: other }: SaidItem, user: string | undefined): boolean {
  if (user === undefined) return true;
  return (how === "direct" || how === "direct_sent") && other.toLowerCase() === user.toLowerCase();
}

/** Whether a sent message, which has no number on the screen, is there already as the server gave it. */
function isGiven(item: Item, found: ReadonlyMap<string, SaidItem>): boolean {
  if (item.kind !== "said" || item.seq !== undefined) return false;
  return [...found.values()].some(({ how, text, at }) =>
    how === item.how && text === item.text && at.getTime() === item.at.getTime()
  );
}

/** Whether there is nothing before a page: fewer messages than were asked for, and no more than one answer may hold. */
function isLast(page: readonly SaidItem[]): boolean {
  return page.length < pageSize && page.reduce((length, { text }) => length + text.length, 0) < shortAnswer;
}

/** How often messages are loaded to go to one that was found. */
const maxLoads = 2 * maxPages;

/** What was found last, by numbers from 1, and the way to it in the scrollback. */
export class Findings {
  /** The messages that were found, the oldest first. */
  items: readonly SaidItem[] = [];
  readonly #backlog: Backlog;
  readonly #history: (range: Range) => Promise<readonly SaidItem[] | undefined>;

  /** @param history asks the server about the room; undefined where it cannot be asked */
  constructor(backlog: Backlog, history: (range: Range) => Promise<readonly SaidItem[] | undefined>) {
    this.#backlog = backlog;
    this.#history = history;
  }

  /**
   * Looks up a message, and loads what was said between it and the scrollback's beginning.
   *
   * @param room that the reader is in
   * @returns the message as it stands in the scrollback
   * @throws {ClientError} `refused` where there is no such number, or the scrollback does not reach so far back
   */
  async find(n: number, room: string | undefined): Promise<Item> {
    const wanted = this.items[n - 1];
    const allowed = this.items.length === 0 ? "/search <words> comes first" : `allowed: 1 to ${this.items.length}`;
    if (!wanted) throw new ClientError("refused", `Nothing was found that has the number ${n}; ${allowed}`);
    for (let load = 0; load < maxLoads; load++) {
      const standing = this.#backlog.items.find((item) => isSame(item, wanted));
      if (standing) return standing;
      if (room === undefined || wanted.topic !== roomTopic(room)) break;
      const first = this.#backlog.items.find((item) => item.kind === "said" && item.topic === wanted.topic) as SaidItem;
      if (!first || first.seq! <= wanted.seq!) break;
      const items = await this.#history({ n: pageSize, before: first.seq! });
      if (!items || items.length === 0) break;
      this.#backlog.insert(items, first);
    }
    const way = wanted.how === "room" ? "go to its room, and search there" : `/history @${wanted.user} shows the talk`;
    throw new ClientError("refused", `Number ${n} is not on this screen; ${way}`);
  }
}

function isSame(one: Item, other: SaidItem): boolean {
  if (one === other) return true;
  return one.kind === "said" && one.seq !== undefined && one.seq === other.seq && one.topic === other.topic;
}
