/**
 * Asking a person who they are, until the server agrees.
 */

import { ChatError } from "../../common/errors.ts";
import { isUsername, usernameRule } from "../../wire/names.ts";
import { type Asking, askNewPassword } from "./ask.ts";
import { errorLine, note } from "../terminal/render.ts";
import type { Session } from "../session/session.ts";
import type { Screen } from "../terminal/screen.ts";
import type { Login } from "../session/update.ts";

/** What is known before anybody is asked. */
export interface LoginChoice {
  readonly user?: string;
  /** Tried once; after a refusal the person is asked. */
  readonly password?: string;
  readonly register?: boolean;
  /** A code of the account's second factor: tried once, with the password. */
  readonly code?: string;
  /** Good, as far as the server has said. */
  readonly invitation?: string;
  /** What else the server has asked for. */
  readonly wanted?: "code" | "invitation";
  /** What an earlier session left: tried once, before anything is asked. */
  readonly token?: string;
}

/** A login that a person has typed. */
type Credentials = Login & { readonly cmd: "login" | "register" };

/** What the login's answers mean. */
const answers: Readonly<Record<string, "login" | "register">> = {
  "": "login",
  l: "login",
  login: "login",
  r: "register",
  register: "register",
};

/**
 * Asks until the server lets the person in; of what was refused, what was right is not asked again.
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
    if (login === undefined) return false;
    const refusal = await tryLogin(session, screen, login);
    if (refusal === undefined) return true;
    left = leftAfter(refusal, login, choice);
  }
  return false;
}

/** What need not be asked again. */
function leftAfter(
  refusal: string,
  { cmd, user, password, invitation }: Credentials,
  { user: given }: LoginChoice,
): LoginChoice {
  const named = given === undefined ? {} : { user: given };
  switch (refusal) {
    case "code_required":
    case "invalid_code":
      return { user, password, wanted: "code" };
    case "invitation_required":
    case "invalid_invitation":
      return { register: true, user, password, wanted: "invitation" };
  }
  if (cmd === "login") return named;
  switch (refusal) {
    case "registration_closed":
      return named;
    case "username_taken":
    case "invalid_username":
      return { register: true, password, invitation };
    default:
      return { register: true, user, invitation };
  }
}

/** A login from what is known and what the person answers; undefined when the person wants to leave. */
async function readLogin(asking: Asking, choice: LoginChoice): Promise<Credentials | undefined> {
  const { ask, tell } = asking;
  const { user: named, password: known, register } = choice;
  const cmd = register ? "register" : named !== undefined ? "login" : await askWhich(ask, tell);
  if (cmd === undefined) return undefined;
  const user = named?.trim() ?? await askUser(asking);
  if (user === undefined) return undefined;
  if (!isUsername(user)) {
    tell(`A username is ${usernameRule}`);
    return undefined;
  }
  const password = known ?? await (cmd === "register" ? askNewPassword(asking, user) : askPassword(asking));
  if (password === undefined) return undefined;
  const { wanted } = choice;
  const kind = wanted ?? (cmd === "login" ? "code" : "invitation");
  const shown = wanted === undefined ? choice[kind] : await ask(prompts[wanted], { secret: true });
  if (shown === undefined) return wanted === undefined ? { cmd, user, password } : undefined;
  return { cmd, user, password, [kind]: shown };
}

const prompts = { code: "Code: ", invitation: "Invitation: " } as const;

async function askUser({ ask, tell }: Asking): Promise<string | undefined> {
  for (;;) {
    const user = (await ask("Username: "))?.trim();
    if (user === undefined || isUsername(user)) return user;
    tell(`A username is ${usernameRule}`);
  }
}

async function askPassword({ ask }: Asking): Promise<string | undefined> {
  return await ask("Password: ", { secret: true });
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
