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
  | "focus_in"
  | "focus_out";

/** What was typed. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "paste"; readonly text: string }
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

/** A turn of the mouse's wheel, where the mouse is asked for. */
// deno-lint-ignore no-control-regex
const wheel = /^\x1b\[<6([45]);\d+;\d+M$/;

const pasteStart = "\x1b[200~";
const pasteEnd = "\x1b[201~";

/** The most characters of a control sequence that is not complete yet; a longer one is not taken for one. */
const maxSequence = 64;

/** The most characters of one paste that are kept. */
const maxPaste = 64 * 1024;

// deno-lint-ignore no-control-regex
const escape = /^\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^[O\x1b])/;
// deno-lint-ignore no-control-regex
const unfinished = /^\x1b(?:\[[0-?]*[ -/]*|O)?$/;
// deno-lint-ignore no-control-regex
const printable = /^[^\x00-\x1f\x7f-\x9f]+/;

/**
 * A raw terminal's bytes → keys, in pieces of any size.
 *
 * Characters and escape sequences that are cut by a read wait for the rest; a sequence that is not known is dropped
 * whole, so that no part of it is typed.
 */
export class KeyDecoder {
  readonly #decoder = new TextDecoder();
  #left = "";
  #pasted: string | undefined;
  #afterReturn = false;

  /** Takes the next bytes. @returns the keys that they complete, in order */
  push(bytes: Uint8Array): Key[] {
    const fresh = this.#decoder.decode(bytes, { stream: true });
    // An escape at a read's end begins a sequence only if the next read goes on like one: else it was the key itself.
    if (this.#left === "\x1b" && fresh !== "" && !/^[[O]/.test(fresh)) this.#left = "";
    let text = this.#left + fresh;
    this.#left = "";
    const keys: Key[] = [];
    while (text !== "") {
      const length = this.#pasted === undefined ? this.#key(text, keys) : this.#paste(text, keys);
      if (length === 0) {
        this.#left = text;
        break;
      }
      text = text.slice(length);
    }
    return keys;
  }

  /** Reads one key. @returns the characters that it took; 0 where more must come first */
  #key(text: string, keys: Key[]): number {
    const typed = printable.exec(text)?.[0];
    const afterReturn = this.#afterReturn;
    this.#afterReturn = text[0] === "\r";
    if (typed !== undefined) {
      keys.push({ kind: "text", text: typed });
      return typed.length;
    }
    const sequence = text[0] === "\x1b" ? escape.exec(text)?.[0] : text[0];
    if (sequence === undefined) return unfinished.test(text) && text.length < maxSequence ? 0 : 1;
    if (sequence === pasteStart) this.#pasted = "";
    else if (Object.hasOwn(sequences, sequence) && !(sequence === "\n" && afterReturn)) {
      keys.push({ kind: "key", name: sequences[sequence] });
    } else {
      const turned = wheel.exec(sequence);
      if (turned) keys.push({ kind: "key", name: turned[1] === "4" ? "scroll_up" : "scroll_down" });
    }
    return sequence.length;
  }

  #paste(text: string, keys: Key[]): number {
    const end = text.indexOf(pasteEnd);
    // The end's own beginning may stand at the end of what has come.
    const held = end < 0 ? overlap(text, pasteEnd) : 0;
    const piece = text.slice(0, end < 0 ? text.length - held : end);
    this.#pasted = (this.#pasted! + piece).slice(0, maxPaste);
    if (end < 0) return piece.length;
    keys.push({ kind: "paste", text: this.#pasted });
    this.#pasted = undefined;
    return end + pasteEnd.length;
  }
}

/** How many of the text's last characters are the beginning of the word. */
function overlap(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}
