/**
 * What the client's full screen looks like when nothing has broken it.
 */

import assert from "node:assert/strict";
/** What a terminal shows. */
export interface Shown {
  /** Its rows, without blanks at their ends. */
  readonly rows: readonly string[];
  readonly cursor: { readonly column: number; readonly row: number };
  readonly title: string;
  /** Whether the program has the other screen. */
  readonly alternate: boolean;
}

/** Whether a frame is complete, and the status line and the input line are where they belong. */
export function prompted({ rows, cursor, alternate }: Shown, height: number): boolean {
  return alternate && rows.length === height && cursor.row === height - 1 &&
    / lobby \(\d+\) · /.test(rows[height - 2]) &&
    rows[height - 1].startsWith("lobby>");
}

/** The screen's parts are where they belong, and every row is a row of the talk. */
export function assertIntact({ rows, title, alternate }: Shown, height: number): void {
  assert.equal(rows.length, height);
  assert.ok(alternate);
  assert.doesNotMatch(title, /pwned/i);
  assert.match(rows[height - 2], /^ lobby \(\d+\) · /);
  assert.match(rows[height - 1], /^lobby> /);
  for (const row of rows.slice(0, -2)) {
    assert.match(row, /^(?:$|\d\d:\d\d | {6}|── )/, `a row that begins as none does: ${JSON.stringify(row)}`);
  }
}
