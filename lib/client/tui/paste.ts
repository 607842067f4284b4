import { inputView, submittedLines } from "../terminal/editor.ts";
import type { Key } from "../terminal/keys.ts";

/** What stands in a message where a line ended. */
const sign = " ⏎ ";

/** What was answered; `none` where a key is no answer. */
export type PasteAnswer =
  | { readonly kind: "none" | "edit" }
  | { readonly kind: "lines"; readonly lines: readonly string[] };

/**
 * A submitted text that may have several lines, and what is to become of them.
 *
 * A message is one line. What was pasted as several is sent as one message with a sign where the lines ended, or as
 * several messages: the person is asked.
 */
export class Paste {
  /** What was submitted. */
  readonly text: string;
  /** Its lines, each to be sent on its own. */
  readonly lines: readonly string[];
  readonly #joined: string | undefined;
  /** Whether it is one command, whose text has several lines. */
  readonly #command: boolean;

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
    return inputView("", this.question ?? "", this.question?.length ?? 0, columns);
  }

  /** Takes a key as the answer. Enter is the first of the choices. */
  answer(key: Key): PasteAnswer {
    const letter = key.kind === "text" ? key.text.slice(0, 1).toLowerCase() : key.kind === "key" ? key.name : "";
    if ((letter === "o" || letter === "enter") && this.#joined !== undefined) {
      return { kind: "lines", lines: [this.#joined] };
    }
    if (!this.#command && (letter === "s" || letter === "enter")) return { kind: "lines", lines: this.lines };
    // Who types on has not read the question: the next letter must not be taken for an answer.
    return { kind: key.kind === "text" || letter === "leave" ? "edit" : "none" };
  }
}
