import { type LocalCommand, misused } from "../session/local_commands.ts";

/** What they are done with. */
export interface ScreenActions {
  /** Looks for words: in the room, or in the talk with a user. */
  search(words: string, user: string | undefined): Promise<void>;
  /** Goes to a message that was found, by its number. */
  jump(n: number): Promise<void>;
  showUnread(): void;
  clear(): void;
}

/** The commands that are the full screen's own, and its keys, for `/help` and for completion. */
export function screenCommands(screen: ScreenActions): LocalCommand[] {
  const search: LocalCommand = {
    name: "search",
    usage: "/search [@user] <words>",
    help: "find what was said, on the screen and in the history of the room, or of your talk with @user",
    completes: ["@user"],
    async run(typed) {
      const [, user, words] = /^(?:@(\S+)(?:\s+|$))?(.*)$/s.exec(typed)!;
      if (words === "") throw misused(search);
      await screen.search(words, user);
    },
  };
  const jump: LocalCommand = {
    name: "jump",
    usage: "/jump <n>",
    help: "go to message n of those that /search found",
    async run(typed) {
      if (!/^\d{1,9}$/.test(typed)) throw misused(jump);
      await screen.jump(Number(typed));
    },
  };
  return [
    search,
    jump,
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
  "Keys: PageUp and PageDown scroll, Alt-< and Alt-> go to both ends, Tab completes, Ctrl-R searches what was typed, Ctrl-L draws anew";
