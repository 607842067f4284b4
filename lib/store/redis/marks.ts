/**
 * Read marks in Redis. The promises are those of {@linkcode Marks}.
 *
 * An account's marks are in its own slot, so that they go with it; what they are compared with is in each topic's.
 */

import { fold, type Topic, topicKind } from "../../wire/names.ts";
import { type MarkPosition, type Marks, maxMarks, maxUnread } from "../marks.ts";
import type { StoreLimits } from "../store.ts";
import { decodePosition, encodePosition } from "../log_position.ts";
import type { RedisGateway } from "./gateway.ts";
import { forEver } from "./history.ts";
import { fromPairs, type Keys } from "./keys.ts";

/** See {@linkcode Marks}. */
export class RedisMarks implements Marks {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  async mark(user: string, topic: Topic, position: MarkPosition): Promise<boolean> {
    return await this.#set(user, topic, position, false);
  }

  async begin(user: string, positions: Readonly<Record<Topic, MarkPosition>>): Promise<void> {
    const topics = Object.keys(positions) as Topic[];
    const known = await this.#known(user, topics);
    const missing = topics.filter((_, index) => known[index] === null);
    await Promise.all(missing.map((topic) => this.#set(user, topic, positions[topic], true)));
  }

  async unread(user: string, topics: readonly Topic[]): Promise<Record<Topic, number>> {
    const known = await this.#known(user, topics);
    const { historyMaxMessages, historyMaxAge } = this.#limits;
    const counts = await Promise.all(topics.map(async (topic, index): Promise<[Topic, number]> => {
      const mark = topicKind(topic) === "inbox" ? " 0 " : known[index];
      if (mark === null) return [topic, 0];
      const bounds = [historyMaxMessages, Math.min(historyMaxAge, forEver), maxUnread];
      const args = [fold(user), ...mark.split(" "), ...bounds];
      return [topic, await this.#redis.run("countUnread", this.#logKeys(topic), args) as number];
    }));
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  async forget(user: string, topic?: Topic): Promise<void> {
    const marks = this.#keys.marks(user);
    await (topic === undefined ? this.#redis.command("DEL", marks) : this.#redis.command("HDEL", marks, topic));
  }

  /** The user's marks as they are stored, null where there is none. */
  async #known(user: string, topics: readonly Topic[]): Promise<(string | null)[]> {
    if (topics.length === 0) return [];
    return await this.#redis.command("HMGET", this.#keys.marks(user), ...topics) as (string | null)[];
  }

  /** @param begin whether a mark that is there stays where it is */
  async #set(user: string, topic: Topic, { epoch, seq }: MarkPosition, begin: boolean): Promise<boolean> {
    const place = await this.#redis.run("locateMark", this.#logKeys(topic), [fold(user), epoch, seq, maxUnread]);
    if (place === null) return false;
    const [at, own, previous, since] = place as [number, number | string, string, number];
    const args = [topic, epoch, at, own, previous, since, begin ? "1" : "0", maxMarks];
    return await this.#redis.run("setMark", [this.#keys.marks(user)], args) === 1;
  }

  #logKeys(topic: Topic): string[] {
    return [this.#keys.meta(topic), this.#keys.log(topic)];
  }
}

/** The marks that a hash holds, as positions by topic. */
export function toMarks(pairs: unknown): Record<string, string> {
  const marks = Object.entries(fromPairs(pairs)).map(([topic, mark]) => {
    const [epoch, seq] = mark.split(" ");
    return [topic, encodePosition({ epoch, seq: Number(seq), id: "" })];
  });
  return Object.fromEntries(marks);
}

/** What a hash holds for marks, as its fields and values. How many of the user's own messages came before is not known. */
export function fromMarks(marks: Readonly<Record<string, string>>): string[] {
  return Object.entries(marks).flatMap(([topic, position]) => {
    const mark = decodePosition(position);
    return mark ? [topic, `${mark.epoch} ${mark.seq} `] : [];
  });
}
