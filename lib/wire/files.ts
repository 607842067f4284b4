/**
 * Files on the wire: how they are cut, and what they may be called.
 */

import { cleanText } from "./clean.ts";

/** How many bytes a chunk has, the last of a file excepted. */
export const fileChunkBytes = 49_152;

/** The longest line that a chunk is sent in, in bytes: base64, and the fields around it. */
export const chunkLineBytes = 4 * Math.ceil(fileChunkBytes / 3) + 512;

/** The longest file name, in bytes of UTF-8: what the usual file systems take. */
export const maxFilenameBytes = 255;

/** The rule for file names, in words. */
export const filenameRule = `1–${maxFilenameBytes} bytes without / \\ and control characters, and neither . nor ..`;

/** Whether it may be a file's name: one segment of a path. */
export function isFilename(name: string): boolean {
  if (name.trim() === "" || name === "." || name === ".." || /[/\\]/.test(name)) return false;
  return cleanText(name) === name && !name.includes("\t") && new TextEncoder().encode(name).length <= maxFilenameBytes;
}

/** How many chunks a file of so many bytes has; an empty one has none. */
export function chunkCount(size: number): number {
  return Math.ceil(size / fileChunkBytes);
}

/** How many bytes chunk number `n` of such a file has. */
export function chunkSize(size: number, n: number): number {
  return Math.max(0, Math.min(fileChunkBytes, size - n * fileChunkBytes));
}
