import type { Position, Positions } from "../wire/event.ts";
import type { Topic } from "../wire/names.ts";

/**
 * Where a log ends, or how far a reader has seen it: the message there, or, with `seq` 0 and an empty id, the beginning.
 */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  /** Where it comes from outside: whether a server's signature proves that the log once had it. */
  readonly given?: "signed" | "unsigned";
}

const pattern = /^([a-z0-9]{1,16})\.(0|[1-9][0-9]{0,15})\.([a-z0-9]{0,16})(?:\.[a-z0-9]{1,16})?$/;

/** A position as a string without a signature, as the store keeps it. */
export function encodePosition({ epoch, seq, id }: LogPosition): Position {
  return `${epoch}.${seq}.${id}`;
}

/** Positions by topic, as a session's are kept in the store. */
export function encodePositions(positions: Readonly<Record<Topic, LogPosition>>): Positions {
  return Object.fromEntries(Object.entries(positions).map(([topic, position]) => [topic, encodePosition(position)]));
}

/**
 * Reads a position, and no signature: what it gives counts as unsigned.
 *
 * @returns the position, or undefined where the string is not one
 */
export function decodePosition(position: unknown): LogPosition | undefined {
  const parts = typeof position === "string" ? pattern.exec(position) : null;
  if (!parts) return undefined;
  return { epoch: parts[1], seq: Math.min(Number(parts[2]), maxSeq), id: parts[3], given: "unsigned" };
}

/** The largest number of which the next one is exact too. */
const maxSeq = Number.MAX_SAFE_INTEGER - 1;

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
