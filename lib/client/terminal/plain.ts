import { type Clock, systemClock } from "../../common/time.ts";
import { LineFramer } from "../../wire/lines.ts";
import { outputFault } from "../base/exit.ts";
import { Editor } from "./editor.ts";
import { KeyDecoder } from "./keys.ts";
import { note } from "./render.ts";
import type { ReadOptions, Screen } from "./screen.ts";
import { drainMs, pauseMs } from "./typing_pause.ts";

/** The terminal's ends; questions go another way than what is printed. */
export interface PlainTty {
  read(buffer: Uint8Array): Promise<number | null>;
  /** Waits for something to read, for so many milliseconds. @returns whether there is something */
  typed(ms?: number): Promise<boolean>;
  writeSync(bytes: Uint8Array): number;
  /** Writes a question. */
  ask(bytes: Uint8Array): number;
  setRaw(raw: boolean): void;
}

/** Settings and ports of a screen of plain lines. */
export interface PlainScreenOptions {
  readonly clock?: Clock;
  /** What is said at the end of lines that were typed and not read. */
  readonly unsent?: (typed: readonly string[]) => readonly string[];
}

/** What is read: lines of the talk, answers, or answers that nobody sees. `early` is before the first. */
type Mode = "early" | "talk" | "question" | "secret";

/** The longest line that can be typed, in bytes. */
const maxLine = 64 * 1024;

const encoder = new TextEncoder();

/**
 * A screen of plain lines, for a terminal that can do no more (`TERM=dumb`), or whose output goes to a file.
 *
 * The terminal itself edits the line: what is half typed is taken out of it where a question comes up by itself, and at
 * the end, so that it gets neither to the question nor to the shell.
 */
export class PlainScreen implements Screen {
  readonly #tty: PlainTty;
  readonly #clock: Clock;
  readonly #unsent: NonNullable<PlainScreenOptions["unsent"]>;
  readonly #framer = new LineFramer(maxLine);
  /** Lines that nobody has taken, and whether they were typed behind a question. */
  readonly #lines: { readonly text: string; readonly asked: boolean }[] = [];
  #mode: Mode = "early";
  #filling: Promise<void> | undefined;
  /** While it is set, what is typed is taken key by key. */
  #raw: Promise<void> | undefined;
  #ended = false;
  #closed = false;

  constructor(tty: PlainTty, { clock = systemClock, unsent = () => [] }: PlainScreenOptions = {}) {
    this.#tty = tty;
    this.#clock = clock;
    this.#unsent = unsent;
  }

  /** @throws {ClientError} `usage` where the output, which may be a file, cannot be written */
  print(line: string): void {
    const bytes = encoder.encode(line + "\n");
    try {
      for (let sent = 0; sent < bytes.length;) sent += this.#tty.writeSync(bytes.subarray(sent));
    } catch (cause) {
      throw outputFault(cause);
    }
  }

  farewell(line: string): void {
    this.print(line);
  }

  setPrompt(): void {
    // lines that are typed here have no prompt
  }

  async read({ prompt, secret, keep, expected, signal }: ReadOptions): Promise<string | undefined> {
    signal?.throwIfAborted();
    await this.#turnTo(secret ? "secret" : keep ? "question" : "talk", expected ?? false);
    signal?.throwIfAborted();
    if (keep) this.#ask(prompt);
    return secret ? await this.#readSecret() : await this.#nextLine(signal);
  }

  forget(): void {
    // nothing is remembered
  }

  async dismissed(): Promise<void> {
    this.#mode = "talk";
    this.#ask(note("Enter leaves") + "\n");
    const typed: string[] = [];
    for (let since = this.#clock.now();;) {
      const line = await this.#nextLine();
      if (line === undefined || (line.trim() === "" && this.#clock.now() - since >= pauseMs)) break;
      if (line.trim() === "") continue;
      typed.push(line);
      since = this.#clock.now();
    }
    this.#lines.push(...typed.map((text) => ({ text, asked: false })));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const lines = this.#lines.splice(0).map(({ text }) => text);
    // A terminal that is gone has nothing more to give.
    const typed = this.#ended ? [] : await this.#drained(drainMs, pauseMs).catch(() => []);
    for (const line of this.#unsent([...lines, ...typed])) this.print(line);
  }

  #ask(text: string): void {
    this.#tty.ask(encoder.encode(text));
  }

  /** Takes what was typed for another reader out of the next one's way. */
  async #turnTo(mode: Mode, expected: boolean): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (before === "early" && mode !== "talk") {
      const typed = await this.#drained(drainMs, pauseMs);
      if (typed.length > 0) this.#ask(note("What you typed before the question was dropped") + "\n");
    } else if (before === "secret" && mode !== "secret") {
      const typed = await this.#drained(drainMs, pauseMs);
      if (typed.length > 0) this.#ask(note("What you typed behind the hidden answer was dropped") + "\n");
    } else if (before === "talk" && mode !== "talk" && !expected) {
      for (const line of this.#unsent(await this.#drained(pauseMs))) this.print(line);
    }
  }

  async #nextLine(signal?: AbortSignal): Promise<string | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const next = this.#lines.findIndex(({ asked }) => asked || this.#mode === "talk");
      if (next >= 0) return this.#lines.splice(next, 1)[0]!.text;
      if (this.#ended) return undefined;
      this.#filling ??= this.#fill().finally(() => this.#filling = undefined);
      await unlessAborted(this.#filling, signal);
    }
  }

  /** Takes the lines that are typed next. */
  async #fill(): Promise<void> {
    await this.#tty.typed();
    // Somebody else takes it.
    if (this.#raw) return await this.#raw;
    const buffer = new Uint8Array(4096);
    const count = await this.#tty.read(buffer).catch(() => null);
    if (count === null) return void (this.#ended = true);
    const asked = this.#mode === "question";
    for (const line of this.#framer.push(buffer.subarray(0, count))) {
      if (line.kind === "line") this.#lines.push({ text: line.text, asked });
      else if (line.kind === "too_long") this.print(note(`A line of more than ${maxLine / 1024} KiB was not sent`));
      else this.print(note("A line that is not UTF-8 was not sent"));
    }
  }

  async #readSecret(): Promise<string | undefined> {
    try {
      return await this.#rawly(() =>
        this.#keyed(() => this.#tty.typed(), ({ left, submitted }) => left || submitted.length > 0)
      )
        .then(({ left, submitted }) => left ? undefined : submitted[0]);
    } finally {
      this.#ask("\n");
    }
  }

  /**
   * Takes what is typed until nothing is for a while.
   *
   * @param ms for how long nothing
   * @param most for how long at most
   * @returns its lines, the last one as far as it was typed
   */
  async #drained(ms: number, most = Infinity): Promise<string[]> {
    const end = this.#clock.now() + most;
    const { submitted, text } = await this.#rawly(() =>
      this.#keyed(() => this.#clock.now() < end ? this.#tty.typed(ms) : Promise.resolve(false), () => false)
    );
    return [...submitted, text].filter((line) => line.trim() !== "");
  }

  /** Takes keys while there are some, until it is enough. */
  async #keyed(more: () => Promise<boolean>, enough: (taken: Keyed) => boolean): Promise<Keyed> {
    const buffer = new Uint8Array(256);
    const decoder = new KeyDecoder();
    const editor = new Editor();
    const submitted: string[] = [];
    while (!this.#ended && await more()) {
      const count = await this.#tty.read(buffer).catch(() => null);
      if (count === null) {
        this.#ended = true;
        break;
      }
      for (const key of decoder.push(buffer.subarray(0, count))) {
        const outcome = editor.take(key, true);
        if (outcome.kind === "submitted") submitted.push(outcome.text);
        const taken = { submitted, text: editor.text, left: outcome.kind === "left" };
        if (enough(taken)) return taken;
      }
    }
    return { submitted, text: editor.text, left: this.#ended };
  }

  /** Works while the terminal shows nothing of what is typed and ends no line. */
  async #rawly<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#raw = promise;
    this.#tty.setRaw(true);
    try {
      return await work();
    } finally {
      this.#tty.setRaw(false);
      this.#raw = undefined;
      resolve();
    }
  }
}

/** What was typed key by key: lines, what came behind them, and whether the person left. */
interface Keyed {
  readonly submitted: readonly string[];
  readonly text: string;
  readonly left: boolean;
}

/** @throws the signal's reason, when it is aborted before the work is done */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return await work;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener("abort", abort));
}
