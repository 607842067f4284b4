import assert from "node:assert/strict";
import { check } from "./checker.ts";
import type { Item, Move, Place, Sent, Story, Stretch } from "./record.ts";

const topic = "room:tea";

function place(seq: number, epoch = "e1", id = `id${seq}`): Place {
  return { epoch, seq, id: seq === 0 ? "" : id };
}

/** A message that u sent first at a hundred times its number, and was told its number a little later. */
function sent(n: number, over: Partial<Sent> = {}): Sent {
  return {
    publisher: "u",
    device: "u",
    topic,
    n,
    cid: `u-${n}`,
    text: `text ${n}`,
    attempts: [{ at: 100 * n, server: "server1", session: 1 }],
    outcome: { kind: "acknowledged", seq: n, at: 100 * n + 10 },
    ...over,
  };
}

function logged(seq: number, n = seq) {
  return { seq, id: `id${seq}`, from: "u", text: `text ${n}`, cid: `u-${n}` };
}

function message(seq: number, { at = 100 * seq + 5, n = seq, at_ = place(seq) } = {}): Item {
  return { kind: "message", at, place: at_, from: "u", cid: `u-${n}`, text: `text ${n}` };
}

function gap(from: number, to: number | null, next: Place, at = 100 * from): Item {
  return { kind: "gap", at, from, to, place: next };
}

function stretch(items: Item[], over: Partial<Stretch> = {}): Stretch {
  return {
    reader: "r",
    topic,
    opened: { at: 0, by: "login", server: "server1", place: place(0) },
    items,
    ...over,
  };
}

/** A story in which four messages were sent, logged and seen; a test changes what it is about. */
function story(over: Partial<Story> = {}): Story {
  const numbers = [1, 2, 3, 4];
  return {
    sent: numbers.map((n) => sent(n)),
    stretches: [stretch(numbers.map((seq) => message(seq)))],
    logs: [{ topic, epoch: "e1", head: 4, entries: numbers.map((seq) => logged(seq)) }],
    marks: [],
    keptMarks: [],
    moves: [],
    rollbacks: [],
    revocations: [],
    sanctions: [],
    noticed: [],
    ...over,
  };
}

function log(entries: ReturnType<typeof logged>[], epoch = "e1", head = entries.at(-1)?.seq ?? 0): Story["logs"] {
  return [{ topic, epoch, head, entries }];
}

/** A story of private messages: what the inbox has, and what the log of copies has. */
function privately(messages: readonly number[], copies: readonly number[]): Partial<Story> {
  const logOf = (topic: string, numbers: readonly number[]) => {
    return { topic, epoch: "e1", head: numbers.length, entries: numbers.map((n, index) => logged(index + 1, n)) };
  };
  const known = [...new Set([...messages, ...copies])];
  return {
    sent: known.map((n) => sent(n, { topic: "inbox:r", outcome: { kind: "unknown" } })),
    stretches: [],
    logs: [logOf("inbox:r", messages), logOf("sent:u", copies)],
  };
}

/** A story in which another device of u's has left the room: it asked at 150 and was answered at 250, when 3 was not said yet. */
function departed(...joins: Partial<Move>[]): Partial<Story> {
  const devices = ["u", "u.other"];
  const left: Move = { cmd: "leave", topic, devices, asked: 150, answered: 250 };
  return { moves: [left, ...joins.map((join) => ({ cmd: "join" as const, topic, devices, asked: 0, ...join }))] };
}

/** A story in which two messages of a device stand before what another one said, and one behind it, of its session. */
function revoked(session: number): Partial<Story> {
  const marker = sent(1, { device: "u.other", cid: "u.other-1", text: "text 0" });
  const third = sent(3, { outcome: { kind: "unknown" }, attempts: [{ at: 300, server: "server1", session }] });
  return {
    sent: [sent(1), sent(2), third, { ...marker, outcome: { kind: "unknown" } }],
    logs: log([logged(1), logged(2), { ...logged(3), text: "text 0", cid: "u.other-1" }, logged(4, 3)]),
    stretches: [],
  };
}

/**
 * A story in which u is banned or muted between the messages 2 and 4 of somebody else, which u is given, and 3 is said.
 *
 * @param by who says it
 * @param until when the end of it was answered
 */
function sanctioned(kind: "ban" | "mute", given: readonly number[], by = "u", until = 900): Partial<Story> {
  const publishers = ["u", "warden", by, "warden"];
  const of = (n: number) => ({ publisher: publishers[n - 1], device: publishers[n - 1] });
  const messages = [1, 2, 3, 4].map((n) => sent(n, of(n)));
  const items = given.map((seq) => message(seq));
  return {
    sent: messages,
    logs: log([1, 2, 3, 4].map((n) => ({ ...logged(n), from: publishers[n - 1] }))),
    stretches: [stretch(items, { reader: "u.many0", closed: { at: 950, by: "removed" } })],
    sanctions: [{
      ...{ kind, user: "u", room: topic.replace("room:", ""), at: 150 },
      ...{ marker: messages[1].cid, until: { cid: messages[3].cid, at: until } },
    }],
  };
}

/** The kinds of what is found, each once. */
function found(over: Partial<Story>): string[] {
  return [...new Set(check(story(over)).map(({ kind }) => kind))];
}

/** Each is a story with a flaw or none, and what has to be found. */
const stories: Record<string, { over: Partial<Story>; finds: string[] }> = {
  "all is well": { over: {}, finds: [] },
  "what is sent privately is copied": { over: privately([1, 2, 3], [1, 2, 3]), finds: [] },
  "what is sent privately is not copied": { over: privately([1, 2, 3], [1, 2]), finds: ["what is sent is copied"] },
  "a copy is there of what is not": { over: privately([1, 2], [1, 2, 3]), finds: ["what is sent is copied"] },
  "a copy is there twice": { over: privately([1, 2], [1, 2, 2]), finds: ["nothing is logged twice"] },
  "copies of one talk are in another order": {
    over: privately([1, 2], [2, 1]),
    finds: ["a publisher's order is kept"],
  },
  "an acknowledged message is not in the log": {
    over: { sent: [1, 2, 3, 4, 5].map((n) => sent(n)) },
    finds: ["what is acknowledged is kept"],
  },
  "an acknowledged message has another number": {
    over: { sent: [sent(1), sent(2), sent(3), sent(4, { outcome: { kind: "acknowledged", seq: 5, at: 410 } })] },
    finds: ["what is acknowledged is kept"],
  },
  "a message is in the log twice": {
    over: {
      logs: log([1, 2, 3, 4].map((seq) => logged(seq)).concat(logged(5, 2))),
      stretches: [stretch([1, 2, 3, 4].map((seq) => message(seq)).concat(message(5, { n: 2 })))],
    },
    finds: ["nothing is logged twice"],
  },
  "a publisher's messages are in another order": {
    over: {
      sent: [sent(1), sent(2), sent(3, { outcome: { kind: "unknown" } }), sent(4, { outcome: { kind: "unknown" } })],
      logs: log([logged(1), logged(2), logged(3, 4), logged(4, 3)]),
      stretches: [stretch([message(1), message(2), message(3, { n: 4 }), message(4, { n: 3 })])],
    },
    finds: ["a publisher's order is kept"],
  },
  "a message of unknown outcome is not there": {
    over: { sent: [1, 2, 3, 4].map((n) => sent(n)).concat(sent(5, { outcome: { kind: "unknown" } })) },
    finds: [],
  },
  "a message of unknown outcome is there": {
    over: { sent: [sent(1), sent(2), sent(3), sent(4, { outcome: { kind: "unknown" } })] },
    finds: [],
  },
  "a refused message is there": {
    over: { sent: [sent(1), sent(2), sent(3), sent(4, { outcome: { kind: "refused", code: "inbox_full", at: 410 } })] },
    finds: ["what is refused is not done"],
  },
  "a message is there that nobody sent": {
    over: { sent: [sent(1), sent(2), sent(3)] },
    finds: ["nothing is made up"],
  },
  "a message is there whose text is another": {
    over: { sent: [sent(1), sent(2), sent(3), sent(4, { text: "something else" })] },
    finds: ["nothing is made up"],
  },
  "a message is there that was not sent yet": {
    over: { sent: [sent(1), sent(2), sent(3), sent(4, { attempts: [], outcome: { kind: "unknown" } })] },
    finds: ["nothing is made up"],
  },
  "the log has a hole": {
    over: {
      sent: [sent(1), sent(3), sent(4)],
      logs: log([logged(1), logged(3), logged(4)]),
      stretches: [],
    },
    finds: ["a log has no holes"],
  },
  "the log ends before its head": {
    over: { logs: log([1, 2, 3, 4].map((n) => logged(n)), "e1", 5), stretches: [] },
    finds: ["a log has no holes"],
  },
  "a reader misses one in the middle": {
    over: { stretches: [stretch([message(1), message(2), message(4)])] },
    finds: ["no hole without a gap"],
  },
  "a reader misses the last one": {
    over: { stretches: [stretch([message(1), message(2), message(3)])] },
    finds: ["everything comes"],
  },
  "a reader sees nothing at all": { over: { stretches: [stretch([])] }, finds: ["everything comes"] },
  "a reader leaves before the last one": {
    over: { stretches: [stretch([message(1), message(2), message(3)], { closed: { at: 350, by: "join" } })] },
    finds: [],
  },
  "a reader comes later": {
    over: {
      stretches: [
        stretch([message(3), message(4)], { opened: { at: 250, by: "join", server: "server1", place: place(2) } }),
      ],
    },
    finds: [],
  },
  "a reader sees one twice": {
    over: { stretches: [stretch([message(1), message(2), message(2), message(3), message(4)])] },
    finds: ["nothing comes twice"],
  },
  "a reader sees two in another order": {
    over: {
      stretches: [stretch([message(1), message(3), message(2), message(4)], { closed: { at: 900, by: "join" } })],
    },
    finds: ["no hole without a gap", "nothing comes twice"],
  },
  "a reader resumes where it was": {
    over: {
      stretches: [
        stretch([
          message(1),
          message(2),
          { kind: "resumed", at: 250, server: "server2", place: place(2) },
          message(3),
          message(4),
        ]),
      ],
    },
    finds: [],
  },
  "a reader resumes further on": {
    over: {
      stretches: [
        stretch([message(1), { kind: "resumed", at: 150, server: "server2", place: place(3) }, message(4)]),
      ],
    },
    finds: ["a resume goes on"],
  },
  "a gap covers what the log no longer has": {
    over: {
      logs: log([logged(3), logged(4)]),
      sent: [sent(3), sent(4)],
      stretches: [stretch([gap(1, 2, place(2, "e1", "")), message(3), message(4)])],
    },
    finds: [],
  },
  "a gap covers what the log has": {
    over: { stretches: [stretch([gap(1, 2, place(2, "e1", "")), message(3), message(4)])] },
    finds: ["no gap without a loss"],
  },
  "a gap does not begin where the reader is": {
    over: {
      logs: log([logged(4)]),
      sent: [sent(4)],
      stretches: [stretch([gap(2, 3, place(3, "e1", "")), message(4)])],
    },
    finds: ["a gap fits"],
  },
  "an endless gap where no data were lost": {
    over: { stretches: [stretch([message(1), message(2), gap(3, null, place(2)), message(3), message(4)])] },
    finds: ["no gap without a loss"],
  },
  "the epoch changes without a word": {
    over: {
      logs: log([1, 2, 3, 4].map((n) => logged(n)), "e2"),
      stretches: [
        stretch([message(1), message(2), message(3, { at_: place(3, "e2") }), message(4, { at_: place(4, "e2") })]),
      ],
    },
    finds: ["the epoch stays"],
  },
  "two readers see different messages in one place": {
    over: {
      stretches: [
        stretch([1, 2, 3, 4].map((seq) => message(seq))),
        stretch([message(1), message(2), message(3), message(4, { at_: place(4, "e1", "other") })], {
          reader: "another",
        }),
      ],
    },
    finds: ["the same for everybody"],
  },
  "an inbox is taken for read": {
    over: { marks: [{ inbox: "inbox:r", at: 500, given: place(7), marked: 6, least: 6 }] },
    finds: ["what is unread comes again"],
  },
  "an inbox begins again at what was marked": {
    over: { marks: [{ inbox: "inbox:r", at: 500, given: place(6), marked: 6, least: 6 }] },
    finds: [],
  },
  "an inbox begins before what was marked": {
    over: { marks: [{ inbox: "inbox:r", at: 500, given: place(5), marked: 7, least: 6 }] },
    finds: ["marks never go back"],
  },
  "a revoked device's session says something behind the answer": {
    over: {
      revocations: [{ at: 250, device: "u", session: 1, markers: [{ topic, cid: "u.other-1" }] }],
      ...revoked(1),
    },
    finds: ["a revoked device is silent"],
  },
  "a revoked device comes back with a login and says something": {
    over: {
      revocations: [{ at: 250, device: "u", session: 1, markers: [{ topic, cid: "u.other-1" }] }],
      ...revoked(2),
    },
    finds: [],
  },
  "a muted user says something behind the answer": {
    over: sanctioned("mute", [1, 2]),
    finds: ["who may not speak is silent"],
  },
  "a banned user says something behind the answer, and is given what others say": {
    over: sanctioned("ban", [1, 2, 3]),
    finds: ["who may not speak is silent", "who is banned hears nothing"],
  },
  "a banned user is given nothing behind the answer": {
    over: sanctioned("ban", [1], "v"),
    finds: [],
  },
  "a banned user is given what others said when that is over": {
    over: sanctioned("ban", [1, 2, 3], "v", 200),
    finds: [],
  },
  "a device says something in a room that another one has left": {
    over: departed({ asked: 10, answered: 20 }, { asked: 600, answered: 610 }),
    finds: ["who has left a room is silent there"],
  },
  "a device says something in a room that was entered again, or may have been": {
    over: departed({ asked: 260, answered: 270 }),
    finds: [],
  },
  "a device says something in a room that somebody had asked to enter before it was left": {
    over: departed({ asked: 100 }),
    finds: [],
  },
  "a device says something in a room that was left by one that is in another room of its own": {
    over: { moves: [{ cmd: "leave", topic, devices: ["u.other"], asked: 150, answered: 250 }] },
    finds: [],
  },
  "the store has a mark before what was marked": {
    over: { keptMarks: [{ user: "u", topic, seq: 3, least: 4 }] },
    finds: ["marks never go back"],
  },
  "the store has a mark where it was put, or further on": {
    over: { keptMarks: [{ user: "u", topic, seq: 4, least: 4 }, { user: "u", topic: "inbox:u", seq: 9, least: 4 }] },
    finds: [],
  },
  "something was noticed on the spot": {
    over: { noticed: [{ at: 100, kind: "no session is left over", text: "u is still there" }] },
    finds: ["no session is left over"],
  },
};

/** The log was put back at 350: 3 and 4 are gone, and 5, which was sent later, has the number 3. */
function rolledBack(items: Item[], over: Partial<Story> = {}, epoch = "e2"): Partial<Story> {
  const late = sent(5, { outcome: { kind: "acknowledged", seq: 3, at: 510 } });
  return {
    sent: [1, 2, 3, 4].map((n) => sent(n)).concat(late),
    logs: log([logged(1), logged(2), { ...logged(3, 5), id: "new3" }], epoch),
    stretches: [stretch(items)],
    rollbacks: [{ copied: 250, killed: 450 }],
    ...over,
  };
}

const newThird = message(3, { at: 520, n: 5, at_: place(3, "e2", "new3") });
const sameEpoch = message(3, { at: 520, n: 5, at_: place(3, "e1", "new3") });

const rolledBackStories: typeof stories = {
  "everybody is told of the loss": {
    over: rolledBack([1, 2, 3, 4].map((n) => message(n)).concat(gap(5, null, place(2, "e2", ""), 500), newThird)),
    finds: [],
  },
  "a reader who had not seen the lost ones is told": {
    over: rolledBack([message(1), message(2), gap(3, null, place(2, "e2", ""), 500), newThird]),
    finds: [],
  },
  "a reader who had not seen the lost ones is not told": {
    over: rolledBack([message(1), message(2), sameEpoch], {}, "e1"),
    finds: ["no silent loss"],
  },
  "a reader is told too late": {
    over: rolledBack([message(1), message(2), sameEpoch, gap(4, null, place(3, "e2", "new3"), 600)]),
    finds: ["no silent loss"],
  },
  "another message passes for the next": {
    over: rolledBack(
      [message(1), message(2), message(3), message(4, { at: 620, n: 6, at_: place(4, "e1", "new4") })],
      {
        sent: [sent(1), sent(2), sent(3), sent(5, { outcome: { kind: "acknowledged", seq: 3, at: 510 } })].concat(
          sent(6, { outcome: { kind: "acknowledged", seq: 4, at: 610 } }),
        ),
        logs: log([logged(1), logged(2), { ...logged(3, 5), id: "new3" }, { ...logged(4, 6), id: "new4" }]),
      },
      "e1",
    ),
    finds: ["nothing passes for continuous"],
  },
  "a message is lost that was acknowledged before the copy": {
    over: rolledBack([gap(1, null, place(0, "e2", ""), 500)], {
      logs: log([], "e2"),
      sent: [sent(1)],
      rollbacks: [{ copied: 200, killed: 450 }],
    }),
    finds: ["what is acknowledged is kept"],
  },
  "a message is lost that was acknowledged after the rollback": {
    over: rolledBack([message(1), message(2), gap(3, null, place(2, "e2", ""), 500), newThird], {
      sent: [1, 2, 3, 4].map((n) => sent(n)).concat(
        sent(5, { outcome: { kind: "acknowledged", seq: 3, at: 510 } }),
        sent(6, { outcome: { kind: "acknowledged", seq: 4, at: 610 } }),
      ),
      stretches: [],
    }),
    finds: ["what is acknowledged is kept"],
  },
  "a reader leaves before the lost ones": {
    over: rolledBack([], { stretches: [stretch([message(1), message(2)], { closed: { at: 290, by: "join" } })] }),
    finds: [],
  },
  "who was forced out by old data": {
    over: rolledBack([], {
      stretches: [],
      noticed: [{ at: 600, kind: "nobody is forced out by nobody", text: "u was" }],
    }),
    finds: [],
  },
};

for (const [name, { over, finds }] of Object.entries(stories)) {
  Deno.test(`check() ${finds.length > 0 ? "finds that" : "finds nothing wrong where"} ${name}`, () => {
    assert.deepEqual(found(over), finds);
  });
}

for (const [name, { over, finds }] of Object.entries(rolledBackStories)) {
  Deno.test(`check() after a rollback ${finds.length > 0 ? "finds that" : "finds nothing wrong where"} ${name}`, () => {
    assert.deepEqual(found(over), finds);
  });
}

Deno.test("check() names the messages that a violation is about", () => {
  const [violation] = check(story({ stretches: [stretch([message(1), message(2), message(4)])] }));
  assert.deepEqual(violation.cids, ["u-3", "u-4"]);
});
