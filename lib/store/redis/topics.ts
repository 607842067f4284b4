/**
 * Logs and live channels in Redis. The promises are those of {@linkcode Topics}.
 */

import { ChatError } from "../../common/errors.ts";
import { inboxTopic, roomTopic, type Topic, topicKind, topicName } from "../../wire/names.ts";
import type { Head } from "../topics.ts";
import { type LogPosition, randomWord } from "../log_position.ts";
import { deletedNamesOf } from "../accounts/deleted_names.ts";
import { PositionSigner } from "../position_signer.ts";
import type { Session } from "../sessions.ts";
import type { StoreLimits } from "../store.ts";
import {
  type AccountChange,
  cidMemoryMs,
  type Draft,
  type Entry,
  isCopied,
  type Page,
  type PresenceChange,
  type PublishResult,
  type Range,
  type Subscription,
  type TalkPage,
  type TalkRange,
  type Topics,
  type TopicSignal,
} from "../topics.ts";
import { RedisCopies, type Stored, storedBy } from "./copies.ts";
import type { RedisGateway } from "./gateway.ts";
import { RedisHistory } from "./history.ts";
import type { Keys } from "./keys.ts";
import { PublishBatch } from "./publish_batch.ts";
import { signalDecoder } from "./topic_signals.ts";
import type { Answer } from "./transport/redis_transport.ts";

/** Which of the store's data is spoken of, and by whom. */
export interface Generations {
  /** Grows when data were put back to an older copy. */
  readonly generation: number;
  /** The name of this server's run. */
  readonly instance: string;
}

/** What publishing asks of the sessions. */
export interface Grants {
  mayWrite(session: Session, topic: Topic): Promise<boolean>;
}

/** Of how many topics the last acknowledged message is remembered. */
const maxAcknowledged = 10_000;

/** How many messages of an inbox are put into the index of its talks in one step. */
const indexedAtOnce = 200;

/** See {@linkcode Topics}. */
export class RedisTopics implements Topics {
  readonly positions = new PositionSigner();
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #grants: Grants;
  readonly #generations: Generations;
  readonly #history: RedisHistory;
  readonly #copies: RedisCopies;
  readonly #batch: PublishBatch;
  /** The last message that this server was told is stored, by topic: the oldest is forgotten first. */
  readonly #acknowledged = new Map<Topic, LogPosition>();

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits, grants: Grants, generations: Generations) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#grants = grants;
    this.#generations = generations;
    this.#history = new RedisHistory(redis, keys, limits);
    this.#batch = new PublishBatch(redis, keys, limits, {
      common: () => [generations.generation, cidMemoryMs, limits.historyMaxMessages, this.#history.maxAge],
      stored: (topic, position) => this.#remember(topic, position),
    });
    this.#copies = new RedisCopies(redis, keys, limits, {
      instance: generations.instance,
      get generation() {
        return generations.generation;
      },
      readTalk: (inbox, sender, range) => this.readTalk(inbox, sender, range),
      head: (inbox) => this.head(inbox),
      copied: (topic, position) => this.#remember(topic, position),
    });
  }

  /** The copies of private messages that this server owes. */
  get copies(): RedisCopies {
    return this.#copies;
  }

  async publish(
    topic: Topic,
    draft: Draft,
    writer: Session | undefined,
    existing = false,
    overrides = false,
  ): Promise<PublishResult> {
    this.#redis.checkSettled();
    if (isCopied(topic, draft)) return await this.#publishCopied(topic, draft, writer, existing);
    const turn = topic.startsWith("inbox:") ? this.#copies.inTurn(topic) : undefined;
    if (turn) await turn;
    if (writer && !isIn(writer, topic) && !await this.#grant(writer, topic)) return { kind: "fenced" };
    const shown = draft.via === undefined ? draft : { ...draft, via: undefined }; // only a copy may be skipped
    return outcomeOf(
      await this.#batch.publish({ id: randomWord(6), topic, draft: shown, writer, existing, overrides }),
    );
  }

  async #publishCopied(
    topic: Topic,
    draft: Draft,
    writer: Session | undefined,
    existing: boolean,
  ): Promise<PublishResult> {
    const copying = this.#copies.begin(draft.from, topic);
    let stored: Stored = "not";
    try {
      if (copying.ready) await copying.ready;
      if (writer && !await this.#grant(writer, topic)) return { kind: "fenced" };
      stored = "maybe";
      const id = randomWord(6);
      const answer = await this.#batch.publish({ id, topic, draft, writer, existing, overrides: false });
      stored = storedBy(answer, id, draft);
      return outcomeOf(answer);
    } finally {
      copying.settle(stored);
    }
  }

  /** Whether a writer may write where it is in no room; calls that wait for that keep their order. */
  #grant(writer: Session, topic: Topic): boolean | Promise<boolean> {
    return topicKind(topic) !== "room" && this.#grants.mayWrite(writer, topic);
  }

  #remember(topic: Topic, position: LogPosition): void {
    this.#acknowledged.delete(topic);
    this.#acknowledged.set(topic, position);
    if (this.#acknowledged.size <= maxAcknowledged) return;
    for (const oldest of this.#acknowledged.keys()) return void this.#acknowledged.delete(oldest);
  }

  /** Signs positions as the store's other servers do: with its secret, which is this server's where it has none. */
  async shareSecret(): Promise<void> {
    const known = await this.#redis.run("writeSmall", [this.#keys.positionSecret()], [
      ...["SET", this.positions.secret, "NX", "GET"],
    ]);
    if (typeof known === "string") this.positions.secret = known;
  }

  /**
   * Compares what this server was told is stored with what is, after Redis was away: nobody but the server that
   * acknowledged a message may have known of it.
   */
  async verify(): Promise<void> {
    await Promise.all([...this.#acknowledged].map(async ([topic, { epoch, seq, id }]) => {
      const page = await this.read(topic, { after: seq - 1, limit: 1, make: false });
      const [found] = page.entries;
      const lost = page.head.seq < seq || (found?.seq === seq && found.id !== id);
      if (page.epoch === epoch && lost) await this.renewEpoch(topic, epoch);
      if (page.epoch !== epoch || lost) this.#acknowledged.delete(topic);
    }));
  }

  async read(topic: Topic, range: Range): Promise<Page> {
    const after = "after" in range;
    const [epoch, seq, id, , first, entries, previous, since] = await this.#redis.run(
      "read",
      [this.#keys.meta(topic), this.#keys.log(topic)],
      [
        randomWord(8),
        this.#generations.generation,
        after ? "after" : "before",
        after ? range.after : range.before ?? "",
        range.limit,
        this.#limits.historyMaxMessages,
        this.#history.maxAge,
        topic.startsWith("inbox:") ? "1" : "0",
        range.make === false ? "1" : "0",
      ],
    ) as [string, number, string, number, number, [string, string[]][], string, number];
    const read = entries.map((stored) => deletedNamesOf(this.#redis).rename(toEntry(stored)));
    return {
      epoch,
      head: { epoch, seq, id },
      first,
      entries: after ? read : read.reverse(),
      ...(previous === "" ? {} : { renewed: { previous, since } }),
    };
  }

  async readTalk(topic: Topic, other: string, range: TalkRange): Promise<TalkPage> {
    const { before, olderThan, limit, after, receivedBelow, copiesBelow } = range;
    const { meta, log, talks } = this.#keys;
    const sent = topic.startsWith("sent:");
    if (sent) await this.#copies.idle(topicName(topic));
    const keys = [meta(topic), log(topic), talks(topic), meta(inboxTopic(topicName(topic)))];
    for (;;) {
      const [kind, epoch, time, entries, received] = await this.#redis.run("readTalk", keys, [
        ...[randomWord(8), this.#generations.generation, other, before ?? "", olderThan ?? "", limit],
        ...[this.#limits.historyMaxMessages, this.#history.maxAge, indexedAtOnce],
        ...[after ?? "", receivedBelow ?? "", copiesBelow ?? "", sent ? "1" : "0"],
      ]) as [string, string, number, [string, string[]][], number];
      if (kind === "page") {
        const names = deletedNamesOf(this.#redis);
        return { epoch, time, received, entries: entries.map((stored) => names.rename(toEntry(stored))) };
      }
    }
  }

  async head(topic: Topic): Promise<Head> {
    const [epoch, seq, id, , deletion] = await this.#head(topic);
    if (deletion === "") return { epoch, seq, id };
    const [at, number] = deletion.split(" ").map(Number);
    return { epoch, seq, id, deletion: { at, number } };
  }

  async renewEpoch(topic: Topic, epoch: string, since?: number): Promise<void> {
    await this.#redis.run("renewEpoch", [this.#keys.meta(topic)], [epoch, randomWord(8), since ?? ""]);
  }

  async readMark(inbox: Topic): Promise<number> {
    return (await this.#head(inbox))[3];
  }

  async markRead(inbox: Topic, seq: number): Promise<boolean> {
    return await this.#redis.run("mark", [this.#keys.meta(inbox), this.#keys.unread(inbox)], [seq]) === 1;
  }

  async subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription> {
    const channel = this.#keys.topicChannel(topic);
    const decoder = signalDecoder(listener);
    await this.#redis.subscribe(channel, decoder);
    return { close: () => this.#redis.unsubscribe(channel, decoder) };
  }

  async tellAccount(user: string, change: AccountChange): Promise<void> {
    await this.#redis.command("SPUBLISH", this.#keys.topicChannel(inboxTopic(user)), `a ${JSON.stringify(change)}`);
  }

  async announce(room: string, { user, state, claim, offline }: PresenceChange): Promise<void> {
    const topic = roomTopic(room);
    const words = ["p", user, state, claim, ...(offline ? ["offline"] : [])].join(" ");
    await this.#redis.run("announce", [this.#keys.present(topic), this.#keys.told(topic)], [
      this.#keys.topicChannel(topic),
      user,
      state,
      words,
    ]);
  }

  sweep(): Promise<number> {
    return this.#history.sweep();
  }

  async #head(topic: Topic): Promise<[string, number, string, number, string]> {
    const args = [randomWord(8), this.#generations.generation];
    return await this.#redis.run("head", [this.#keys.meta(topic)], args) as [string, number, string, number, string];
  }
}

/** Whether it is a room that a session is in. */
function isIn({ rooms }: Session, topic: Topic): boolean {
  return topicKind(topic) === "room" && rooms.includes(topicName(topic));
}

/** @throws {ChatError} `store_unavailable` where the message came behind a newer one, or one before it was not stored */
function outcomeOf([kind, seq, time]: Answer[]): PublishResult {
  switch (kind) {
    case "late":
      throw new ChatError("store_unavailable", "The message came too late; try again");
    case "fenced":
    case "blocked":
    case "stranger":
    case "missing":
    case "banned":
    case "muted":
    case "not_member":
      return { kind };
    case "slow":
      return { kind, waitMs: seq as number };
    case "full":
      return { kind, theirs: seq as number > 0 ? seq as number : undefined };
    default:
      return { kind: "published", seq: seq as number, time: time as number, repeated: kind === "repeated" };
  }
}

/** A message from its entry in the stream. */
export function toEntry([key, [, id, , time, , body]]: [string, string[]]): Entry {
  return { seq: parseInt(key), id, time: Number(time), ...JSON.parse(body) };
}
