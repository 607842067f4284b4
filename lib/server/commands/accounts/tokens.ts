import { hashAccessToken, makeAccessToken } from "../../../auth/access_token.ts";
import { ChatError } from "../../../common/errors.ts";
import { type AccessToken } from "../../../store/accounts/access_tokens.ts";
import { randomWord } from "../../../store/log_position.ts";
import { quote } from "../../../wire/command.ts";
import { parseTopic, type Topic } from "../../../wire/names.ts";
import { isoTime } from "../../delivery/events.ts";
import { allScopes } from "../../registry/access.ts";
import { defineCommand, type Outcome, type Services } from "../../registry/command.ts";
import type { UserSession } from "../../sessions/user_session.ts";

/** How many tokens that are good a user may have. */
const maxAccessTokens = 50;

/** To how many topics a token may be bound. */
const maxTopics = 50;

const tokenName = /^[A-Za-z0-9_-]{1,32}$/;

/** What is typed behind the name of a new token: `say,history:room:ops`. */
interface Grant {
  readonly scopes: readonly string[];
  readonly topics: readonly Topic[];
}

/** Reads what a token is for. @throws {ChatError} `usage` */
function readGrant(text: string, { commands }: Services): Grant {
  const colon = text.indexOf(":");
  const names = colon < 0 ? text : text.slice(0, colon);
  const scopes = [...new Set(names.toLowerCase().split(","))];
  const known = allScopes(commands);
  for (const scope of scopes) {
    if (known.includes(scope)) continue;
    throw new ChatError("usage", `${quote(scope)} is not a scope; there are ${known.join(", ")}`);
  }
  const topics = new Set<Topic>();
  for (const word of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const parsed = parseTopic(word);
    if (!parsed || parsed.kind === "sent") {
      throw new ChatError("usage", `${quote(word)} is not a topic: room:<room>, inbox:<user> or feed:<user>`);
    }
    topics.add(parsed.topic);
  }
  if (topics.size > maxTopics) throw new ChatError("usage", `A token is bound to at most ${maxTopics} topics`);
  return { scopes, topics: [...topics] };
}

async function make(
  { user }: UserSession,
  name: string,
  { scopes: given, for: seconds }: { readonly scopes: string | undefined; readonly for: number | undefined },
  services: Services,
): Promise<Outcome> {
  if (given === undefined) {
    throw new ChatError("usage", "Say what the token is for: /token new ci say,history:room:ops 90d");
  }
  const token = makeAccessToken();
  const created = Date.now();
  const expires = seconds ? { expires: created + seconds * 1000 } : {};
  const made = { id: randomWord(8), name, hash: await hashAccessToken(token), created, ...expires };
  const outcome = await services.store.accessTokens.add(
    user,
    { ...made, ...readGrant(given, services) },
    maxAccessTokens,
  );
  if (outcome === "taken") {
    throw new ChatError("usage", `You have a token ${name}; revoke it first: /token revoke ${name}`);
  }
  if (outcome === "full") {
    throw new ChatError("rate_limited", `You have ${maxAccessTokens} tokens, which is the most that one may`);
  }
  return { reply: { of: "token", name, token } };
}

/** A token as its user is told of it. */
function told({ name, scopes, topics, created, expires, used }: AccessToken) {
  const time = (ms: number | undefined) => ms === undefined ? null : isoTime(ms);
  return { name, scopes, topics, created: isoTime(created), until: time(expires), used: time(used) };
}

/** Access tokens: what programs show in the password's place. */
export const tokenCommands = [
  defineCommand({
    name: "token",
    arguments: [
      { name: "do", kind: "word" },
      { name: "name", kind: "word" },
      { name: "scopes", kind: "word", optional: true },
      { name: "for", kind: "duration", optional: true },
    ],
    who: "user",
    help: "make a token that a program logs in with, or revoke it: /token new ci say:room:ops 90d, /token revoke ci",
    tokens: "never",
    audited: true,
    async run({ session }, { do: what, name, ...rest }, services) {
      if (what !== "new" && what !== "revoke") {
        throw new ChatError("usage", `A token is for "new" or "revoke", not ${quote(what)}`);
      }
      if (!tokenName.test(name)) {
        throw new ChatError("usage", `${quote(name)} is not a token's name: 1–32 of A-Z a-z 0-9 _ -`);
      }
      if (what === "new") return await make(session, name, { scopes: rest.scopes, for: rest.for }, services);
      const revoked = await services.store.accessTokens.revoke(session.user, name);
      if (!revoked) throw new ChatError("usage", `You have no token ${name}; /tokens lists them`);
      await services.sessions.tokenRevoked(session.user, revoked.id);
      return { reply: { of: "token", name } };
    },
  }),
  defineCommand({
    name: "tokens",
    who: "user",
    help: "list your tokens, what each may do, and when it was last used",
    tokens: "never",
    async run({ session }, _, { store }) {
      return { reply: { of: "tokens", tokens: (await store.accessTokens.list(session.user)).map(told) } };
    },
  }),
];
