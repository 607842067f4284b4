/**
 * The commands that are the screen's own, and its keys, as one table: for `/help` and for completion.
 */

import type { OwnCommand } from "./completion.ts";

/** Commands that the server does not know. */
export const ownCommands: readonly OwnCommand[] = [
  { name: "search", usage: "/search <words>", help: "find what was said, on the screen and in the room's history" },
  { name: "unread", usage: "/unread", help: "go to where the unread begin (also Alt-U)" },
  { name: "clear", usage: "/clear", help: "empty the screen" },
];

/** Keys that are not those of every line editor. */
const keys = "Keys: PageUp and PageDown scroll, Alt-< and Alt-> go to both ends, Tab completes, Ctrl-L draws anew";

/** What `/help` says of them. */
export function ownHelp(): string[] {
  return [...ownCommands.map(({ usage, help }) => `${usage} — ${help}`), keys];
}
