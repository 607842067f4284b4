import { inSlices } from "../../common/slices.ts";
import { fold, inboxTopic, sentTopic, type Topic, topicName } from "../../wire/names.ts";
import { type LogPosition, randomWord } from "../log_position.ts";
import type { StoreLimits } from "../store.ts";
import { blankBody, type Draft, type Entry, type TalkPage, type TalkRange } from "../topics.ts";
import type { RedisGateway } from "./gateway.ts";
import { forEver } from "./history.ts";
import type { Keys } from "./keys.ts";
import type { Answer } from "./transport/redis_transport.ts";

/** What copying asks of the rest of the store. */
export interface CopyPorts {
  /** The name of this server's run. */
  readonly instance: string;
  readonly generation: number;
  readTalk(inbox: Topic, sender: string, range: TalkRange): Promise<TalkPage>;
  head(inbox: Topic): Promise<LogPosition>;
  /** Told of each copy: it is stored. */
  copied(topic: Topic, position: LogPosition): void;
}

/** A message that is stored in an inbox, and the number of the same sender's message before it there. */
export interface Original {
  readonly entry: Entry;
  readonly epoch: string;
  readonly earlier: number;
}

/** What became of a message: it is stored; it was, long since; it is not; or nobody knows, and it may be later. */
export type Stored = Original | "before" | "not" | "maybe";

/** What a call of `publish.lua` says of a message. */
export function storedBy([kind, seq, time, epoch, earlier]: Answer[], id: string, draft: Draft): Stored {
  if (kind === "repeated") return "before";
  if (kind !== "published") return "not";
  const entry = { ...draft, seq: seq as number, id, time: time as number };
  // Where an earlier release writes to the inbox as well, it is not known which message came before.
  return earlier === "" ? "before" : { entry, epoch: epoch as string, earlier: Number(earlier) };
}

/** A message on its way into an inbox. */
export interface Copying {
  /** Resolves when the message may be sent: should this server die then, the copy is made by another. Undefined: at once. */
  readonly ready: Promise<void> | undefined;
  /** To be called once in any case. */
  settle(stored: Stored): void;
}

/** A user and a recipient. */
interface Pair {
  ready: Promise<void>;
  isReady: boolean;
  /** How many messages have not been settled. */
  pending: number;
  /** When it was last used, by this process's clock. */
  used: number;
  /** Until when a message may be stored of which nobody has said so. */
  doubt: number;
}

/** A user who writes to others. */
interface Sender {
  readonly name: string;
  /** Inbox → pair. */
  readonly pairs: Map<Topic, Pair>;
  /** The inboxes of which messages are to be looked for that were not copied. */
  readonly behind: Set<Topic>;
  /** Done when all copies are made, or known to be owed. */
  turn: Promise<void>;
}

/** How long a note stays without a message, in milliseconds: writing a note costs a round trip. */
const idleMs = 60_000;

/** How often it is looked whether something is still owed, in milliseconds. */
const tickMs = 1_000;

/** How many messages are read at once. */
const pageSize = 100;

/** How many users' copies are looked for side by side. */
const sliceSize = 32;

/**
 * Copies of private messages, in the log of what their sender sent.
 *
 * The message and its copy are in two slots, so a server may die in between. It need not have written down each message
 * for that: what the recipient's inbox has of the sender, behind what was copied last, is what is owed.
 *
 * 1. Before a server stores a message of a user to somebody, it has a note that it may owe copies to that user; one note is
 *    good for all messages until there was none for a minute.
 * 2. A copy is made in one step with the number that was copied last: once, and never before that of an earlier message to
 *    the same recipient. The user's messages on one server are copied in the order in which they were given.
 * 3. What could not be copied is looked for every second, and before the user's next copy. What another server owes the user
 *    is looked for once this server has the user's first message, and when the other one's lease has run out.
 */
export class RedisCopies {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #ports: CopyPorts;
  readonly #senders = new Map<string, Sender>();
  /** Inbox → when the last of those that wait has had its turn. */
  readonly #turns = new Map<Topic, Promise<void>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits, ports: CopyPorts) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#ports = ports;
  }

  /** Announces a message of a user's to somebody else's inbox. */
  begin(from: string, inbox: Topic): Copying {
    this.#timer ??= setInterval(() => this.#tick(), tickMs);
    const sender = this.#sender(fold(from));
    const pair = sender.pairs.get(inbox) ?? this.#pair(sender, inbox);
    const ready = this.inTurn(inbox, pair.isReady ? undefined : pair.ready);
    pair.pending++;
    const { promise, resolve } = Promise.withResolvers<Stored>();
    sender.turn = sender.turn.then(() => promise).then((stored) => this.#follow(sender, inbox, pair, stored));
    return { ready, settle: resolve };
  }

  /**
   * Has messages to an inbox stay in their order, whoever sends them, where one has to wait.
   *
   * @returns resolves when it is the message's turn, and it is ready itself; undefined where that is now
   */
  inTurn(inbox: Topic, ready?: Promise<void>): Promise<void> | undefined {
    const before = this.#turns.get(inbox);
    const turn = before?.then(() => ready) ?? ready;
    if (!turn) return undefined;
    const over = turn.catch(() => {});
    this.#turns.set(inbox, over);
    void over.then(() => this.#turns.get(inbox) === over && this.#turns.delete(inbox));
    return turn;
  }

  /** Resolves when a user has no copies coming that can be made now. */
  async idle(user: string): Promise<void> {
    await this.#senders.get(fold(user))?.turn;
  }

  /** Makes the copies that a server's run owes whose lease is over. @throws {ChatError} `store_unavailable` */
  async makeAll(instance: string): Promise<void> {
    const owing = this.#keys.owing(instance);
    const users = await this.#redis.command("SMEMBERS", owing) as string[];
    await inSlices(users, sliceSize, async (user) => {
      const owed = this.#keys.owed(sentTopic(user));
      const fields = (await this.#redis.command("HKEYS", owed) as string[]).filter((one) =>
        one.endsWith(` ${instance}`)
      );
      await this.#catchUp(user, fields.map(inboxOf));
      if (fields.length > 0) await this.#redis.command("HDEL", owed, ...fields);
    });
    if (users.length > 0) await this.#redis.command("DEL", owing);
  }

  /** Writes the notes anew: others have taken them back, since this server's lease had run out, or data were put back. */
  renote(): void {
    for (const sender of this.#senders.values()) {
      // Those that there are now: what is noted anew would come again, without an end.
      for (const [inbox, pair] of [...sender.pairs]) {
        sender.pairs.delete(inbox);
        if (pair.pending > 0) this.#pair(sender, inbox, pair);
      }
    }
  }

  /** Makes what is owed, and takes the notes back. @returns whether that was possible */
  async close(): Promise<boolean> {
    clearInterval(this.#timer);
    const senders = [...this.#senders.values()];
    await Promise.all(senders.map(async (sender) => {
      await sender.turn;
      await this.#settle(sender);
    }));
    if (senders.some((sender) => sender.behind.size > 0)) return false;
    await this.makeAll(this.#ports.instance);
    return true;
  }

  /** Stops, and leaves what is owed to others. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #sender(name: string): Sender {
    let sender = this.#senders.get(name);
    if (!sender) {
      sender = { name, pairs: new Map(), behind: new Set(), turn: Promise.resolve() };
      this.#senders.set(name, sender);
    }
    return sender;
  }

  /** Notes that a sender may be owed copies. @param earlier what it was noted as before */
  #pair(sender: Sender, inbox: Topic, earlier?: Pair): Pair {
    const ready = this.#note(sender, inbox);
    const pair = earlier ?? { ready, isReady: false, pending: 0, used: 0, doubt: 0 };
    Object.assign(pair, { ready, isReady: false });
    sender.pairs.set(inbox, pair);
    ready.then(() => {
      pair.isReady ||= pair.ready === ready;
    }, () => pair.ready === ready && sender.pairs.delete(inbox));
    return pair;
  }

  async #note(sender: Sender, inbox: Topic): Promise<void> {
    const { owed, copied, owing } = this.#keys;
    const [to, sent, isFirst] = [topicName(inbox), sentTopic(sender.name), sender.pairs.size === 0];
    const note = (start: string) =>
      this.#redis.run("noteCopies", [owed(sent), copied(sent)], [to, this.#ports.instance, start]);
    const [answer] = await Promise.all([
      note(""),
      this.#redis.run("writeSmall", [owing(this.#ports.instance)], ["SADD", sender.name]),
    ]);
    const [last, ...others] = answer as string[];
    if (last === "") {
      // The first message to this recipient that is copied: those before it are of an earlier release.
      const { epoch, seq } = await this.#ports.head(inbox);
      await note(`${epoch} ${seq}`);
    }
    if (isFirst) { for (const field of others) sender.behind.add(inboxOf(field)); }
  }

  /** Makes a message's copy, behind what is owed already. Never fails: what cannot be done now is owed. */
  async #follow(sender: Sender, inbox: Topic, pair: Pair, stored: Stored): Promise<void> {
    pair.pending--;
    pair.used = performance.now();
    if (stored === "not") return;
    if (stored === "maybe") pair.doubt = pair.used + 2 * this.#limits.leaseMs;
    if (typeof stored === "string") sender.behind.add(inbox);
    await this.#settle(sender);
    if (typeof stored === "string") return;
    try {
      if (sender.behind.size > 0 || await this.#copy(sender.name, inbox, stored) === "behind") {
        sender.behind.add(inbox);
        await this.#settle(sender);
      }
    } catch {
      sender.behind.add(inbox);
    }
  }

  async #settle(sender: Sender): Promise<void> {
    const behind = [...sender.behind];
    if (behind.length === 0) return;
    try {
      await this.#catchUp(sender.name, behind);
      for (const inbox of behind) sender.behind.delete(inbox);
    } catch {
      // The store is away, which it says itself; the next tick tries again.
    }
  }

  /** Copies what inboxes have of a user's behind what was copied last: the oldest first. */
  async #catchUp(user: string, inboxes: readonly Topic[]): Promise<void> {
    const unread = await Promise.all(inboxes.map((inbox) => this.#uncopied(user, inbox)));
    for (;;) {
      const waiting = unread.filter(({ entries }) => entries.length > 0);
      if (waiting.length === 0) return;
      const oldest = waiting.reduce((one, two) => two.entries[0].time < one.entries[0].time ? two : one);
      const { inbox, epoch, entries } = oldest;
      const entry = entries.shift()!;
      const made = await this.#copy(user, inbox, { entry, epoch, earlier: oldest.last });
      if (made === "behind") entries.length = 0; // another server knows better: it is asked again
      oldest.last = entry.seq;
      if (entries.length === 0) Object.assign(oldest, await this.#uncopied(user, inbox));
    }
  }

  /** The first messages in an inbox that were not copied. */
  async #uncopied(user: string, inbox: Topic) {
    const known = await this.#redis.command("HGET", this.#keys.copied(sentTopic(user)), topicName(inbox));
    if (known === null) return { inbox, epoch: "", entries: [], last: 0 }; // none was ever to be copied
    const last = Number((known as string).split(" ")[1]);
    const { epoch, entries } = await this.#ports.readTalk(inbox, user, { after: last, limit: pageSize });
    return { inbox, epoch, entries: [...entries], last };
  }

  async #copy(user: string, inbox: Topic, { entry, epoch, earlier }: Original): Promise<"copied" | "known" | "behind"> {
    const { seq, id, time, ...draft } = entry;
    const topic = sentTopic(user);
    const to = topicName(inbox);
    const { meta, log, talks, copied, topicChannel } = this.#keys;
    const body = { to: draft.to, copyOf: { seq, epoch, time }, ...draft };
    const copy = (said: object, blank: "0" | "1") =>
      this.#redis.run(
        "copy",
        [meta(topic), log(topic), talks(topic), copied(topic), meta(inboxTopic(user))],
        [
          ...[topicChannel(topic), randomWord(8), this.#ports.generation, to, epoch, seq, earlier, id, time],
          ...[
            JSON.stringify(said),
            this.#limits.historyMaxMessages,
            Math.min(this.#limits.historyMaxAge, forEver),
            blank,
          ],
        ],
      ) as Promise<["copied" | "known" | "behind" | "deleted", string, number]>;
    let [made, own, number] = await copy(body, "0");
    if (made === "deleted") {
      [made, own, number] = await copy(blankBody({ ...entry, ...body }), "1");
    }
    if (made === "deleted") return "behind"; // never: the text is taken out
    if (made === "copied") this.#ports.copied(topic, { epoch: own, seq: number, id });
    return made;
  }

  /** Looks again for what is owed, and takes back the notes that nobody needs. */
  #tick(): void {
    const now = performance.now();
    for (const sender of this.#senders.values()) {
      for (const [inbox, pair] of sender.pairs) {
        if (pair.doubt > 0) sender.behind.add(inbox);
        if (pair.doubt < now) pair.doubt = 0;
        if (pair.pending > 0 || pair.doubt > 0 || sender.behind.has(inbox) || now - pair.used < idleMs) continue;
        sender.pairs.delete(inbox);
        const field = `${topicName(inbox)} ${this.#ports.instance}`;
        this.#forget(this.#redis.command("HDEL", this.#keys.owed(sentTopic(sender.name)), field));
      }
      if (sender.behind.size > 0) sender.turn = sender.turn.then(() => this.#settle(sender));
      else if (sender.pairs.size === 0) {
        this.#senders.delete(sender.name);
        this.#forget(this.#redis.command("SREM", this.#keys.owing(this.#ports.instance), sender.name));
      }
    }
  }

  /** A note that stays costs whoever finds it a look. */
  #forget(taken: Promise<unknown>): void {
    taken.catch(() => {});
  }
}

function inboxOf(field: string): Topic {
  return inboxTopic(field.slice(0, field.indexOf(" ")));
}
