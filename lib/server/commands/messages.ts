import { ChatError } from "../../common/errors.ts";
import type { Limits } from "../../limits/limits.ts";
import type { Draft, PublishResult } from "../../store/topics.ts";
import { tracing } from "../../observability/tracing.ts";
import type { Accepted } from "../../wire/event.ts";
import { type Arguments, checkLength, maxCount, quote } from "../../wire/command.ts";
import { actionText } from "../../wire/format.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic, topicKind, topicName } from "../../wire/names.ts";
import { sealedLineBytes } from "../../wire/sealed.ts";
import { aboutOwnFeed } from "../registry/access.ts";
import { type Admitted, defineCommand, type Services } from "../registry/command.ts";
import { holdRequest } from "./accounts/requests.ts";
import type { UserSession } from "../sessions/user_session.ts";
import { isContinuous } from "../delivery/recovery.ts";
import { isoTime, topicEvent } from "../delivery/events.ts";
import { deleteLateCopy } from "./deleting/deleting.ts";
import { offered } from "./files.ts";
import { knownUser } from "./follows.ts";
import { countBytes, giveBytesBack } from "./message_bytes.ts";
import { checkKeys } from "./keys.ts";
import { maxHistoryBytes, readHistory } from "./history.ts";
import { ensureRoomOnce, forgetRoom } from "./new_rooms.ts";
import { publishAs, refusedByRoom } from "./room_refusals.ts";
import { isIn, mayRead, mightRead, named, notIn } from "./reading.ts";
import { talkMark } from "../../store/talks.ts";
import { placeOf, readTalk, receivedBy } from "./talk.ts";

const said = [{ name: "text", kind: "text" }, { name: "cid", kind: "id", optional: true }] as const;
const file = { name: "file", kind: "id", optional: true } as const;
const saidInRoom = [...said, { name: "room", kind: "room", optional: true }, file] as const;

/** How many messages `history` gives unless it is told. */
const defaultCount = 20;

/**
 * Puts a message into a topic's log; from there it reaches everybody, the sender included.
 *
 * @param copies how often it is stored, with those that the caller puts elsewhere
 */
async function publish(
  { session }: Admitted<"user">,
  services: Services,
  topic: Topic,
  draft: Draft,
  copies = 1,
): Promise<Accepted> {
  const { sessions, limits } = services;
  const counted = countBytes(draft, copies, services);
  let result;
  try {
    result = await put(session, services, topic, draft);
  } catch (error) {
    if (error instanceof ChatError && error.code !== "store_unavailable") giveBytesBack(draft, counted, limits);
    throw error;
  }
  if (result.kind !== "published" || result.repeated) giveBytesBack(draft, counted, limits);
  switch (result.kind) {
    case "missing":
      throw new ChatError("store_unavailable", "The room was forgotten meanwhile; try again");
    case "published":
      return { topic, seq: result.seq, time: isoTime(result.time) };
    case "banned":
    case "muted":
    case "not_member":
    case "slow":
      throw refusedByRoom(result, topic);
    case "blocked":
      throw new ChatError("blocked", `${draft.to} takes no private messages of yours`);
    case "stranger":
      return await holdRequest(draft.to!, draft, services);
    case "full":
      throw inboxFull(draft.to!, result.theirs, limits);
    case "fenced":
      throw await fenced(session, topic, sessions);
  }
}

/** The refusal of a message by a session that may not write there: another device may just have left the room. */
async function fenced(session: UserSession, topic: Topic, sessions: Services["sessions"]): Promise<ChatError> {
  const room = topicName(topic);
  if (session.many && topicKind(topic) === "room") {
    await session.refreshRooms();
    if (!session.isIn(room)) return notIn(session, room);
  }
  return sessions.recheck(session);
}

function put(session: UserSession, services: Services, topic: Topic, draft: Draft): Promise<PublishResult> {
  const trace = tracing?.context();
  const traced = trace === undefined ? draft : { ...draft, trace };
  // Who is in a room keeps it alive.
  if (session.side && topicKind(topic) === "room") return putFromOutside(session, services, topic, traced);
  return publishAs(services, topic, traced, session.record);
}

/** Puts a message into a room that its sender is not in. */
async function putFromOutside(
  session: UserSession,
  services: Services,
  topic: Topic,
  traced: Draft,
): Promise<PublishResult> {
  const name = topicName(topic);
  await ensureRoomOnce(session, name, services);
  const result = await publishAs(services, topic, traced, undefined, true);
  if (result.kind !== "missing") return result;
  forgetRoom(session, name);
  await ensureRoomOnce(session, name, services);
  return await publishAs(services, topic, traced, undefined, true);
}

/** The room that something is said in. @throws {ChatError} `usage` where none is named and one has to be */
function targetOf({ side, many, room: own }: UserSession, room: string | undefined): string {
  if (room === undefined && side) {
    throw new ChatError("usage", 'A side connection must name the "room" that it says it in');
  }
  return room ?? (many ? named(room) : own!);
}

/** Tells the user's other devices that a read mark has moved; those that do not hear it see it at their next login. */
async function tellSeen(session: UserSession, topic: string, pos: string, services: Services): Promise<void> {
  if (services.config.duplicateLogin !== "share") return;
  const change = { kind: "seen", topic, pos, by: session.connectionId } as const;
  await services.store.topics.tellAccount(session.user, change).catch(() => {});
}

/** Says something in the room that the caller is in, or names. */
async function sayInRoom(
  caller: Admitted<"user">,
  { text, cid, room, file: id }: Arguments<typeof saidInRoom>,
  services: Services,
): Promise<Accepted> {
  const { session } = caller;
  const target = targetOf(session, room);
  const known = session.side || (session.isIn(target) && !session.roomsChanging);
  if (!known && !await isIn(session, target)) throw notIn(session, target);
  const topic = roomTopic(target);
  const file = id === undefined ? undefined : await offered(id, topic, session, services);
  const draft = { from: session.user, text, cid, file };
  const copied = services.config.followRoomMessages;
  const accepted = publish(caller, services, topic, draft, copied ? 2 : 1);
  if (copied) {
    // The copy for followers elsewhere is best effort and nobody's answer: the message itself is in its room's log.
    const feed = feedTopic(session.user);
    const copy = { from: session.user, text, cid, room: target };
    accepted.then(async ({ seq }) => {
      if (await services.access.isPrivate(target)) return;
      const result = await put(session, services, feed, { ...copy, roomSeq: seq });
      if (result.kind === "published") {
        await deleteLateCopy({ topic: feed, seq: result.seq }, { topic, seq }, services);
      }
    }).catch(() => {});
  }
  return await accepted;
}

/** @param theirs how many unread messages of the sender's there are, where it is these that are too many */
function inboxFull(to: string, theirs: number | undefined, limits: Limits): ChatError {
  limits.refused(theirs === undefined ? "inbox" : "inbox_sender");
  const many = theirs === undefined ? "too many unread messages" : `${theirs} unread messages of yours`;
  return new ChatError("inbox_full", `${to} has ${many}; this one was not sent`);
}

/** What is said: in rooms, to followers, to one person; and what was said before. */
export const messageCommands = [
  defineCommand({
    name: "say",
    aliases: ["room_msg"],
    arguments: saidInRoom,
    who: "user",
    help: "say something in your room; what does not begin with / is said too, and //x says /x",
    pipelined: true,
    alone: ({ file }) => file !== undefined,
    run: async (caller, values, services) => ({ reply: { of: "say", ...await sayInRoom(caller, values, services) } }),
  }),
  defineCommand({
    name: "me",
    arguments: saidInRoom,
    who: "user",
    help: "say in your room what you do: /me waves",
    pipelined: true,
    alone: ({ file }) => file !== undefined,
    async run(caller, values, services) {
      const text = checkLength(actionText(values.text), services.config.maxMessageBytes);
      return { reply: { of: "me", ...await sayInRoom(caller, { ...values, text }, services) } };
    },
  }),
  defineCommand({
    name: "publish",
    arguments: said,
    who: "user",
    help: "tell everybody who subscribed to you",
    about: aboutOwnFeed,
    pipelined: true,
    async run(caller, { text, cid }, services) {
      const { user } = caller.session;
      const { accounts, sessions } = services.store;
      const [accepted, subscribers] = await Promise.all([
        publish(caller, services, feedTopic(user), { from: user, text, cid }),
        accounts.followers(user).then((followers) => sessions.countOnline(followers)),
      ]);
      return { reply: { of: "publish", ...accepted, subscribers } };
    },
  }),
  defineCommand({
    name: "msg",
    aliases: ["dm", "tell"],
    arguments: [
      { name: "to", kind: "user" },
      ...said,
      file,
      { name: "sealed", kind: "data", optional: true },
      { name: "keys", kind: "fields", optional: true },
    ],
    who: "user",
    help: "send a private message; it waits while the recipient is away",
    pipelined: true,
    alone: ({ file, sealed, keys }) => file !== undefined || sealed !== undefined || keys !== undefined,
    lineBytes: sealedLineBytes,
    async run(caller, { to, text, cid, file: id, sealed, keys }, services) {
      const { session } = caller;
      const { name, away } = await knownUser(to, services);
      const topic = inboxTopic(name);
      if (sealed !== undefined || keys !== undefined) await checkKeys({ sealed, keys }, [name, session.user], services);
      const file = id === undefined ? undefined : await offered(id, topic, session, services);
      // A person is shown at once what was sent here.
      const via = services.config.duplicateLogin === "share" && session.format === "text"
        ? session.connectionId
        : undefined;
      const draft = { from: session.user, text, cid, to: name, file, sealed, ...(via === undefined ? {} : { via }) };
      const accepted = await publish(caller, services, topic, draft);
      return { reply: { of: "msg", ...accepted, to: name, text, ...(away === undefined ? {} : { away }) } };
    },
  }),
  defineCommand({
    name: "seen",
    arguments: [
      { name: "topic", kind: "topic", optional: true },
      { name: "pos", kind: "id" },
      { name: "user", kind: "user", optional: true },
    ],
    who: "member",
    help: "mark a topic, or your talk with a user, as read up to a position; without either, your private messages",
    typed: false,
    async run({ session }, { topic: given, pos, user }, services) {
      const { store: { topics, marks, talks } } = services;
      if (user !== undefined) {
        const { name } = await knownUser(user, services);
        const seq = await receivedBy(topics, session.user, name, pos);
        const { epoch } = await topics.head(inboxTopic(session.user));
        if (await talks.mark(session.user, name, { epoch, seq })) {
          void tellSeen(session, talkMark(name), pos, services);
        }
        return { reply: { of: "seen" } };
      }
      const inbox = inboxTopic(session.user);
      const topic = given ?? inbox;
      await mayRead(session, topic, services);
      const position = topics.positions.decode(topic, pos);
      if (!position) throw new ChatError("usage", `${quote(pos)} is not a position`);
      if (await isContinuous(topics, topic, position)) {
        const mark = () => marks.mark(session.user, topic, position);
        const moved = await (topic === inbox ? topics.markRead(inbox, position.seq) : mark());
        if (moved) void tellSeen(session, topic, pos, services);
      }
      return { reply: { of: "seen" } };
    },
  }),
  defineCommand({
    name: "talks",
    arguments: [{ name: "n", kind: "count", optional: true }, { name: "before", kind: "id", optional: true }],
    who: "user",
    help:
      `list your private talks, the newest first; n is 1 to ${maxCount}, and before the pos of the last one that you have`,
    typed: false,
    async run({ session }, { n = defaultCount, before }, { store: { topics, talks } }) {
      const place = before === undefined ? undefined : await placeOf(topics, session.user, before);
      const found = await talks.list(session.user, { before: place, limit: n });
      return {
        reply: {
          of: "talks",
          talks: found.map(({ user, topic, epoch, entry, unread }) => {
            const { pos, time } = topicEvent(topics.positions, topic, epoch, entry);
            return { user, pos, time, unread };
          }),
        },
      };
    },
  }),
  defineCommand({
    name: "history",
    arguments: [
      { name: "user", kind: "user", optional: true },
      { name: "n", kind: "count", optional: true },
      { name: "room", kind: "room", optional: true },
      { name: "topic", kind: "topic", optional: true },
      { name: "before", kind: "seq_or_pos", optional: true },
    ],
    who: "user",
    help: `show the last messages of your room, or of your talk with @user; n is 1 to ${maxCount}`,
    answerBytes: maxHistoryBytes,
    async run({ session }, { user, n = defaultCount, room, topic, before }, services) {
      if (user !== undefined) {
        const name = await services.store.accounts.deleted(user) ?? (await knownUser(user, services)).name;
        if (typeof before === "number") throw new ChatError("usage", 'In a talk, "before" must be a pos');
        const messages = await readTalk(services.store.topics, session.user, name, n, before);
        return { reply: { of: "history", messages } };
      }
      if (typeof before === "string") throw new ChatError("usage", '"before" must be a number, except in a talk');
      const name = room ?? session.room;
      const chosen = topic ?? (name === undefined ? undefined : roomTopic(name));
      if (chosen === undefined) {
        const who = session.side ? "A side connection" : "A session in many rooms";
        throw new ChatError("usage", `${who} must name the "room" or the "topic"`);
      }
      await mayRead(session, chosen, services);
      const messages = await readHistory(services.store.topics, chosen, n, before);
      await mightRead(session, chosen, services);
      return { reply: { of: "history", messages } };
    },
  }),
];
