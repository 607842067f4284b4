import type { Session } from "../session/session.ts";
import { isSecret } from "./input.ts";
import { note } from "./render.ts";

/**
 * What is still said when the client leaves, so that nothing that was typed is lost: a line for each request that has no
 * answer and for each line that was not read, in order.
 *
 * @param typed lines that were not read, the draft last; what looks like a login is left out
 */
export function unsentNotes(
  typed: readonly string[],
  { waiting, commands, user }: Pick<Session, "waiting" | "commands" | "user">,
): string[] {
  return [
    ...waiting.map((request) => note(`No answer came to: ${commands.textOf(request)}`)),
    ...typed.filter((line) => !isSecret(line, commands, user)).map((line) => note(`Not sent: ${line}`)),
  ];
}
