import type { Backlog } from "./backlog.ts";
import type { Item, SaidItem } from "./text/item.ts";

/** Who pressed no key for so long may have gone, in milliseconds. */
const idleMs = 60_000;

/**
 * What a person has not seen yet: whether they look, where the unread begin, and what was meant for them.
 *
 * A private message or a notification counts as seen when it was on the screen while a key was pressed.
 */
export class Attention {
  readonly #backlog: Backlog;
  readonly #now: () => number;
  readonly #personal = new Set<SaidItem>();
  #away = false;
  #marked = false;
  #lastKey: number;

  constructor(backlog: Backlog, now: () => number) {
    this.#backlog = backlog;
    this.#now = now;
    this.#lastKey = now();
  }

  /** Whether nobody looks, as far as the terminal tells. */
  get away(): boolean {
    return this.#away || this.#now() - this.#lastKey > idleMs;
  }

  /** What was meant for the reader and not seen, by kind. */
  get unread(): { direct: number; feed: number } {
    let direct = 0;
    for (const { how } of this.#personal) if (how === "direct") direct++;
    return { direct, feed: this.#personal.size - direct };
  }

  /** The oldest of those. */
  get oldest(): SaidItem | undefined {
    return this.#personal.values().next().value;
  }

  /** Nobody looks from now on, or nothing can be seen: the connection is gone, say. */
  leave(): void {
    this.#away = true;
    this.#marked = false;
  }

  /** Somebody looks. */
  come(): void {
    this.#away = false;
    this.#lastKey = this.#now();
  }

  /** A key was pressed while these were on the screen. */
  pressed(visible: readonly Item[]): void {
    if (this.away || this.#backlog.atEnd) this.#marked = false;
    this.come();
    for (const item of visible) this.#personal.delete(item as SaidItem);
  }

  /** Something came. */
  take(item: SaidItem): void {
    if (item.own) return;
    if (item.how !== "room") this.#personal.add(item);
    if (this.#marked || !(this.away || !this.#backlog.atEnd)) return;
    this.#marked = true;
    this.#backlog.markUnread(item);
  }
}
