import type { Position } from "../wire/event.ts";

/**
 * Where a log ends, or how far a reader has seen it: the message there, or, with `seq` 0 and an empty id, the beginning.
 */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
}

const pattern = /^([a-z0-9]{1,16})\.(0|[1-9][0-9]{0,15})\.([a-z0-9]{0,16})$/;

/** The short string that a client is given for a position. */
export function encodePosition({ epoch, seq, id }: LogPosition): Position {
  return `${epoch}.${seq}.${id}`;
}

/** @returns the position, or undefined where the string is not one */
export function decodePosition(position: unknown): LogPosition | undefined {
  const parts = typeof position === "string" ? pattern.exec(position) : null;
  return parts ? { epoch: parts[1], seq: Number(parts[2]), id: parts[3] } : undefined;
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const pool = new Uint8Array(1024);
let used = pool.length;

/**
 * A random word of lower-case letters and digits, five bits a character.
 *
 * @param length how many characters
 */
export function randomWord(length: number): string {
  if (used + length > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let word = "";
  for (let i = 0; i < length; i++) word += alphabet[pool[used++] & 31];
  return word;
}
