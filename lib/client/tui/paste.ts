import { inputView, submittedLines } from "../terminal/editor.ts";
import type { InputLine } from "../terminal/input_line.ts";
import { type Key, maxPaste } from "../terminal/keys.ts";
import { errorLine, note } from "../terminal/render.ts";
import { AlreadyTold } from "../session/local_commands.ts";
import { formatSize } from "../transfer/size.ts";
import type { Transfers } from "../transfer/transfers.ts";
import type { SessionPort } from "./timeline.ts";

/** What stands in a message where a line ended. */
const sign = " ⏎ ";

/** What was answered; `none` where a key is no answer, or not yet. */
export type PasteAnswer =
  | { readonly kind: "none" }
  /** The text goes back into the line, and behind it, as a line of its own, what was typed and is no answer. */
  | { readonly kind: "edit"; readonly typed: string }
  | { readonly kind: "file" }
  /** What was typed and is no answer goes into the line. */
  | { readonly kind: "drop"; readonly typed: string }
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
  readonly #choice: Choice;

  /** @param maxBytes the longest message, in bytes */
  constructor(text: string, maxBytes: number) {
    this.text = text;
    this.lines = submittedLines(text);
    const parts = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const joined = parts.join(sign);
    this.#command = parts.length > 1 && /^\/[^/]/.test(text);
    const fits = parts.length > 1 && (this.#command || new TextEncoder().encode(joined).length <= maxBytes);
    this.#joined = fits ? (!this.#command && /^\/[^/]/.test(joined) ? "/" + joined : joined) : undefined;
    this.#choice = new Choice([...(fits ? ["o"] : []), ...(this.#command ? [] : ["s"]), "e"]);
  }

  /** What the person is asked; undefined where it is one line. */
  get question(): string | undefined {
    if (this.#command) return "Several lines: send as (o)ne message with ⏎, (e)dit? ";
    if (this.lines.length < 2) return undefined;
    const several = `(s)end ${this.lines.length} messages`;
    const one = this.#joined === undefined ? "" : `send as (o)ne message with ⏎, `;
    return `${this.lines.length} lines: ${one}${several}, (e)dit? `;
  }

  /** The question as an input row; in fewer words where the terminal is narrow. */
  view(columns: number): { row: string; column: number } {
    const { question = "" } = this;
    const one = this.#joined === undefined ? "" : "(o)ne message, ";
    const brief = this.#command ? `${one}(e)dit? ` : `${this.lines.length}: ${one}(s)everal, (e)dit? `;
    return this.#choice.view(question.length + 1 < columns ? question : brief, columns);
  }

  /**
   * Takes a key of the answer.
   *
   * @param paused whether the person has paused before it: Enter alone is then the first of the choices
   */
  take(key: Key, paused: boolean): PasteAnswer {
    const taken = this.#choice.take(key, paused);
    if (taken.kind === "none") return taken;
    if (taken.kind === "typed") return { kind: "edit", typed: taken.typed };
    switch (taken.letter) {
      case "o":
        return { kind: "lines", lines: [this.#joined!] };
      case "s":
        return { kind: "lines", lines: this.lines };
      default:
        return { kind: "edit", typed: "" };
    }
  }
}

/** A paste that the line has no room for: the person is asked whether it is to be sent as a file. */
export class LargePaste {
  readonly #room: string | undefined;
  readonly #choice: Choice;
  #text: string;

  /** @param room where it would be offered; undefined where one is in none */
  constructor(text: string, room: string | undefined) {
    this.#text = text;
    this.#room = room;
    // "y" and "n" as well: it reads like a question that they answer, and what is no answer may be said to the room.
    this.#choice = new Choice(room === undefined ? ["d", "n"] : ["f", "d", "y", "n"]);
  }

  /** What was pasted, in UTF-8. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.#text.replace(/\r\n?/g, "\n"));
  }

  /** How much it is, in words. */
  get size(): string {
    const { bytes } = this;
    const lines = bytes.reduce((count, byte) => byte === 0x0a ? count + 1 : count, 1);
    return `${lines.toLocaleString("en")} line${lines === 1 ? "" : "s"}, ${formatSize(bytes.length)}`;
  }

  /** The question as an input row. */
  view(columns: number): { row: string; column: number } {
    const file = this.#room === undefined ? "" : `Send it to ${this.#room} as a (f)ile, `;
    return this.#choice.view(`${file}(d)rop? `, columns);
  }

  /** As of {@linkcode Paste}; a further part of the paste is added to it. */
  take(key: Key, paused: boolean): PasteAnswer {
    if (key.kind === "paste" && key.goesOn && this.#text.length + key.text.length <= maxPaste) {
      this.#text += key.text;
      return { kind: "none" };
    }
    const taken = this.#choice.take(key, paused);
    if (taken.kind === "none") return taken;
    if (taken.kind === "chosen" && "fy".includes(taken.letter)) return { kind: "file" };
    return { kind: "drop", typed: taken.kind === "typed" ? taken.typed : "" };
  }
}

/** What a key was to a question: nothing yet, an answer, or what was typed by somebody who has not read it. */
type Chosen =
  | { readonly kind: "none" }
  | { readonly kind: "chosen"; readonly letter: string }
  | { readonly kind: "typed"; readonly typed: string };

/** A question that a letter and Enter answer. */
class Choice {
  readonly #letters: readonly string[];
  #letter = "";

  /** @param letters the first is that of Enter alone */
  constructor(letters: readonly string[]) {
    this.#letters = letters;
  }

  view(question: string, columns: number): { row: string; column: number } {
    const row = question + this.#letter;
    return inputView("", row, row.length, columns);
  }

  take(key: Key, paused: boolean): Chosen {
    if (key.kind !== "key") {
      const typed = this.#letter + key.text;
      if (key.kind === "paste" || !this.#letters.includes(typed.toLowerCase())) return { kind: "typed", typed };
      this.#letter = typed;
      return { kind: "none" };
    }
    if (key.name === "leave") return { kind: "typed", typed: "" };
    if (key.name === "backspace") this.#letter = "";
    if (key.name !== "enter" || (this.#letter === "" && !paused)) return { kind: "none" };
    return { kind: "chosen", letter: this.#letter.toLowerCase() || this.#letters[0] };
  }
}

/** What pasting needs of its screen. */
export interface PastingOptions {
  readonly session: Pick<SessionPort, "room" | "maxMessageBytes">;
  readonly transfers: Pick<Transfers, "sendBytes">;
  readonly input: () => Pick<InputLine, "editor" | "paste" | "submit">;
  /** Shows a line above. */
  print(line: string): void;
}

/** What becomes of what was pasted, while a person is asked about it. */
export class Pasting {
  readonly #options: PastingOptions;
  #asked: Paste | LargePaste | undefined;

  constructor(options: PastingOptions) {
    this.#options = options;
  }

  /** What is asked; undefined while nothing is. */
  get asked(): Paste | LargePaste | undefined {
    return this.#asked;
  }

  /** The text that is asked about, where it could be typed. */
  get text(): string | undefined {
    return this.#asked instanceof Paste ? this.#asked.text : undefined;
  }

  /** Why it is asked, where the question does not say it. */
  get hint(): string {
    return this.#asked instanceof LargePaste ? `Too much to type: ${this.#asked.size}` : "";
  }

  /** What is to be said at the end of what was not sent, beside {@linkcode Pasting.text}. */
  get farewells(): readonly string[] {
    return this.#asked instanceof LargePaste ? [notSent(this.#asked)] : [];
  }

  /** The lines that a submitted text is; none where the person is asked first, if anybody may be asked. */
  submit(text: string, mayAsk: boolean): readonly string[] {
    const paste = new Paste(text, this.#options.session.maxMessageBytes);
    if (paste.question === undefined || !mayAsk) return paste.lines;
    this.#asked = paste;
    return [];
  }

  /** Asks about what the line has no room for. @returns true */
  tooLarge(text: string): boolean {
    this.#asked = new LargePaste(text, this.#options.session.room);
    return true;
  }

  /** Asks no more: the text goes back into the line, and what does not fit is told. */
  giveUp(): void {
    if (this.#asked) this.#do(this.#asked, { kind: this.#asked instanceof Paste ? "edit" : "drop", typed: "" });
  }

  /** Takes a key of the answer. */
  take(key: Key, paused: boolean): void {
    if (this.#asked) this.#do(this.#asked, this.#asked.take(key, paused));
  }

  #do(paste: Paste | LargePaste, answer: PasteAnswer): void {
    if (answer.kind === "none") return;
    this.#asked = undefined;
    const { print } = this.#options;
    const input = this.#options.input();
    if (answer.kind === "lines") return input.submit(answer.lines);
    if (paste instanceof LargePaste) {
      if (answer.kind === "file") return this.#send(paste);
      print(notSent(paste));
    } else input.editor.replace(paste.text + (answer.kind === "edit" && answer.typed !== "" ? "\n" : ""));
    if (answer.kind !== "file") input.paste(answer.typed);
  }

  #send({ bytes }: LargePaste): void {
    const { session: { room }, transfers, print } = this.#options;
    const tell = { answer: print, note: (sentence: string) => print(note(sentence)) };
    transfers.sendBytes({ room: room! }, { name: "paste.txt", bytes }, tell).catch((error) => {
      if (!(error instanceof AlreadyTold)) print(errorLine(error));
    });
  }
}

function notSent({ size }: LargePaste): string {
  return note(`What you pasted was not sent: ${size}`);
}
