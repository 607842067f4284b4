import assert from "node:assert/strict";
import { PlainScreen, type PlainTty } from "../../../lib/client/terminal/plain.ts";
import { FakeClock, settled, soon, test } from "../fakes.ts";

/** A terminal that gives these pieces, one a read, and then waits or ends. */
class FakeTty implements PlainTty {
  out = "";
  asked = "";
  raw: boolean[] = [];
  readonly #pieces: string[];
  more = () => {};

  constructor(...pieces: string[]) {
    this.#pieces = pieces;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#pieces.length === 0) await new Promise<void>((resolve) => this.more = resolve);
    const piece = this.#pieces.shift()!;
    return piece === "" ? null : new TextEncoder().encodeInto(piece, buffer).written;
  }

  /** No test waits: what has not been typed is not typed in time. */
  async typed(ms = Infinity): Promise<boolean> {
    while (this.#pieces.length === 0 && ms === Infinity) await new Promise<void>((resolve) => this.more = resolve);
    return this.#pieces.length > 0;
  }

  type(piece: string): void {
    this.#pieces.push(piece);
    this.more();
  }

  writeSync(bytes: Uint8Array): number {
    this.out += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  ask(bytes: Uint8Array): number {
    this.asked += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  setRaw(raw: boolean): void {
    this.raw.push(raw);
  }
}

test("PlainScreen.read() gives lines whatever pieces they come in, and their end", async () => {
  const tty = new FakeTty("one\ntw", "o\n", "");
  const screen = new PlainScreen(tty);
  const read = () => soon(screen.read({ prompt: "> " }));
  assert.deepEqual([await read(), await read(), await read()], ["one", "two", undefined]);
  assert.equal(tty.asked, "");
});

test("PlainScreen.read() asks questions beside the output", async () => {
  const tty = new FakeTty();
  const screen = new PlainScreen(tty);
  screen.print("hello");
  const user = screen.read({ prompt: "Username: ", keep: true });
  await settled();
  tty.type("a\n");
  assert.equal(await soon(user), "a");
  assert.deepEqual([tty.out, tty.asked], ["hello\n", "Username: "]);
});

test("PlainScreen.read() reads a secret without echo, and turns the echo on again", async () => {
  const secret = { prompt: "Password: ", secret: true, keep: true, expected: true };
  const tty = new FakeTty("hi\n");
  const screen = new PlainScreen(tty);
  assert.equal(await soon(screen.read({ prompt: "> " })), "hi");
  tty.type("hun");
  tty.type("ter3\x7f2\r");
  assert.equal(await soon(screen.read(secret)), "hunter2");
  assert.deepEqual(tty.raw, [true, false]);
  tty.type("hun\x03");
  assert.equal(await soon(screen.read(secret)), undefined);
  assert.deepEqual(tty.raw, [true, false, true, false]);
});

test("PlainScreen.read() takes no answer from what was typed before the question, and no secret for the talk", async () => {
  const tty = new FakeTty("yes\n", "hunt");
  const screen = new PlainScreen(tty);
  const password = screen.read({ prompt: "Password: ", secret: true, keep: true });
  await settled();
  assert.equal(tty.asked, "[CLIENT] What you typed before the question was dropped\nPassword: ");
  tty.type("hunter2\r");
  assert.equal(await soon(password), "hunter2");
  tty.type("hunter2\r");
  const line = screen.read({ prompt: "> " });
  await settled();
  assert.match(tty.asked, /\n\[CLIENT\] What you typed behind the hidden answer was dropped\n$/);
  tty.type("hello\n");
  assert.equal(await soon(line), "hello");
});

test("PlainScreen.read() keeps what is half typed out of a question that comes up by itself", async () => {
  const tty = new FakeTty();
  const screen = new PlainScreen(tty, { unsent: (typed) => typed });
  const stop = new AbortController();
  const line = screen.read({ prompt: "> ", signal: stop.signal });
  await settled();
  stop.abort(new Error("no longer"));
  await assert.rejects(soon(line), /no longer/);
  tty.type("half a sen");
  const password = screen.read({ prompt: "Password: ", secret: true, keep: true });
  await settled();
  assert.deepEqual([tty.out, tty.asked], ["half a sen\n", "Password: "]);
  tty.type("hunter2\r");
  assert.equal(await soon(password), "hunter2");
});

test("PlainScreen.dismissed() leaves with Enter after a pause, and close() says what was typed meanwhile", async () => {
  const tty = new FakeTty();
  const clock = new FakeClock();
  const screen = new PlainScreen(tty, { clock, unsent: (typed) => typed });
  const left = screen.dismissed();
  assert.equal(tty.asked, "[CLIENT] Enter leaves\n");
  for (const line of ["rest of it\n", "\n", "touch OOPS\n"]) {
    tty.type(line);
    await clock.advance(900);
  }
  await clock.advance(100);
  tty.type("\n");
  await soon(left);
  tty.type("half");
  await soon(screen.close());
  assert.equal(tty.out, "rest of it\ntouch OOPS\nhalf\n");
  assert.deepEqual(tty.raw, [true, false]);
  await screen.close();
});

test("PlainScreen.read() loses no line when one reader stops waiting", async () => {
  const tty = new FakeTty();
  const screen = new PlainScreen(tty);
  const stop = new AbortController();
  const first = screen.read({ prompt: "> ", signal: stop.signal });
  stop.abort(new Error("no longer"));
  await assert.rejects(soon(first), /no longer/);
  tty.type("kept\n");
  assert.equal(await soon(screen.read({ prompt: "> " })), "kept");
});

test("PlainScreen.read() says that a line was too long, or no UTF-8, and goes on with the next", async () => {
  const tty = new FakeTty(...Array.from({ length: 17 }, () => "x".repeat(4096)), "\nnext\n");
  assert.equal(await soon(new PlainScreen(tty).read({ prompt: "> " })), "next");
  assert.equal(tty.out, "[CLIENT] A line of more than 64 KiB was not sent\n");
});
