import { nextTick } from "node:process";
import { inboxTopic, sentTopic, type Topic, topicName } from "../../wire/names.ts";
import { type LogPosition, randomWord } from "../log_position.ts";
import type { Session } from "../sessions.ts";
import type { StoreLimits } from "../store.ts";
import type { Draft } from "../topics.ts";
import type { RedisGateway } from "./gateway.ts";
import { type Keys, sessionField } from "./keys.ts";
import type { Answer } from "./transport/redis_transport.ts";

/** How many messages one call takes at most: Redis does nothing else meanwhile. */
const maxMessages = 64;

/** How many characters of messages one call takes at most, where it takes more than one message. */
const maxCharacters = 256 * 1024;

/** A message that may be written. */
export interface Publication {
  readonly id: string;
  readonly topic: Topic;
  readonly draft: Draft;
  /** The session that publishes, if one does. */
  readonly writer: Session | undefined;
  /** Whether the topic must be there already. */
  readonly existing: boolean;
  /** Whether a room's record does not hold its author up. */
  readonly overrides: boolean;
}

/** What publishing asks of the rest of the store. */
export interface PublishPorts {
  /** The arguments of `publish.lua` that all messages have, behind the epoch. */
  common(): readonly (string | number)[];
  /** Told of each message: it is stored. */
  stored(topic: Topic, position: LogPosition): void;
}

/** A message on its way: keys and arguments of `publish.lua` that are its own. */
interface Waiting {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  resolve(answer: Answer[]): void;
  reject(error: unknown): void;
}

/**
 * Publishes: has the messages of one turn of the event loop go out in as few calls of Redis as it can.
 *
 * 1. Nothing waits for longer than the turn, and what is alone in its turn goes as if there were no batches.
 * 2. Messages take effect in the order in which they are given, and before any other command that is given after them.
 * 3. Each has an answer of its own: that one is refused changes nothing for the others. A call that gets no answer fails
 *    for all of its messages alike, and nobody knows of any whether it was stored.
 * 4. In a cluster, where a script has the keys of one slot only, each message is a call; the client pipelines them.
 */
export class PublishBatch {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #ports: PublishPorts;
  #waiting: Waiting[] = [];
  #characters = 0;
  #calls = 0;
  /** Writer and topic → the number of the newest call that has no answer yet. */
  readonly #unanswered = new Map<string, string>();
  readonly #flushes = () => this.#flush(); // one for all turns

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits, ports: PublishPorts) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#ports = ports;
    redis.beforeCalls(this.#flushes);
  }

  /** Runs `publish.lua` for a message. @returns its answer @throws {ChatError} `store_unavailable` */
  publish({ id, topic, draft, writer, existing, overrides }: Publication): Promise<Answer[]> {
    const { cid, from, ...rest } = draft;
    const { maxInbox, maxInboxPerSender } = this.#limits;
    const { call, before, over } = this.#takeTurn(topic, writer);
    const args = [
      this.#keys.topicChannel(topic),
      from,
      `${writer?.claim ?? ""}`,
      id,
      JSON.stringify({ from, ...rest, cid }),
      topic.startsWith("inbox:") ? `${maxInbox}` : "",
      call,
      topic === inboxTopic(from) ? "" : `${maxInboxPerSender}`,
      existing ? "1" : "0",
      cid ?? "",
      before,
      writer ? sessionField(writer) : "",
      overrides ? "1" : "",
    ];
    return new Promise((resolve, reject) => {
      this.#add({
        keys: this.#keysOf(topic, from, cid),
        args,
        resolve: (answer) => {
          over();
          const [kind, seq, , epoch] = answer as [string, number, number, string];
          if (kind === "published") this.#ports.stored(topic, { epoch, seq, id });
          resolve(answer);
        },
        reject: (error) => {
          over();
          reject(error);
        },
      });
    });
  }

  /** Gives a call its number, and tells the writer's one before it that has no answer yet; `over` is for when it has one. */
  #takeTurn(topic: Topic, writer: Session | undefined): { call: string; before: string; over(): void } {
    const call = `${++this.#calls}`;
    if (!writer) return { call, before: "", over: () => {} };
    const line = `${writer.user} ${writer.claim} ${topic}`;
    const before = this.#unanswered.get(line) ?? "";
    this.#unanswered.set(line, call);
    const over = () => {
      if (this.#unanswered.get(line) === call) this.#unanswered.delete(line);
    };
    return { call, before, over };
  }

  #keysOf(topic: Topic, from: string, cid: string | undefined): string[] {
    const { meta, log, writers, unread, talks, cid: cidKey, recent, record, spoken } = this.#keys;
    const keys = [meta(topic), log(topic), writers(topic)];
    if (cid === undefined) keys.push(keys[0], keys[0]);
    else keys.push(cidKey(topic, from, cid), recent(topic, from));
    if (topic.startsWith("room:")) keys.push(record(topicName(topic)), spoken(topic));
    if (topic.startsWith("inbox:")) {
      const { blocks, contacts, copied } = this.#keys;
      const user = topicName(topic);
      keys.push(unread(topic), talks(topic), blocks(user), contacts(user), copied(sentTopic(user)));
    }
    return keys;
  }

  #add(message: Waiting): void {
    const { length } = message.args[4];
    if (this.#characters + length > maxCharacters) this.#flush();
    this.#characters += length;
    const count = this.#waiting.push(message);
    // Behind all that was read in this turn, and before the client writes.
    if (count === 1) nextTick(this.#flushes);
    else if (count === maxMessages) this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#characters = 0;
    const common = [randomWord(8), ...this.#ports.common()];
    if (waiting.length > 1 && this.#redis.spansSlots) return this.#publishMany(waiting, common);
    for (const { keys, args, resolve, reject } of waiting) {
      this.#redis.run("publish", keys, [...common, ...args]).then((answer) => resolve(answer as Answer[]), reject);
    }
  }

  #publishMany(waiting: readonly Waiting[], common: readonly (string | number)[]): void {
    const keys: string[] = [];
    const args = [...common];
    for (const message of waiting) {
      keys.push(...message.keys);
      args.push(message.keys.length, ...message.args);
    }
    this.#redis.run("publishMany", keys, args).then((answers) => {
      for (const [index, answer] of (answers as Answer[][]).entries()) {
        const { resolve, reject } = waiting[index];
        if (answer[0] === "refused") reject(this.#redis.refusal(`${answer[1]}`, "EVALSHA", waiting[index].keys[0]));
        else resolve(answer);
      }
    }, (error) => {
      for (const { reject } of waiting) reject(error);
    });
  }
}
