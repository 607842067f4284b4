/**
 * Files that are offered: chunks that arrive one after the other, and expire together.
 *
 * A store knows a file as numbered chunks of text (base64, as they come over the wire and leave it); what is in them,
 * and who may fetch them, is not its business.
 */

import type { Topic } from "../wire/names.ts";

/** What a file counts as, in bytes, where it is smaller: a million of them take more than their bytes. */
const minCountedBytes = 4_096;

/** What a file of a size counts as, in bytes. */
export function countedBytes(size: number): number {
  return Math.max(size, minCountedBytes);
}

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
   * before: an answer that was lost costs nothing. Its life begins anew.
   *
   * @returns `full` where the owner's files, or all files, would have more bytes than they may
   */
  begin(draft: FileDraft): Promise<StoredFile | "full">;
  /** @returns undefined where there is none, or none any more */
  find(id: string): Promise<StoredFile | undefined>;
  /**
   * Adds chunk number `n`, counted from 0, if it is the next; another one changes nothing.
   *
   * @returns how many chunks are there now; undefined where the file is gone
   */
  put(id: string, n: number, data: string): Promise<number | undefined>;
  /** @returns a chunk; undefined where it is not there */
  get(id: string, n: number): Promise<string | undefined>;
  /** Forgets a file now. */
  remove(id: string): Promise<void>;
  /** Forgets what has expired and is not forgotten by itself; called every minute or so. */
  sweep(): Promise<void>;
}
