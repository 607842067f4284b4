/**
 * A program that goes on talking whatever happens, and keeps account: what it was acknowledged, what it heard, and how
 * long it waited for each answer.
 *
 * It does what the protocol asks of a client that wants nothing lost: each message has a `cid` of its own, what was not
 * acknowledged is sent again in its order before anything newer, and a `ping` is answered.
 */

import assert from "node:assert/strict";
import { type Endpoint, eventually, type Json, JsonClient } from "./client.ts";

/** Where a message goes: a command and its fields. */
export interface Stream {
  readonly cmd: "say" | "publish" | "msg";
  readonly fields?: Json;
}

/** A message that was acknowledged. */
export interface Acknowledged {
  readonly topic: string;
  readonly seq: number;
  readonly text: string;
}

interface Draft extends Stream {
  readonly text: string;
  readonly cid: string;
}

/** How many messages are under way at once, and how long to wait after each round, in milliseconds. */
const window = 6;
const pauseMs = 25;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** See the file's first lines. */
export class Talker implements AsyncDisposable {
  readonly user: string;
  readonly acknowledged: Acknowledged[] = [];
  /** Topic → what was heard of it, in the order of its coming. */
  readonly heard = new Map<string, Json[]>();
  /** Codes of `system` events. */
  readonly told: string[] = [];
  /** Users whose `joined` and `left` were heard. */
  readonly presence: string[] = [];
  /** How many messages were refused, to be sent again. */
  refused = 0;
  /** The longest that an answer took, in milliseconds. */
  slowest = 0;
  /** The number of the last message that was thought of. */
  last = 0;
  readonly #client: JsonClient;
  readonly #reading: Promise<void>;
  readonly #waiting = new Map<number, (reply: Json | undefined) => void>();
  #over = false;

  private constructor(client: JsonClient, user: string) {
    this.#client = client;
    this.user = user;
    this.#reading = client.each((line) => this.#take(JSON.parse(line) as Json)).then(() => {
      this.#over = true;
      for (const resolve of this.#waiting.values()) resolve(undefined);
    });
  }

  /** Logs in and goes to a room. */
  static async start(at: Endpoint, user: string, room: string): Promise<Talker> {
    const client = await JsonClient.login(at, user);
    await client.ok("join", { room });
    return new Talker(client, user);
  }

  /** Sends a request and gives its answer. */
  async ask(cmd: string, fields: Json = {}): Promise<Json> {
    assert.ok(!this.#over, `${this.user} was disconnected: ${this.told}`);
    const since = performance.now();
    const id = this.#client.post(cmd, fields);
    const reply = await new Promise<Json | undefined>((resolve) => this.#waiting.set(id, resolve));
    this.#waiting.delete(id);
    assert.ok(reply, `${this.user} was disconnected instead of an answer to ${cmd}: ${this.told}`);
    this.slowest = Math.max(this.slowest, performance.now() - since);
    return reply;
  }

  /** Sends messages to all streams in turn until told to stop, then until everything is acknowledged. */
  async talk(streams: readonly Stream[], stop: AbortSignal): Promise<void> {
    let drafts: Draft[] = [];
    while (!stop.aborted || drafts.length > 0) {
      while (!stop.aborted && drafts.length < window) {
        const text = `${this.user} ${++this.last}`;
        drafts.push({ ...streams[this.last % streams.length], text, cid: text });
      }
      const replies = await Promise.all(
        drafts.map(({ cmd, fields, text, cid }) => this.ask(cmd, { ...fields, text, cid })),
      );
      drafts = drafts.filter(({ text }, index) => {
        const { type, code, topic, seq } = replies[index];
        if (type === "ok") return void this.acknowledged.push({ topic, seq, text });
        assert.equal(code, "store_unavailable", JSON.stringify(replies[index]));
        return true;
      });
      this.refused += drafts.length;
      await pause(pauseMs);
    }
  }

  /** Waits until a message has come that its sender thought of after another. */
  async hears(from: Talker, after: number): Promise<void> {
    const fresh = ({ text }: Json) => Number(text.split(" ")[1]) > after && text.startsWith(`${from.user} `);
    await eventually(
      () => !this.#over && [...this.heard.values()].some((events) => events.slice(-100).some(fresh)),
      `${this.user} hears what ${from.user} says from ${after} on`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.#reading;
  }

  #take(message: Json): void {
    const { type, id, topic, code } = message;
    if (id !== undefined) this.#waiting.get(id)?.(message);
    else if (type === "ping") void this.#client.send('{"cmd":"pong"}');
    else if (type === "system" || type === "error") this.told.push(code);
    else if (type === "presence") this.presence.push(`${message.user} ${message.state}`);
    else if (topic !== undefined) {
      const events = this.heard.get(topic);
      if (events) events.push(message);
      else this.heard.set(topic, [message]);
    }
  }
}

/**
 * Holds what talkers heard against what they said, once they have stopped.
 *
 * 1. everything that was thought of was acknowledged, and everything acknowledged was heard by all that follow its topic;
 * 2. each heard a topic's messages by their numbers, with no hole and no double;
 * 3. in each topic a talker's messages stand once and in the order in which it thought of them.
 *
 * @param follows topic → who follows it, from its first message on
 */
export async function assertWhole(talkers: readonly Talker[], follows: ReadonlyMap<string, Talker[]>): Promise<void> {
  const acknowledged = talkers.flatMap((talker) => talker.acknowledged);
  for (const { user, last, acknowledged } of talkers) {
    assert.equal(acknowledged.length, last, `${user} was acknowledged ${acknowledged.length} of ${last} messages`);
  }
  const byTopic = Map.groupBy(acknowledged, ({ topic }) => topic);
  assert.deepEqual([...byTopic.keys()].sort(), [...follows.keys()].sort());
  for (const [topic, messages] of byTopic) {
    const count = messages.length;
    for (const follower of follows.get(topic)!) {
      const what = `${topic} as ${follower.user} heard it`;
      await eventually(() => (follower.heard.get(topic)?.length ?? 0) >= count, `${what} has ${count} messages`);
      const heard = follower.heard.get(topic)!;
      assert.deepEqual(heard.map(({ seq }) => seq), Array.from({ length: count }, (_, index) => index + 1), what);
      for (const { seq, text } of messages) assert.equal(heard[seq - 1].text, text, what);
      const last = new Map<string, number>();
      for (const { text } of heard) {
        const [user, number] = text.split(" ");
        assert.ok(Number(number) > (last.get(user) ?? 0), `${what}: ${text} comes after ${user} ${last.get(user)}`);
        last.set(user, Number(number));
      }
    }
  }
}
