import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { check } from "./checker.ts";
import type { Log, Sent, Story } from "./record.ts";
import { reads, type TextLine, type TextRun, textViews } from "./text_views.ts";

/** What ann's program sent to bob, one at a time, but for those that she typed on the text connection itself. */
function message(n: number, over: Partial<Sent> = {}): Sent {
  return {
    publisher: "ann",
    device: "ann.desk",
    topic: "inbox:bob",
    n,
    cid: `c${n}`,
    text: `c${n}`,
    attempts: [{ at: 100 * n, server: "server1", session: 1 }],
    outcome: { kind: "acknowledged", seq: n, at: 100 * n + 1 },
    ...over,
  };
}

const typed = (n: number, session = 1) =>
  message(n, {
    device: "ann.text",
    outcome: { kind: "unknown" },
    attempts: [{ at: 100 * n, server: "", session }],
  });

function logOf(topic: string, numbers: readonly number[]): Log {
  const entries = numbers.map((n, index) => {
    return { seq: index + 1, id: `id${index}`, from: "ann", text: `c${n}`, cid: `c${n}` };
  });
  return { topic, epoch: "e1", head: numbers.length, entries };
}

/** Ann's text connection that is shown these copies of what she sent. */
function run(cids: readonly number[], kind: TextLine["kind"] = "sent"): TextRun {
  const lines = cids.map((n, index) => ({ at: 1_000 + index, kind, cid: `c${n}` }));
  return {
    ...{ reader: "ann.text", user: "ann", session: 1, at: 50, lines, seen: new Set(lines.map(({ cid }) => cid)) },
    rooms: [{ room: "lobby", at: 50 }],
  };
}

/** What is found wrong where four messages were sent, of which some were typed on the connection. */
function found(shown: TextRun, sent: readonly Sent[] = [message(1), typed(2), message(3), message(4)]): string[] {
  const logs = ["inbox:bob", "sent:ann"].map((topic) => logOf(topic, sent.map(({ n }) => n)));
  const { stretches, noticed } = textViews([shown], logs, sent);
  const story: Story = {
    sent,
    stretches,
    logs,
    marks: [],
    keptMarks: [],
    moves: [],
    rollbacks: [],
    revocations: [],
    sanctions: [],
    noticed,
  };
  return check(story).map(({ kind }) => kind);
}

test("what a person is shown of what other devices sent is in order, once and without a hole", () => {
  assert.deepEqual(found(run([1, 3, 2, 4])), [], "what was typed there is shown when it is answered");
  assert.deepEqual(found(run([3])), []);
  assert.deepEqual(found(run([1, 2, 4])), ["no hole without a gap"]);
  assert.deepEqual(found(run([1, 2, 3, 3, 4])), ["nothing comes twice"]);
  assert.deepEqual(found(run([1, 2, 2, 3])), ["nothing comes twice"], "its answer, and a copy");
  assert.deepEqual(found(run([4, 2, 3])).includes("nothing comes twice"), true, "in another order");
});

test("what was typed on an earlier connection is shown like any other device's", () => {
  const sent = [message(1), typed(2, 0), message(3)];
  assert.deepEqual(found(run([1, 2, 3]), sent), []);
  assert.deepEqual(found(run([1, 3]), sent), ["no hole without a gap"]);
});

test("a person is shown only what is there, and what is said where they are", () => {
  const said = message(1, { topic: "room:tea" });
  assert.deepEqual(textViews([run([1], "room")], [logOf("room:tea", [1])], [said]).noticed.map(({ kind }) => kind), [
    "only what one follows",
  ]);
  assert.deepEqual(textViews([run([1])], [], [message(1)]).noticed.map(({ kind }) => kind), ["what is shown is kept"]);
});

test("a connection must be shown what was sent when it was there to read it", () => {
  const here = run([]);
  assert.equal(reads(here, message(1)), true, "a copy");
  assert.equal(reads({ ...here, at: 150 }, message(1)), false, "it came later");
  assert.equal(reads(here, typed(1)), false);
  assert.equal(reads(here, message(1, { publisher: "bob" })), false, "somebody else's");
  assert.equal(reads(here, message(1, { publisher: "bob", topic: "inbox:ann" })), true);
  assert.equal(reads(here, message(1, { topic: "room:lobby" })), true);
  assert.equal(reads(here, message(1, { topic: "room:tea" })), false);
});
