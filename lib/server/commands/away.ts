import { ChatError } from "../../common/errors.ts";
import { checkLength } from "../../wire/command.ts";
import type { UserState } from "../../wire/event.ts";
import { defineCommand, type Services } from "../registry/command.ts";

/** The longest text of one who is away, in bytes: lists of users have many of them. */
export const maxAwayBytes = 400;

/** Users with what they said, where they are away. */
export async function withAway(users: readonly string[], { store }: Services): Promise<UserState[]> {
  const away = await store.accounts.away(users);
  return users.map((user) => {
    const text = away.get(user);
    return text === undefined ? { user } : { user, away: text };
  });
}

/** Who is away. */
export const awayCommands = [
  defineCommand({
    name: "away",
    arguments: [{ name: "text", kind: "text", optional: true }],
    who: "user",
    help: "tell those who write to you that you are away, and why; without a text you are back",
    async run({ session }, { text }, { store, sessions }) {
      const away = text === undefined ? undefined : checkLength(text.trim(), maxAwayBytes);
      if (!await store.accounts.setAway(session.user, away, session.record)) {
        if (!session.side) throw sessions.recheck(session);
        // Without a session there is nobody to be away.
        if (away !== undefined) throw new ChatError("forbidden", "You have no session that could be away");
      }
      return { reply: { of: "away", ...(away === undefined ? {} : { away }) } };
    },
  }),
];
