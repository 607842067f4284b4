/**
 * How text looks: colours and emphasis as escape sequences, or none of them.
 *
 * Everything that is given here must be clean already; what comes out is put on the screen as it is.
 */

/**
 * Colours of the 256 that are legible on black and on white alike: each has a contrast of at least 3.5 to either.
 * A test computes it.
 */
export const userColors = [
  26,
  27,
  28,
  29,
  30,
  31,
  32,
  33,
  61,
  62,
  63,
  64,
  65,
  66,
  67,
  68,
  94,
  95,
  96,
  97,
  98,
  99,
  100,
  101,
  128,
  129,
  130,
  131,
  132,
  133,
  134,
  135,
  160,
  161,
  162,
  163,
  164,
  165,
  166,
  167,
  168,
  196,
  197,
  198,
  199,
] as const;

/** Ways to set text off. */
export interface Theme {
  /** A user's name, or another text in that user's colour. */
  user(name: string, text?: string): string;
  dim(text: string): string;
  bold(text: string): string;
  /** Light and dark exchanged. */
  inverse(text: string): string;
  /** An error, or a warning. */
  alarm(text: string): string;
  /** What is meant for the reader. */
  mention(text: string): string;
  /** A private message's beginning. */
  direct(text: string): string;
  /** Something that can be opened by a click; the target is ASCII without blanks. */
  link(text: string, target: string): string;
  /** Something that can be typed to have it done. */
  action(text: string): string;
  /** A row that is one bar from edge to edge. */
  bar(text: string): string;
  /** An alarm on a bar; it ends the bar's own look. */
  barAlarm(text: string): string;
}

/**
 * Makes a look.
 *
 * @param color whether colours are wanted; emphasis stays without them
 */
export function makeTheme(color: boolean): Theme {
  const sgr = (on: string, off: string) => (text: string) => text === "" ? "" : `\x1b[${on}m${text}\x1b[${off}m`;
  const colored = (code: number, bold = "") => (text: string) => {
    return color ? sgr(`${bold}38;5;${code}`, bold === "" ? "39" : "22;39")(text) : bold === "" ? text : bolder(text);
  };
  const bolder = sgr("1", "22");
  const underlined = sgr("4", "24");
  return {
    user: (name, text = name) => colored(colorOf(name))(text),
    dim: sgr("2", "22"),
    bold: bolder,
    inverse: sgr("7", "27"),
    alarm: colored(160, "1;"),
    mention: color ? sgr("1;38;5;162", "22;39") : sgr("1;7", "22;27"),
    direct: colored(128, "1;"),
    link: (text, target) => {
      return `\x1b]8;id=${hash(target).toString(36)};${target}\x1b\\${underlined(text)}\x1b]8;;\x1b\\`;
    },
    action: underlined,
    bar: sgr("7", "27"),
    barAlarm: color ? sgr("27;1;97;41", "22;39;49;7") : sgr("1", "22"),
  };
}

/** A user's colour: the same in every session and on every machine. */
export function colorOf(user: string): number {
  return userColors[hash(user.toLowerCase()) % userColors.length];
}

/** FNV-1a, 32 bits, with a last mixing so that names that differ in one letter differ in colour. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 12)) >>> 0;
}
