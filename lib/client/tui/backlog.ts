import { dayOf, isSameDay, type Item, itemRows, rule } from "./text/item.ts";
import type { Theme } from "./text/theme.ts";

/** How many items are kept. */
const maxItems = 10_000;

/** A room is big when so many are in it: then those who come and go are gathered in one line for a while. */
const bigRoom = 20;

/** How long such a line gathers, in milliseconds. */
const gatherMs = 5 * 60_000;

/** The row at the bottom of the screen: that many rows of that item are below it. */
interface Anchor {
  item: Item;
  below: number;
}

/** What is on the screen. */
export interface View {
  readonly rows: readonly string[];
  /** The items of which a row is to be seen. */
  readonly visible: readonly Item[];
  /** How many items are below; 0 at the end. */
  readonly below: number;
}

/**
 * All that can be scrolled back to, and the part of it that is on the screen.
 *
 * Promises:
 * 1. who has scrolled back goes on seeing the same rows while others come in below or are loaded above;
 * 2. drawing costs what is on the screen, not what is kept: rows are made when they are first seen, and kept for the
 *    width that they were made for;
 * 3. at most `maxItems` are kept; of more, the oldest go.
 */
export class Backlog {
  readonly #theme: Theme;
  #items: Item[] = [];
  #rows = new Map<Item, string[]>();
  #columns = 0;
  #me: string | undefined;
  #anchor: Anchor | undefined;
  #unread: Item | undefined;
  #presence: { item: Item & { kind: "presence" }; since: number } | undefined;

  constructor(theme: Theme) {
    this.#theme = theme;
  }

  /** All items, the oldest first. */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** Whether the end is on the screen. */
  get atEnd(): boolean {
    return this.#anchor === undefined;
  }

  /** Whose name is highlighted. */
  set me(me: string | undefined) {
    if (me === this.#me) return;
    this.#me = me;
    this.#rows.clear();
  }

  /** Adds at the end. */
  add(item: Item): void {
    this.#items.push(item);
    if (this.#items.length > maxItems + 500) this.#trim();
  }

  /** Adds earlier items in front of one that is there, or of all. */
  insert(items: readonly Item[], before: Item | undefined): void {
    const index = before ? this.#items.indexOf(before) : 0;
    this.#items.splice(Math.max(0, index), 0, ...items);
  }

  /** Puts an item in the place of one that is there. */
  replace(item: Item, by: Item): void {
    const index = this.#items.lastIndexOf(item);
    if (index < 0) return;
    this.#items[index] = by;
    this.#rows.delete(item);
    if (this.#anchor?.item === item) this.#anchor = { item: by, below: 0 };
    if (this.#unread === item) this.#unread = by;
  }

  /** Somebody came or went. @param members how many are in the room */
  presence(user: string, state: "joined" | "left", room: string, members: number, at: Date): void {
    const last = this.#presence;
    const goesOn = last && last.item.room === room &&
      (this.#items.at(-1) === last.item || (members > bigRoom && at.getTime() - last.since < gatherMs));
    if (!goesOn) {
      const item = { kind: "presence", at, room, joined: new Set<string>(), left: new Set<string>() } as const;
      this.#presence = { item, since: at.getTime() };
      this.add(item);
    }
    const { item } = this.#presence!;
    const joined = item.joined as Set<string>;
    const left = item.left as Set<string>;
    const [to, from] = state === "joined" ? [joined, left] : [left, joined];
    // Who goes and comes again has done nothing that matters.
    if (!from.delete(user)) to.add(user);
    this.#rows.delete(item);
    if (joined.size + left.size > 0) return;
    this.#remove(item);
    this.#presence = undefined;
  }

  #remove(item: Item): void {
    const index = this.#items.lastIndexOf(item);
    if (index < 0) return;
    this.#items.splice(index, 1);
    if (this.#anchor?.item === item) this.#anchor = index > 0 ? { item: this.#items[index - 1], below: 0 } : undefined;
  }

  /** Draws the line where the unread begin in front of an item; undefined takes it away. */
  markUnread(item: Item | undefined): void {
    this.#unread = item;
  }

  /** The item that the line stands in front of. */
  get unread(): Item | undefined {
    return this.#unread;
  }

  /** Empties it. */
  clear(): void {
    this.#items = [];
    this.#rows.clear();
    this.#anchor = this.#unread = this.#presence = undefined;
  }

  /** What a screen of this size shows. Unless it is scrolled back, the last item's end is at the bottom. */
  view(height: number, columns: number): View {
    this.#resize(columns);
    let index = this.#anchor ? this.#items.indexOf(this.#anchor.item) : this.#items.length - 1;
    if (this.#anchor) {
      // The screen may have grown, and the item may have been given up.
      if (index < 0) this.#anchor = undefined;
      else this.#settle(index, this.#anchor.below, height);
      index = this.#anchor ? this.#items.indexOf(this.#anchor.item) : this.#items.length - 1;
    }
    const below = this.#items.length - 1 - index;
    let skip = this.#anchor?.below ?? 0;
    const rows: string[] = [];
    const visible: Item[] = [];
    for (; index >= 0 && rows.length < height; index--) {
      const all = this.#rowsOf(index);
      const shown = all.slice(Math.max(0, all.length - skip - (height - rows.length)), all.length - skip);
      skip = 0;
      rows.unshift(...shown);
      visible.unshift(this.#items[index]);
    }
    return { rows, visible, below };
  }

  /**
   * Scrolls by rows: back where positive, forth where negative.
   *
   * @returns whether the beginning was reached
   */
  scroll(by: number, height: number, columns: number): boolean {
    this.#resize(columns);
    let index = this.#anchor ? this.#items.indexOf(this.#anchor.item) : this.#items.length - 1;
    let below = (this.#anchor?.below ?? 0) + by;
    while (below < 0 && index < this.#items.length - 1) below += this.#rowsOf(++index).length;
    while (index >= 0 && below >= this.#rowsOf(index).length) below -= this.#rowsOf(index--).length;
    // What is left over is beyond the beginning.
    return this.#settle(index, index < 0 ? 0 : below, height);
  }

  /** Shows an item's first row at the top, or the end where `item` is undefined. */
  show(item: Item | undefined, height: number, columns: number): void {
    this.#resize(columns);
    this.#anchor = undefined;
    const index = item ? this.#items.indexOf(item) : -1;
    if (index < 0) return;
    let below = -height;
    let last = index - 1;
    while (below < 0 && last < this.#items.length - 1) below += this.#rowsOf(++last).length;
    this.#settle(last, below, height);
  }

  /** Shows the beginning. */
  showStart(height: number, columns: number): void {
    this.show(this.#items[0], height, columns);
  }

  /** Keeps a position within what there is: the screen is filled where there is enough. */
  #settle(index: number, below: number, height: number): boolean {
    let above = index < 0 ? 0 : this.#rowsOf(index).length - below;
    let first = index;
    while (first > 0 && above < height) above += this.#rowsOf(--first).length;
    const start = first <= 0 && above <= height;
    while (above < height && (below > 0 || index < this.#items.length - 1)) {
      if (below <= 0) below = this.#rowsOf(++index).length;
      below--;
      above++;
    }
    const end = below <= 0 && index >= this.#items.length - 1;
    this.#anchor = end || index < 0 ? undefined : { item: this.#items[index], below };
    return start;
  }

  #rowsOf(index: number): string[] {
    const item = this.#items[index];
    let rows = this.#rows.get(item);
    if (!rows) {
      rows = itemRows(item, this.#columns, this.#theme, this.#me);
      this.#rows.set(item, rows);
    }
    const before = this.#items[index - 1];
    const head = [];
    if (!before || !isSameDay(before.at, item.at)) head.push(rule(dayOf(item.at), this.#columns, this.#theme.dim));
    if (item === this.#unread) head.push(rule("new", this.#columns, this.#theme.alarm));
    return head.length > 0 ? [...head, ...rows] : rows;
  }

  #resize(columns: number): void {
    if (columns === this.#columns) return;
    this.#columns = columns;
    this.#rows.clear();
    // What was the bottom row may have been wrapped away; the item's end stands for it.
    if (this.#anchor) this.#anchor.below = 0;
  }

  #trim(): void {
    for (const item of this.#items.splice(0, this.#items.length - maxItems)) this.#rows.delete(item);
  }
}
