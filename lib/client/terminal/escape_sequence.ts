/**
 * The grammar of what terminals send behind an Escape: keys, mouse reports, and answers to questions.
 *
 * It knows where a sequence ends, and nothing of what one means. A character here is a byte.
 *
 * @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
 * @see https://vt100.net/emu/dec_ansi_parser
 */

/** What a sequence is once it has one more byte. */
export type Progress =
  /** It goes on; `kept` stands for what there is of it, and does not grow with it. */
  | { readonly kind: "unfinished"; readonly kept: string }
  | { readonly kind: "complete" }
  /** The byte does not belong to it: it is to be read anew, behind `left`. */
  | { readonly kind: "broken"; readonly left: string };

/** The most bytes that are kept of a control sequence: no known one is as long. */
const maxKept = 64;

/** An answer in a string, begun by OSC, DCS, SOS, PM or APC: its beginning, and whether an Escape is at its end. */
// deno-lint-ignore no-control-regex
const string = /^(\x1b[\]PX^_][^\x00-\x1f\x7f])[^\x00-\x1f\x7f]*(\x1b?)$/;

/** What is complete: an X10 mouse report, a key of the Linux console, CSI, SS3, a string with its end, or Alt and a key. */
const complete = new RegExp(
  [
    String.raw`\x1b\[M[ -\xff]{3}`,
    String.raw`\x1b\[\[[ -~]`,
    String.raw`\x1b\[(?!M|\[)[0-?]*[ -/]*[@-~]`,
    String.raw`\x1b\[[0-?]+[ -/]*[@-~]`,
    String.raw`\x1bO[\d;]*[ -/:<-~]`,
    String.raw`\x1b[\]PX^_][^\x00-\x1f\x7f]*(?:\x07|\x1b\\)`,
    String
      .raw`\x1b(?:[^[O\]PX^_\x1b\x80-\xff]|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xff][\x80-\xbf]{3})`,
  ].map((alternative) => `^${alternative}$`).join("|"),
);

const unfinished = new RegExp(
  [
    String.raw`\x1b`,
    String.raw`\x1b\[M[ -\xff]{0,2}`,
    String.raw`\x1b\[(?:\[|[0-?]*[ -/]*)`,
    String.raw`\x1bO[\d;]*`,
    String.raw`\x1b[\]PX^_](?:[^\x00-\x1f\x7f]+\x1b?)?`,
    String.raw`\x1b(?:[\xc0-\xff]|[\xe0-\xff][\x80-\xbf]|[\xf0-\xff][\x80-\xbf]{2})`,
  ].map((alternative) => `^${alternative}$`).join("|"),
);

/**
 * Adds a byte to a sequence that is not complete.
 *
 * @param kept what there is of it, from its Escape on
 * @param char the byte, as a character from U+0000 to U+00FF
 */
export function proceed(kept: string, char: string): Progress {
  const sequence = kept + char;
  if (complete.test(sequence)) return { kind: "complete" };
  if (!unfinished.test(sequence)) {
    // An Escape that did not end a string begins what comes next.
    return { kind: "broken", left: kept.length > 1 && kept.endsWith("\x1b") ? "\x1b" : "" };
  }
  const shortened = sequence.replace(string, "$1$2");
  return { kind: "unfinished", kept: shortened.length > maxKept ? kept : shortened };
}

/**
 * Whether what there is of a sequence can be something else: the Escape key, or Alt and a key that begins a string.
 * Anything longer, and `ESC [` and `ESC O`, which hold up one character at most, can only have been cut.
 */
export function isAmbiguous(kept: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^\x1b[^[O]?$/.test(kept);
}
