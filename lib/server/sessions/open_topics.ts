/**
 * The topics that a login opens, and the position that each is read from.
 */

import { inTurns } from "../../common/slices.ts";
import { decodePosition, type LogPosition } from "../../store/log_position.ts";
import { talkMark } from "../../store/talks.ts";
import type { Store } from "../../store/store.ts";
import type { Positions } from "../../wire/event.ts";
import { feedTopic, inboxTopic, lobby, roomTopic, sentTopic, type Topic } from "../../wire/names.ts";
import { isKnown, readOn } from "../delivery/recovery.ts";
import type { RoomGate } from "../delivery/room_gate.ts";
import type { UserSession } from "./user_session.ts";

/** How many topics begin to be opened in one turn of the event loop: somebody may follow a thousand users. */
const sliceSize = 32;

/** The positions of a client that comes back. */
export interface ReturnPositions {
  /** Its own: topic → position; a value that is not a position is ignored. */
  readonly given: Readonly<Record<string, unknown>>;
  /** The store's. */
  readonly savedPositions: Readonly<Record<string, string>>;
}

/** Topics whose messages reach this server, and of which nothing is pushed yet. */
export interface Opened {
  /** The position that each topic is read from. */
  readonly positions: Positions;
  /** In many rooms: topic → how many messages of others are unread; topics that have any. */
  readonly unread?: Readonly<Record<Topic, number>>;
  /** How many messages there are behind these positions now. */
  readonly missed: number | null;
  /** Begins to push; called once the reply to the login is queued. */
  start(): void;
}

/** Settings and ports of an opening. */
export interface OpeningOptions {
  /** Whether the user may have several sessions: then people, too, are shown what they send on others. */
  readonly shared?: boolean;
  /** The rooms of the configuration, which are nobody's. */
  readonly standing?: readonly string[];
  /** Who may be in which room; everybody may, unless given. */
  readonly gate?: RoomGate | undefined;
}

interface OpenedTopic {
  readonly topic: Topic;
  /** Where its stream is. */
  readonly now: LogPosition;
  readonly from: LogPosition;
  /** How many messages are to come; null where the log is not the one that the position is from: nobody knows. */
  readonly missed: number | null;
}

/**
 * Opens a session's topics: its rooms, its inbox, in many rooms what its user has sent, and the feeds that its user follows.
 *
 * @param returning the client's positions, if it comes back; else all topics begin now, and the inbox with what is unread
 * @throws {ChatError} `store_unavailable`
 */
export async function openTopics(
  session: UserSession,
  store: Store,
  returning: ReturnPositions | undefined,
  { shared = false, standing = [], gate }: OpeningOptions = {},
): Promise<Opened> {
  const inbox = inboxTopic(session.user);
  if (gate) await leaveForbidden(session, store, gate);
  const { follows, joined, invitations } = await readAccount(session, store, returning !== undefined, standing);
  const feeds = follows.map(feedTopic);
  const topics: Topic[] = [...session.rooms.map(roomTopic), ...ownTopics(session, shared), ...feeds];
  // What another device has joined meanwhile, this one reads from there on.
  const joins = new Map([...joined].map(([room, position]) => [roomTopic(room), position]));
  const opened = await inTurns(topics, sliceSize, async (topic): Promise<OpenedTopic> => {
    const now = await session.topics.open(topic);
    const seen = store.topics.positions.decode(topic, returning?.given[topic]);
    const known = seen ?? decodePosition(returning?.savedPositions[topic] ?? joins.get(topic));
    if (known) return await goOn(session, store, { topic, now, from: known, seen: seen !== undefined });
    if (topic !== inbox) return { topic, now, from: now, missed: 0 };
    const read = await store.topics.readMark(inbox);
    return { topic, now, from: { epoch: now.epoch, seq: read, id: "" }, missed: Math.max(0, now.seq - read) };
  });
  const positions = Object.fromEntries(opened.map(({ topic, from }) => [topic, from]));
  session.watchAccount();
  const [unread] = await Promise.all([
    session.many ? countUnread(session.user, opened, store) : undefined,
    session.remember(positions),
  ]);
  return {
    positions: session.encode(positions),
    ...(unread ? { unread } : {}),
    missed: opened.reduce<number | null>((sum, { missed }) => sum === null || missed === null ? null : sum + missed, 0),
    start() {
      for (const { topic, from } of opened) session.topics.start(topic, from, returning !== undefined);
      for (const { room, by } of invitations) session.tell({ type: "invited", room, by });
      session.checkRooms(); // they may have changed before this went along with the account
    },
  };
}

/** What is told of an account at a login; a session that comes back knows its invitations. */
async function readAccount(session: UserSession, store: Store, isReturning: boolean, standing: readonly string[]) {
  const { user, many, rooms } = session;
  const [follows, joined, invitations] = await Promise.all([
    store.accounts.follows(user),
    isReturning && many ? store.sessions.memberships(user) : new Map<string, string>(),
    isReturning ? [] : store.records.invitations(user),
    // Before their topics are opened, which would make them unlisted.
    isReturning || many ? inTurns(rooms, sliceSize, (room) => reviveRoom(room, user, store, standing)) : undefined,
  ]);
  return { follows, joined, invitations };
}

/**
 * Has a session begin without the rooms that its user may not be in any more: one that is in one room in the lobby. Those
 * who removed the user, or made a room private, need not have known of this session.
 */
async function leaveForbidden(session: UserSession, { sessions, marks }: Store, gate: RoomGate): Promise<void> {
  const rooms = session.rooms.filter((room) => room !== lobby);
  const kept = await inTurns(rooms, sliceSize, (room) => gate.isKeptOut(room, session.user));
  const forbidden = rooms.filter((_, index) => kept[index]);
  for (const room of forbidden) {
    const { record } = session;
    const changed = session.many ? await sessions.leave(record!, room) : await sessions.move(record!, lobby);
    session.hold(changed ?? await sessions.withoutRoom(record!, room));
    if (session.many) await marks.forget(session.user, roomTopic(room));
  }
}

/** The topics of a user's private messages: the inbox, and where it is shown on all devices what the user has sent. */
function ownTopics({ user, many, format }: UserSession, shared: boolean): Topic[] {
  const showsSent = many || (shared && format === "text");
  return showsSent ? [inboxTopic(user), sentTopic(user)] : [inboxTopic(user)];
}

/** How much is unread; what the account has no mark of yet begins to be from here on. */
async function countUnread(
  user: string,
  opened: readonly OpenedTopic[],
  { marks, talks }: Store,
): Promise<Record<Topic, number>> {
  const [inbox, sent] = [inboxTopic(user), sentTopic(user)];
  const others = opened.filter(({ topic }) => topic !== sent); // what one has sent is read
  const heads = others.filter(({ topic }) => topic !== inbox).map(({ topic, now }) => [topic, now]);
  const [inTopics, inTalks] = await Promise.all([
    marks.begin(user, Object.fromEntries(heads)).then(() => marks.unread(user, others.map(({ topic }) => topic))),
    talks.unread(user),
  ]);
  for (const [other, count] of Object.entries(inTalks)) inTopics[talkMark(other)] = count;
  return inTopics;
}

/**
 * Goes on from a position that is known of a client's topic.
 *
 * @param seen whether the client says it itself, so that it has read its inbox up to there
 */
async function goOn(
  session: UserSession,
  { topics }: Store,
  { topic, now, from, seen }: { topic: Topic; now: LogPosition; from: LogPosition; seen: boolean },
): Promise<OpenedTopic> {
  const next = await readOn(topics, topic, from, 1);
  // The stream is still that of a log that was lost: its followers do not know yet. It need not be waited for: the reader
  // is told of the gap by the replay, or by the stream that it has joined.
  if (next.head.epoch !== now.epoch) void session.topics.refresh(topic);
  if (!isKnown(next)) return { topic, now, from, missed: null };
  if (seen && topic === inboxTopic(session.user)) await topics.markRead(topic, from.seq);
  return { topic, now, from: next.gap ? from : next.position, missed: next.head.seq - from.seq };
}

/**
 * Lists the room that a session comes back to, if it was forgotten meanwhile. It is not refused: one of each account may
 * come back so. It is new, and its first visitor's, unless it stands.
 */
async function reviveRoom(room: string, user: string, { rooms }: Store, standing: readonly string[]): Promise<void> {
  if (!await rooms.find(room)) await rooms.make(room, { most: Infinity, standing }, user);
}
