/**
 * How many columns text takes on a terminal.
 *
 * An approximation, as every terminal's is: wide and full-width East Asian characters and emoji take two columns,
 * combining marks none (Unicode's UAX #11, without its ambiguous class).
 */

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Characters that take no column of their own. */
const zero = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

/** Emoji that are shown as pictures by default, and those that are made so by U+FE0F. */
const picture = /^\p{Emoji_Presentation}|^\p{Extended_Pictographic}\u{fe0f}|^[\u{1f1e6}-\u{1f1ff}]{2}/u;

/** First and last code points of the wide blocks, ascending. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x20000, 0x3fffd],
];

/** The user-perceived characters of a text. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The columns of one user-perceived character: 0, 1 or 2. */
export function graphemeWidth(grapheme: string): number {
  if (picture.test(grapheme)) return 2;
  const point = grapheme.codePointAt(0) ?? 0;
  if (point < 0x300) return 1;
  if (zero.test(String.fromCodePoint(point))) return 0;
  return wide.some(([first, last]) => first <= point && point <= last) ? 2 : 1;
}

/** The columns of a text. */
export function textWidth(text: string): number {
  // Most text is plain, and needs no segments.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}
