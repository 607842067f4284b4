/**
 * The rows between what was said and the status line: what waits to be sent, and how far files have come.
 */

import { cleanLine } from "../../wire/clean.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Request } from "../net/connection.ts";
import { progressOf } from "../transfer/progress_text.ts";
import type { Transfer } from "../transfer/transfers.ts";
import { fitted, textWidth } from "../terminal/width.ts";
import type { Theme } from "./text/theme.ts";

/** Terminals that are narrower have no columns for a bar. */
const minWidthForBar = 40;

/** Lines that were typed and wait for a connection, or for the store, a row each. */
export function waitingRows(
  waiting: readonly Request[],
  commands: CommandTable,
  columns: number,
  theme: Theme,
): string[] {
  return waiting.map((request) => {
    return theme.dim(fitted(cleanLine(`      … ${commands.textOf(request)}`).replaceAll("\t", " "), columns));
  });
}

/** How far transfers have come: one row with a bar for all of them, or none. */
export function progressRows(running: readonly Transfer[], columns: number, theme: Theme): string[] {
  const progress = progressOf(running);
  if (!progress) return [];
  const { text, share } = progress;
  const width = columns < minWidthForBar ? 0 : Math.min(30, columns >> 2);
  const words = fitted(` ${cleanLine(text)}`, columns - width - 1);
  if (width === 0) return [words];
  const filled = Math.floor(share * width);
  const bar = theme.inverse(" ".repeat(filled)) + theme.dim("·".repeat(width - filled));
  return [words + " ".repeat(columns - width - textWidth(words)) + bar];
}
