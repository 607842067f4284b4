import { systemClock } from "../../common/time.ts";
import { cleanLine } from "../../wire/clean.ts";
import { Editor, inputView, maxLength, type Outcome, submittedLines } from "./editor.ts";
import type { InputHost, InputLineOptions } from "./input_host.ts";
import { KeyReader } from "./key_reader.ts";
import type { Key, KeyName, KeySignal } from "./keys.ts";
import { LineSearch, screenKeys } from "./line_search.ts";
import { note } from "./render.ts";
import type { ReadOptions } from "./screen.ts";
import { drainMs, pauseMs, TypingPause } from "./typing_pause.ts";

/** Keys for which a terminal that is not raw sends a signal. */
const signals: Partial<Record<KeyName, KeySignal>> = { suspend: "SIGTSTP", quit: "SIGQUIT" };

/** Keys that leave a session that is over, on an empty line. */
const leavingKeys: ReadonlySet<KeyName> = new Set(["enter", "leave", "end_of_input"]);

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
 * 2. A line of the talk is never the answer to a question that came up behind it. A question that comes up by itself
 *    waits until the person pauses, and nothing that was typed before the first question answers it.
 * 3. What was typed behind a hidden answer is hidden as well: it does not come to light, and is not said.
 */
export class InputLine {
  readonly editor: Editor;
  readonly #host: InputHost;
  readonly #keys: KeyReader;
  #submitted: Submitted[] = [];
  #reading: Reading | undefined;
  #secret = false;
  /** Whether what is read are answers; then the line that was being typed waits as the draft. */
  #asking = true;
  /** Whether nothing was read yet, so that nobody knows for whom the first keys are. */
  #early = true;
  /** Whether a question waits until the person pauses. */
  #delayed = false;
  readonly #pause: TypingPause;
  /** Called when the person leaves a session that is over. */
  #dismiss: (() => void) | undefined;
  #draft = "";
  #search: LineSearch | undefined;
  #prompt = "";
  /** Whether the last key was a Ctrl-C that was answered with a warning. */
  #warned = false;
  /** Aborted when the person leaves, and when there is nothing more to read. */
  readonly #left = new AbortController();
  readonly #gone = new AbortController();

  constructor(host: InputHost, { history = [], keys = {}, clock = systemClock }: InputLineOptions = {}) {
    this.#host = host;
    this.#pause = new TypingPause(clock);
    this.editor = new Editor(history);
    this.#keys = new KeyReader(keys, clock, {
      ahead: (command) => this.#asking || (command && this.editor.text === ""),
      take: (key) => this.#take(key),
    });
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
    const { signal, keep, expected } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const isUnforeseen = keep && !expected && (this.#early || !this.#asking);
    return isUnforeseen ? this.#readAfterPause(options) : this.#read(options);
  }

  async #readAfterPause(options: ReadOptions): Promise<string | undefined> {
    const { signal } = options;
    this.#delayed = true;
    await this.#pause.quiet(pauseMs, signal ? AbortSignal.any([signal, this.#left.signal]) : this.#left.signal);
    this.#delayed = false;
    signal?.throwIfAborted();
    return await this.#read(options);
  }

  /** Takes what is typed until the terminal is given back, for at most a second. */
  async drained(): Promise<void> {
    this.#pause.begin();
    await this.#pause.quiet(drainMs, this.#gone.signal, pauseMs);
  }

  #read(options: ReadOptions): Promise<string | undefined> {
    const { signal } = options;
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
      if (this.#secret && !options.secret) this.#drop("What you typed behind the hidden answer was dropped");
      if (this.#early && options.keep) this.#drop("What you typed before the question was dropped");
      this.#early = false;
      this.#turnTo(options.keep ?? false);
      this.#prompt = cleanLine(options.prompt);
      this.#secret = options.secret ?? false;
      this.#host.changed();
      this.#serve();
    });
  }

  /** Reads keys until the terminal has gone, or is not wanted any more. */
  async listen(read: (buffer: Uint8Array) => Promise<number | null>, wanted: () => boolean): Promise<void> {
    await this.#keys.run(read, wanted);
    this.#gone.abort();
    this.leave();
  }

  /** Tells the reader that the person wants to leave. */
  leave(): void {
    this.#left.abort();
    this.#dismiss?.();
    this.#serve();
  }

  /** See {@linkcode Screen.dismissed}. */
  async dismissed(): Promise<void> {
    if (this.#secret) this.#drop("What you typed behind the hidden answer was dropped");
    this.#reading = undefined;
    this.#turnTo(false);
    this.#secret = false;
    this.prompt = "";
    this.#pause.begin();
    if (!this.#left.signal.aborted) await new Promise<void>((resolve) => this.#dismiss = resolve);
  }

  /** What was typed and has not been read, in order: it will not be sent. */
  get unread(): readonly string[] {
    const typed = this.#early ? `${this.#draft}\n${this.editor.text}` : this.draft;
    const lines = this.#submitted.filter(({ asked, hidden }) => !asked && !hidden);
    return [...lines.map(({ line }) => line), ...typed.split("\n")].filter((line) => line.trim() !== "");
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
      const { text } = this.editor;
      this.editor.replace(text === "" ? this.#draft : `${this.#draft}\n${text}`);
      this.#draft = "";
    }
  }

  /** Drops what was typed where it was hidden, or before anything was asked. */
  #drop(sentence: string): void {
    const left = this.#early ? [] : this.#submitted.filter(({ hidden }) => !hidden);
    const dropped = this.editor.text !== "" || left.length < this.#submitted.length;
    this.#submitted = left;
    this.editor.replace("");
    if (dropped) this.#host.kept(note(sentence));
  }

  #take(key: Key): void {
    const signal = key.kind === "key" ? signals[key.name] : undefined;
    if (signal) return this.#host.raise?.(signal);
    const paused = this.#pause.isPause;
    if (this.#dismiss && this.#leaves(key)) return paused ? this.#dismiss() : undefined;
    if (key.kind !== "key" || !screenKeys.has(key.name)) this.#pause.begin();
    if (this.#search && this.#searched(key, this.#search)) return this.#host.changed();
    if (this.#host.intercept?.(key, paused)) return;
    if (key.kind === "key" && key.name === "search_back" && !this.#asking) {
      this.#search = new LineSearch(this.editor.history);
      return this.#host.changed();
    }
    if (this.#warnsOf(key)) return this.#host.hint("Ctrl-C again leaves");
    this.#edit(key);
  }

  /** Whether a key leaves a session that is over. */
  #leaves(key: Key): boolean {
    return this.editor.text === "" && key.kind === "key" && leavingKeys.has(key.name);
  }

  #edit(key: Key): void {
    if (this.#delayed && !this.#early && key.kind === "key" && key.name === "enter") return this.#keepLine();
    this.#do(this.editor.take(key, this.#secret || this.#asking), key);
  }

  /** Puts a text into the line, as if it were pasted. */
  paste(text: string): void {
    if (text !== "") this.#edit({ kind: "paste", text });
  }

  #do(outcome: Outcome, key: Key): void {
    if (outcome.kind === "unchanged") return;
    if (outcome.kind === "full") return this.#refuse(key);
    if (outcome.kind === "left") {
      if (key.kind === "key" && key.name === "leave" && this.#reading?.options.cancellable) return this.#cancel();
      this.#left.abort();
    } else if (outcome.kind === "submitted") {
      const own = this.#asking ? undefined : this.#host.submit;
      const lines = own ? own(outcome.text) : submittedLines(outcome.text);
      const how = { asked: this.#asking && !this.#early, hidden: this.#secret };
      this.#submitted.push(...lines.map((line) => ({ line, ...how })));
    }
    this.#host.changed();
    this.#serve();
  }

  /** Gives the question up that is being read. */
  #cancel(): void {
    const reading = this.#reading;
    this.#reading = undefined;
    this.editor.replace("");
    this.#host.kept(this.#prompt);
    reading?.resolve(undefined);
  }

  /** The line has no room for what was typed or pasted: that is said, and a paste may have another way. */
  #refuse(key: Key): void {
    const isPaste = key.kind === "paste";
    if (isPaste && !key.cut && !this.#asking && this.#host.tooLarge) {
      // Of one that comes in parts, the line has those before.
      const whole = key.goesOn ? this.editor.text + key.text : key.text;
      if (this.#host.tooLarge(whole)) {
        if (key.goesOn) this.editor.replace("");
        return this.#host.changed();
      }
    }
    // Short, as it is one row of a terminal that may have 40 columns.
    const full = `The line is full (${maxLength.toLocaleString("en")} characters)`;
    this.#host.hint(isPaste ? "Too large to paste; /send sends files" : full);
  }

  /** Whether a key is a Ctrl-C that would leave, and is the first: one may be typed just after a line was sent. */
  #warnsOf(key: Key): boolean {
    const first = !this.#warned;
    this.#warned = key.kind === "key" && key.name === "leave" && this.editor.text === "" && !this.#asking;
    return this.#warned && first;
  }

  /** Ends a line of the talk behind which a question waits: nobody knows yet whether there will be somebody to say it to. */
  #keepLine(): void {
    const { text } = this.editor;
    if (text !== "" && !text.endsWith("\n")) this.editor.splice(text.length, text.length, "\n");
    this.#host.changed();
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
    if (!reading || (next < 0 && !this.#left.signal.aborted)) return;
    this.#reading = undefined;
    if (this.#left.signal.aborted) return reading.resolve(undefined);
    const [{ line }] = this.#submitted.splice(next, 1);
    if (reading.options.keep) this.#host.kept(this.#prompt + (reading.options.secret ? "" : line));
    reading.resolve(line);
  }
}
