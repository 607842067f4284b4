/**
 * The rows above the input line: what was said, what waits to be sent, how far files have come, the status line.
 */

import { cleanLine } from "../../wire/clean.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Request } from "../net/connection.ts";
import { progressOf } from "../transfer/progress_text.ts";
import type { Transfer } from "../transfer/transfers.ts";
import { fitted, textWidth } from "../terminal/width.ts";
import type { Theme } from "./text/theme.ts";
import type { View } from "./backlog.ts";
import { statusBar } from "./status_bar.ts";
import type { SessionPort, Timeline } from "./timeline.ts";

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

/** How many typed lines that wait for a connection are shown. */
const maxWaiting = 5;

/** What is on a screen above its input line. */
export interface Shown {
  readonly timeline: Timeline;
  readonly session: SessionPort;
  readonly transfers: readonly Transfer[];
  readonly theme: Theme;
  /** Something that must never be overlooked, on the status line. */
  readonly warning: string | undefined;
  /** What stands in the status line's place; empty for nothing. */
  readonly hint: string;
}

/**
 * All of them.
 *
 * @param height how many there are without the status line
 * @param now milliseconds since some fixed moment
 * @returns them, and the items of which a row is to be seen
 */
export function screenRows(
  { timeline, session, transfers, theme, warning, hint }: Shown,
  { height, columns }: { readonly height: number; readonly columns: number },
  now: number,
): Pick<View, "rows" | "visible"> {
  const { backlog, roster, connection, attention } = timeline;
  const most = Math.min(maxWaiting, height >> 1);
  const unsent = connection.connected && !session.storeAway ? [] : session.waiting;
  const waiting = waitingRows(unsent, session.commands, columns, theme).slice(-most);
  const below = [...waiting, ...progressRows(transfers, columns, theme)].slice(-height);
  const view = backlog.view(height - below.length, columns);
  const body = [...view.rows, ...below];
  const bar = hint !== "" ? theme.bar(fitted(hint, columns)) : statusBar(
    {
      room: session.room,
      members: roster.members,
      user: session.user,
      connection: connection.text(session.server, now),
      connected: connection.connected,
      unread: attention.unread,
      below: view.below,
      waiting: unsent.length,
      warning,
    },
    columns,
    theme,
  );
  const empty = Array.from({ length: height - body.length }, () => "");
  return { rows: [...empty, ...body, bar], visible: view.visible };
}
