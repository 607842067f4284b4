/** The contract of {@linkcode Topics.subscribe}: what is in the log is heard, in its order, on every server. */

import assert from "node:assert/strict";
import type { Entry, TopicSignal } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { claim, type Declare, login } from "./suite.ts";

/** Somebody who listens. */
class Ear {
  readonly heard: TopicSignal[] = [];
  readonly listen = (signal: TopicSignal): void => void this.heard.push(signal);

  get entries(): Entry[] {
    return this.heard.flatMap((signal) => signal.kind === "entry" ? signal.entry : []);
  }

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }

  /** Waits until a text is heard. */
  async until(text: string): Promise<void> {
    await until(`"${text}" is heard`, () => this.texts.includes(text));
  }
}

function say(store: TestStore, topic: Topic, text: string, cid?: string) {
  return store.topics.publish(topic, { from: "eve", text, ...(cid === undefined ? {} : { cid }) }, undefined);
}

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** Declares the tests. */
export function channelsContract(test: Declare): void {
  test("Topics.subscribe() hears each message as the log has it, and which was before it", async ({ store }) => {
    const ear = new Ear();
    await say(store, "room:lobby", "unheard");
    await store.topics.subscribe("room:lobby", ear.listen);
    for (const text of ["one", ' "é😀\\\n\t\0', ""]) await say(store, "room:lobby", text, `cid of ${text.length}`);
    await say(store, "room:lobby", "last");
    await ear.until("last");
    const { epoch, entries } = await store.topics.read("room:lobby", { after: 0, limit: 10 });
    const signals = entries.slice(1).map((entry, index) => ({ kind: "entry", epoch, entry, prev: entries[index].id }));
    assert.deepEqual(plain(ear.heard), signals);
  });

  test("Topics.subscribe() hears the first message of a topic, which has none before it", async ({ store }) => {
    const ear = new Ear();
    await store.topics.subscribe("feed:eve", ear.listen);
    await say(store, "feed:eve", "first");
    await ear.until("first");
    const { epoch, entries: [entry] } = await store.topics.read("feed:eve", { limit: 1 });
    assert.deepEqual(plain(ear.heard), [{ kind: "entry", epoch, entry, prev: "" }]);
  });

  test("Topics.subscribe() hears messages in the log's order, each once", async ({ store }) => {
    const ear = new Ear();
    await store.topics.subscribe("room:lobby", ear.listen);
    await Promise.all(upTo(300).map((text) => say(store, "room:lobby", text)));
    await ear.until("300");
    assert.deepEqual(ear.entries.map(({ seq }) => `${seq}`), upTo(300));
    const { entries } = await store.topics.read("room:lobby", { after: 0, limit: 300 });
    assert.deepEqual(ear.texts, entries.map(({ text }) => text));
  });

  test("Topics.subscribe() hears its topic and no other", async ({ store }) => {
    const [lobby, feed] = [new Ear(), new Ear()];
    await store.topics.subscribe("room:eve", lobby.listen);
    await store.topics.subscribe("feed:eve", feed.listen);
    await say(store, "inbox:eve", "inbox");
    await say(store, "room:eve", "room");
    await say(store, "feed:eve", "feed");
    await lobby.until("room");
    await feed.until("feed");
    assert.deepEqual([lobby.texts, feed.texts], [["room"], ["feed"]]);
  });

  test("Topics.subscribe() hears nothing of what was repeated or fenced", async ({ store }) => {
    const late = await login(store, "eve");
    await claim(store, "eve");
    const ear = new Ear();
    await store.topics.subscribe("room:lobby", ear.listen);
    await say(store, "room:lobby", "one", "x");
    await say(store, "room:lobby", "one again", "x");
    await store.topics.publish("room:lobby", { from: "eve", text: "late" }, late);
    await say(store, "room:lobby", "last");
    await ear.until("last");
    assert.deepEqual(ear.texts, ["one", "last"]);
  });

  test("Topics.announce() is heard in its room, is not in the log, and keeps its place among messages", async ({ store }) => {
    const [lobby, general] = [new Ear(), new Ear()];
    await store.topics.subscribe("room:lobby", lobby.listen);
    await store.topics.subscribe("room:general", general.listen);
    const eve = await login(store, "Eve");
    await say(store, "room:lobby", "before");
    await store.topics.announce("lobby", { user: "Eve", state: "joined", claim: 7 });
    await say(store, "room:lobby", "between");
    await store.sessions.end(eve, false);
    await store.topics.announce("Lobby", { user: "Eve", state: "left", claim: 8 });
    await say(store, "room:lobby", "last");
    await lobby.until("last");
    const words = plain(lobby.heard).map((signal) => signal.kind === "entry" ? signal.entry.text : signal);
    assert.deepEqual(words, [
      "before",
      { kind: "presence", user: "Eve", state: "joined", claim: 7 },
      "between",
      { kind: "presence", user: "Eve", state: "left", claim: 8 },
      "last",
    ]);
    assert.equal((await store.topics.head("room:lobby")).seq, 3);
    await say(store, "room:general", "last");
    await general.until("last");
    assert.deepEqual(general.heard.length, 1);
  });

  test("Subscription.close() ends it: nothing is heard any more", async ({ store }) => {
    const [closed, open] = [new Ear(), new Ear()];
    const subscription = await store.topics.subscribe("room:lobby", closed.listen);
    await store.topics.subscribe("room:general", open.listen);
    await say(store, "room:lobby", "one");
    await closed.until("one");
    await subscription.close();
    await say(store, "room:lobby", "two");
    await say(store, "room:general", "last");
    await open.until("last");
    assert.deepEqual(closed.texts, ["one"]);
  });

  test("Topics.subscribe() again hears, though the subscription before it is being closed", async ({ store }) => {
    for (const round of upTo(20)) {
      const [former, next] = [new Ear(), new Ear()];
      const subscription = await store.topics.subscribe("room:lobby", former.listen);
      const closing = subscription.close();
      const subscribed = await store.topics.subscribe("room:lobby", next.listen);
      await closing;
      await say(store, "room:lobby", round);
      await next.until(round);
      await subscribed.close();
      assert.deepEqual(former.texts, []);
    }
  });

  test("Subscription.close() leaves a later subscription to the same topic as it is", async ({ store }) => {
    for (const round of upTo(20)) {
      const [former, next] = [new Ear(), new Ear()];
      const subscription = await store.topics.subscribe("room:lobby", former.listen);
      const subscribing = store.topics.subscribe("room:lobby", next.listen);
      await Promise.all([subscription.close(), subscribing]);
      await say(store, "room:lobby", round);
      await next.until(round);
      await (await subscribing).close();
    }
  });

  test("Topics.announce() tells a room what is so by then: what comes late is not told", async ({ store }) => {
    const [lobby, general] = [new Ear(), new Ear()];
    await store.topics.subscribe("room:lobby", lobby.listen);
    await store.topics.subscribe("room:general", general.listen);
    const eve = await login(store, "eve");
    await store.topics.announce("lobby", { user: "eve", state: "joined", claim: 1 });
    await store.sessions.move(eve, "general");
    for (const room of ["lobby", "general"]) {
      await store.topics.announce(room, { user: "eve", state: "left", claim: 1 });
      await store.topics.announce(room, { user: "eve", state: "joined", claim: 1 });
      await say(store, `room:${room}`, "last");
    }
    for (const ear of [lobby, general]) await ear.until("last");
    const told = [lobby, general].map(({ heard }) => heard.flatMap((one) => one.kind === "presence" ? one.state : []));
    assert.deepEqual(told, [["joined", "left"], ["joined"]]);
  });

  test("Topics.subscribe() hears what any server publishes, in one order for all", async ({ store, place }) => {
    const stores = [store, await place.open(), await place.open()];
    const ears = stores.map(() => new Ear());
    await Promise.all(stores.map(({ topics }, index) => topics.subscribe("room:lobby", ears[index].listen)));
    await Promise.all(upTo(150).map((text, index) => say(stores[index % 3], "room:lobby", text)));
    for (const ear of ears) await until("all is heard", () => ear.heard.length === 150);
    const { entries } = await store.topics.read("room:lobby", { after: 0, limit: 200 });
    for (const ear of ears) assert.deepEqual(plain(ear.entries), entries);
    await login(stores[2], "eve");
    await stores[1].topics.announce("lobby", { user: "eve", state: "joined", claim: 1 });
    for (const ear of ears) await until("presence is heard", () => ear.heard.at(-1)?.kind === "presence");
  }, { demand: "several servers" });
}

/** The same without what is undefined, as it comes over a wire. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
