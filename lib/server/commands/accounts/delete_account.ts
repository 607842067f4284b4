import { defineCommand } from "../../registry/command.ts";
import { inboxTopic } from "../../../wire/names.ts";

/** The end of an account. */
export const deletionCommands = [
  defineCommand({
    name: "delete_account",
    aliases: ["delete-account"],
    arguments: [{ name: "password", kind: "secret" }],
    who: "user",
    help: "delete your account for good: /delete-account <password>; what you said stays, under another name",
    tokens: "never",
    audited: true,
    async run({ session, peer }, { password }, { accounts, sessions, store }) {
      const { user } = session;
      const passwords = await accounts.delete(user, password, peer);
      await sessions.accountDeleted(session, passwords);
      // The account is deleted: what could not be tidied up leads nowhere.
      await Promise.allSettled([
        store.accounts.clear(user),
        store.topics.head(inboxTopic(user)).then(({ seq }) => store.topics.markRead(inboxTopic(user), seq)),
      ]);
      return { reply: { of: "delete_account" }, session: null, close: true };
    },
  }),
];
