import { cleanLine } from "../../wire/clean.ts";
import type { Key, KeyName } from "./keys.ts";
import { graphemes } from "./width.ts";

/** What a key led to: the search goes on, or it is over and another line stands in the editor. */
export type SearchOutcome =
  | { readonly kind: "searching" }
  /** Over; where `again` is set, the key is still to be taken, by the editor. */
  | { readonly kind: "found"; readonly text: string; readonly again: boolean }
  | { readonly kind: "given_up" };

/** Keys that change nothing in the line, so that a search goes on. */
export const screenKeys: ReadonlySet<KeyName> = new Set([
  "focus_in",
  "focus_out",
  "page_up",
  "page_down",
  "scroll_up",
  "scroll_down",
  "redraw",
]);

const searching: SearchOutcome = { kind: "searching" };

/** The longest text that is searched for, in UTF-16 units. */
const maxWords = 256;

/**
 * The search backwards through the lines that were typed, as Ctrl-R does it in shells: each key narrows it down, or goes
 * on to an older line.
 *
 * Pure: keys in, outcome out.
 */
export class LineSearch {
  readonly #lines: readonly string[];
  #words = "";
  #place: number;
  #missing = false;

  /** @param lines the typed lines, the oldest first */
  constructor(lines: readonly string[]) {
    this.#lines = lines;
    this.#place = lines.length;
  }

  /** What stands before the line while it is searched. */
  get prompt(): string {
    return `(${this.#missing ? "nothing like" : "search"} "${this.#words}") `;
  }

  /** The line that was found last; empty where none was yet. */
  get text(): string {
    return this.#lines[this.#place] ?? "";
  }

  /** Where the searched words are in it: the cursor stands there. */
  get cursor(): number {
    return Math.max(0, this.text.toLowerCase().indexOf(this.#words.toLowerCase()));
  }

  /** Takes a key. */
  take(key: Key): SearchOutcome {
    if (key.kind === "text" || key.kind === "paste") {
      const words = this.#words + cleanLine(key.text.replaceAll("\n", " "));
      if (words.length <= maxWords) this.#look(words, this.#place);
      return searching;
    }
    switch (key.name) {
      case "search_back":
        this.#look(this.#words, this.#place - 1);
        return searching;
      case "backspace":
        this.#look(graphemes(this.#words).slice(0, -1).join(""), this.#lines.length - 1);
        return searching;
      case "cancel":
      case "leave":
        return { kind: "given_up" };
      default:
        return this.text === "" ? { kind: "given_up" } : { kind: "found", text: this.text, again: true };
    }
  }

  /** Looks for the words in the line at `from` and in those before it; where there are none, the last find stays. */
  #look(words: string, from: number): void {
    this.#words = words;
    this.#missing = false;
    if (words === "") return;
    const wanted = words.toLowerCase();
    const start = Math.min(from, this.#lines.length - 1);
    const shown = this.text;
    for (let place = start; place >= 0; place--) {
      const line = this.#lines[place];
      if (!line.toLowerCase().includes(wanted) || (line === shown && place !== this.#place)) continue;
      this.#place = place;
      return;
    }
    this.#missing = true;
  }
}
