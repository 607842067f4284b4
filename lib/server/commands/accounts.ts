import { ChatError } from "../../common/errors.ts";
import type { Account } from "../../store/accounts.ts";
import type { AccessToken } from "../../store/accounts/access_tokens.ts";
import { sessionScope } from "../registry/access.ts";
import { type Caller, defineCommand, type Outcome } from "../registry/command.ts";
import type { LoginResult, Logins } from "../sessions/login.ts";

const credentials = [{ name: "user", kind: "user" }, { name: "password", kind: "secret" }] as const;

/** The device that one logs in on; only programs name it. */
const device = { name: "device", kind: "device", optional: true, typed: false } as const;

/** The longest `resume`, in bytes: hundreds of positions. */
const resumeLineBytes = 256 * 1024;

/** Somebody has come in: the connection is theirs, and their topics begin to flow behind the answer. */
function entered(of: "login" | "register" | "resume", { session, loggedIn, start }: LoginResult): Outcome {
  return { reply: { of, ...loggedIn }, session, after: start };
}

/** Lets in who shows an access token. */
async function enterByToken(
  { account, access }: { readonly account: Account; readonly access: AccessToken },
  caller: Caller,
  { side = false, device }: { readonly side?: boolean; readonly device?: string },
  login: Logins,
): Promise<LoginResult> {
  if (side) return await login.side(account, caller, access);
  if (access.scopes.includes(sessionScope)) return await login.login(account, caller, device, access);
  const message = `The token ${access.name} is for side connections: it has not the scope ${sessionScope}`;
  throw new ChatError("forbidden", message);
}

/** The user is logged out here, and who has the resume token could still use it. */
function notRevoked(): ChatError {
  const message = "You are logged out here, but the store cannot be reached to end your resume token: " +
    "the server ends it when it can; logging in again does too";
  return new ChatError("store_unavailable", message);
}

/** Coming and going: accounts, logins, resumes, passwords. */
export const accountCommands = [
  defineCommand({
    name: "login",
    arguments: [...credentials, { name: "side", kind: "flag", optional: true }, device],
    who: "guest",
    help: "log in",
    audited: true,
    async run(caller, { user, password, side, device }, { accounts, sessions: { login } }) {
      const shown = await accounts.logInByToken(user, password, caller.peer);
      if (shown) return entered("login", await enterByToken(shown, caller, { side, device }, login));
      const account = await accounts.logIn(user, password, caller.peer);
      return entered(
        "login",
        side ? await login.side(account, caller) : await login.login(account, caller, device),
      );
    },
  }),
  defineCommand({
    name: "register",
    arguments: [...credentials, device],
    who: "guest",
    help: "make an account and log in; a password is 8 to 72 bytes, and none of the most common",
    audited: true,
    async run(caller, { user, password, device }, { accounts, sessions: { login } }) {
      const account = await accounts.register(user, password, caller.peer);
      return entered("register", await login.login(account, caller, device));
    },
  }),
  defineCommand({
    name: "resume",
    arguments: [{ name: "token", kind: "token" }, { name: "positions", kind: "fields", optional: true }],
    who: "guest",
    help: "come back after a lost connection and get what was missed",
    typed: false,
    lineBytes: resumeLineBytes,
    audited: true,
    async run(caller, { token, positions = {} }, { sessions: { login } }) {
      return entered("resume", await login.resume(token, positions, caller));
    },
  }),
  defineCommand({
    name: "passwd",
    arguments: [{ name: "old", kind: "secret" }, { name: "new", kind: "secret" }],
    who: "member",
    help: 'change your password, which ends your other connections; either may be in "double quotes"',
    tokens: "never",
    audited: true,
    async run({ session, peer }, { old, new: password }, { accounts, sessions }) {
      const passwords = await accounts.changePassword(session.user, old, password, peer);
      const resume = await sessions.passwordChanged(session, passwords);
      return { reply: { of: "passwd", ...(resume === undefined ? {} : { resume }) } };
    },
  }),
  defineCommand({
    name: "logout",
    who: "user",
    help: "log out and stay connected",
    tokens: "always",
    audited: true,
    async run({ session }, _, { sessions }) {
      const revoked = await sessions.leave(session, true);
      return { reply: revoked ? { of: "logout" } : notRevoked(), session: null };
    },
  }),
  defineCommand({
    name: "quit",
    aliases: ["exit"],
    who: "anyone",
    help: "leave and close the connection",
    tokens: "always",
    async run({ session }, _, { sessions }) {
      if (session) await sessions.leave(session, false);
      return { reply: { of: "quit" }, session: null, close: true };
    },
  }),
];
