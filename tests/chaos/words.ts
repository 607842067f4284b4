/**
 * What clients say: texts of all lengths, each of which tells which message it is of.
 */

import type { Prng } from "./prng.ts";

const words = [
  "lorem",
  "ipsum",
  "dolor",
  "größe",
  "sjøsyk",
  "日本語",
  "привет",
  "😀",
  "\\n",
  '"quoted"',
  "/join",
  "{}",
];

/** Which message a text is of: people who type send no cid. */
export function cidOf(text: string): string {
  return text.split(" ", 1)[0];
}

/** A message's text: short most of the time, now and then several network packets long. */
export function textOf(cid: string, prng: Prng): string {
  const count = prng.chance(0.04) ? prng.int(100, 350) : prng.int(1, 8);
  return [cid, ...Array.from({ length: count }, () => prng.pick(words))].join(" ");
}
