import { cleanLine } from "../../wire/clean.ts";
import type { Key, KeyName } from "./keys.ts";
import { fitted, graphemes, graphemeWidth, textWidth } from "./width.ts";

/** A text and the cursor in it. */
interface Moment {
  readonly text: string;
  readonly cursor: number;
}

/** What a key led to. */
export type Outcome =
  | { readonly kind: "changed" }
  | { readonly kind: "unchanged" }
  /** The line has no room for it, and has taken none of it. */
  | { readonly kind: "full" }
  | { readonly kind: "submitted"; readonly text: string }
  | { readonly kind: "left" };

/** The longest text that can be typed, in UTF-16 units: several of the longest messages. */
export const maxLength = 64 * 1024;

/** How many typed lines are remembered. */
export const maxHistory = 500;

/** How many changes can be taken back. */
const maxUndo = 200;

const changed: Outcome = { kind: "changed" };
const unchanged: Outcome = { kind: "unchanged" };
const full: Outcome = { kind: "full" };

/**
 * A line that is being typed: its text, the cursor, and the lines typed before it.
 *
 * Pure: keys in, outcome out. It knows no terminal.
 */
export class Editor {
  #text = "";
  #cursor = 0;
  #history: string[] = [];
  #place = 0;
  #draft = "";
  #killed = "";
  /** The kind of the last key, if a next one of that kind continues it: kills gather, typing is one change. */
  #going: "killing" | "typing" | undefined;
  #past: Moment[] = [];

  /** @param history lines typed in earlier runs, the oldest first */
  constructor(history: readonly string[] = []) {
    this.#history = history.slice(-maxHistory);
    this.#place = this.#history.length;
  }

  /** What is typed; a pasted line break is in it as LF. */
  get text(): string {
    return this.#text;
  }

  /** The lines that were typed before, the oldest first. */
  get history(): readonly string[] {
    return this.#history;
  }

  /** Where the cursor is, in UTF-16 units. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Takes a key. @param secret whether what is submitted is not remembered */
  take(key: Key, secret = false): Outcome {
    const before = { text: this.#text, cursor: this.#cursor };
    const going = this.#going;
    this.#going = undefined;
    const outcome = this.#take(key, secret, going);
    if (secret || outcome.kind !== "changed") return outcome;
    const undoing = key.kind === "key" && key.name === "undo";
    const goesOn = this.#going === "typing" && going === "typing";
    if (this.#text !== before.text && !undoing && !goesOn) {
      this.#past.push(before);
      if (this.#past.length > maxUndo) this.#past.shift();
    }
    return outcome;
  }

  /** Replaces a part of the text, as a completion does. */
  splice(start: number, end: number, piece: string): void {
    this.#past.push({ text: this.#text, cursor: this.#cursor });
    this.#text = this.#text.slice(0, start) + piece + this.#text.slice(end);
    this.#cursor = start + piece.length;
    this.#going = undefined;
  }

  #take(key: Key, secret: boolean, going: "killing" | "typing" | undefined): Outcome {
    if (key.kind === "text") {
      // A word is one change, so that undo takes back words and not letters.
      if (!/\s$/.test(key.text)) this.#going = "typing";
      return this.#insert(key.text);
    }
    if (key.kind === "paste") return this.#insert(key.text.replace(/\r\n?/g, "\n").replace(/\n+$/, ""));
    return this.#press(key.name, secret, going === "killing");
  }

  /** Begins with another text. */
  replace(text: string): void {
    this.#set(text);
    this.#place = this.#history.length;
    this.#past = [];
    this.#going = undefined;
  }

  /** Forgets a line that was submitted, and what it was submitted with. */
  forget(line: string): void {
    this.#history = this.#history.filter((text) => text !== line && !submittedLines(text).includes(line));
    this.#place = this.#history.length;
  }

  #press(name: KeyName, secret: boolean, killing: boolean): Outcome {
    switch (name) {
      case "enter":
        return this.#submit(secret);
      case "leave":
        // As in a shell: what was typed is given up first.
        return this.#text === "" || secret ? { kind: "left" } : this.#cut(0, this.#text.length);
      case "end_of_input":
        return this.#text === "" ? { kind: "left" } : this.#cut(this.#cursor, this.#right());
      case "delete":
        return this.#cut(this.#cursor, this.#right());
      case "backspace":
        return this.#cut(this.#left(), this.#cursor);
      case "kill_word":
        return this.#kill(this.#wordLeft(), this.#cursor, secret, killing);
      case "kill_word_right":
        return this.#kill(this.#cursor, this.#wordRight(), secret, killing);
      case "kill_to_start":
        return this.#kill(0, this.#cursor, secret, killing);
      case "kill_to_end":
        return this.#kill(this.#cursor, this.#text.length, secret, killing);
      case "yank":
        return secret ? unchanged : this.#insert(this.#killed);
      case "undo":
        return secret ? unchanged : this.#undo();
      case "transpose":
        return this.#transpose();
      case "left":
        return this.#move(this.#left());
      case "right":
        return this.#move(this.#right());
      case "word_left":
        return this.#move(this.#wordLeft());
      case "word_right":
        return this.#move(this.#wordRight());
      case "home":
        return this.#move(0);
      case "end":
        return this.#move(this.#text.length);
      case "up":
        return secret ? unchanged : this.#recall(this.#place - 1);
      case "down":
        return secret ? unchanged : this.#recall(this.#place + 1);
      case "redraw":
        return changed;
      default:
        return unchanged; // a key of the screen, not of the line
    }
  }

  #kill(start: number, end: number, secret: boolean, killing: boolean): Outcome {
    if (start === end) return unchanged;
    const piece = this.#text.slice(start, end);
    if (!secret) {
      const gathered = killing ? this.#killed : "";
      this.#killed = start < this.#cursor ? piece + gathered : gathered + piece;
      this.#going = "killing";
    }
    return this.#cut(start, end);
  }

  #undo(): Outcome {
    const moment = this.#past.pop();
    if (!moment) return unchanged;
    this.#text = moment.text;
    this.#cursor = moment.cursor;
    return changed;
  }

  /** Exchanges the characters at the cursor, or the last two at the text's end. */
  #transpose(): Outcome {
    const before = graphemes(this.#text.slice(0, this.#cursor));
    const after = graphemes(this.#text.slice(this.#cursor));
    const second = after.shift() ?? before.pop();
    const first = before.pop();
    if (first === undefined || second === undefined) return unchanged;
    const head = before.join("") + second + first;
    this.#text = head + after.join("");
    this.#cursor = head.length;
    return changed;
  }

  #insert(piece: string): Outcome {
    const clean = piece.split("\n").map(cleanLine).join("\n").replaceAll("\t", " ");
    if (clean === "") return unchanged;
    if (this.#text.length + clean.length > maxLength) return full;
    this.#text = this.#text.slice(0, this.#cursor) + clean + this.#text.slice(this.#cursor);
    this.#cursor += clean.length;
    return changed;
  }

  #submit(secret: boolean): Outcome {
    const text = this.#text;
    if (!secret && text !== "" && text !== this.#history.at(-1)) {
      this.#history.push(text);
      if (this.#history.length > maxHistory) this.#history.shift();
    }
    this.replace("");
    return { kind: "submitted", text };
  }

  #cut(start: number, end: number): Outcome {
    if (start === end) return unchanged;
    this.#text = this.#text.slice(0, start) + this.#text.slice(end);
    this.#cursor = start;
    return changed;
  }

  #move(to: number): Outcome {
    if (to === this.#cursor) return unchanged;
    this.#cursor = to;
    return changed;
  }

  #recall(place: number): Outcome {
    if (place < 0 || place > this.#history.length || place === this.#place) return unchanged;
    if (this.#place === this.#history.length) this.#draft = this.#text;
    this.#place = place;
    this.#set(place === this.#history.length ? this.#draft : this.#history[place]);
    return changed;
  }

  #set(text: string): void {
    this.#text = text;
    this.#cursor = text.length;
  }

  #left(): number {
    return this.#cursor - (graphemes(this.#text.slice(0, this.#cursor)).at(-1)?.length ?? 0);
  }

  #right(): number {
    return this.#cursor + (graphemes(this.#text.slice(this.#cursor))[0]?.length ?? 0);
  }

  #wordLeft(): number {
    return this.#text.slice(0, this.#cursor).replace(/\S*\s*$/, "").length;
  }

  #wordRight(): number {
    return this.#cursor + /^\s*\S*/.exec(this.#text.slice(this.#cursor))![0].length;
  }
}

/**
 * The lines that a submitted text is, when it was pasted with line breaks in it.
 *
 * A pasted command is one command, its lines joined by spaces; any other text is said line by line, and no line of it
 * is taken for a command.
 */
export function submittedLines(text: string): string[] {
  if (!text.includes("\n")) return [text];
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length < 2) return lines;
  if (/^\/[^/]/.test(lines[0])) return [lines.map((line) => line.trim()).join(" ")];
  return lines.map((line) => line.startsWith("/") ? "/" + line : line);
}

/**
 * The part of an input line that fits into one row, and where the cursor is in it.
 *
 * @param columns the terminal's width; its last column stays free, so that nothing wraps
 */
export function inputView(
  prompt: string,
  text: string,
  cursor: number,
  columns: number,
): { row: string; column: number; width: number } {
  const room = Math.max(4, columns - 1);
  // A question is seen as long as there is room for the answer; a long line gets half of the row, whatever stands there.
  const most = room - Math.min(textWidth(text) + 1, Math.ceil(room / 2));
  const head = textWidth(prompt) <= most ? prompt : most < 4 ? "" : fitted(prompt, most);
  const before = cells(text.slice(0, cursor));
  const after = cells(text.slice(cursor));
  const space = room - textWidth(head);
  // The cursor's own column counts: the cursor stands behind the text at its end.
  let start = before.length;
  let used = 1;
  while (start > 0 && used + before[start - 1].width <= Math.max(space - (after.length > 0 ? 1 : 0), 2)) {
    used += before[--start].width;
  }
  const column = textWidth(head) + used - 1;
  let end = 0;
  let total = used - 1;
  while (end < after.length && total + after[end].width <= space) total += after[end++].width;
  const row = head + [...before.slice(start), ...after.slice(0, end)].map(({ shown }) => shown).join("");
  return { row, column, width: textWidth(head) + total };
}

function cells(text: string): { shown: string; width: number }[] {
  return graphemes(text).map((grapheme) => {
    if (grapheme === "\n") return { shown: "↵", width: 1 };
    return { shown: grapheme, width: graphemeWidth(grapheme) };
  });
}
