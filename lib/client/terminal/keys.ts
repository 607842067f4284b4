import { isAmbiguous, proceed } from "./escape_sequence.ts";

/** A key that does something. */
export type KeyName =
  | "enter"
  | "leave"
  | "end_of_input"
  | "left"
  | "right"
  | "word_left"
  | "word_right"
  | "home"
  | "end"
  | "up"
  | "down"
  | "backspace"
  | "delete"
  | "kill_word"
  | "kill_to_start"
  | "kill_to_end"
  | "kill_word_right"
  | "yank"
  | "undo"
  | "transpose"
  | "search_back"
  | "cancel"
  | "redraw"
  | "tab"
  | "back_tab"
  | "page_up"
  | "page_down"
  | "scroll_up"
  | "scroll_down"
  | "scroll_home"
  | "scroll_end"
  | "next_unread"
  | "suspend"
  | "quit"
  | "focus_in"
  | "focus_out";

/** A signal that a terminal which is not raw sends for a key. */
export type KeySignal = "SIGTSTP" | "SIGQUIT";

/** What was typed. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  /** `cut` where more came than is kept; `goesOn` where it is a further part of one that the terminal has not marked. */
  | { readonly kind: "paste"; readonly text: string; readonly cut?: boolean; readonly goesOn?: boolean }
  | { readonly kind: "key"; readonly name: KeyName };

/** What terminals send for each key: xterm, VT220, rxvt and the Linux console differ. */
const sequences: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\x01": "home",
  "\x02": "left",
  "\x03": "leave",
  "\x04": "end_of_input",
  "\x05": "end",
  "\x06": "right",
  "\x07": "cancel",
  "\x08": "backspace",
  "\x09": "tab",
  "\x0b": "kill_to_end",
  "\x0c": "redraw",
  "\x0e": "down",
  "\x10": "up",
  "\x12": "search_back",
  "\x14": "transpose",
  "\x15": "kill_to_start",
  "\x17": "kill_word",
  "\x19": "yank",
  "\x1a": "suspend",
  "\x1c": "quit",
  "\x1f": "undo",
  "\x7f": "backspace",
  "\x1b[A": "up",
  "\x1b[B": "down",
  "\x1b[C": "right",
  "\x1b[D": "left",
  "\x1bOA": "up",
  "\x1bOB": "down",
  "\x1bOC": "right",
  "\x1bOD": "left",
  "\x1b[H": "home",
  "\x1b[F": "end",
  "\x1bOH": "home",
  "\x1bOF": "end",
  "\x1b[1~": "home",
  "\x1b[4~": "end",
  "\x1b[7~": "home",
  "\x1b[8~": "end",
  "\x1b[3~": "delete",
  "\x1b[1;5C": "word_right",
  "\x1b[1;5D": "word_left",
  "\x1b[1;3C": "word_right",
  "\x1b[1;3D": "word_left",
  "\x1bb": "word_left",
  "\x1bf": "word_right",
  "\x1b\x7f": "kill_word",
  "\x1b\b": "kill_word",
  "\x1bd": "kill_word_right",
  "\x1b[3;5~": "kill_word_right",
  "\x1b[Z": "back_tab",
  "\x1b[5~": "page_up",
  "\x1b[6~": "page_down",
  "\x1b[1;2A": "scroll_up",
  "\x1b[1;2B": "scroll_down",
  "\x1b[1;5H": "scroll_home",
  "\x1b[1;5F": "scroll_end",
  "\x1b<": "scroll_home",
  "\x1b>": "scroll_end",
  "\x1bu": "next_unread",
  "\x1b[I": "focus_in",
  "\x1b[O": "focus_out",
};

/** A turn of the mouse's wheel, where the mouse is asked for, as SGR or as X10 reports it. */
// deno-lint-ignore no-control-regex
const wheel = /^\x1b\[(?:<6([45]);\d+;\d+M|M([`a])..)$/s;

const escape = 0x1b;
const pasteStart = "\x1b[200~";
const pasteEnd = "\x1b[201~";

/** The most bytes of one paste that are kept: more than a line takes, for it can be sent as a file. */
export const maxPaste = 4 * 1024 * 1024;

/** How long an Escape waits for the rest of a key, in milliseconds, unless somebody chose. */
export const defaultEscapeMs = 50;

/** What can only be a part of a sequence waits so many times longer for its rest. */
const cutFactor = 20;

/** Settings and ports of a decoder. */
export interface KeyDecoderOptions {
  /** How long an Escape waits for the rest of a key, in milliseconds: longer over lines that are slow. */
  readonly escapeMs?: number;
  /** Tells the time in milliseconds. */
  readonly now?: () => number;
}

/**
 * A raw terminal's bytes → keys, in pieces of any size.
 *
 * 1. A character or a sequence that is cut by a read waits for its rest.
 * 2. What could be the Escape key waits `escapeMs`; what can only be a part of a sequence waits 20 times as long. After
 *    that it is dropped, and what comes is read anew.
 * 3. A sequence that is not known is dropped whole, so that no part of it is typed. So are all answers of a terminal,
 *    and X10 reports of the mouse, whose bytes are no UTF-8.
 */
export class KeyDecoder {
  readonly #escapeMs: number;
  readonly #now: () => number;
  readonly #decoder = new TextDecoder();
  /** The printable bytes that came last. */
  #run: number[] = [];
  /** What there is of a sequence. */
  #sequence = "";
  #readAt = 0;
  /** The bytes of a paste that goes on, and how many bytes of its end have come. */
  #paste: number[] | undefined;
  #pasteEnding = 0;
  #afterReturn = false;

  constructor({ escapeMs = defaultEscapeMs, now = () => performance.now() }: KeyDecoderOptions = {}) {
    this.#escapeMs = escapeMs;
    this.#now = now;
  }

  /** Whether a sequence has begun, and waits for its rest. */
  get isUnfinished(): boolean {
    return this.#sequence !== "";
  }

  /** Takes the next bytes. @returns the keys that they complete, in order */
  push(bytes: Uint8Array): Key[] {
    const now = this.#now();
    if (this.#sequence !== "" && now - this.#readAt > this.#patience()) this.#sequence = "";
    this.#readAt = now;
    const keys: Key[] = [];
    for (const byte of bytes) {
      if (this.#paste) this.#takePasted(byte, this.#paste, keys);
      else this.#take(byte, keys);
    }
    this.#endRun(keys, true);
    return keys;
  }

  /** How long what there is of a sequence waits for its rest, in milliseconds. */
  #patience(): number {
    return isAmbiguous(this.#sequence) ? this.#escapeMs : this.#escapeMs * cutFactor;
  }

  #take(byte: number, keys: Key[]): void {
    const char = String.fromCharCode(byte);
    if (this.#sequence === "") {
      if (byte >= 0x20 && byte !== 0x7f) return void this.#run.push(byte);
      this.#endRun(keys, false);
      if (byte === escape) this.#sequence = char;
      else this.#press(char, keys);
      return;
    }
    const progress = proceed(this.#sequence, char);
    if (progress.kind === "unfinished") return void (this.#sequence = progress.kept);
    const sequence = this.#sequence + char;
    this.#sequence = progress.kind === "broken" ? progress.left : "";
    if (progress.kind === "broken") this.#take(byte, keys);
    else this.#press(sequence, keys);
  }

  /** A control character or a sequence is complete. */
  #press(sequence: string, keys: Key[]): void {
    const lineFeed = sequence === "\n" && this.#afterReturn;
    this.#afterReturn = sequence === "\r";
    if (sequence === pasteStart) this.#paste = [];
    else if (Object.hasOwn(sequences, sequence)) {
      if (!lineFeed) keys.push({ kind: "key", name: sequences[sequence] });
    } else {
      const [, sgr, x10] = wheel.exec(sequence) ?? [];
      if (sgr ?? x10) keys.push({ kind: "key", name: sgr === "4" || x10 === "`" ? "scroll_up" : "scroll_down" });
    }
  }

  /** The printable bytes up to here are text. @param goesOn whether the last character may be cut */
  #endRun(keys: Key[], goesOn: boolean): void {
    if (this.#run.length > 0) this.#afterReturn = false;
    const text = this.#decoder.decode(Uint8Array.from(this.#run), { stream: goesOn });
    this.#run = [];
    const printable = text.replace(/[\x80-\x9f]+/g, "");
    if (printable !== "") keys.push({ kind: "text", text: printable });
  }

  #takePasted(byte: number, paste: number[], keys: Key[]): void {
    if (byte === pasteEnd.charCodeAt(this.#pasteEnding)) {
      if (++this.#pasteEnding < pasteEnd.length) return;
      const cut = paste.length > maxPaste;
      const text = new TextDecoder().decode(Uint8Array.from(cut ? paste.slice(0, maxPaste) : paste));
      keys.push({ kind: "paste", text, ...(cut ? { cut } : {}) });
      this.#paste = undefined;
      this.#pasteEnding = 0;
      return;
    }
    // What looked like its end was none.
    const begun = pasteEnd.slice(0, this.#pasteEnding);
    this.#pasteEnding = byte === escape ? 1 : 0;
    const bytes = [...Array.from(begun, (char) => char.charCodeAt(0)), ...(byte === escape ? [] : [byte])];
    if (paste.length <= maxPaste) paste.push(...bytes);
  }
}
