/**
 * What is said of accounts, as people read it.
 */

import type { AccountReply, UserToken } from "./account_event.ts";

const kinds: ReadonlySet<string> = new Set(
  [
    "token",
    "tokens",
    "messages",
    "requests",
    "accept",
    "decline",
    "invitation",
    "totp",
    "delete_account",
  ] satisfies AccountReply["of"][],
);

/** Whether a reply is one of an account's owner's commands. */
export function isAccountReply(reply: { readonly of: string }): reply is AccountReply {
  return kinds.has(reply.of);
}

/** The lines that a person is shown for a reply, joined by LF. */
export function accountReplyText(reply: AccountReply): string {
  switch (reply.of) {
    case "token":
      return reply.token === undefined ? `Revoked token ${reply.name}` : `Token ${reply.name}: ${reply.token}`;
    case "messages":
      return `Messages from ${reply.from}`;
    case "requests":
      return `Requests: ${reply.requests.join(", ") || "none"}`;
    case "accept":
    case "decline":
      return `${reply.of === "accept" ? "Accepted" : "Declined"} ${reply.user}`;
    case "delete_account":
      return "Account deleted";
    case "tokens":
      return tokensText(reply.tokens);
    case "invitation":
      return "Invitation accepted";
    case "totp":
      return totpText(reply);
  }
}

function totpText({ state, uri, recovery = [] }: AccountReply & { of: "totp" }): string {
  if (state === "begun") return `TOTP: ${uri}`;
  if (state === "off") return "Two-factor login is off";
  return `Two-factor login is on\nRecovery codes, each good once: ${recovery.join(", ")}`;
}

/** The list, and behind it a line for each token that was used. */
function tokensText(tokens: readonly UserToken[]): string {
  const used = tokens.flatMap(({ name, used }) =>
    used === null ? [] : [`[SYSTEM] Token ${name} was last used at ${used.replace(/\.\d+Z$/, "Z")}`]
  );
  return [`Tokens: ${tokens.map(tokenText).join(", ") || "none"}`, ...used].join("\n");
}

function tokenText({ name, scopes, topics, until }: UserToken): string {
  const parts = [scopes.join(", "), topics.join(", "), until === null ? "" : `until ${until.slice(0, 10)}`];
  return `${name} (${parts.filter((part) => part !== "").join("; ")})`;
}
