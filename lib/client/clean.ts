/**
 * The last gate before a screen: nothing that a server sends may move the cursor, change a colour or reorder what
 * is read.
 *
 * The server cleans what users say; this cleans what servers say, for a server need not be one's friend.
 */

/** C0 without TAB, DEL and C1. */
// deno-lint-ignore no-control-regex
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/** Embeddings, overrides and isolates, which reorder the text around them; line and paragraph separators. */
const reordering = /[\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;

/**
 * One line that is safe to print.
 *
 * @example
 * ```ts
 * import { cleanLine } from "./clean.ts";
 *
 * if (cleanLine("a: \x1b[2Jhi") !== "a: [2Jhi") throw new Error("the escape character is still there");
 * ```
 */
export function cleanLine(text: string): string {
  return text.toWellFormed().replace(controls, "").replace(reordering, "");
}
