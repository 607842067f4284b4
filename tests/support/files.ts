/** Files for tests: made, cut, sent and fetched as the protocol says. */

import assert from "node:assert/strict";
import type { Json, JsonClient } from "./client.ts";

/** How many bytes a chunk has. */
export const chunkBytes = 49_152;

/** A file's bytes, and what its sender says of them. */
export interface TestFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** A file of so many bytes, no two of which are the same. */
export async function makeFile(size: number, name = "report.pdf"): Promise<TestFile> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return { bytes, name, size, sha256: await sha256Of(bytes) };
}

export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** A file's chunk in base64. */
export function chunk({ bytes }: TestFile, n: number): string {
  return bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes).toBase64();
}

/** Announces a file. */
export function begin(client: JsonClient, { name, size, sha256 }: TestFile, where: Json): Promise<Json> {
  return client.ok("upload", { name, size, sha256, ...where });
}

/** Announces a file and sends what the server does not have of it. @returns its id */
export async function upload(client: JsonClient, file: TestFile, where: Json): Promise<string> {
  const { file: id, have } = await begin(client, file, where);
  const count = Math.ceil(file.size / chunkBytes);
  for (let n = have; n < count; n++) {
    assert.equal((await client.ok("chunk", { file: id, n, data: chunk(file, n) })).have, n + 1);
  }
  return id;
}

/** Fetches a file that was offered. */
export async function download(client: JsonClient, { id, size }: Json): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let n = 0; at < size; n++) {
    const reply = await client.ok("download", { file: id, n });
    assert.equal(reply.n, n);
    const part = Uint8Array.fromBase64(reply.data);
    bytes.set(part, at);
    at += part.length;
  }
  assert.equal(at, size);
  return bytes;
}
