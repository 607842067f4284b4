import { ChatError } from "../../common/errors.ts";
import type { Account } from "../../store/accounts.ts";
import { feedTopic } from "../../wire/names.ts";
import { defineCommand, type Services } from "../registry/command.ts";

const whom = [{ name: "user", kind: "user" }] as const;

/**
 * The account of a name that somebody gave.
 *
 * @throws {ChatError} `unknown_user`
 */
export async function knownUser(name: string, { store }: Services): Promise<Account> {
  const account = await store.accounts.find(name);
  if (!account) throw new ChatError("unknown_user", `There is no user ${name}`);
  return account;
}

/** Who follows whom: subscriptions to users' feeds. */
export const followCommands = [
  defineCommand({
    name: "subscribe",
    aliases: ["follow"],
    arguments: whom,
    who: "member",
    help: "get what a user publishes",
    async run({ session }, { user }, services) {
      const { store, config: { maxFollows } } = services;
      const { name } = await knownUser(user, services);
      if (!await store.accounts.follow(session.user, name, maxFollows)) {
        throw new ChatError("rate_limited", `You follow ${maxFollows} users, which is the most that one may`);
      }
      const { positions, start } = await session.follow(feedTopic(name));
      return { reply: { of: "subscribe", user: name, positions }, after: start };
    },
  }),
  defineCommand({
    name: "unsubscribe",
    aliases: ["unfollow"],
    arguments: whom,
    who: "member",
    help: "no longer get what a user publishes",
    async run({ session }, { user }, services) {
      const { name } = await knownUser(user, services);
      await services.store.accounts.unfollow(session.user, name);
      await session.unfollow(feedTopic(name));
      return { reply: { of: "unsubscribe", user: name } };
    },
  }),
  defineCommand({
    name: "subs",
    aliases: ["subscriptions"],
    who: "member",
    help: "list whom you subscribed to",
    run: async ({ session }, _, { store }) => ({
      reply: { of: "subs", subscriptions: await store.accounts.follows(session.user) },
    }),
  }),
];
