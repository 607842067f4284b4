/**
 * The commands that are the full screen's own, and its keys, for `/help` and for completion.
 */

import { misused, type OwnCommand } from "../own_commands.ts";

/** What they are done with. */
export interface ScreenActions {
  search(words: string): Promise<void>;
  showUnread(): void;
  clear(): void;
}

/** See the file's first line. */
export function screenCommands(screen: ScreenActions): OwnCommand[] {
  const search: OwnCommand = {
    name: "search",
    usage: "/search <words>",
    help: "find what was said, on the screen and in the room's history",
    async run(words) {
      if (words === "") throw misused(search);
      await screen.search(words);
    },
  };
  return [
    search,
    {
      name: "unread",
      usage: "/unread",
      help: "go to where the unread begin (also Alt-U)",
      run: () => screen.showUnread(),
    },
    { name: "clear", usage: "/clear", help: "empty the screen", run: () => screen.clear() },
  ];
}

/** Keys that are not those of every line editor. */
export const keysHelp =
  "Keys: PageUp and PageDown scroll, Alt-< and Alt-> go to both ends, Tab completes, Ctrl-L draws anew";
