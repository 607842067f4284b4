import { isPrivate, parseTopic, type Topic } from "../../wire/names.ts";
import type { StoreLimits } from "../store.ts";
import type { RedisGateway } from "./gateway.ts";
import type { Keys } from "./keys.ts";

/** The longest that Redis can be told to keep something, in milliseconds: a thousand years. */
export const forEver = 31_536_000_000_000;

/** How many messages are forgotten in one step, which Redis is done with in about half a millisecond. */
const pieceSize = 100;

/** How many are forgotten where several topics are looked at side by side, which Redis does in one go. */
const lookSize = 10;

/** How far the clocks of several Redis servers may be apart, in milliseconds. */
const leewayMs = 1_000;

/** How many topics are looked at side by side. */
const atOnce = 10;

/** All topics are looked at at least this often, in milliseconds, however long messages are kept. */
const longestMs = 3_600_000;

/** What the logs in Redis keep: the messages that are over the limits are forgotten, also where nobody writes any more. */
export class RedisHistory {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  /** The time of day, by the clock of Redis at the first sweep, less this process's uptime. */
  #offset: number | undefined;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  /** How long a message is kept, in milliseconds. */
  get maxAge(): number {
    return Math.min(this.#limits.historyMaxAge, forEver);
  }

  /**
   * Goes through all topics, see {@linkcode Topics.sweep}. The first server that is there in a hundredth of the messages'
   * age, or in an hour, does so; a pass that breaks off has done no harm, and the next one goes on with what is left.
   */
  async sweep(): Promise<number> {
    const everyMs = Math.ceil(Math.min(this.maxAge / 100, longestMs));
    const mine = await this.#redis.run("writeSmall", [this.#keys.trimmed()], ["SET", "1", "NX", "PX", everyMs]);
    if (mine === null) return 0;
    this.#offset ??= await this.#redis.time(this.#keys.trimmed()) - performance.now();
    let forgotten = 0;
    for await (const keys of this.#redis.keys(this.#keys.metas())) {
      const topics = keys.flatMap((key) => parseTopic(this.#keys.topicOf(key))?.topic ?? []);
      while (topics.length > 0) {
        const looked = topics.splice(0, atOnce);
        const counts = await Promise.all(looked.map((topic) => this.#trim(topic, lookSize)));
        forgotten += counts.reduce((sum, count) => sum + count, 0);
        for (const [index, topic] of looked.entries()) {
          if (counts[index] === lookSize) forgotten += await this.#trimAll(topic);
        }
      }
    }
    return forgotten;
  }

  async #trimAll(topic: Topic): Promise<number> {
    for (let sum = 0;;) {
      const forgotten = await this.#trim(topic, pieceSize);
      sum += forgotten;
      if (forgotten < pieceSize) return sum;
    }
  }

  async #trim(topic: Topic, most: number): Promise<number> {
    const { meta, log, unread, talks } = this.#keys;
    const keys = [meta(topic), log(topic)];
    if (isPrivate(topic)) keys.push(talks(topic));
    if (topic.startsWith("inbox:")) keys.push(unread(topic));
    const latest = Math.ceil(this.#offset! + performance.now()) + leewayMs;
    return await this.#redis.run("trim", keys, [this.#limits.historyMaxMessages, this.maxAge, most, latest]) as number;
  }
}
