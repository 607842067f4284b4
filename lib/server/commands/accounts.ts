/**
 * Coming and going: accounts, logins, resumes, passwords.
 */

import type { Caller, Outcome } from "../registry/caller.ts";
import type { Entered } from "../sessions/login.ts";
import { defineCommand } from "../registry/registry.ts";

const credentials = [{ name: "user", kind: "user" }, { name: "password", kind: "secret" }] as const;

/** The longest `resume`, in bytes: hundreds of positions. */
const resumeLineBytes = 256 * 1024;

/** Makes who has come in the caller's member, and answers. */
function entered(caller: Caller, of: "login" | "register" | "resume", { member, loggedIn, start }: Entered): Outcome {
  caller.member = member;
  return { reply: { of, ...loggedIn }, after: start };
}

/** See the file's first line. */
export const accountCommands = [
  defineCommand({
    name: "login",
    arguments: [...credentials, { name: "side", kind: "flag", optional: true }],
    who: "guest",
    help: "log in",
    audited: true,
    async run(caller, { user, password, side }, { accounts, members: { entrance } }) {
      const account = await accounts.verify(user, password, caller.address);
      return entered(
        caller,
        "login",
        side ? await entrance.side(account, caller) : await entrance.login(account, caller),
      );
    },
  }),
  defineCommand({
    name: "register",
    arguments: credentials,
    who: "guest",
    help: "make an account and log in; a password is 8 to 72 bytes",
    audited: true,
    async run(caller, { user, password }, { accounts, members: { entrance } }) {
      const account = await accounts.register(user, password, caller.address);
      return entered(caller, "register", await entrance.login(account, caller));
    },
  }),
  defineCommand({
    name: "resume",
    arguments: [{ name: "token", kind: "id" }, { name: "positions", kind: "fields", optional: true }],
    who: "guest",
    help: "come back after a lost connection and get what was missed",
    typed: false,
    lineBytes: resumeLineBytes,
    audited: true,
    async run(caller, { token, positions = {} }, { members: { entrance } }) {
      return entered(caller, "resume", await entrance.resume(token, positions, caller));
    },
  }),
  defineCommand({
    name: "passwd",
    arguments: [{ name: "old", kind: "secret" }, { name: "new", kind: "secret" }],
    who: "member",
    help: 'change your password; either may be in "double quotes"',
    audited: true,
    async run({ member, address }, { old, new: password }, { accounts, members }) {
      await accounts.changePassword(member.user, old, password, address);
      const resume = await members.renewToken(member);
      return { reply: { of: "passwd", ...(resume === undefined ? {} : { resume }) } };
    },
  }),
  defineCommand({
    name: "logout",
    who: "user",
    help: "log out and stay connected",
    audited: true,
    async run(caller, _, { members }) {
      const { member } = caller;
      (caller as Caller).member = undefined;
      await members.leave(member, true);
      return { reply: { of: "logout" } };
    },
  }),
  defineCommand({
    name: "quit",
    aliases: ["exit"],
    who: "anyone",
    help: "leave and close the connection",
    async run(caller, _, { members }) {
      const { member } = caller;
      caller.member = undefined;
      if (member) await members.leave(member, false);
      return { reply: { of: "quit" }, close: true };
    },
  }),
];
