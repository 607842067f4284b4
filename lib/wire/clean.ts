/**
 * What is taken out of a text before somebody sees it: nothing that a peer sends may move a reader's cursor, change a
 * colour, set a title or reorder what is read.
 *
 * A server takes controls out of what users say, and the rest out of what it shows to text clients. The client cleans all
 * that servers say as well, for a server need not be one's friend.
 */

/** C0 without TAB, DEL and C1: what a terminal obeys. */
// deno-lint-ignore no-control-regex
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/**
 * What is not to be seen and is no part of a character: embeddings, overrides and isolates (they reorder the text around
 * them), line and paragraph separators, tags outside of flags, fillers, and code points that nobody has assigned.
 *
 * The zero-width joiner and non-joiner stay, for scripts and emoji are written with them; so do the two direction
 * marks, which act on their neighbours only.
 */
const invisible = /(?![\u200c-\u200f])[\p{Cf}\p{Zl}\p{Zp}\p{Cn}\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]/gu;

/** A flag of a part of a country: its tags are format characters, and part of the picture. */
const regionFlag = /\u{1f3f4}[\u{e0061}-\u{e007a}]{2}[\u{e0061}-\u{e007a}\u{e0030}-\u{e0039}]{1,4}\u{e007f}/gu;

/** Marks and joiners, of which a few belong to a character; the rest of a flood would climb out of its row. */
const flood = /([\p{M}\u200c-\u200f]{8})[\p{M}\u200c-\u200f]+/gu;

/**
 * Joiners that join nothing: between anything but pictures and the letters of scripts that are written with them, they
 * have a terminal put the next character into the cell of the one before.
 */
const idleJoiners =
  /(?<!\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f|\p{M}|(?!\p{scx=Latin})\p{L})[\u200c\u200d]+|[\u200c\u200d]+(?!\p{Extended_Pictographic}|(?!\p{scx=Latin})\p{L}|[\u200c\u200d])/gu;

/** Text without C0 and C1 control characters (TAB stays) and without halves of characters. */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(controls, "");
}

/** Marks where there is nothing that they could stand on. */
const orphans = /^[\p{M}\u200c-\u200f]+/u;

/**
 * One line that is safe to print: what could do harm is gone, the rest is as it was, TAB included.
 *
 * @example
 * ```ts
 * import { cleanLine } from "./clean.ts";
 *
 * if (cleanLine("a: \x1b[2Jhi") !== "a: [2Jhi") throw new Error("the escape character is still there");
 * ```
 */
export function cleanLine(text: string): string {
  // Most text is plain, and is done here.
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const safe = cleanText(text);
  let clean = "";
  let end = 0;
  for (const flag of safe.matchAll(regionFlag)) {
    clean += safe.slice(end, flag.index).replace(invisible, "") + flag[0];
    end = flag.index + flag[0].length;
  }
  return (clean + safe.slice(end).replace(invisible, "")).replace(flood, "$1").replace(idleJoiners, "")
    .replace(orphans, "");
}
