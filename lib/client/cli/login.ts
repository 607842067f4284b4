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

/** How a person is asked and told. */
interface Asking {
  ask(prompt: string, options?: Partial<ReadOptions>): Promise<string | undefined>;
  tell(sentence: string): void;
}

/** What to do where an answer is not a login: `again` asks anew, `leave` is the person's wish. */
type NoLogin = "again" | "leave";

/**
 * Asks until the server lets the person in.
 *
 * @returns false when the person wants to leave, or the session has ended
 */
export async function logIn(session: Session, screen: Screen, choice: LoginChoice): Promise<boolean> {
  const asking: Asking = {
    ask: (prompt, options) => screen.read({ prompt, keep: true, ...options }),
    tell: (sentence) => screen.print(note(sentence)),
  };
  const { token } = choice;
  if (token !== undefined && await tryLogin(session, screen, { cmd: "resume", token }) === undefined) return true;
  let left = choice;
  while (!session.ending) {
    const login = await readLogin(asking, left);
    if (login === "leave") return false;
    if (login === "again") continue;
    const { password: _, ...untried } = left;
    const refusal = await tryLogin(session, screen, login);
    if (refusal === undefined) return true;
    left = refusal === "registration_closed" ? { ...untried, register: false } : untried;
  }
  return false;
}

/** A login from what is known and what the person answers. */
async function readLogin({ ask, tell }: Asking, choice: LoginChoice): Promise<Login | NoLogin> {
  const { user: named, password: known, register } = choice;
  const cmd = register ? "register" : named !== undefined ? "login" : await askWhich(ask, tell);
  if (cmd === undefined) return "leave";
  const user = (named ?? await ask("Username: "))?.trim();
  if (user === undefined) return "leave";
  if (!isUsername(user)) {
    tell(`A username is ${usernameRule}`);
    return named === undefined ? "again" : "leave";
  }
  const password = known ?? await ask("Password: ", { secret: true });
  if (password === undefined) return "leave";
  if (cmd === "register" && known === undefined) {
    const again = await ask("Once more: ", { secret: true });
    if (again === undefined) return "leave";
    if (again !== password) {
      tell("The two passwords differ");
      return "again";
    }
  }
  return { cmd, user, password };
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
