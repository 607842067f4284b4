/**
 * A monkey at the client: it types random keys, pastes and resizes on a raw pty, while its server dies and its line breaks.
 *
 * What it submitted is compared with what the server has stored: nothing is there that was not submitted, nothing that was
 * submitted is lost, none is there twice, and the order is kept. At the end the terminal is as it was.
 *
 * The same seed gives the same keys; when servers die depends on the clock as well.
 */

import { join } from "node:path";
import { Prng } from "../chaos/prng.ts";
import type { Json } from "../support/client.ts";
import { temporaryFolder } from "../support/process.ts";
import { Pty } from "../support/pty.ts";
import type { Shown } from "../support/screens.ts";
import { type Answer, canJoin, LineModel, messagesOf, type Modelled, modelled } from "./line_model.ts";
import { MortalServer, pause } from "./mortal_server.ts";
import { lines, silent, wild, word, words } from "./keys.ts";

/** How a monkey is let loose. */
export interface MonkeyOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Told what happens. */
  readonly told?: ((line: string) => void) | undefined;
}

/** What came of it. */
export interface Verdict {
  /** What is not as promised, each in a sentence or more. */
  readonly violations: readonly string[];
  /** How often each thing was done. */
  readonly counts: ReadonlyMap<string, number>;
}

/** How long the client may take to show what was typed, in milliseconds, beside everything else on the machine. */
const patienceMs = 20_000;

/** What is typed last to see that all before it was read. */
const probe = "§";

/** Longer than an Escape waits for its rest, and lines of a paste for the next; longer than a cut sequence waits. */
const [escapeMs, cutMs] = [80, 1_100];

/** Lets a monkey loose, until the time is up. */
export async function runMonkey({ seconds, seed, told = () => {} }: MonkeyOptions): Promise<Verdict> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  const prng = new Prng(seed);
  const server = parts.use(await MortalServer.start(folder, prng.fork("server")));
  const { port, caFile } = server;
  const at = { port, caFile, user: "a", state: join(folder, "state"), columns: 80, rows: 24 };
  const pty = parts.use(await Pty.client(at));
  const monkey = new Monkey(pty, prng.fork("keys"), told);
  try {
    await monkey.begin();
    const over = new AbortController();
    const dying = server.sufferNowAndThen(over.signal);
    const talking = talk(server, prng.fork("talk"), over.signal);
    try {
      for (const end = performance.now() + seconds * 1000; performance.now() < end;) await monkey.act();
    } finally {
      over.abort();
      await Promise.all([dying, talking]);
    }
    await monkey.finish();
  } catch (error) {
    monkey.violations.push(`${error instanceof Error ? error.message : error}\n${monkey.trail()}`);
  }
  monkey.compare(await stored(server));
  const counts = new Map([...monkey.counts, ...server.counts]);
  return { violations: monkey.violations, counts };
}

/** Somebody else talks, as well as the servers let them. */
async function talk(server: MortalServer, prng: Prng, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await using talker = await server.json("b");
      while (await pause(prng.int(50, 800), over)) await talker.ok("say", { text: words(prng, 30) });
    } catch {
      await pause(200, over); // it will be back
    }
  }
}

/** What the server has stored of the monkey's, in order. */
async function stored(server: MortalServer): Promise<Json[]> {
  await using reader = await server.json("c");
  const all: Json[] = [];
  let before: number | undefined;
  for (;;) {
    const page = await reader.ok("history", { n: 100, ...(before === undefined ? {} : { before }) });
    if (page.messages.length === 0) return all.filter(({ from }) => from === "a");
    all.unshift(...page.messages);
    before = page.messages[0].seq;
  }
}

/** The monkey, and what it knows of what it has done. */
class Monkey {
  readonly violations: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #pty: Pty;
  readonly #prng: Prng;
  readonly #told: (line: string) => void;
  readonly #line = new LineModel();
  /** Each message with what led to it. */
  readonly #submitted: { readonly text: string; readonly trail: string }[] = [];
  readonly #trail: string[] = [];
  #files = 0;
  #columns = 80;
  #rows = 24;

  constructor(pty: Pty, prng: Prng, told: (line: string) => void) {
    this.#pty = pty;
    this.#prng = prng;
    this.#told = told;
  }

  /** What it did last. */
  trail(): string {
    return this.#trail.slice(-30).join("\n");
  }

  async begin(): Promise<void> {
    await this.#pty.until(({ rows }) => rows.at(-1)?.startsWith("lobby>") ?? false, "the prompt", 30_000);
  }

  /** Does something. */
  async act(): Promise<void> {
    const what = this.#prng.weighted({
      type: 30,
      silent: 12,
      wild: 4,
      paste: 6,
      "paste without marks": 5,
      "paste of a file": 0.5,
      resize: 8,
      stop: 1,
      suspend: 0.5,
      submit: 20,
      "submit in haste": 6,
    });
    this.#note(what);
    switch (what) {
      case "type":
        return await this.#type();
      case "silent":
        return await this.#write(silent(this.#prng));
      case "wild":
        return await this.#goWild();
      case "paste":
        return await this.#paste(this.#prng.chance(0.5) ? lines(this.#prng) : [words(this.#prng, 60)]);
      case "paste without marks":
        return await this.#pasteUnmarked();
      case "paste of a file":
        return await this.#pasteFile();
      case "resize":
        return await this.#resize(this.#prng.int(5, 200), this.#prng.int(2, 60));
      case "stop":
        this.#pty.signal("SIGSTOP");
        await pause(this.#prng.int(0, 300));
        return this.#pty.signal("SIGCONT");
      case "suspend":
        await this.#write("\x1a");
        return void await pause(200);
      case "submit":
        return await this.#submit();
      case "submit in haste":
        return await this.#submitInHaste();
    }
  }

  /** Waits until all is sent, leaves, and looks whether the terminal is as it was. */
  async finish(): Promise<void> {
    await this.#clear();
    await this.#resize(160, 40);
    const isDone = ({ rows }: Shown) =>
      rows.at(-1)!.startsWith("lobby>") && !/to be sent|connecting|waiting/.test(rows.at(-2)!) &&
      !rows.some((row) => /^ \d+: paste\.txt to /.test(row));
    await this.#pty.until(isDone, "an end of all that was to be sent", 90_000);
    await this.#pty.write("/quit\r");
    const { code, settings: stty, modes } = await this.#pty.ended(30_000);
    const { alternate, rows } = await this.#pty.shown();
    if (code !== 0) this.violations.push(`The client ended with ${code}:\n${rows.join("\n")}`);
    if (modes.size > 0) this.violations.push(`Modes were not put back: ${[...modes.keys()]}`);
    if (stty.after !== stty.before) this.violations.push("The terminal's settings are not those of before");
    if (alternate) this.violations.push("The other screen was left on");
  }

  /** Compares what it submitted with what is stored. */
  compare(messages: readonly Json[]): void {
    const files = messages.filter(({ file }) => file !== undefined).length;
    if (files !== this.#files) this.violations.push(`${this.#files} files were sent, and ${files} are offered`);
    const texts: string[] = messages.filter(({ file }) => file === undefined).map(({ text }) => text.trim());
    const wanted = this.#submitted.map(({ text }) => text.trim());
    this.counts.set("messages submitted", wanted.length);
    this.counts.set("messages stored", texts.length);
    const at = wanted.findIndex((text, index) => text !== texts[index]);
    const first = at < 0 && texts.length > wanted.length ? wanted.length : at;
    if (first < 0) return;
    const around = (all: readonly string[]) => all.slice(Math.max(0, first - 2), first + 4).map((text) => `  ${text}`);
    this.violations.push(
      [
        `Message ${first + 1} of ${wanted.length} that were submitted is not what is stored (${texts.length}).`,
        "Submitted:",
        ...around(wanted),
        "Stored:",
        ...around(texts),
        "What led to it:",
        this.#submitted[first]?.trail ?? this.trail(),
      ].join("\n"),
    );
  }

  // What it does.

  async #type(): Promise<void> {
    const prng = this.#prng;
    const bytes: string[] = [];
    for (let keys = prng.int(1, 20); keys > 0; keys--) {
      if (prng.chance(0.7)) {
        const typed = word(prng) + (prng.chance(0.4) ? " " : "");
        this.#line.type(typed);
        bytes.push(typed);
      } else {
        const key = prng.pick(Object.keys(modelled) as Modelled[]);
        this.#line.press(key);
        bytes.push(modelled[key]);
      }
    }
    await this.#write(bytes.join(""));
  }

  async #goWild(): Promise<void> {
    const keys = wild(this.#prng);
    await this.#write(keys);
    // What may be an unfinished sequence would take what follows along.
    await pause(cutMs);
    await this.#clear();
  }

  async #paste(pasted: readonly string[]): Promise<void> {
    const text = pasted.join(this.#prng.pick(["\n", "\r", "\r\n"])) + this.#prng.pick(["", "", "\n"]);
    await this.#write(`\x1b[200~${text}\x1b[201~`);
    this.#line.type(pasted.join("\n"));
  }

  async #pasteUnmarked(): Promise<void> {
    await this.#settle();
    // At the line's beginning, a command would be taken as typed ahead.
    const pasted = lines(this.#prng);
    // In one write: in two, the second could be too late to be a part of it.
    await this.#pty.write(pasted.join("\r"));
    this.#line.type(pasted.join("\n"));
    await pause(escapeMs);
  }

  /** Pastes more than a line takes, and has it sent as a file or not. */
  async #pasteFile(): Promise<void> {
    await this.#clear();
    await this.#resize(this.#prng.int(60, 120), 24);
    const text = Array.from({ length: 1_500 }, () => words(this.#prng)).join("\n") + "x".repeat(70_000);
    await this.#pty.write(`\x1b[200~${text}\x1b[201~`);
    await this.#until(({ rows }) => rows.at(-1)!.startsWith("Send it to lobby as a (f)ile"), "the question for a file");
    const isSent = this.#prng.chance(0.5);
    await this.#pty.write(isSent ? "f" : "d", 20, "\r");
    if (isSent) this.#files++;
    await this.#until(({ rows }) => /lobby>/.test(rows.at(-1)!), "the prompt behind the question");
  }

  async #resize(columns: number, rows: number): Promise<void> {
    this.#columns = columns;
    this.#rows = rows;
    this.#trail.push(`  ${columns}×${rows}`);
    await this.#pty.resize(columns, rows);
  }

  async #submit(): Promise<void> {
    await this.#settle();
    const { text } = this.#line;
    // A command would be done.
    if (/^\s*\/(?!\/)/.test(text) || text.length > 30_000) return await this.#clear();
    const several = text.split("\n").filter((line) => line.trim() !== "").length > 1;
    this.#trail.push(`  ${JSON.stringify(text)}`);
    await this.#write("\r");
    this.#line.text = "";
    if (several) return await this.#answer(text);
    this.#sent(messagesOf(text, "one"));
    await pause(escapeMs);
  }

  /** Submits line after line, without a look at the screen. */
  async #submitInHaste(): Promise<void> {
    await this.#clear();
    for (let left = this.#prng.int(2, 20); left > 0; left--) {
      const text = words(this.#prng, 3);
      // In one read with another, they would be a paste.
      await this.#pty.write(text, 2, "\r", 40);
      this.#sent(messagesOf(text, "one"));
    }
  }

  /** Answers the question about several lines. */
  async #answer(text: string): Promise<void> {
    const asked = ({ rows }: Shown) => /\(e\)dit\?/.test(rows.at(-1)!);
    await this.#until(asked, "the question about several lines");
    await pause(escapeMs);
    const answer = this.#prng.weighted<Answer | "edit" | "typing on">({ one: 4, several: 3, edit: 2, "typing on": 2 });
    this.#note(answer);
    if (answer === "typing on") {
      const typed = `x${word(this.#prng)}`; // no letter of an answer
      await this.#pty.write(typed);
      this.#line.text = `${text}\n${typed}`;
      return void await pause(escapeMs);
    }
    const isPossible = answer !== "one" || canJoin(text);
    const letter = isPossible ? answer[0] : "s";
    await this.#pty.write(letter, this.#prng.int(5, 50), "\r");
    await this.#until((shown) => !asked(shown), "an end of the question");
    if (letter === "e") this.#line.text = text;
    else this.#sent(messagesOf(text, letter === "o" ? "one" : "several"));
  }

  #sent(messages: readonly string[]): void {
    const trail = this.#trail.slice(-20).join("\n");
    this.#submitted.push(...messages.map((text) => ({ text, trail })));
  }

  /** Gives up what was typed. */
  async #clear(): Promise<void> {
    // A search is given up, and a question is not there.
    await this.#pty.write("\x07", 20, "\x1b[F\x15");
    this.#line.text = "";
    await this.#settle();
  }

  /** Waits until the client has read all that was typed, and looks whether it shows what it should. */
  async #settle(): Promise<void> {
    if (this.#columns < 50 || this.#rows < 4) await this.#resize(this.#prng.int(50, 150), this.#prng.int(6, 50));
    await pause(escapeMs);
    await this.#pty.write(modelled.end, probe);
    this.#line.press("end");
    const shown = await this.#until(({ rows }) => rows.at(-1)!.endsWith(probe), "what was typed");
    await this.#pty.write(modelled.backspace);
    await this.#until(({ rows }) => !rows.at(-1)!.endsWith(probe), "the line as it was");
    const row = shown.rows.at(-1)!;
    const wanted = this.#line.text.replaceAll("\n", "↵");
    const seen = /lobby> (.*)§$/.exec(row)?.[1];
    // Of a long line, only its end is seen; and of an emoji's width, xterm.js has an opinion of its own.
    if (row.length > this.#columns / 2) return;
    if (seen?.replaceAll(" ", "") === wanted.replaceAll(" ", "")) return;
    throw new Error(`The line should be ${JSON.stringify(wanted)}, and shows ${JSON.stringify(row)}`);
  }

  async #until(wanted: (shown: Shown) => boolean, what: string): Promise<Shown> {
    return await this.#pty.until((shown) => shown.alternate && wanted(shown), what, patienceMs);
  }

  /** Writes what a terminal sends, now and then in pieces. */
  async #write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    this.#trail.push(`  ${JSON.stringify(text.slice(0, 200))}`);
    for (let at = 0; at < bytes.length;) {
      const length = this.#prng.chance(0.7) ? bytes.length - at : this.#prng.int(1, 8);
      await this.#pty.write(bytes.slice(at, at + length));
      at += length;
      if (at < bytes.length && this.#prng.chance(0.5)) await pause(this.#prng.int(0, 15));
    }
    if (this.#prng.chance(0.3)) await pause(this.#prng.int(0, 60));
  }

  #note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    this.#trail.push(what);
    this.#told(what);
  }
}
