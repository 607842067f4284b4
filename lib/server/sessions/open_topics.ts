/**
 * The topics that a login opens, and the position that each is read from.
 */

import { decodePosition, encodePosition, type LogPosition } from "../../store/log_position.ts";
import type { Store } from "../../store/store.ts";
import type { Positions } from "../../wire/event.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import { isContinuous } from "../delivery/recovery.ts";
import type { UserSession } from "./user_session.ts";

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
  /** How many messages there are behind these positions now. */
  readonly missed: number | null;
  /** Begins to push; called once the reply to the login is queued. */
  start(): void;
}

/**
 * Opens a session's topics: its room, its inbox, and the feeds that its user follows.
 *
 * @param returning the client's positions, if it comes back; else all topics begin now, and the inbox with what is unread
 * @throws {ChatError} `store_unavailable`
 */
export async function openTopics(
  session: UserSession,
  store: Store,
  returning: ReturnPositions | undefined,
): Promise<Opened> {
  const inbox = inboxTopic(session.user);
  const feeds = (await store.accounts.follows(session.user)).map(feedTopic);
  const topics: Topic[] = [roomTopic(session.room!), inbox, ...feeds];
  const opened = await Promise.all(
    topics.map(async (topic): Promise<{ topic: Topic; now: LogPosition; from: LogPosition }> => {
      const now = await session.topics.open(topic);
      const seen = decodePosition(returning?.given[topic]);
      if (topic === inbox && seen && await isContinuous(store.topics, inbox, seen)) {
        await store.topics.markRead(inbox, seen.seq);
      }
      const known = seen ?? decodePosition(returning?.savedPositions[topic]);
      const unread = async () => ({ epoch: now.epoch, seq: await store.topics.readMark(inbox), id: "" });
      return { topic, now, from: known ?? (topic === inbox ? await unread() : now) };
    }),
  );
  const positions = Object.fromEntries(opened.map(({ topic, from }) => [topic, encodePosition(from)]));
  await session.remember(positions);
  return {
    positions,
    missed: countMissed(opened),
    start: () => opened.forEach(({ topic, from }) => session.topics.start(topic, from)),
  };
}

/** How many messages are to come; null where a log is not the one that a position is from: then nobody knows. */
function countMissed(opened: readonly { readonly now: LogPosition; readonly from: LogPosition }[]): number | null {
  const isKnown = opened.every(({ now, from }) => now.epoch === from.epoch && now.seq >= from.seq);
  return isKnown ? opened.reduce((sum, { now, from }) => sum + now.seq - from.seq, 0) : null;
}
