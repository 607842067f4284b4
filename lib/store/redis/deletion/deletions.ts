import { fold, sentTopic, type Topic, topicKind, topicName } from "../../../wire/names.ts";
import type { Deletion, DeletionPlace, Deletions, Erased, Target } from "../../topics.ts";
import { randomWord } from "../../log_position.ts";
import { blankBody, type Entry, type Page, type Range, type TalkPage, type TalkRange } from "../../topics.ts";
import type { AofRewrites } from "./aof_rewrites.ts";
import type { RedisGateway } from "../gateway.ts";
import type { Keys } from "../keys.ts";

/** How many entries of a log are copied in one step: it takes a millisecond or two. */
const copiedAtOnce = 500;

/** What deleting asks of the logs. */
export interface ErasableLogs {
  read(topic: Topic, range: Range): Promise<Page>;
  readTalk(topic: Topic, other: string, range: TalkRange): Promise<TalkPage>;
}

interface Job {
  /** What the script is given of a message. */
  readonly words: readonly (string | number)[];
  resolve(erased: Erased): void;
  reject(error: unknown): void;
}

/**
 * Deletions in Redis. The promises are those of {@linkcode Deletions}.
 *
 * 1. A log is copied without the texts, see erase.lua: all that is to be deleted in it by then goes in one copy, and one
 *    copy of a log is made at a time by this server. Of several servers the first one wins, and the others begin anew.
 * 2. A private message's copy is in another slot. Where it may not be made yet, it is noted there that it is to be made
 *    without the text, before it is looked for.
 * 3. What Redis has written to its append-only file goes with the file's next rewriting, see {@linkcode AofRewrites}.
 */
export class RedisDeletions implements Deletions {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #logs: ErasableLogs;
  readonly #aof: AofRewrites;
  /** What is to be deleted in the logs that are being copied, with the next copy. */
  readonly #waiting = new Map<Topic, Job[]>();

  constructor(redis: RedisGateway, keys: Keys, logs: ErasableLogs, aof: AofRewrites) {
    this.#redis = redis;
    this.#keys = keys;
    this.#logs = logs;
    this.#aof = aof;
  }

  async erase(topic: Topic, { seq, id }: Target, by: string, via?: string): Promise<Erased> {
    const { entries: [entry] } = await this.#logs.read(topic, { after: seq - 1, limit: 1, make: false });
    if (entry?.seq !== seq || entry.id !== id) return "missing";
    const erased = await this.#erase(topic, entry, by, via);
    if (topicKind(topic) === "inbox" && fold(entry.from) !== topicName(topic)) {
      await this.#eraseCopy(topic, entry, by, via);
    }
    await this.#aof.due();
    return erased;
  }

  async since(topic: Topic, { at, number }: DeletionPlace): Promise<readonly Deletion[]> {
    const from = number === 0 ? `${at}-0` : `(${at}-${number}`;
    const found = await this.#redis.command("XRANGE", this.#keys.deletions(topic), from, "+") as [string, string[]][];
    return found.map(([place, [, seq, , words]]) => {
      const [at, number] = place.split("-").map(Number);
      return { at, number, seq: Number(seq), ...JSON.parse(words) };
    });
  }

  async sweep(): Promise<void> {
    await this.#aof.rewrite();
  }

  #erase(topic: Topic, entry: Entry, by: string, via: string | undefined): Promise<Erased> {
    const { seq, id, from, room } = entry;
    const told = JSON.stringify({ by, from, room, via });
    return new Promise((resolve, reject) => {
      const job = { words: [seq, id, JSON.stringify(blankBody(entry)), told], resolve, reject };
      const waiting = this.#waiting.get(topic);
      if (waiting) return void waiting.push(job);
      this.#waiting.set(topic, [job]);
      void this.#work(topic);
    });
  }

  async #work(topic: Topic): Promise<void> {
    for (;;) {
      const jobs = this.#waiting.get(topic)!;
      if (jobs.length === 0) return void this.#waiting.delete(topic);
      this.#waiting.set(topic, []);
      try {
        const results = await this.#rewrite(topic, jobs);
        for (const [index, { resolve }] of jobs.entries()) resolve(results[index]);
      } catch (error) {
        for (const { reject } of jobs) reject(error);
      }
    }
  }

  async #rewrite(topic: Topic, jobs: readonly Job[]): Promise<Erased[]> {
    const { meta, log, rewriting, deletions, topicChannel } = this.#keys;
    const keys = [meta(topic), log(topic), rewriting(topic, randomWord(8)), deletions(topic)];
    const words = jobs.flatMap(({ words }) => words);
    for (let begun = "";;) {
      const args = [topicChannel(topic), copiedAtOnce, begun, ...words];
      const [kind, ...rest] = await this.#redis.run("erase", keys, args) as string[];
      if (kind === "done") return rest as Erased[];
      begun = kind === "again" ? "" : rest[0];
    }
  }

  async #eraseCopy(inbox: Topic, { from, seq, id }: Entry, by: string, via: string | undefined): Promise<void> {
    const [sent, to] = [sentTopic(from), topicName(inbox)];
    const copied = this.#keys.copied(sent);
    const ahead = await this.#redis.run("eraseAhead", [copied], [to, seq, id]) === 1;
    const { entries: [copy] } = await this.#logs.readTalk(sent, to, { copiesBelow: seq + 1, limit: 1 });
    if (copy?.copyOf?.seq !== seq || copy.id !== id) return; // it is to be made, forgotten, or older than the first copies
    await this.#erase(sent, copy, by, via);
    if (ahead) await this.#redis.command("HDEL", copied, `${to} ${seq}`);
  }
}
