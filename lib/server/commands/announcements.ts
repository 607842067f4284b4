import { ChatError } from "../../common/errors.ts";
import { defineCommand } from "../registry/command.ts";

/** What is said to everybody at once. */
export const announcementCommands = [
  defineCommand({
    name: "announce",
    arguments: [{ name: "text", kind: "text" }],
    who: "user",
    right: "admin",
    help: "tell everybody something, in whatever room they are; for admins",
    audited: true,
    async run({ session }, { text }, { store, sessions }) {
      const account = await store.accounts.find(session.user);
      if (account?.role !== "admin") throw new ChatError("forbidden", "Only admins may do that");
      await sessions.tellAll({ type: "system", code: "announcement", message: text });
      return { reply: { of: "announce" } };
    },
  }),
];
