import { inputView, submittedLines } from "../terminal/editor.ts";
import type { Key } from "../terminal/keys.ts";

/** What stands in a message where a line ended. */
const sign = " ⏎ ";

/** What was answered; `none` where a key is no answer, or not yet. */
export type PasteAnswer =
  | { readonly kind: "none" }
  /** The text goes back into the line, and behind it, as a line of its own, what was typed and is no answer. */
  | { readonly kind: "edit"; readonly typed: string }
  | { readonly kind: "lines"; readonly lines: readonly string[] };

/**
 * A submitted text that may have several lines, and what is to become of them.
 *
 * A message is one line. What was pasted as several is sent as one message with a sign where the lines ended, or as
 * several messages: the person is asked. Who types on has not read the question: an answer is a letter and Enter, and
 * anything else that is typed is none.
 */
export class Paste {
  /** What was submitted. */
  readonly text: string;
  /** Its lines, each to be sent on its own. */
  readonly lines: readonly string[];
  readonly #joined: string | undefined;
  /** Whether it is one command, whose text has several lines. */
  readonly #command: boolean;
  #letter = "";

  /** @param maxBytes the longest message, in bytes */
  constructor(text: string, maxBytes: number) {
    this.text = text;
    this.lines = submittedLines(text);
    const parts = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const joined = parts.join(sign);
    this.#command = parts.length > 1 && /^\/[^/]/.test(text);
    const fits = parts.length > 1 && (this.#command || new TextEncoder().encode(joined).length <= maxBytes);
    this.#joined = fits ? (!this.#command && /^\/[^/]/.test(joined) ? "/" + joined : joined) : undefined;
  }

  /** What the person is asked; undefined where it is one line. */
  get question(): string | undefined {
    if (this.#command) return "Several lines: send as (o)ne message with ⏎, (e)dit? ";
    if (this.lines.length < 2) return undefined;
    const several = `(s)end ${this.lines.length} messages`;
    const one = this.#joined === undefined ? "" : `send as (o)ne message with ⏎, `;
    return `${this.lines.length} lines: ${one}${several}, (e)dit? `;
  }

  /** The question as an input row. */
  view(columns: number): { row: string; column: number } {
    const row = (this.question ?? "") + this.#letter;
    return inputView("", row, row.length, columns);
  }

  /**
   * Takes a key of the answer.
   *
   * @param paused whether the person has paused before it: Enter alone is then the first of the choices
   */
  take(key: Key, paused: boolean): PasteAnswer {
    if (key.kind !== "key") {
      const typed = this.#letter + key.text;
      if (key.kind === "paste" || !this.#choices.includes(typed.toLowerCase())) return { kind: "edit", typed };
      this.#letter = typed;
      return { kind: "none" };
    }
    if (key.name === "leave") return { kind: "edit", typed: "" };
    if (key.name === "backspace") this.#letter = "";
    if (key.name !== "enter" || (this.#letter === "" && !paused)) return { kind: "none" };
    switch (this.#letter.toLowerCase() || this.#choices[0]) {
      case "o":
        return { kind: "lines", lines: [this.#joined!] };
      case "s":
        return { kind: "lines", lines: this.lines };
      default:
        return { kind: "edit", typed: "" };
    }
  }

  get #choices(): readonly string[] {
    return [...(this.#joined === undefined ? [] : ["o"]), ...(this.#command ? [] : ["s"]), "e"];
  }
}
