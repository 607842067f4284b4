import { cleanLine } from "../../wire/clean.ts";
import { Editor, inputView, submittedLines } from "./editor.ts";
import { type Key, KeyDecoder, type KeyDecoderOptions, type KeyName, type KeySignal } from "./keys.ts";
import { LineSearch } from "./line_search.ts";
import { note } from "./render.ts";
import type { ReadOptions } from "./screen.ts";

/** What an input line needs of the screen that it is on. */
export interface InputHost {
  /** What is to be seen has changed. */
  changed(): void;
  /** A question was answered, and both are to stay on the screen. */
  kept(line: string): void;
  /** A key was pressed for which a terminal that is not raw sends a signal. */
  raise?(signal: KeySignal): void;
  /** Takes keys before the editor. @returns whether the key was the screen's own */
  intercept?(key: Key): boolean;
  /** Says something that matters until the next key. */
  hint(sentence: string): void;
  /** Takes a submitted text. @returns its lines, none where it was the screen's own */
  submit?(text: string): readonly string[];
}

/** Settings of an input line. */
export interface InputLineOptions {
  /** The lines that were typed in earlier runs, the oldest first. */
  readonly history?: readonly string[];
  readonly keys?: KeyDecoderOptions;
}

/** Keys that change nothing in the line, so that a search goes on. */
const screenKeys: ReadonlySet<KeyName> = new Set([
  "focus_in",
  "focus_out",
  "page_up",
  "page_down",
  "scroll_up",
  "scroll_down",
  "redraw",
]);

/** Keys for which a terminal that is not raw sends a signal. */
const signals: Partial<Record<KeyName, KeySignal>> = { suspend: "SIGTSTP", quit: "SIGQUIT" };

/** A submitted line that nobody has read yet. */
interface Submitted {
  readonly line: string;
  /** It was typed behind a question, and can be the answer to another one. */
  readonly asked: boolean;
  /** It was typed where nothing can be seen. */
  readonly hidden: boolean;
}

interface Reading {
  readonly options: ReadOptions;
  readonly resolve: (line: string | undefined) => void;
}

/**
 * The line in which a person types: keys in, lines out to its reader. Drawing it is the screen's work.
 *
 * Promises:
 * 1. What is typed survives all that happens meanwhile: a question sets it aside and its answer brings it back.
 * 2. A line of the talk is never the answer to a question that came up behind it.
 * 3. What was typed behind a hidden answer is hidden as well: it does not come to light, and is not said.
 */
export class InputLine {
  readonly editor: Editor;
  readonly #host: InputHost;
  readonly #decoder: KeyDecoder;
  #submitted: Submitted[] = [];
  #reading: Reading | undefined;
  #secret = false;
  /** Whether what is read are answers; then the line that was being typed waits as the draft. */
  #asking = true;
  #draft = "";
  #search: LineSearch | undefined;
  #prompt = "";
  #left = false;
  /** Whether the last key was a Ctrl-C that was answered with a warning. */
  #warned = false;

  constructor(host: InputHost, { history = [], keys = {} }: InputLineOptions = {}) {
    this.#host = host;
    this.editor = new Editor(history);
    this.#decoder = new KeyDecoder(keys);
  }

  /** Whether what is typed is the answer to a question, and no line of the talk. */
  get asking(): boolean {
    return this.#asking;
  }

  /** The line of the talk that is being typed, also while it waits behind a question. */
  get draft(): string {
    return this.#asking ? this.#draft : this.editor.text;
  }

  /** Begins with a line that was typed in an earlier run, unless something is typed already. @returns whether it did */
  restore(draft: string): boolean {
    if (this.draft !== "" || draft === "") return false;
    const clean = draft.split(/\r?\n/).map(cleanLine).join("\n");
    if (this.#asking) this.#draft = clean;
    else this.editor.replace(clean);
    this.#host.changed();
    return true;
  }

  get prompt(): string {
    return this.#prompt;
  }

  set prompt(prompt: string) {
    const clean = cleanLine(prompt);
    if (clean === this.#prompt) return;
    this.#prompt = clean;
    this.#host.changed();
  }

  /** See {@linkcode Screen.read}. */
  read(options: ReadOptions): Promise<string | undefined> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#reading = undefined;
        if (options.secret) this.editor.replace("");
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#reading = {
        options,
        resolve: (line) => {
          signal?.removeEventListener("abort", abort);
          resolve(line);
        },
      };
      if (this.#secret && !options.secret) this.#dropHidden();
      this.#turnTo(options.keep ?? false);
      this.#prompt = cleanLine(options.prompt);
      this.#secret = options.secret ?? false;
      this.#host.changed();
      this.#serve();
    });
  }

  /** Reads keys until the terminal has gone, or is not wanted any more. */
  async listen(read: (buffer: Uint8Array) => Promise<number | null>, wanted: () => boolean): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (let count; wanted() && (count = await read(buffer)) !== null;) {
        for (const key of this.#decoder.push(buffer.subarray(0, count))) this.#take(key);
      }
    } catch {
      // the terminal is gone, which is one way to leave
    }
    this.leave();
  }

  /** Tells the reader that the person wants to leave. */
  leave(): void {
    this.#left = true;
    this.#serve();
  }

  /** Hands out lines as if they had just been submitted. */
  submit(lines: readonly string[]): void {
    this.#submitted.push(...lines.map((line) => ({ line, asked: false, hidden: false })));
    this.#serve();
  }

  /** The row to draw, and the cursor's column in it. */
  view(columns: number): { row: string; column: number; width: number } {
    if (this.#search) return inputView(this.#search.prompt, this.#search.text, this.#search.cursor, columns);
    const { text, cursor } = this.editor;
    return this.#secret ? inputView(this.#prompt, "", 0, columns) : inputView(this.#prompt, text, cursor, columns);
  }

  /** Sets what is typed aside for a question, and brings it back after the last one. */
  #turnTo(question: boolean): void {
    if (question === this.#asking) return;
    this.#asking = question;
    this.#search = undefined;
    if (question) {
      this.#draft = this.editor.text;
      this.editor.replace("");
    } else if (this.#draft !== "") {
      this.editor.replace(this.#draft);
      this.#draft = "";
    }
  }

  /** Drops what was typed behind a hidden answer. */
  #dropHidden(): void {
    const open = this.#submitted.filter(({ hidden }) => !hidden);
    const dropped = this.editor.text !== "" || open.length < this.#submitted.length;
    this.#submitted = open;
    this.editor.replace("");
    if (dropped) this.#host.kept(note("What you typed behind the hidden answer was dropped"));
  }

  #take(key: Key): void {
    const signal = key.kind === "key" ? signals[key.name] : undefined;
    if (signal) return this.#host.raise?.(signal);
    if (this.#search && this.#searched(key, this.#search)) return this.#host.changed();
    if (this.#host.intercept?.(key)) return;
    if (key.kind === "key" && key.name === "search_back" && !this.#asking) {
      this.#search = new LineSearch(this.editor.history);
      return this.#host.changed();
    }
    if (this.#warnsOf(key)) return this.#host.hint("Ctrl-C again leaves");
    const outcome = this.editor.take(key, this.#secret || this.#asking);
    if (outcome.kind === "unchanged") return;
    if (outcome.kind === "left") this.#left = true;
    else if (outcome.kind === "submitted") {
      const own = this.#asking ? undefined : this.#host.submit;
      const lines = own ? own(outcome.text) : submittedLines(outcome.text);
      const how = { asked: this.#asking, hidden: this.#secret };
      this.#submitted.push(...lines.map((line) => ({ line, ...how })));
    }
    this.#host.changed();
    this.#serve();
  }

  /** Whether a key is a Ctrl-C that would leave, and is the first: one may be typed just after a line was sent. */
  #warnsOf(key: Key): boolean {
    const first = !this.#warned;
    this.#warned = key.kind === "key" && key.name === "leave" && this.editor.text === "" && !this.#asking;
    return this.#warned && first;
  }

  /** Gives a key to the search. @returns whether it was the search's own */
  #searched(key: Key, search: LineSearch): boolean {
    if (key.kind === "key" && screenKeys.has(key.name)) return false;
    const outcome = search.take(key);
    if (outcome.kind === "searching") return true;
    this.#search = undefined;
    if (outcome.kind === "given_up") return true;
    this.editor.replace(outcome.text);
    return !outcome.again;
  }

  /** Gives the reader a line, if there are both. */
  #serve(): void {
    const reading = this.#reading;
    const next = this.#submitted.findIndex(({ asked }) => asked || !reading?.options.keep);
    if (!reading || (next < 0 && !this.#left)) return;
    this.#reading = undefined;
    if (this.#left) return reading.resolve(undefined);
    const [{ line }] = this.#submitted.splice(next, 1);
    if (reading.options.keep) this.#host.kept(this.#prompt + (reading.options.secret ? "" : line));
    reading.resolve(line);
  }
}
