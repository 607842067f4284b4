import { type Clock, systemClock } from "../../common/time.ts";
import type { Additions } from "../terminal/additions.ts";
import { InputLine } from "../terminal/input_line.ts";
import { mayKeep } from "../terminal/input.ts";
import type { Key, KeyDecoderOptions, KeyName } from "../terminal/keys.ts";
import { note } from "../terminal/render.ts";
import { unsentNotes } from "../terminal/unsent.ts";
import type { ReadOptions, Screen } from "../terminal/screen.ts";
import type { Tty } from "../terminal/terminal.ts";
import type { Update } from "../session/update.ts";
import type { Notification } from "./choices.ts";
import { Draft, type DraftOptions } from "./draft.ts";
import { Completion } from "./completion.ts";
import { Frame } from "./frame.ts";
import type { HistoryFile } from "./history_file.ts";
import type { Item } from "./text/item.ts";
import type { Theme } from "./text/theme.ts";
import { notification } from "./notify.ts";
import { keysHelp, screenCommands } from "./screen_commands.ts";
import { Painter } from "./painter.ts";
import { Pasting } from "./paste.ts";
import type { ReadMarks } from "./read_marks.ts";
import { screenRows } from "./rows.ts";
import { Scrolling } from "./scrolling.ts";
import { type SessionPort, Timeline } from "./timeline.ts";

/** Settings and ports of a screen. */
export interface FullScreenOptions {
  readonly tty: Tty;
  readonly session: SessionPort;
  readonly additions: Pick<Additions, "own" | "offers" | "transfers">;
  readonly theme: Theme;
  readonly history: HistoryFile;
  /** Where typed lines are kept until they are sent. */
  readonly drafts: Omit<DraftOptions, "mayKeep">;
  readonly marks: ReadMarks;
  readonly notify: Notification;
  /** Whether the mouse's wheel scrolls; the terminal then leaves no selecting to the mouse alone. */
  readonly mouse: boolean;
  readonly keys?: KeyDecoderOptions;
  readonly clock?: Clock;
  /** Something that must never be overlooked; it stands on the status line in red. */
  readonly warning?: string;
}

/**
 * The whole terminal as a screen: what was said above, one line about where one is, and the line in which one types.
 *
 * Promises:
 * 1. what is typed survives all that comes meanwhile, a resize and a lost connection included, and a key is on the
 *    screen at once; what comes from others is drawn at most 30 times a second, each frame in one write;
 * 2. nothing waits for a slow terminal, and a slow terminal gets the newest frame, not every one;
 * 3. however the program ends, {@linkcode FullScreen.close} or {@linkcode FullScreen.restore} leaves the terminal as it
 *    was found.
 */
export class FullScreen implements Screen {
  readonly #options: FullScreenOptions;
  readonly #timeline: Timeline;
  readonly #scrolling: Scrolling;
  readonly #frame: Frame;
  readonly #painter: Painter;
  readonly #input: InputLine;
  readonly #completion: Completion;
  readonly #draft: Draft;
  readonly #farewells: string[] = [];
  readonly #pasting: Pasting;
  /** What is told about a completion and the like, until the next key. */
  #hint = "";
  /** What is told on the status line for good. */
  #notice = "";
  #visible: readonly Item[] = [];
  #extra = "";
  #clockTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: FullScreenOptions) {
    this.#options = options;
    const { tty, session, additions, theme, marks, history, mouse, keys = {}, clock = systemClock } = options;
    this.#frame = new Frame(mouse);
    this.#painter = new Painter(tty, () => this.#compose(), () => this.#input.leave());
    this.#timeline = new Timeline({
      session,
      theme,
      marks,
      labelled: (event) => additions.offers.labelled(event),
      now: () => performance.now(),
      notify: (title, text) => this.#notify(title, text),
      changed: () => this.#painter.soon(),
    });
    this.#draft = new Draft({ ...options.drafts, mayKeep: (text) => this.#mayKeep(text) });
    this.#scrolling = new Scrolling(this.#timeline, () => this.#space());
    this.#pasting = new Pasting({
      session,
      transfers: additions.transfers,
      input: () => this.#input,
      print: (line) => this.print(line),
    });
    this.#input = new InputLine({
      changed: () => {
        this.#keepDraft();
        this.#painter.now();
      },
      kept: (line) => this.print(line),
      hint: (sentence) => {
        this.#hint = sentence;
        this.#painter.now();
      },
      raise: (signal) => tty.raise(signal),
      tooLarge: (text) => this.#pasting.tooLarge(text),
      intercept: (key, paused) => this.#intercept(key, paused),
      submit: (text) => this.#submit(text),
    }, { history: history.read(), keys, clock });
    const { own, transfers } = additions;
    own.add(...screenCommands({
      search: (words, user) => this.#timeline.search(words, user),
      jump: async (n) => {
        this.#scrolling.show(await this.#timeline.finding(n));
        this.#painter.soon();
      },
      showUnread: () => {
        this.#scrolling.showUnread();
        this.#painter.soon();
      },
      clear: () => this.#clear(),
    }));
    own.addHelp(keysHelp);
    transfers.onProgress = () => this.#painter.soon();
    this.#completion = new Completion(this.#input.editor, () => session.commands, this.#timeline.roster, own);
    tty.setRaw(true);
    this.#painter.write(this.#frame.enter());
    void this.#input.listen((buffer) => tty.read(buffer), () => !this.#closed);
    this.#painter.now();
  }

  print(line: string): void {
    const tone = line.startsWith("[ERROR] ") ? "error" : line.startsWith("[CLIENT] ") ? "note" : "answer";
    this.#timeline.line(tone, line);
    this.#painter.soon();
  }

  show(update: Update): void {
    this.#timeline.take(update);
    const { user } = this.#options.session;
    if (user !== undefined && this.#input.restore(this.#draft.open(user))) {
      this.print(note("What you had typed and not sent is in the line again"));
    }
    this.#painter.soon();
  }

  farewell(line: string): void {
    this.#farewells.push(line);
    this.print(line);
  }

  setPrompt(prompt: string): void {
    if (!this.#input.asking) this.#input.prompt = prompt;
  }

  read(options: ReadOptions): Promise<string | undefined> {
    return this.#input.read(options);
  }

  forget(line: string): void {
    this.#input.editor.forget(line);
  }

  /** The terminal's size has changed. */
  resized(): void {
    this.#frame.forget();
    this.#painter.now();
  }

  /** Gives the terminal to the shell until {@linkcode continued}. */
  suspended(): void {
    if (this.#closed) return;
    this.#painter.stop();
    this.#painter.write(this.#frame.leave());
    this.#options.tty.setRaw(false);
  }

  /** The program was stopped and goes on: the shell has had the terminal meanwhile. */
  continued(): void {
    if (this.#closed) return;
    this.#options.tty.setRaw(true);
    this.#painter.write(this.#frame.enter());
    this.#painter.start();
  }

  async dismissed(): Promise<void> {
    const { ending } = this.#options.session;
    if (ending && ending.reason !== "left") this.#farewells.push(note(ending.message));
    this.#pasting.giveUp();
    this.#hint = "";
    this.#notice = "Enter or Ctrl-C leaves";
    this.#painter.now();
    await this.#input.dismissed();
  }

  async close(): Promise<void> {
    if (!this.#closed) await this.#input.drained();
    await this.#painter.settled();
    this.restore();
  }

  /** Gives the terminal back at once, as when the program is told to end. */
  restore(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#painter.stop();
    clearTimeout(this.#clockTimer);
    try {
      const typed = [...(this.#pasting.text?.split("\n") ?? []), ...this.#input.unread];
      const told = [...this.#farewells, ...this.#pasting.farewells, ...unsentNotes(typed, this.#options.session)];
      this.#painter.write(this.#frame.leave() + told.map((line) => line + "\r\n").join(""));
      this.#options.tty.setRaw(false);
    } catch {
      // the terminal is gone
    }
    this.#timeline.keepMarks();
    this.#draft.save();
  }

  // Keys.

  #intercept(key: Key, paused: boolean): boolean {
    const name = key.kind === "key" ? key.name : undefined;
    const { attention } = this.#timeline;
    if (name === "focus_in" || name === "focus_out") {
      if (name === "focus_in") attention.come();
      else attention.leave();
      return true;
    }
    attention.pressed(this.#visible);
    const hinted = this.#hint !== "";
    this.#hint = "";
    if (this.#pasting.asked) {
      this.#pasting.take(key, paused);
      this.#keepDraft();
      this.#painter.now();
      return true;
    }
    const own = name !== undefined && this.#press(name);
    if (own || hinted) this.#painter.now();
    return own;
  }

  #press(name: KeyName): boolean {
    switch (name) {
      case "redraw":
        this.#frame.forget();
        return true;
      case "tab":
      case "back_tab":
        if (!this.#input.asking) this.#hint = this.#completion.complete(name === "tab" ? 1 : -1).join("  ");
        return true;
      default:
        return this.#scrolling.press(name);
    }
  }

  #clear(): void {
    this.#timeline.backlog.clear();
    this.#painter.soon();
  }

  #submit(text: string): readonly string[] {
    const { history } = this.#options;
    const unkept = this.#mayKeep(text) ? history.add(text) : undefined;
    if (unkept !== undefined) this.print(note(unkept));
    this.#scrolling.show(undefined);
    return this.#pasting.submit(text, this.#notice === "");
  }

  /** Whether a text holds no secret, as far as one can tell. */
  #mayKeep(text: string): boolean {
    const { session, additions: { own } } = this.#options;
    return mayKeep(text, session.commands, (name) => own.find(name) !== undefined, session.user);
  }

  /** What was pasted stays a draft while it is asked about. */
  #keepDraft(): void {
    this.#draft.take(this.#pasting.text ?? this.#input.draft);
  }

  #notify(title: string, text: string): void {
    const { notify } = this.#options;
    // The bell rings for who looks as well; a notification of the desktop is for who looks elsewhere.
    if (notify === "bell" || this.#timeline.attention.away) this.#extra = notification(notify, title, text);
  }

  // Drawing.

  #space(): { height: number; columns: number; rows: number } {
    const { tty } = this.#options;
    const rows = Math.max(1, tty.rows());
    return { height: Math.max(0, rows - 2), columns: Math.max(1, tty.columns()), rows };
  }

  #compose(): string {
    const { theme, session, additions, warning } = this.#options;
    const { height, columns, rows } = this.#space();
    const now = performance.now();
    const above = screenRows(
      {
        timeline: this.#timeline,
        session,
        transfers: additions.transfers.running,
        theme,
        warning,
        hint: this.#pasting.hint || this.#hint || this.#notice,
      },
      { height, columns },
      now,
    );
    this.#visible = above.visible;
    const input = (this.#pasting.asked ?? this.#input).view(columns);
    const all = [...above.rows, input.row].slice(-rows);
    const written = this.#frame.draw(all, columns, {
      row: all.length - 1,
      column: Math.min(input.column, columns - 1),
    });
    const extra = this.#extra;
    this.#extra = "";
    this.#watchClock(now);
    return written + extra;
  }

  /** Draws again when the status line's words change by themselves. */
  #watchClock(now: number): void {
    clearTimeout(this.#clockTimer);
    const ms = this.#timeline.connection.changesIn(now);
    if (ms !== undefined) this.#clockTimer = setTimeout(() => this.#painter.now(), ms);
  }
}
