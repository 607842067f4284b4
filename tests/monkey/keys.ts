/** What the monkey presses. */

import type { Prng } from "../chaos/prng.ts";

const letters = [..."abcdefghijklmnopqrstuvwxyz,.;:!?()[]{}<>*_~+-", "é", "ß", "日", "本", "👍", "🎉", "𝒳"];

/** A word that is no command and no password. */
export function word(prng: Prng): string {
  return Array.from({ length: prng.int(1, 9) }, () => prng.pick(letters)).join("");
}

/** Some words, of one line. */
export function words(prng: Prng, most = 8): string {
  return Array.from({ length: prng.int(1, most) }, () => word(prng)).join(" ");
}

/** Several lines, some of which look like commands, and one of which would leave. */
export function lines(prng: Prng): string[] {
  return Array.from(
    { length: prng.int(2, 5) },
    (_, index) => index > 0 && prng.chance(0.2) ? prng.pick(["/quit", "//me", "/logout"]) : words(prng),
  );
}

/** What a terminal sends that changes nothing in the line: focus, the mouse, answers, keys that scroll. */
export function silent(prng: Prng): string {
  return prng.pick([
    "\x1b[I",
    "\x1b[O",
    "\x1b[<0;10;10M\x1b[<0;10;10m",
    "\x1b[<64;3;3M",
    "\x1b[M !!",
    "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
    "\x1b]4;1;rgb:cd/00/00\x07",
    "\x1bP>|XTerm(389)\x1b\\",
    "\x1b[?64;1;2;6;22c",
    "\x1b[>41;389;0c",
    "\x1b[24;80R",
    "\x1b[?2026;2$y",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b<",
    "\x1b>",
    "\x1b[1;2A",
    "\x1b[1;2B",
    "\x1bu",
    "\x0c",
    "\x1b[99;99~",
    "\x1bOP",
    "\x1b[24~",
    "\x1b[27;5;105~",
    "\x00",
  ]);
}

/** Any keys but those that submit, leave or end; after them, nobody knows what the line is. */
export function wild(prng: Prng): string {
  const key = () =>
    prng.pick([
      "\t",
      "\x1b[Z",
      "\x12",
      "\x07",
      "\x14",
      "\x17",
      "\x19",
      "\x1f",
      "\x1b[A",
      "\x1b[B",
      "\x1b\x7f",
      "\x1bd",
      "\x1b[3;5~",
      "\x1bb",
      "\x1b",
      "\x1b[",
      "\x1bO",
      "@",
      "#",
      "/",
      "/he",
      word(prng),
      silent(prng),
      String.fromCharCode(prng.int(0x20, 0x7e)),
      String.fromCodePoint(prng.int(0xa0, 0x2fff)),
      "e\u0301",
      "👩‍👩‍👧",
      "\u202e",
    ]);
  return Array.from({ length: prng.int(1, 12) }, key).join("");
}
