import { ChatError } from "../../../common/errors.ts";
import type { Entry } from "../../../store/topics.ts";
import { maxCount } from "../../../wire/command.ts";
import type { Reply } from "../../../wire/event.ts";
import {
  feedTopic,
  fold,
  inboxTopic,
  lobby,
  parseTopic,
  roomTopic,
  type Topic,
  topicKind,
  topicName,
} from "../../../wire/names.ts";
import { aboutNone, mayUse } from "../../registry/access.ts";
import { type Admitted, defineCommand, type Services } from "../../registry/command.ts";
import { mayDelete } from "./deletion_rights.ts";
import { mayRead, named } from "../reading.ts";

/** A message, and the log that it is in. */
interface Found {
  readonly topic: Topic;
  readonly entry: Entry;
}

/** How many messages are looked through at once. */
const pageSize = 100;

/** How far clocks of a cluster's nodes may be apart, in milliseconds. */
const leewayMs = 60_000;

/** What is deleted. */
export const deletingCommands = [
  defineCommand({
    name: "delete",
    arguments: [
      { name: "user", kind: "user", optional: true, bare: true },
      { name: "n", kind: "count", optional: true },
      { name: "room", kind: "room", optional: true, typed: false },
      { name: "topic", kind: "topic", optional: true },
      { name: "seq", kind: "seq", optional: true },
    ],
    who: "user",
    help: `delete your last message in the room, or the n-th last of a user's; n is 1 to ${maxCount}`,
    about: aboutNone,
    audited: true,
    async run(caller, { user, n = 1, room, topic, seq }, services) {
      if ((topic === undefined) !== (seq === undefined)) {
        throw new ChatError("usage", 'Name both the "topic" and the "seq" of a message, or a "user" and "n"');
      }
      const { session } = caller;
      const found = topic === undefined
        ? await nthLast(caller, room ?? session.room ?? (session.side ? lobby : named(room)), user, n, services)
        : await find(caller, topic, seq!, services);
      return { reply: await remove(caller, found, services) };
    },
  }),
];

/** Deletes a message, with its file and its copies. A copy stands for its message. */
async function remove(caller: Admitted<"user">, { topic, entry }: Found, services: Services): Promise<Reply> {
  const { store } = services;
  const { user, connectionId } = caller.session;
  if (!mayUse(caller.session, topic)) throw new ChatError("forbidden", `Your token is not for ${topic}`);
  await mayDelete(caller.session, topic, entry, services);
  // While the message still names it: where this server dies in between, the message can be deleted again.
  if (entry.file && fold((await store.files.find(entry.file.id))?.owner ?? "") === fold(entry.from)) {
    await store.files.remove(entry.file.id);
  }
  const erased = await store.deletions.erase(topic, entry, user, connectionId);
  if (erased === "missing") throw noMessage(topic, entry.seq);
  if (topicKind(topic) === "room") {
    const copy = await feedCopy(topicName(topic), entry, services);
    if (copy) await store.deletions.erase(feedTopic(entry.from), copy, user, connectionId);
  }
  return { of: "delete", topic, seq: entry.seq, user: entry.from };
}

/** The message that a topic and a number name. @throws {ChatError} `usage` where there is none, or what keeps one from it */
async function find(caller: Admitted<"user">, topic: Topic, seq: number, services: Services): Promise<Found> {
  const { session } = caller;
  const isOthersInbox = topicKind(topic) === "inbox" && topicName(topic) !== fold(session.user);
  if (!isOthersInbox && !(topicKind(topic) === "room" && await isModerator(session.user, services))) {
    await mayRead(session, topic, services);
  }
  const entry = await entryAt(topic, seq, services);
  // Of what others have in their inboxes, nobody learns whether it is there.
  if (!entry || (isOthersInbox && fold(entry.from) !== fold(session.user))) throw noMessage(topic, seq);
  if (entry.copyOf) return await original(inboxTopic(entry.to!), entry.copyOf.seq, entry, { topic, entry }, services);
  if (topicKind(topic) === "feed" && entry.room !== undefined && entry.roomSeq !== undefined) {
    return await original(roomTopic(entry.room), entry.roomSeq, entry, { topic, entry }, services);
  }
  return { topic, entry };
}

/** The message that a copy is of; the copy itself where the message is forgotten. */
async function original(topic: Topic, seq: number, { from }: Entry, copy: Found, services: Services): Promise<Found> {
  const entry = await entryAt(topic, seq, services);
  return entry && fold(entry.from) === fold(from) ? { topic, entry } : copy;
}

async function entryAt(topic: Topic, seq: number, { store }: Services): Promise<Entry | undefined> {
  if (seq < 1) return undefined;
  const { entries: [entry] } = await store.topics.read(topic, { after: seq - 1, limit: 1, make: false });
  return entry?.seq === seq ? entry : undefined;
}

/** The n-th last message of a user's in a room, of those that are not deleted; without a user, one's own. */
async function nthLast(
  { session }: Admitted<"user">,
  room: string,
  user: string | undefined,
  n: number,
  services: Services,
): Promise<Found> {
  const topic = roomTopic(room);
  await mayRead(session, topic, services);
  const author = fold(user ?? session.user);
  let left = n;
  for await (const entry of backward(topic, services)) {
    if (fold(entry.from) === author && !entry.deleted && --left === 0) return { topic, entry };
  }
  const whose = author === fold(session.user) ? "of yours" : `of ${user}`;
  const those = n === 1 ? `is no message ${whose}` : `are not so many messages ${whose}`;
  throw new ChatError("usage", `There ${those} in ${room} that could be deleted`);
}

async function* backward(topic: Topic, { store }: Services): AsyncGenerator<Entry> {
  const piece = { limit: pageSize, make: false };
  let { entries } = await store.topics.read(topic, piece);
  while (entries.length > 0) {
    yield* entries.toReversed();
    ({ entries } = await store.topics.read(topic, { ...piece, before: entries[0].seq }));
  }
}

/** The copy that followers who are not in the room got of a message. */
async function feedCopy(room: string, original: Entry, services: Services): Promise<Entry | undefined> {
  for await (const entry of backward(feedTopic(original.from), services)) {
    if (entry.time < original.time - leewayMs) return undefined;
    if (entry.room !== room) continue;
    if (entry.roomSeq === original.seq) return entry;
    // Of an earlier release: they say the same.
    const { roomSeq, text, cid } = entry;
    if (roomSeq === undefined && !entry.deleted && text === original.text && cid === original.cid) return entry;
  }
}

/**
 * Deletes the copy in a feed that was just made of a room's message, if the message was deleted meanwhile: who deleted it
 * did not find the copy yet.
 *
 * @throws {ChatError} `store_unavailable`
 */
export async function deleteLateCopy(
  copyAt: { readonly topic: Topic; readonly seq: number },
  messageAt: { readonly topic: Topic; readonly seq: number },
  services: Services,
): Promise<void> {
  const original = await entryAt(messageAt.topic, messageAt.seq, services);
  if (!original?.deleted) return;
  const copy = await entryAt(copyAt.topic, copyAt.seq, services);
  if (copy) await services.store.deletions.erase(copyAt.topic, copy, original.from);
}

/** Whether a user's account has a role that goes for every room. */
async function isModerator(user: string, { store }: Services): Promise<boolean> {
  const account = await store.accounts.find(user);
  return account !== undefined && account.role !== "user";
}

function noMessage(topic: Topic, seq: number): ChatError {
  const { kind, name } = parseTopic(topic)!;
  return new ChatError(
    "usage",
    `There is no message ${seq} in ${kind === "room" ? name : topic} that you could delete`,
  );
}
