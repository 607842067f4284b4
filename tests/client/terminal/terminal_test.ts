import assert from "node:assert/strict";
import { Terminal, type Tty } from "../../../lib/client/terminal/terminal.ts";
import type { ReadOptions } from "../../../lib/client/terminal/screen.ts";
import { FakeClock, settled, soon, test } from "../fakes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A terminal that knows as much as a screen of lines needs: it wraps, and erases below the cursor. */
class FakeTty implements Tty {
  raw = false;
  width: number;
  /** While it is set, nothing is taken. */
  slow: Promise<void> | undefined;
  writes = 0;
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #typed: Uint8Array[] = [];
  #waiting = () => {};
  #hungUp = false;

  constructor(width = 40) {
    this.width = width;
  }

  type(text: string): void {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length; at += 4096) this.#typed.push(bytes.subarray(at, at + 4096));
    this.#waiting();
  }

  hangUp(): void {
    this.#hungUp = true;
    this.#waiting();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#typed.length === 0) {
      if (this.#hungUp) return null;
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    const bytes = this.#typed.shift()!;
    buffer.set(bytes);
    return bytes.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.slow;
    this.writes++;
    return this.writeSync(bytes);
  }

  writeSync(bytes: Uint8Array): number {
    // deno-lint-ignore no-control-regex
    for (const [piece] of decoder.decode(bytes).matchAll(/\x1b\[[0-?]*[@-~]|[^]/gu)) this.#take(piece);
    return bytes.length;
  }

  raise(): void {}

  setRaw(raw: boolean): void {
    this.raw = raw;
  }

  columns(): number {
    return this.width;
  }

  rows(): number {
    return 24;
  }

  /** What is on the screen, the cursor shown as |. */
  screen(): string[] {
    return this.#rows.map((row, index) => {
      const cells = Array.from(row, (cell) => cell ?? " ");
      if (index === this.#row) cells.splice(this.#column, 0, "|");
      return cells.join("");
    });
  }

  #take(piece: string): void {
    // deno-lint-ignore no-control-regex
    const control = /^\x1b\[(\d*)([ACJ])$/.exec(piece);
    if (control) {
      const count = Number(control[1] || 1);
      if (control[2] === "A") this.#row = Math.max(0, this.#row - count);
      else if (control[2] === "C") this.#column += count;
      else {
        this.#rows.length = this.#row + 1;
        this.#rows[this.#row].length = Math.min(this.#column, this.#rows[this.#row].length);
      }
    } else if (piece === "\r") this.#column = 0;
    else if (piece === "\n") this.#down();
    else if (!piece.startsWith("\x1b")) {
      if (this.#column === this.width) {
        this.#column = 0;
        this.#down();
      }
      this.#rows[this.#row][this.#column++] = piece;
    }
  }

  #down(): void {
    this.#row++;
    this.#rows[this.#row] ??= [];
  }
}

interface Scene extends Disposable {
  readonly tty: FakeTty;
  readonly terminal: Terminal;
  readonly clock: FakeClock;
  /** Asks, and waits until the question is shown. */
  ask(options: ReadOptions): Promise<{ answer: Promise<string | undefined> }>;
}

/** A terminal in use; what was not sent is told as it is. */
function opened(width?: number): Scene {
  const tty = new FakeTty(width);
  const clock = new FakeClock();
  const terminal = new Terminal(tty, { clock, unsent: (typed) => typed });
  return {
    tty,
    terminal,
    clock,
    async ask(options) {
      const answer = terminal.read({ keep: true, ...options });
      answer.catch(() => {}); // it is the test's to see
      await clock.advance(1_000);
      return { answer };
    },
    [Symbol.dispose]() {
      terminal.restore();
      tty.hangUp();
    },
  };
}

test("Terminal.print() shows lines above what is being typed, which stays", async () => {
  using scene = opened();
  const line = scene.terminal.read({ prompt: "lobby> " });
  scene.tty.type("half ty");
  scene.terminal.print("b: hello");
  scene.terminal.print("c: a line that is longer than the terminal is wide");
  await settled();
  scene.tty.type("ped\x1b[D\x1b[D");
  await settled();
  assert.deepEqual(scene.tty.screen(), [
    "b: hello",
    "c: a line that is longer than the termin",
    "al is wide",
    "lobby> half typ|ed",
  ]);
  scene.tty.type("\r");
  assert.equal(await soon(line), "half typed");
});

test("Terminal.read() hides a secret, also what is typed behind it", async () => {
  using scene = opened();
  const { answer } = await scene.ask({ prompt: "Password: ", secret: true });
  scene.tty.type("hunter2");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Password: |"]);
  scene.tty.type("\r");
  assert.equal(await soon(answer), "hunter2");
  scene.tty.type("more");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Password: ", "Password: |"]);
});

test("Terminal.read() keeps a question and its answer where that is asked for", async () => {
  using scene = opened();
  const { answer } = await scene.ask({ prompt: "Username: " });
  scene.tty.type("a\r");
  assert.equal(await soon(answer), "a");
  void scene.terminal.read({ prompt: "> " });
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Username: a", "> |"]);
});

test("Terminal.read() gives lines that were typed ahead, one by one", async () => {
  using scene = opened();
  scene.tty.type("one\rtwo\r");
  await settled();
  assert.equal(await soon(scene.terminal.read({ prompt: "> " })), "one");
  assert.equal(await soon(scene.terminal.read({ prompt: "> " })), "two");
});

test("Terminal.read() takes no line of the talk for an answer to a question that comes up behind it", async () => {
  using scene = opened();
  const line = scene.terminal.read({ prompt: "> " });
  scene.tty.type("one\ryes\r");
  assert.equal(await soon(line), "one");
  const { answer } = await scene.ask({ prompt: "Really? " });
  scene.tty.type("no\r");
  assert.equal(await soon(answer), "no");
  const next = scene.terminal.read({ prompt: "> " });
  scene.tty.type("\r");
  assert.equal(await soon(next), "yes");
});

test("Terminal.read() drops what was typed behind a secret, where nobody could see it", async () => {
  using scene = opened(60);
  const { answer } = await scene.ask({ prompt: "Password: ", secret: true });
  scene.tty.type("hunter2\rhunter2\rhunt");
  assert.equal(await soon(answer), "hunter2");
  await settled();
  const line = scene.terminal.read({ prompt: "> " });
  await settled();
  const told = "[CLIENT] What you typed behind the hidden answer was dropped";
  assert.deepEqual(scene.tty.screen(), ["Password: ", told, "> |"]);
  scene.tty.type("hello\r");
  assert.equal(await soon(line), "hello");
});

test("Terminal.read() waits with a question that comes up by itself until the person pauses, and keeps what they type", async () => {
  using scene = opened();
  const stop = new AbortController();
  const line = scene.terminal.read({ prompt: "> ", signal: stop.signal });
  scene.tty.type("rest of");
  await settled();
  stop.abort(new Error("no longer"));
  await assert.rejects(soon(line), /no longer/);
  const password = scene.terminal.read({ prompt: "Password: ", secret: true, keep: true });
  for (const typed of [" the", " line", "\r", "\r", "and more"]) {
    scene.tty.type(typed);
    await scene.clock.advance(900);
  }
  assert.deepEqual(scene.tty.screen(), ["> rest of the line↵and more|"]);
  await scene.clock.advance(100);
  assert.deepEqual(scene.tty.screen(), ["Password: |"]);
  scene.tty.type("hunter2\r");
  assert.equal(await soon(password), "hunter2");
  void scene.terminal.read({ prompt: "> " });
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Password: ", "> rest of the line↵and more|"]);
});

test("Terminal.read() takes no answer from what was typed before the first question", async () => {
  using scene = opened(60);
  scene.tty.type("hello\rhunter2");
  await settled();
  const { answer } = await scene.ask({ prompt: "Username: " });
  assert.deepEqual(scene.tty.screen(), ["[CLIENT] What you typed before the question was dropped", "Username: |"]);
  scene.tty.type("a\r");
  assert.equal(await soon(answer), "a");
});

test("Terminal.read() asks at once what follows from the line before, and takes what was typed on as the answer", async () => {
  using scene = opened();
  const line = scene.terminal.read({ prompt: "> " });
  const secret = line.then(() =>
    scene.terminal.read({ prompt: "Old password: ", secret: true, keep: true, expected: true })
  );
  scene.tty.type("/passwd\rhunter2\r");
  assert.equal(await soon(secret), "hunter2");
  await settled();
  assert.ok(!scene.tty.screen().join("").includes("hunter2"));
});

test("Terminal.dismissed() leaves with Enter or Ctrl-C on an empty line, after a pause, and close() says what was typed", async () => {
  for (const leave of ["\r", "\x03", "\x04"]) {
    const scene = opened(60);
    void scene.terminal.read({ prompt: "> " });
    scene.tty.type("half a ");
    await settled();
    let gone = false;
    const left = scene.terminal.dismissed().then(() => gone = true);
    for (const typed of ["line", "\r", leave, "touch OOPS", "\r", leave, "and more", "\x03"]) {
      scene.tty.type(typed);
      await scene.clock.advance(900);
      assert.equal(gone, false, `${JSON.stringify(typed)} came without a pause`);
    }
    await scene.clock.advance(100);
    scene.tty.type(leave);
    await soon(left);
    scene.tty.type("exit");
    const closed = scene.terminal.close();
    await scene.clock.advance(50);
    await soon(closed);
    const told = ["[CLIENT] Enter or Ctrl-C leaves", "half a line", "touch OOPS", "exit", "|"];
    assert.deepEqual(scene.tty.screen(), told);
    scene.tty.hangUp();
    await settled();
  }
});

test("Terminal.close() takes what was typed behind /quit, and says it", async () => {
  const scene = opened();
  const line = scene.terminal.read({ prompt: "> " });
  scene.tty.type("/quit\rls\rrm -r");
  assert.equal(await soon(line), "/quit");
  const closed = scene.terminal.close();
  await scene.clock.advance(40);
  scene.tty.type("f x");
  await scene.clock.advance(50);
  await soon(closed);
  assert.deepEqual(scene.tty.screen(), ["ls", "rm -rf x", "|"]);
  scene.tty.hangUp();
  await settled();
});

test("Terminal.read() submits a paste of several lines only with the enter behind it", async () => {
  using scene = opened();
  const first = scene.terminal.read({ prompt: "> " });
  scene.tty.type("\x1b[200~one\n/quit\n\x1b[201~");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["> one↵/quit|"]);
  scene.tty.type("\r");
  assert.equal(await soon(first), "one");
  assert.equal(await soon(scene.terminal.read({ prompt: "> " })), "//quit");
});

test("Terminal.read() takes several lines that come in one read as pasted, and says none of them as a command", async () => {
  using scene = opened();
  const first = scene.terminal.read({ prompt: "> " });
  scene.tty.type("one\r/quit\rth");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["> one↵/quit↵th|"]);
  scene.tty.type("ree\r");
  assert.equal(await soon(first), "one");
  assert.equal(await soon(scene.terminal.read({ prompt: "> " })), "//quit");
  assert.equal(await soon(scene.terminal.read({ prompt: "> " })), "three");
});

test("Terminal.read() says what it does not take: a paste that is too large, and a letter too many", async () => {
  using scene = opened(200);
  const line = scene.terminal.read({ prompt: "> " });
  scene.tty.type(`\x1b[200~${"x".repeat(65_537)}\x1b[201~`);
  await settled();
  const none = "[CLIENT] Too large to paste; /send sends files";
  assert.deepEqual(scene.tty.screen(), [none, "> |"]);
  scene.tty.type(`\x1b[200~${"x".repeat(65_536)}\x1b[201~`);
  scene.tty.type("y");
  await settled();
  const full = "[CLIENT] The line is full (65,536 characters)";
  for (const hint of [none, full]) assert.ok(hint.length - "[CLIENT] ".length <= 40, "it fits a narrow screen");
  assert.deepEqual(scene.tty.screen().slice(0, 2), [none, full]);
  scene.tty.type("\r");
  assert.equal(await soon(line), "x".repeat(65_536));
});

test("Terminal.read() stops at its signal, and the typed text is there for the next", async () => {
  using scene = opened();
  const stop = new AbortController();
  const line = scene.terminal.read({ prompt: "> ", signal: stop.signal });
  scene.tty.type("kept");
  await settled();
  stop.abort(new Error("no longer"));
  await assert.rejects(soon(line), /no longer/);
  await assert.rejects(scene.terminal.read({ prompt: "> ", signal: stop.signal }), /no longer/);
  const next = scene.terminal.read({ prompt: "> " });
  scene.tty.type("\r");
  assert.equal(await soon(next), "kept");
});

test("Terminal.read() sets a half-typed line aside for a question, and shows no half-typed secret", async () => {
  using scene = opened();
  const stop = new AbortController();
  const line = scene.terminal.read({ prompt: "> ", signal: stop.signal });
  scene.tty.type("half a line");
  await settled();
  stop.abort(new Error("no longer"));
  await assert.rejects(soon(line), /no longer/);
  const leave = new AbortController();
  const secret = await scene.ask({ prompt: "Password: ", secret: true, signal: leave.signal });
  scene.tty.type("hunter2");
  await settled();
  leave.abort(new Error("no longer"));
  await assert.rejects(soon(secret.answer), /no longer/);
  const user = await scene.ask({ prompt: "Username: " });
  assert.deepEqual(scene.tty.screen(), ["Username: |"]);
  scene.tty.type("a\r");
  assert.equal(await soon(user.answer), "a");
  void scene.terminal.read({ prompt: "> " });
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Username: a", "> half a line|"]);
});

test("Terminal.read() gives up a question of the talk with Ctrl-C, and goes on", async () => {
  using scene = opened();
  const command = scene.terminal.read({ prompt: "> " });
  scene.tty.type("/passwd\r");
  assert.equal(await soon(command), "/passwd");
  const asked = { keep: true, expected: true, cancellable: true };
  const secret = scene.terminal.read({ prompt: "Old password: ", secret: true, ...asked });
  scene.tty.type("hunter2\x03");
  assert.equal(await soon(secret), undefined);
  const line = scene.terminal.read({ prompt: "> " });
  await settled();
  assert.deepEqual(scene.tty.screen(), ["Old password: ", "> |"]);
  scene.tty.type("hello\r");
  assert.equal(await soon(line), "hello");
});

test("Terminal.read() ends when the person leaves, or the terminal is gone", async () => {
  for (
    const leave of [
      (tty: FakeTty) => tty.type("typed\x03\x03\x03"),
      (tty: FakeTty) => tty.type("\x04"),
      (tty: FakeTty) => tty.hangUp(),
    ]
  ) {
    using scene = opened();
    const line = scene.terminal.read({ prompt: "> " });
    leave(scene.tty);
    assert.equal(await soon(line), undefined);
  }
});

test("Terminal warns of a single Ctrl-C on an empty line, and any other key takes it back", async () => {
  using scene = opened();
  let left = false;
  void scene.terminal.read({ prompt: "> " }).then((line) => left = line === undefined);
  scene.tty.type("typed\x03"); // gives the line up
  scene.tty.type("\x03");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["[CLIENT] Ctrl-C again leaves", "> |"]);
  scene.tty.type("x\x7f\x03");
  await settled();
  assert.equal(left, false, "it was not the second in a row");
  scene.tty.type("\x03");
  await settled();
  assert.ok(left);
});

test("Terminal gathers what comes while it is slow into one write", async () => {
  using scene = opened();
  await settled();
  let free = () => {};
  scene.tty.slow = new Promise((resolve) => free = resolve);
  scene.terminal.print("first");
  await settled();
  const before = scene.tty.writes;
  for (let i = 0; i < 1_000; i++) scene.terminal.print(`line ${i}`);
  free();
  scene.tty.slow = undefined;
  await settled();
  assert.equal(scene.tty.writes - before, 2);
  assert.equal(scene.tty.screen().at(-2), "line 999");
});

test("Terminal says how many lines were left out, when more came than anyone can read", async () => {
  using scene = opened(60);
  for (let i = 0; i < 10_005; i++) scene.terminal.print(`line ${i}`);
  await settled();
  assert.deepEqual(scene.tty.screen().slice(0, 2), ["[CLIENT] 5 lines came too fast to be shown", "line 5"]);
});

test("Terminal.resized() removes what a narrower terminal has wrapped", async () => {
  using scene = opened();
  void scene.terminal.read({ prompt: "> " });
  scene.terminal.print("above");
  scene.tty.type("a line of thirty characters...");
  await settled();
  assert.deepEqual(scene.tty.screen(), ["above", "> a line of thirty characters...|"]);
  // A terminal that became narrower shows the row as two, the cursor in the second.
  const narrow = new FakeTty(20);
  narrow.writeSync(encoder.encode("above\r\n> a line of thirty characters..."));
  Object.assign(scene.tty, { width: 20, writeSync: (bytes: Uint8Array) => narrow.writeSync(bytes) });
  scene.terminal.resized();
  await settled();
  assert.deepEqual(narrow.screen(), ["above", "> ty characters...|"]);
});

test("Terminal.close() waits for what is being drawn, and leaves no input behind", async () => {
  const { tty, terminal, clock } = opened();
  void terminal.read({ prompt: "> " });
  let free = () => {};
  tty.slow = new Promise((resolve) => free = resolve);
  await settled();
  const closed = terminal.close();
  await clock.advance(50);
  free();
  await soon(closed);
  assert.deepEqual(tty.screen(), ["|"]);
  tty.hangUp();
  await settled();
});

test("Terminal.close() shows what is left and gives the terminal back, once", async () => {
  const { tty, terminal, clock } = opened();
  assert.equal(tty.raw, true);
  void terminal.read({ prompt: "> " });
  tty.type("typed");
  await settled();
  terminal.print("last words");
  const closed = terminal.close();
  await clock.advance(50);
  await soon(closed);
  assert.equal(tty.raw, false);
  assert.deepEqual(tty.screen(), ["last words", "typed", "|"]);
  await terminal.close();
  terminal.restore();
  terminal.print("too late");
  tty.hangUp();
  await settled();
  assert.deepEqual(tty.screen(), ["last words", "typed", "|"]);
});
