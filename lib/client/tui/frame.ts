import { graphemes, textWidth } from "../terminal/width.ts";

/** The other screen, without a wrap at the edge and without arrow keys for the wheel; pastes between marks; focus told. */
const enter = "\x1b[?1049h\x1b[?7l\x1b[?1007l\x1b[?2004h\x1b[?1004h";
const leave = "\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";

/**
 * Whether the wheel sends arrow keys is the one mode that terminals begin with differently. Those that begin with off can
 * save it and put it back; those that cannot, begin with on.
 */
const saveWheel = "\x1b[?1007s";
const restoreWheel = "\x1b[?1007h\x1b[?1007r";
const mouseOn = "\x1b[?1000h\x1b[?1006h";
const mouseOff = "\x1b[?1006l\x1b[?1000l";

/** Terminals that know it show a frame at once; others pass over it. */
const begin = "\x1b[?2026h\x1b[?25l";
const end = "\x1b[?25h\x1b[?2026l";

// deno-lint-ignore no-control-regex
const pieces = /\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x1b\x07]*(?:\x1b\\|\x07)|[^\x1b]+/g;
const plain = /^[\x20-\x7e─↵…·]*$/;

/**
 * The terminal as rows: only those that have changed are written, and all of a frame in one write.
 *
 * Promises:
 * 1. a row is written where it stands and never wraps: if a terminal gives a character another width, no other row
 *    suffers from it;
 * 2. behind each character whose width terminals disagree about, the cursor is set to where it belongs, so that the rest
 *    of the row is in its place;
 * 3. the cursor is where the input is whenever a frame is complete.
 */
export class Frame {
  readonly #mouse: boolean;
  #rows: string[] = [];
  #size = "";
  #entered = false;

  constructor(mouse: boolean) {
    this.#mouse = mouse;
  }

  /** What turns the terminal into this screen, also where it may have stopped being it without {@linkcode leave}. */
  enter(): string {
    this.forget();
    const save = this.#entered ? "" : saveWheel;
    this.#entered = true;
    return save + enter + (this.#mouse ? mouseOn : "") + "\x1b[m\x1b[2J";
  }

  /** What turns it back; nothing where it is not this screen. */
  leave(): string {
    if (!this.#entered) return "";
    this.#entered = false;
    return "\x1b[m" + (this.#mouse ? mouseOff : "") + restoreWheel + leave;
  }

  /** Draws everything anew the next time: what is on the terminal is not known any more. */
  forget(): void {
    this.#size = "";
  }

  /**
   * What is to be written so that the terminal shows these rows.
   *
   * @param cursor row and column, from 0
   */
  draw(rows: readonly string[], columns: number, cursor: { row: number; column: number }): string {
    const size = `${rows.length} ${columns}`;
    let changes = "";
    if (size !== this.#size) {
      changes = "\x1b[m\x1b[2J";
      this.#rows = rows.map(() => "");
      this.#size = size;
    }
    for (const [index, row] of rows.entries()) {
      if (row === this.#rows[index]) continue;
      changes += `\x1b[${index + 1};1H\x1b[K${steadied(row)}\x1b[m`;
    }
    this.#rows = [...rows];
    return `${begin}${changes}\x1b[${cursor.row + 1};${cursor.column + 1}H${end}`;
  }
}

/** A row with the cursor set behind what may be wider or narrower than one thinks. */
export function steadied(row: string): string {
  let column = 0;
  let steady = "";
  for (const [piece] of row.matchAll(pieces)) {
    if (piece[0] === "\x1b") steady += piece;
    else if (plain.test(piece)) {
      steady += piece;
      column += piece.length;
    } else {
      for (const grapheme of graphemes(piece)) {
        // A joiner at a character's end would take the next one along, wherever the cursor is set.
        steady += grapheme.replace(/\u200d+$/, "");
        column += textWidth(grapheme);
        if (!plain.test(grapheme)) steady += `\x1b[${column + 1}G`;
      }
    }
  }
  return steady;
}
