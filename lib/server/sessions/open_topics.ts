/**
 * What a login opens: the topics that the member follows from then on, and from where in each.
 */

import { decodePlace, encodePlace } from "../../store/log_position.ts";
import type { Place, Store } from "../../store/store.ts";
import type { Positions } from "../../wire/event.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import { isContinuous } from "../delivery/recovery.ts";
import type { Member } from "./user_session.ts";

/** Where a client that comes back stands. */
export interface Standing {
  /** What it says itself: topic → position; what is none is ignored. */
  readonly given: Readonly<Record<string, unknown>>;
  /** What the store wrote down. */
  readonly stood: Readonly<Record<string, string>>;
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
 * @param standing where the client stands, if it comes back; else everything begins now, and the inbox with what is unread
 * @throws {ChatError} `store_unavailable`
 */
export async function openTopics(member: Member, store: Store, standing: Standing | undefined): Promise<Opened> {
  const inbox = inboxTopic(member.user);
  const feeds = (await store.accounts.follows(member.user)).map(feedTopic);
  const topics: Topic[] = [roomTopic(member.room!), inbox, ...feeds];
  const places = await Promise.all(topics.map(async (topic): Promise<{ topic: Topic; now: Place; from: Place }> => {
    const now = await member.following.open(topic);
    const seen = decodePlace(standing?.given[topic]);
    if (topic === inbox && seen && await isContinuous(store.topics, inbox, seen)) {
      await store.topics.markRead(inbox, seen.seq);
    }
    const stood = seen ?? decodePlace(standing?.stood[topic]);
    const unread = async () => ({ epoch: now.epoch, seq: await store.topics.readMark(inbox), id: "" });
    return { topic, now, from: stood ?? (topic === inbox ? await unread() : now) };
  }));
  const positions = Object.fromEntries(places.map(({ topic, from }) => [topic, encodePlace(from)]));
  await member.remember(positions);
  return {
    positions,
    missed: places.reduce(
      (sum, { now, from }) => sum + (now.epoch === from.epoch ? Math.max(0, now.seq - from.seq) : 0),
      0,
    ),
    start: () => places.forEach(({ topic, from }) => member.following.start(topic, from)),
  };
}
