import { newPasswordFault, newPasswordRule } from "../../wire/passwords.ts";
import type { ReadOptions, Screen } from "../terminal/screen.ts";

/** How a person is asked and told. */
export interface Asking {
  /** @returns the answer; undefined when the person wants to leave */
  ask(prompt: string, options?: Partial<ReadOptions>): Promise<string | undefined>;
  tell(sentence: string): void;
}

const answers: Readonly<Record<string, boolean>> = { "": false, n: false, no: false, y: true, yes: true };

/**
 * Asks a person, until the answer is one; Enter alone, and Ctrl-C, say no.
 *
 * @param prompt the question, which should end in "[no] "
 */
export async function askYesNo(
  screen: Pick<Screen, "read">,
  prompt: string,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let question = prompt;; question = `Answer yes or no. ${prompt}`) {
    const answer = await screen.read({
      prompt: question,
      keep: true,
      cancellable: true,
      ...(signal ? { signal } : {}),
    });
    const meant = answers[(answer ?? "").trim().toLowerCase()];
    if (meant !== undefined) return meant;
  }
}

/**
 * Asks for a new password: tells the rule first, has it typed again where it breaks the rule, and then once more.
 *
 * @param user whose it is to be
 * @returns undefined when the person wants to leave
 */
export async function askNewPassword(
  { ask, tell }: Asking,
  user: string,
  prompt = "Password: ",
): Promise<string | undefined> {
  tell(`A password is ${newPasswordRule}`);
  for (;;) {
    const password = await ask(prompt, { secret: true });
    if (password === undefined) return undefined;
    const fault = newPasswordFault(user, password);
    if (fault !== undefined) {
      tell(fault);
      continue;
    }
    const again = await ask("Once more: ", { secret: true });
    if (again === undefined || again === password) return again;
    tell("The two passwords differ");
  }
}
