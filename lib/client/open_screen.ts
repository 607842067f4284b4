/**
 * Which screen a person gets: the whole terminal, lines above an input line, or plain lines.
 */

import { join } from "node:path";
import type { Additions } from "./additions.ts";
import { PlainScreen } from "./plain.ts";
import type { Session } from "./resume.ts";
import type { Screen } from "./screen.ts";
import type { ScreenOptions } from "./screen/choices.ts";
import { FullScreen } from "./screen/full_screen.ts";
import { HistoryFile } from "./screen/history_file.ts";
import { makeLook } from "./screen/look.ts";
import { ReadMarks } from "./screen/read_marks.ts";
import { Terminal } from "./terminal.ts";
import { onTerminal, processTty } from "./tty.ts";

/** Opens a screen on the process's terminal. */
export function openScreen(session: Session, additions: Additions, options: ScreenOptions): Screen {
  const { plain, dumb, color, noColor, notify, mouse, warning, stateFolder } = options;
  if (dumb || !Deno.stdout.isTerminal()) return new PlainScreen(processTty);
  if (plain) return onTerminal(new Terminal(processTty));
  const inState = (name: string) => stateFolder === undefined ? undefined : join(stateFolder, name);
  const screen = new FullScreen({
    tty: processTty,
    session,
    additions,
    look: makeLook(color === "always" || (color === "auto" && !noColor)),
    history: new HistoryFile(inState("history")),
    marks: new ReadMarks(inState("read")),
    notify,
    mouse,
    ...(warning === undefined ? {} : { warning }),
  });
  return onTerminal(screen);
}
