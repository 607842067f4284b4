import { fold, inboxTopic, sentTopic } from "../../wire/names.ts";
import { type MarkPosition, maxMarks, maxUnread } from "../marks.ts";
import type { StoreLimits } from "../store.ts";
import { talkMark, type TalkPlace, type Talks, type TalkState } from "../talks.ts";
import type { Topics } from "../topics.ts";
import { deletedNamesOf } from "../accounts/deleted_names.ts";
import type { RedisGateway } from "./gateway.ts";
import { forEver } from "./history.ts";
import type { Keys } from "./keys.ts";
import { toEntry } from "./topics.ts";

/** In how many talks is counted in one step. */
const countedAtOnce = 500;

/** A user's talks in Redis: see {@linkcode Talks}. Both logs are in one slot, and the marks in the user's. */
export class RedisTalks implements Talks {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #topics: Pick<Topics, "readTalk">;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits, topics: Pick<Topics, "readTalk">) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#topics = topics;
  }

  async list(user: string, { before, limit }: { before?: TalkPlace | undefined; limit: number }): Promise<TalkState[]> {
    const [inbox, sent] = [inboxTopic(user), sentTopic(user)];
    // Which also indexes them, where an earlier release wrote them.
    await Promise.all([inbox, sent].map((topic) => this.#topics.readTalk(topic, user, { limit: 1 })));
    const { meta, log, talks } = this.#keys;
    const keys = [inbox, sent].flatMap((topic) => [meta(topic), log(topic), talks(topic)]);
    const { historyMaxMessages, historyMaxAge } = this.#limits;
    const bounds = [historyMaxMessages, Math.min(historyMaxAge, forEver)];
    const [received, copies, ...last] = await this.#redis.run("listTalks", keys, [
      ...[before?.received ?? "", before?.sent ?? "", limit, ...bounds],
    ]) as [string, string, ...[string, [string, string[]]][]];
    const listed = last.map(([isCopy, stored]) => {
      const entry = toEntry(stored);
      return isCopy === "1"
        ? { user: entry.to!, topic: sent, epoch: copies, entry }
        : { user: entry.from, topic: inbox, epoch: received, entry };
    });
    if (listed.length === 0) return [];
    const counts = await this.#count(user, listed.map((talk) => fold(talk.user)));
    const names = deletedNamesOf(this.#redis);
    return listed.map((talk, index) => {
      return { ...talk, user: names.of(talk.user), entry: names.rename(talk.entry), unread: counts[index] };
    });
  }

  async unread(user: string): Promise<Record<string, number>> {
    const inbox = inboxTopic(user);
    await this.#topics.readTalk(inbox, user, { limit: 1 });
    const others = await this.#redis.command("ZRANGE", this.#keys.talks(inbox), "0", "-1") as string[];
    const counts: [string, number][] = [];
    for (let at = 0; at < others.length; at += countedAtOnce) {
      const some = others.slice(at, at + countedAtOnce);
      (await this.#count(user, some)).forEach((count, index) => counts.push([some[index], count]));
    }
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** How much is unread of each of some others. */
  async #count(user: string, others: readonly string[]): Promise<number[]> {
    const inbox = inboxTopic(user);
    const fields = [...others, ""].map(talkMark);
    const marks = await this.#redis.command("HMGET", this.#keys.marks(user), ...fields) as (string | null)[];
    const triples = others.flatMap((other, index) => {
      const [epoch = "", seq = ""] = (marks[index] ?? marks.at(-1) ?? "").split(" ");
      return [other, epoch, seq];
    });
    const { historyMaxMessages, historyMaxAge } = this.#limits;
    const args = [historyMaxMessages, Math.min(historyMaxAge, forEver), maxUnread, ...triples];
    const { meta, log, talks } = this.#keys;
    const counts = await this.#redis.run("countTalks", [meta(inbox), log(inbox), talks(inbox)], args) as number[];
    return counts.map((count, index) => others[index] === fold(user) ? 0 : count);
  }

  async mark(user: string, other: string, { epoch, seq }: MarkPosition): Promise<boolean> {
    const inbox = inboxTopic(user);
    const keys = [this.#keys.meta(inbox), this.#keys.log(inbox)];
    const place = await this.#redis.run("locateMark", keys, [fold(user), epoch, seq, -1]);
    if (place === null) return false;
    const [at, own, previous, since] = place as [number, string, string, number];
    const args = [talkMark(fold(other)), epoch, at, own, previous, since, "0", maxMarks];
    return await this.#redis.run("setMark", [this.#keys.marks(user)], args) === 1;
  }
}
