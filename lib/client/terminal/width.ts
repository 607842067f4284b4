/**
 * How many columns text takes on a terminal, and the characters that a person sees in it.
 *
 * The widths are those of the package `string-width` (Unicode's UAX #11, and emoji as pictures). Terminals differ over
 * some emoji; a caller that draws must not rely on it for more than one row.
 */

import stringWidth from "string-width";

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Plain text: a column for each character. */
const plain = /^[\x20-\x7e]*$/;

/** The user-perceived characters of a text. */
export function graphemes(text: string): string[] {
  if (plain.test(text)) return text.split("");
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The columns of a text without escape sequences. */
export function textWidth(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text, { countAnsiEscapeCodes: true });
}

/** The columns of one user-perceived character: 0, 1 or 2, and for a few more. */
export const graphemeWidth = textWidth;

/**
 * The beginning of a text that fits into so many columns; `…` at its end tells that there is more.
 *
 * @param columns at least 1
 */
export function fitted(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let used = 0;
  let kept = "";
  for (const grapheme of graphemes(text)) {
    used += graphemeWidth(grapheme);
    if (used > columns - 1) break;
    kept += grapheme;
  }
  return kept + "…";
}
