/**
 * A server's files in memory, and a folder of a test's own, for the tests of file transfer.
 */

import { Buffer } from "node:buffer";
import type { Request } from "../../../lib/client/net/connection.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Reply } from "../../../lib/wire/event.ts";
import { fileChunkBytes } from "../../../lib/wire/files.ts";
import { test } from "../../support/declare.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";

/** Bytes that differ with the seed. */
export const bytesOf = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 255);

/** The size of a file of three chunks. */
export const threeChunks = 2 * fileChunkBytes + 10;

/** A server's files, in memory. */
export class FakeFiles {
  readonly asked: Request[] = [];
  readonly files = new Map<string, { chunks: string[]; name: string }>();
  /** Called before each answer; what it returns or throws is the answer, if it is one. */
  before: (request: Request) => unknown = () => undefined;
  #ids = 0;

  readonly ask = async (request: Request): Promise<Reply> => {
    this.asked.push(request);
    await Promise.resolve();
    const instead = await this.before(request);
    if (instead !== undefined) return instead as Reply;
    const { cmd, n } = request as { cmd: string; n: number };
    const file = this.files.get(String(request.file));
    switch (cmd) {
      case "upload": {
        const key = JSON.stringify([request.name, request.sha256]);
        const known = [...this.files].find(([, { name }]) => name === key);
        const id = known?.[0] ?? `id${++this.#ids}`;
        if (!known) this.files.set(id, { chunks: [], name: key });
        const have = this.files.get(id)!.chunks.length;
        return { of: cmd, file: id, have, chunk_bytes: fileChunkBytes, expires: "2026-11-28T09:00:00.000Z" };
      }
      case "chunk":
        if (!file) throw new ChatError("unknown_file", "gone");
        if (n === file.chunks.length) file.chunks.push(String(request.data));
        return { of: cmd, have: file.chunks.length };
      case "download":
        if (!file?.chunks[n]) throw new ChatError("unknown_file", "gone");
        return { of: cmd, n, data: file.chunks[n] };
      case "withdraw":
        this.files.delete(String(request.file));
        return { of: cmd, file: String(request.file) };
      default:
        return { of: "msg", to: "b", text: String(request.text), topic: "", seq: 1, time: "" };
    }
  };

  bytes(id: string): Uint8Array {
    return Buffer.concat(this.files.get(id)!.chunks.map((chunk) => Buffer.from(chunk, "base64")));
  }
}

const files = await permitted("read", "write");

/** A test with a folder of its own. */
export function withFolder(name: string, fn: (folder: string) => Promise<void>): void {
  const run = async () => {
    await using folder = await temporaryFolder();
    await fn(folder.path);
  };
  test(name, run, files);
}

/** What is in a folder, by name. */
export const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
