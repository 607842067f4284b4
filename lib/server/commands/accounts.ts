import { ChatError } from "../../common/errors.ts";
import { quote } from "../../wire/command.ts";
import type { Account } from "../../store/accounts.ts";
import type { AccessToken } from "../../store/accounts/access_tokens.ts";
import { sessionScope } from "../registry/access.ts";
import { type Caller, defineCommand, type Outcome, type PendingLogin, type Services } from "../registry/command.ts";
import { loginRequired } from "../registry/registry.ts";
import type { LoginResult, Logins } from "../sessions/login.ts";

const credentials = [{ name: "user", kind: "user" }, { name: "password", kind: "secret" }] as const;

/** The device that one logs in on; only programs name it. */
const device = { name: "device", kind: "device", optional: true, typed: false } as const;

/** The code of an invitation; people show theirs first. */
const invitation = { name: "invitation", kind: "secret", optional: true, typed: false } as const;

/** The code of a second factor; people send it afterwards. */
const code = { name: "code", kind: "secret", optional: true, typed: false } as const;

/** The longest `resume`, in bytes: hundreds of positions. */
const resumeLineBytes = 256 * 1024;

/** Somebody has come in: the connection is theirs, and their topics begin to flow behind the answer. */
function entered(of: "login" | "register" | "resume", { session, loggedIn, start }: LoginResult): Outcome {
  return { reply: { of, ...loggedIn }, session, pending: {}, after: start };
}

/** For how long a login waits for its code, in milliseconds. */
const codeWaitMs = 300_000;

/** Who has proved to be the account's owner comes in. */
async function enter(
  account: Account,
  caller: Caller,
  { side, device }: Pick<PendingLogin, "side" | "device">,
  { sessions: { login } }: Services,
): Promise<Outcome> {
  return entered("login", side ? await login.side(account, caller) : await login.login(account, caller, device));
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

/** The code that a command needs. */
function given(code: string | undefined): string {
  if (code !== undefined) return code;
  throw new ChatError("usage", "The code is missing: /totp confirm <code> or /totp off <code>");
}

/** Coming and going: accounts, logins, resumes, passwords. */
export const accountCommands = [
  defineCommand({
    name: "login",
    arguments: [...credentials, { name: "side", kind: "flag", optional: true }, device, code],
    who: "guest",
    help: "log in",
    audited: true,
    async run(caller, { user, password, side = false, device, code }, services) {
      const { accounts, sessions: { login: logins } } = services;
      const shown = await accounts.logInByToken(user, password, caller.peer);
      if (shown) return entered("login", await enterByToken(shown, caller, { side, device }, logins));
      const { account, codeMissing } = await accounts.logIn(user, password, caller.peer, code);
      if (!codeMissing) return await enter(account, caller, { side, device }, services);
      const login = { account, side, device, since: Date.now() };
      const reply = new ChatError("code_required", "Send CODE <digits>");
      return { reply, pending: { ...caller.pending, login } };
    },
  }),
  defineCommand({
    name: "code",
    arguments: [{ name: "code", kind: "secret" }],
    who: "guest",
    help: "the second step of a login, where the account has two-factor login",
    audited: true,
    async run(caller, { code }, services) {
      const { login } = caller.pending;
      if (!login || Date.now() - login.since > codeWaitMs) throw loginRequired();
      await services.accounts.showCode(login.account, code, caller.peer);
      return await enter(login.account, caller, login, services);
    },
  }),
  defineCommand({
    name: "invitation",
    arguments: [{ name: "code", kind: "secret" }],
    who: "guest",
    help: "show an invitation, where registration needs one",
    audited: true,
    async run({ peer, pending }, { code }, { accounts }) {
      await accounts.checkInvitation(code, peer);
      return { reply: { of: "invitation" }, pending: { ...pending, invitation: code } };
    },
  }),
  defineCommand({
    name: "register",
    arguments: [...credentials, device, invitation],
    who: "guest",
    help: "make an account and log in; a password is 8 to 72 bytes, and none of the most common",
    audited: true,
    async run(caller, { user, password, device, invitation }, { accounts, sessions: { login } }) {
      const shown = invitation ?? caller.pending.invitation;
      const account = await accounts.register(user, password, caller.peer, shown);
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
    name: "totp",
    arguments: [{ name: "action", kind: "word" }, { name: "code", kind: "secret", optional: true }],
    who: "member",
    help: "two-factor login: on, then confirm <code> by your authenticator; off <code> ends it",
    tokens: "never",
    audited: true,
    async run({ session: { user }, peer }, { action, code }, { accounts: { twoFactor } }) {
      switch (action.toLowerCase()) {
        case "on":
          return { reply: { of: "totp", state: "begun", uri: await twoFactor.begin(user) } };
        case "confirm":
          return { reply: { of: "totp", state: "on", recovery: await twoFactor.confirm(user, given(code), peer) } };
        case "off":
          await twoFactor.off(user, given(code), peer);
          return { reply: { of: "totp", state: "off" } };
        default:
          throw new ChatError("usage", `"action" must be on, confirm or off, not ${quote(action)}`);
      }
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
