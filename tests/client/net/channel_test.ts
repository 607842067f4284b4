import assert from "node:assert/strict";
import { LineChannel } from "../../../lib/client/net/channel.ts";
import type { Transport } from "../../../lib/client/net/dial.ts";
import { FakeClock, test } from "../fakes.ts";

/** A transport that gives what it is made with, a chunk a read, and then nothing more. */
function giving(...chunks: (string | Uint8Array)[]): Transport & { closed: boolean } {
  const left = chunks.map((chunk) => typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  return {
    closed: false,
    read(buffer: Uint8Array) {
      const chunk = left.shift();
      if (!chunk) return Promise.resolve(null);
      buffer.set(chunk);
      return Promise.resolve(chunk.length);
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close() {
      this.closed = true;
    },
  } as Transport & { closed: boolean };
}

async function all(channel: LineChannel): Promise<string[]> {
  const lines: string[] = [];
  for (let line; (line = await channel.next()) !== undefined;) lines.push(line);
  return lines;
}

const unreadable = new Uint8Array([...new TextEncoder().encode("one\ntwo\n"), 0xff, 0xfe, 0x0a, 0x34, 0x0a]);

test("LineChannel.next() gives what came before an unreadable line, in order, and nothing behind it", async () => {
  const transport = giving(unreadable, "five\n");
  const channel = new LineChannel(transport, new FakeClock());
  assert.equal(await channel.next(), "one");
  assert.equal(channel.ended, undefined, "what came before it is still to be told");
  assert.deepEqual(await all(channel), ["two"]);
  assert.match(channel.ended!.message, /a line that cannot be read/);
  assert.equal(transport.closed, true);
});

test("LineChannel.next() gives the same where an unreadable line comes byte by byte", async () => {
  const bytes = [...unreadable].map((byte) => new Uint8Array([byte]));
  const channel = new LineChannel(giving(...bytes), new FakeClock());
  assert.deepEqual(await all(channel), ["one", "two"]);
  assert.match(channel.ended!.message, /a line that cannot be read/);
});

test("LineChannel.end() tells nothing more, and only its first reason counts", async () => {
  const channel = new LineChannel(giving("one\ntwo\nthree\n"), new FakeClock());
  assert.equal(await channel.next(), "one");
  channel.end("enough");
  channel.end("too late");
  assert.equal(await channel.next(), undefined);
  assert.equal(channel.ended!.message, "enough");
});
