/** Text that people wrote, with any editor. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeText, readTextFile, TextError } from "../../lib/common/text_file.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { test } from "../support/declare.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function utf16(text: string, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), littleEndian);
  return bytes;
}

test("decodeText() reads UTF-8 and UTF-16, and their byte order marks are no part of the text", () => {
  const text = "SERVER_HOST=127.0.0.1\r\nROOMS=kÖln\n";
  assert.equal(decodeText(utf8(text)), text);
  assert.equal(decodeText(utf8(`\ufeff${text}`)), text);
  assert.equal(decodeText(utf16(`\ufeff${text}`, true)), text);
  assert.equal(decodeText(utf16(`\ufeff${text}`, false)), text);
  assert.equal(decodeText(new Uint8Array(0)), "");
});

test("decodeText() refuses what is no text in one line, whatever is lost otherwise", () => {
  const latin1 = new Uint8Array([0x4b, 0xf6, 0x6c, 0x6e]);
  for (const bytes of [latin1, utf16("SERVER_PORT=1", true), utf16("SERVER_PORT=1", false), utf8("a\0b")]) {
    assert.throws(
      () => decodeText(bytes),
      (error) => error instanceof TextError && /^it is not text in UTF-8/.test(error.message),
    );
  }
});

test("readTextFile() tells a file that is missing from one that cannot be read", async () => {
  await using folder = await temporaryFolder();
  assert.throws(() => readTextFile(join(folder.path, "none")), Deno.errors.NotFound);
  assert.throws(() => readTextFile(folder.path), (error) => error instanceof Error && !error.message.includes("\n"));
}, every(await permitted("read", "write")));

test("readTextFile() reads a file of many parts whole, and no device that has no end", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "long");
  const text = "a line of it\n".repeat(20_000);
  await Deno.writeTextFile(path, text);
  assert.equal(readTextFile(path), text);
  if (Deno.build.os === "linux") assert.throws(() => readTextFile("/dev/zero"), /^Error: it is larger than 16 MB$/);
}, every(await permitted("read", "write")));
