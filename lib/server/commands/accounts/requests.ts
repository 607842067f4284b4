import { ChatError } from "../../../common/errors.ts";
import type { HeldMessage } from "../../../store/accounts/requests.ts";
import type { Draft } from "../../../store/topics.ts";
import { randomWord } from "../../../store/log_position.ts";
import { quote } from "../../../wire/command.ts";
import type { Accepted } from "../../../wire/event.ts";
import { inboxTopic } from "../../../wire/names.ts";
import { isoTime } from "../../delivery/events.ts";
import { aboutNone } from "../../registry/access.ts";
import { defineCommand, type Services } from "../../registry/command.ts";

/** How many strangers' messages may wait for a user. */
const maxRequests = 100;

const whom = [{ name: "user", kind: "user" }] as const;

/**
 * Keeps a stranger's first private message until the recipient accepts it.
 *
 * @throws {ChatError} `rate_limited` where one waits already, `inbox_full` where those of too many others do
 */
export async function holdRequest(to: string, draft: Draft, { store, limits }: Services): Promise<Accepted> {
  const { via: _, cid = `request-${randomWord(12)}`, ...rest } = draft;
  const held: HeldMessage = { draft: { ...rest, cid }, time: Date.now() };
  switch (await store.requests.hold(to, held, maxRequests)) {
    case "held":
      return { topic: inboxTopic(to), seq: 0, time: isoTime(held.time), waiting: true };
    case "waiting":
      throw new ChatError("rate_limited", `${to} has not accepted your first message yet; this one was not sent`);
    case "full":
      limits.refused("inbox");
      throw new ChatError("inbox_full", `The messages of too many others wait for ${to}; this one was not sent`);
  }
}

/** Puts the message that waits into the inbox. @throws {ChatError} where it goes on waiting */
async function deliver(user: string, sender: string, { draft }: HeldMessage, { store }: Services): Promise<void> {
  await store.requests.accept(user, sender);
  const result = await store.topics.publish(inboxTopic(user), draft, undefined);
  switch (result.kind) {
    case "published":
      return void await store.requests.remove(user, sender);
    case "blocked":
      throw new ChatError("blocked", `You block ${sender}; unblock first: /unblock ${sender}`);
    case "full":
      throw new ChatError("inbox_full", `You have too many unread messages; read some, then accept ${sender}`);
    default:
      throw new ChatError("store_unavailable", "The message could not be stored; try again");
  }
}

/** What waits of a sender. @throws {ChatError} `unknown_user` */
async function waitingOf(user: string, sender: string, { store }: Services): Promise<HeldMessage> {
  const held = await store.requests.find(user, sender);
  if (!held) throw new ChatError("unknown_user", `No message of ${sender} waits; /requests lists those that do`);
  return held;
}

/** Private messages of strangers. */
export const requestCommands = [
  defineCommand({
    name: "messages",
    arguments: [{ name: "from", kind: "text", optional: true }],
    who: "user",
    help: "get private messages of your contacts only, or of everyone: /messages from contacts",
    audited: true,
    async run({ session }, { from: given }, { store: { requests } }) {
      const from = given?.trim().toLowerCase().replace(/^from\s+/, "");
      if (from === undefined) return { reply: { of: "messages", from: await requests.from(session.user) } };
      if (from !== "contacts" && from !== "everyone") {
        throw new ChatError("usage", `Messages are from "contacts" or from "everyone", not ${quote(from)}`);
      }
      await requests.setFrom(session.user, from);
      return { reply: { of: "messages", from } };
    },
  }),
  defineCommand({
    name: "requests",
    who: "user",
    help: "list the strangers whose messages wait for you to accept or decline them",
    about: aboutNone,
    run: async ({ session }, _, { store }) => ({
      reply: { of: "requests", requests: await store.requests.list(session.user) },
    }),
  }),
  defineCommand({
    name: "accept",
    arguments: whom,
    who: "user",
    help: "get a stranger's private messages, from the one that waits on",
    async run({ session }, { user }, services) {
      const held = await waitingOf(session.user, user, services);
      await deliver(session.user, held.draft.from, held, services);
      return { reply: { of: "accept", user: held.draft.from } };
    },
  }),
  defineCommand({
    name: "decline",
    arguments: whom,
    who: "user",
    help: "forget the message of a stranger that waits, who is not told",
    async run({ session }, { user }, services) {
      const { draft } = await waitingOf(session.user, user, services);
      await services.store.requests.remove(session.user, user);
      return { reply: { of: "decline", user: draft.from } };
    },
  }),
];
