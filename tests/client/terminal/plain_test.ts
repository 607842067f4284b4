import assert from "node:assert/strict";
import { PlainScreen, type PlainTty } from "../../../lib/client/terminal/plain.ts";
import { soon, test } from "../fakes.ts";

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
  const tty = new FakeTty("a\n");
  const screen = new PlainScreen(tty);
  screen.print("hello");
  assert.equal(await soon(screen.read({ prompt: "Username: ", keep: true })), "a");
  assert.deepEqual([tty.out, tty.asked], ["hello\n", "Username: "]);
});

test("PlainScreen.read() reads a secret without echo, and turns the echo on again", async () => {
  const tty = new FakeTty("hun", "ter3\x7f2\r");
  assert.equal(await soon(new PlainScreen(tty).read({ prompt: "Password: ", secret: true, keep: true })), "hunter2");
  assert.deepEqual(tty.raw, [true, false]);
  const left = new FakeTty("hun\x03");
  assert.equal(await soon(new PlainScreen(left).read({ prompt: "Password: ", secret: true })), undefined);
  assert.deepEqual(left.raw, [true, false]);
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
