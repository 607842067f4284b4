/**
 * What an access token may be used for: a table of groups, and the rule that the gate asks.
 */

import type { AccessToken } from "../../store/accounts/access_tokens.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import type { UserSession } from "../sessions/user_session.ts";

/** The scope of a token that may have a session, and not side connections only. */
export const sessionScope = "session";

/** Groups of commands: scope → the commands that it admits. Each command's own name is a scope as well. */
export const scopeGroups: Readonly<Record<string, readonly string[]>> = {
  read: ["history", "talks", "seen", "rooms", "users", "who", "join", "leave", "keys", "download", "subs"],
  write: ["say", "me", "publish", "msg", "keys", "upload", "chunk", "withdraw"],
  files: ["upload", "chunk", "download", "withdraw"],
  msg: ["msg", "keys"],
};

/**
 * What a token may do with a command: `always`, as every client has to; `never`, since it is the account's owner's; else
 * by its scopes.
 */
export type TokenUse = "always" | "never" | "scoped";

/** Which topic a command is about: `none` where it is about no topic, so that no bound token minds. */
export type About = (values: Readonly<Record<string, unknown>>, session: UserSession) => Topic | "none" | undefined;

/** As much of a command as the rule looks at. */
export interface GuardedCommand {
  readonly name: string;
  readonly arguments: readonly { readonly name: string }[];
  readonly who: string;
  readonly tokens: TokenUse;
  readonly about: About | undefined;
}

/** The scopes that there are: `session`, the groups, and every command that a token may have. */
export function allScopes(commands: readonly GuardedCommand[]): string[] {
  const own = commands.filter(({ tokens, who }) => tokens === "scoped" && who !== "guest").map(({ name }) => name);
  return [...new Set([sessionScope, ...Object.keys(scopeGroups), ...own])].sort();
}

/** Why a token may not be used for a command; undefined where it may. */
export function refusalOf(
  { scopes, topics, name }: AccessToken,
  command: GuardedCommand,
  values: Readonly<Record<string, unknown>>,
  session: UserSession,
): string | undefined {
  if (command.tokens === "always") return undefined;
  const admits = (scope: string) => scope === command.name || scopeGroups[scope]?.includes(command.name);
  if (command.tokens === "never" || !scopes.some(admits)) {
    return `The token ${name} may not ${command.name}: it is for ${scopes.join(", ")}`;
  }
  if (topics.length === 0) return undefined;
  const about = (command.about ?? aboutArguments(command))(values, session);
  if (about === "none" || (about !== undefined && topics.includes(about))) return undefined;
  return `The token ${name} may not ${command.name} there: it is for ${topics.join(", ")}`;
}

/** The topic that a command's arguments name: a room's, a user's inbox, or the room that the session is in. */
function aboutArguments({ arguments: declared }: GuardedCommand): About {
  const takes = (name: string) => declared.some((argument) => argument.name === name);
  const [takesTopic, takesRoom] = [takes("topic"), takes("room")];
  return ({ topic, room, to, user }, session) => {
    if (typeof to === "string") return inboxTopic(to);
    // What has a topic and a user, has the talk with that user.
    if (takesTopic && typeof user === "string") return inboxTopic(user);
    if (typeof topic === "string") return topic as Topic;
    if (typeof room === "string") return roomTopic(room);
    return takesRoom && session.room !== undefined ? roomTopic(session.room) : undefined;
  };
}

/** About the user's own feed. */
export const aboutOwnFeed: About = (_, { user }) => feedTopic(user);

/** About no topic, or one that the handler finds out and compares: see {@linkcode mayUse}. */
export const aboutNone: About = () => "none";

/** Whether a session's token, if it began with one, may be used for a topic. */
export function mayUse({ access }: UserSession, topic: Topic): boolean {
  return access === undefined || access.topics.length === 0 || access.topics.includes(topic);
}
