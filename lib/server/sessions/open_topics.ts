/**
 * What a login opens: the topics that the member follows from then on, and from where in each.
 */

import { decodePosition, encodePosition } from "../../store/log_position.ts";
import type { LogPosition, Store } from "../../store/store.ts";
import type { Positions } from "../../wire/event.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import { isContinuous } from "../delivery/recovery.ts";
import type { UserSession } from "./user_session.ts";

/** Where a client that comes back stands. */
export interface ReturnPositions {
  /** What it says itself: topic → position; what is none is ignored. */
  readonly given: Readonly<Record<string, unknown>>;
  /** What the store wrote down. */
  readonly savedPositions: Readonly<Record<string, string>>;
}

/** The topics flow, and nothing is pushed yet. */
export interface Opened {
  /** From where each topic's events go on. */
  readonly positions: Positions;
  /** How many messages of these are there already. */
  readonly missed: number;
  /** Begins to push. */
  start(): void;
}

/**
 * Has the member's topics flow: its room, its inbox, and the feeds that it follows.
 *
 * @param returning where the client stands, if it comes back; else everything begins now, and the inbox with what is unread
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
  const places = await Promise.all(
    topics.map(async (topic): Promise<{ topic: Topic; now: LogPosition; from: LogPosition }> => {
      const now = await session.topics.open(topic);
      const seen = decodePosition(returning?.given[topic]);
      if (topic === inbox && seen && await isContinuous(store.topics, inbox, seen)) {
        await store.topics.markRead(inbox, seen.seq);
      }
      const stood = seen ?? decodePosition(returning?.savedPositions[topic]);
      const unread = async () => ({ epoch: now.epoch, seq: await store.topics.readMark(inbox), id: "" });
      return { topic, now, from: stood ?? (topic === inbox ? await unread() : now) };
    }),
  );
  const positions = Object.fromEntries(places.map(({ topic, from }) => [topic, encodePosition(from)]));
  await session.remember(positions);
  return {
    positions,
    missed: places.reduce(
      (sum, { now, from }) => sum + (now.epoch === from.epoch ? Math.max(0, now.seq - from.seq) : 0),
      0,
    ),
    start: () => places.forEach(({ topic, from }) => session.topics.start(topic, from)),
  };
}
