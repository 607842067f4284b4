/** What the relay promises of rooms' records: nothing goes by that was stored under a record which it has not read. */

import assert from "node:assert/strict";
import type { RoomGate } from "../../../lib/server/delivery/room_gate.ts";
import type { RecordNews } from "../../../lib/store/room_records.ts";
import { test } from "../../support/declare.ts";
import { FakeTopics } from "../../support/fake_topics.ts";
import { makeRelay } from "../../support/streams.ts";
import { turn, until } from "../../support/turns.ts";

const room = "room:x";
const kick = { kind: "kick", by: "a", user: "b", reason: "" } as const;

/** A gate that has read so far, and whose checks end when the test lets them. */
class FakeGate implements RoomGate {
  revision = 1;
  /** What the store has by now. */
  stored = 1;
  readonly calls: string[] = [];
  failures = 0;
  waiting: PromiseWithResolvers<void> | undefined;

  // deno-lint-ignore require-await
  async open(name: string): Promise<void> {
    this.calls.push(`open ${name}`);
  }
  close(name: string): void {
    this.calls.push(`close ${name}`);
  }
  knows(_: string, revision: number): boolean {
    return this.revision >= revision;
  }
  async check(name: string, changes: readonly RecordNews[] = []): Promise<void> {
    this.calls.push(`check ${name} ${changes.map(({ kind }) => kind).join(",")}`);
    await this.waiting?.promise;
    if (this.failures-- > 0) throw new Error("away");
    this.revision = this.stored;
  }
  admits(): boolean {
    return true;
  }
  // deno-lint-ignore require-await
  async isKeptOut(): Promise<boolean> {
    return false;
  }
}

test("Relay holds a message of a newer record back until that record is read", async () => {
  const [topics, gate] = [new FakeTopics(), new FakeGate()];
  await using parts = makeRelay({ topics, gate });
  const { relay, outlet } = parts;
  await relay.acquire(room);
  topics.say(room, {}, 1);
  assert.deepEqual(outlet.said, ["1"], "of the record that is known");
  gate.waiting = Promise.withResolvers();
  gate.stored = 2;
  topics.say(room, {}, 2);
  topics.say(room, {}, 2);
  await until("the record is asked for", () => gate.calls.includes("check x "));
  assert.deepEqual(outlet.said, ["1"]);
  gate.waiting.resolve();
  await until("messages are passed on", () => outlet.said.length === 3);
  assert.deepEqual(outlet.said, ["1", "2", "3"]);
  const checks = gate.calls.length;
  topics.say(room, {}, 2);
  assert.deepEqual([outlet.said.length, gate.calls.length], [4, checks], "and those after it go by at once");
});

test("Relay tells the gate of a change, and passes nothing on meanwhile, however often that fails", async () => {
  const [topics, gate] = [new FakeTopics(), new FakeGate()];
  await using parts = makeRelay({ topics, gate });
  const { relay, outlet, faults } = parts;
  await relay.acquire(room);
  gate.failures = 2;
  gate.stored = 2;
  topics.signal(room, { kind: "record", revision: 2, change: kick });
  topics.say(room, {}, 2);
  assert.deepEqual(outlet.said, []);
  await until("messages are passed on", () => outlet.said.length === 1);
  assert.equal(faults.length, 2);
  assert.deepEqual(gate.calls.filter((call) => call === "check x kick").length, 3, "the change is not lost");
});

test("Relay has the record read again after an interruption, in which a change may have been missed", async () => {
  const [topics, gate] = [new FakeTopics(), new FakeGate()];
  await using parts = makeRelay({ topics, gate });
  await parts.relay.acquire(room);
  topics.signal(room, { kind: "interrupted" });
  await until("the record is asked for", () => gate.calls.includes("check x "));
  await parts.relay.acquire("inbox:a");
  topics.signal("inbox:a", { kind: "interrupted" });
  await turn();
  assert.deepEqual(gate.calls.filter((call) => !call.includes(" x")), [], "rooms have records, and nothing else");
  parts.relay.release(room);
  await until("the gate is closed", () => gate.calls.includes("close x"));
});
