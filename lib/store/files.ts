/**
 * Files that are offered: chunks that arrive one after the other, and expire together.
 *
 * A store knows a file as numbered chunks of text (base64, as they come over the wire and leave it); what is in them,
 * and who may fetch them, is not its business.
 */

import { chunkCount, fileChunkBytes } from "../wire/files.ts";
import type { Topic } from "../wire/names.ts";

/** What a file counts as, in bytes, where it is smaller: a million of them take more than their bytes. */
const minCountedBytes = 4_096;

/**
 * How long a file is kept that is not complete, in milliseconds since it was begun or its last chunk came: long enough
 * for a client that was offline for a while, and so short that what was given up holds nothing for long.
 */
export const unfinishedMs = 3_600_000;

/** The longest life of a file, in milliseconds, where nobody set an end: a hundred years. */
const longestMs = 3_153_600_000_000;

/** What the first so many chunks of a file count as, in bytes; all of them, unless told. */
export function countedBytes(size: number, chunks: number = chunkCount(size)): number {
  return Math.max(Math.min(size, chunks * fileChunkBytes), minCountedBytes);
}

/**
 * For how long a file is kept from now on, in milliseconds.
 *
 * @param have how many chunks of it there are
 * @param fileTtl how long a complete one is kept
 */
export function fileLife({ size, have }: Pick<StoredFile, "size" | "have">, fileTtl: number): number {
  return Math.min(fileTtl, have < chunkCount(size) ? unfinishedMs : longestMs);
}

/**
 * Why there is no room for a file: its owner's files have as many bytes as one's may, or as many as one's may of what
 * those of others leave free, or all files have as many as there may be.
 */
export type Full = "full_user" | "full_share" | "full_all";

/** A file on its way in. */
export interface FileDraft {
  /** Whose it is, as registered. */
  readonly owner: string;
  /** Where it is to be offered: who may read this topic may fetch the file. */
  readonly topic: Topic;
  readonly name: string;
  /** In bytes, before base64. */
  readonly size: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
}

/** A file that the store has, or the beginning of it. */
export interface StoredFile extends FileDraft {
  /** Random, so that nobody guesses it. */
  readonly id: string;
  /** How many chunks are there: the first so many. */
  readonly have: number;
  /** When it is forgotten, in milliseconds since 1970. */
  readonly expires: number;
}

/** Files, and what they may take together. */
export interface Files {
  /**
   * Begins a file, or finds it where the same owner has begun the same bytes under the same name for the same topic
   * before: an answer that was lost costs nothing. The life of a complete one begins anew; one that is not complete is
   * kept no longer for being asked for. Of a new one nothing is counted but the least that a file counts as.
   *
   * @returns why there is no room, where with all its bytes the owner's files, or all files, would have more than they may
   */
  begin(draft: FileDraft): Promise<StoredFile | Full>;
  /** @returns undefined where there is none, or none any more */
  find(id: string): Promise<StoredFile | undefined>;
  /**
   * Adds chunk number `n`, counted from 0, if it is the next; another one changes nothing. Its bytes are counted before
   * it is there, and once, however often it comes. With the last one the file's life begins.
   *
   * @param file as it was just found
   * @returns how many chunks are there now; undefined where the file is gone, and why there is no room where with these
   *   bytes the owner's files, or all files, would have more than they may
   */
  put(file: StoredFile, n: number, data: string): Promise<number | Full | undefined>;
  /** @returns a chunk; undefined where it is not there */
  get(id: string, n: number): Promise<string | undefined>;
  /** Forgets a file now. */
  remove(id: string): Promise<void>;
  /** Forgets what has expired and is not forgotten by itself; called every minute or so. */
  sweep(): Promise<void>;
}
