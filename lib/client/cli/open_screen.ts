/**
 * Which screen a person gets: the whole terminal, lines above an input line, or plain lines.
 */

import { join } from "node:path";
import type { Additions } from "../terminal/additions.ts";
import { PlainScreen } from "../terminal/plain.ts";
import type { Session } from "../session/session.ts";
import type { Screen } from "../terminal/screen.ts";
import type { ScreenOptions } from "../tui/choices.ts";
import { FullScreen } from "../tui/full_screen.ts";
import { HistoryFile } from "../tui/history_file.ts";
import { makeTheme } from "../tui/text/theme.ts";
import { ReadMarks } from "../tui/read_marks.ts";
import { unsentNotes } from "../terminal/unsent.ts";
import { Terminal } from "../terminal/terminal.ts";
import { onTerminal, processTty } from "../terminal/tty.ts";

/** Opens a screen on the process's terminal. */
export function openScreen(session: Session, additions: Additions, options: ScreenOptions): Screen {
  const { plain, dumb, color, noColor, notify, mouse, escapeMs, warning, stateFolder, server } = options;
  const unsent = (typed: readonly string[]) => unsentNotes(typed, session);
  if (dumb || !Deno.stdout.isTerminal()) return new PlainScreen(processTty, { unsent });
  const keys = escapeMs === undefined ? {} : { escapeMs };
  if (plain) return onTerminal(new Terminal(processTty, { keys, unsent }));
  const inState = (name: string) => stateFolder === undefined ? undefined : join(stateFolder, name);
  const screen = new FullScreen({
    tty: processTty,
    session,
    additions,
    theme: makeTheme(color === "always" || (color === "auto" && !noColor)),
    history: new HistoryFile(inState("history")),
    drafts: { folder: stateFolder, server },
    marks: new ReadMarks(inState("read")),
    notify,
    mouse,
    keys,
    ...(warning === undefined ? {} : { warning }),
  });
  return onTerminal(screen);
}
