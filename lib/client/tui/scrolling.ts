import type { KeyName } from "../terminal/keys.ts";
import type { Item } from "./text/item.ts";
import type { Timeline } from "./timeline.ts";

/** The part of a screen that shows what was said. */
export interface Space {
  readonly height: number;
  readonly columns: number;
}

/** What the wheel, or an arrow, scrolls by, in rows. */
const wheelRows = 3;

/** Where in what was said one looks: keys and commands that go back, forth, and to what is wanted. */
export class Scrolling {
  readonly #timeline: Timeline;
  readonly #space: () => Space;

  /** @param space the size that the screen has at the moment */
  constructor(timeline: Timeline, space: () => Space) {
    this.#timeline = timeline;
    this.#space = space;
  }

  /** Takes a key. @returns whether it was one that scrolls */
  press(name: KeyName): boolean {
    const { height, columns } = this.#space();
    const { backlog } = this.#timeline;
    switch (name) {
      case "page_up":
      case "scroll_up": {
        const atStart = backlog.scroll(name === "page_up" ? height - 1 : wheelRows, height, columns);
        if (atStart) void this.#timeline.loadEarlier();
        return true;
      }
      case "page_down":
      case "scroll_down":
        backlog.scroll(name === "page_down" ? 1 - height : -wheelRows, height, columns);
        return true;
      case "scroll_home":
        backlog.showStart(height, columns);
        void this.#timeline.loadEarlier();
        return true;
      case "scroll_end":
        this.show(undefined);
        return true;
      case "next_unread":
        this.showUnread();
        return true;
      default:
        return false;
    }
  }

  /** Goes to an item, or to the end. */
  show(item: Item | undefined): void {
    const { height, columns } = this.#space();
    this.#timeline.backlog.show(item, height, columns);
  }

  /** Goes to where the unread begin, or to the oldest message that was meant for the reader and not seen. */
  showUnread(): void {
    const { attention, backlog } = this.#timeline;
    this.show(attention.oldest ?? backlog.unread);
  }
}
