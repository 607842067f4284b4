import { ChatError } from "../../common/errors.ts";
import { fold } from "../../wire/names.ts";
import { defineCommand } from "../registry/command.ts";
import { knownUser } from "./follows.ts";

const whom = [{ name: "user", kind: "user" }] as const;

/** How many others one may block. */
export const maxBlocks = 1_000;

/** Whom a user wants to hear nothing of. */
export const blockCommands = [
  defineCommand({
    name: "block",
    arguments: whom,
    who: "user",
    help: "get no private messages of a user; our clients do not show what the user says in rooms either",
    audited: true,
    async run({ session }, { user }, services) {
      const { name } = await knownUser(user, services);
      if (fold(name) === fold(session.user)) throw new ChatError("usage", "You cannot block yourself");
      if (!await services.store.accounts.block(session.user, name, maxBlocks)) {
        throw new ChatError("rate_limited", `You block ${maxBlocks} users, which is the most that one may`);
      }
      return { reply: { of: "block", user: name } };
    },
  }),
  defineCommand({
    name: "unblock",
    arguments: whom,
    who: "user",
    help: "get a user's private messages again",
    audited: true,
    async run({ session }, { user }, services) {
      const { name } = await knownUser(user, services);
      await services.store.accounts.unblock(session.user, name);
      return { reply: { of: "unblock", user: name } };
    },
  }),
  defineCommand({
    name: "blocks",
    who: "user",
    help: "list whom you block",
    run: async ({ session }, _, { store }) => ({
      reply: { of: "blocks", blocks: await store.accounts.blocks(session.user) },
    }),
  }),
];
