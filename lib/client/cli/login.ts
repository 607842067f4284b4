/**
 * Asking a person who they are, until the server agrees.
 */

import { ChatError } from "../../common/errors.ts";
import { isUsername, usernameRule } from "../../wire/names.ts";
import { errorLine, note } from "../terminal/render.ts";
import type { Session } from "../session/session.ts";
import type { ReadOptions, Screen } from "../terminal/screen.ts";
import type { Login } from "../session/update.ts";

/** What is known before anybody is asked. */
export interface LoginChoice {
  readonly user?: string;
  /** Tried once; after a refusal the person is asked. */
  readonly password?: string;
  readonly register?: boolean;
  /** What an earlier session left: tried once, before anything is asked. */
  readonly token?: string;
}

/** What the login's answers mean. */
const answers: Readonly<Record<string, "login" | "register">> = {
  "": "login",
  l: "login",
  login: "login",
  r: "register",
  register: "register",
};

/**
 * Logs in.
 *
 * @returns false when the person wants to leave, or the session has ended
 */
export async function logIn(session: Session, screen: Screen, choice: LoginChoice): Promise<boolean> {
  const ask = (prompt: string, options?: Partial<ReadOptions>) => screen.read({ prompt, keep: true, ...options });
  const tell = (sentence: string) => screen.print(note(sentence));
  let { password: known, register } = choice;
  const { token } = choice;
  if (token !== undefined && await tryLogin(session, screen, { cmd: "resume", token }) === undefined) return true;
  while (!session.ending) {
    const cmd = register ? "register" : choice.user !== undefined ? "login" : await askWhich(ask, tell);
    if (cmd === undefined) return false;
    const user = choice.user ?? await ask("Username: ");
    if (user === undefined) return false;
    if (!isUsername(user.trim())) {
      tell(`A username is ${usernameRule}`);
      if (choice.user !== undefined) return false;
      continue;
    }
    const password = known ?? await ask("Password: ", { secret: true });
    if (password === undefined) return false;
    if (cmd === "register" && known === undefined) {
      const again = await ask("Once more: ", { secret: true });
      if (again === undefined) return false;
      if (again !== password) {
        tell("The two passwords differ");
        continue;
      }
    }
    known = undefined;
    const refusal = await tryLogin(session, screen, { cmd, user: user.trim(), password });
    if (refusal === undefined) return true;
    if (refusal === "registration_closed") register = false;
  }
  return false;
}

/** @returns why not, as a code or in words; undefined when it is done */
async function tryLogin(session: Session, screen: Screen, login: Login): Promise<string | undefined> {
  try {
    await session.login(login);
    return undefined;
  } catch (error) {
    if (error instanceof ChatError) return error.code; // a refusal is shown where it came from
    screen.print(errorLine(error));
    return "lost";
  }
}

async function askWhich(
  ask: (prompt: string) => Promise<string | undefined>,
  tell: (sentence: string) => void,
): Promise<"login" | "register" | undefined> {
  for (;;) {
    const answer = await ask("Log in or register? [login] ");
    if (answer === undefined) return undefined;
    const which = answers[answer.trim().toLowerCase()];
    if (which) return which;
    tell("Answer login or register, or l or r; Enter alone is login");
  }
}
