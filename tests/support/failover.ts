/** Somebody who publishes while Redis fails over, and checks the limit that the store promises. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import type { TopicSignal } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "./stores.ts";
import { until } from "./turns.ts";

/** How long a failover may take, in milliseconds: an election that nobody won is held again after four seconds. */
const electionsMs = 30_000;

/** Counts on in one topic: each number is published, with a `cid`, until it is acknowledged. */
export class Counter {
  readonly #store: TestStore;
  readonly #limitMs: number;
  readonly topic: Topic;
  /** What was acknowledged. */
  readonly texts: string[] = [];
  /** How often the store said that it was away. */
  refused = 0;
  /** What was heard; `!` is an interruption. */
  readonly heard: string[] = [];

  /** @param limitMs the store's time limit, in milliseconds */
  constructor(store: TestStore, topic: Topic, limitMs: number) {
    this.#store = store;
    this.#limitMs = limitMs;
    this.topic = topic;
  }

  async listen(): Promise<void> {
    await this.#store.topics.subscribe(this.topic, (signal: TopicSignal) => {
      this.heard.push(signal.kind === "entry" ? signal.entry.text : signal.kind === "interrupted" ? "!" : signal.kind);
    });
  }

  /** Tries once. @returns whether it is acknowledged */
  async attempt(): Promise<boolean> {
    const text = `${this.texts.length + 1}`;
    const started = performance.now();
    try {
      await this.#store.topics.publish(this.topic, { from: "eve", text, cid: `cid of ${text}` }, undefined);
      this.texts.push(text);
      return true;
    } catch (error) {
      assert(error instanceof ChatError && error.code === "store_unavailable", String(error));
      this.refused++;
      return false;
    } finally {
      const took = performance.now() - started;
      assert(took < this.#limitMs + 500, `an answer took ${took} ms`);
    }
  }

  /** Counts on by so many. */
  async count(more: number): Promise<void> {
    const end = this.texts.length + more;
    await until(`${this.topic} has got to ${end}`, async () => {
      while (this.texts.length < end && await this.attempt());
      return this.texts.length === end;
    }, { timeoutMs: electionsMs });
  }

  /** What the log has must be what was acknowledged, once and in order. */
  async check(): Promise<void> {
    const { entries } = await this.#store.topics.read(this.topic, { after: 0, limit: 10_000 });
    assert.deepEqual(entries.map(({ text }) => text), this.texts, "what the log has is what was acknowledged");
  }

  /** Once the store can be used and heard again, all that is published must be heard, after an interruption. */
  async checkHears(since: number): Promise<void> {
    await until("the store is available", () => this.#store.available);
    await this.heardBy(this);
    assert.deepEqual(this.heard.slice(0, since), this.texts.slice(0, since), "what was heard before");
    assert.equal(this.heard[since], "!", this.heard.slice(since, since + 10).join(" "));
  }

  /**
   * Counts on until a listener hears it. A connection may break more than once before it lasts: whatever the listener
   * has missed, it is told so before it hears what is newer.
   */
  async heardBy({ heard }: Counter): Promise<void> {
    await this.count(20);
    await until("the newest is heard", async () => {
      if (heard.at(-1) === this.texts.at(-1)) return true;
      await this.count(1);
      return false;
    });
    let last = 0;
    let told = true;
    for (const text of heard) {
      if (text === "!") told = true;
      else {
        assert(
          Number(text) === last + 1 || (told && Number(text) > last),
          `${last} before ${text}: ${heard.join(" ")}`,
        );
        last = Number(text);
        told = false;
      }
    }
  }
}
