/**
 * The verdict on a run: which of the promises about delivery does its story break?
 *
 * 1. An acknowledged message is in its topic's log, once, under the number that was acknowledged; only one that was
 *    acknowledged between a copy of the store's data and the return to that copy may be lost.
 * 2. A log holds nothing that was never sent, nothing twice, and the messages of one publisher in their sending order.
 * 3. A reader sees a topic from its place on, each message once, in order, with no hole, up to the log's head, or was
 *    told of a gap that covers what is missing; and nobody is told of a gap where nothing is missing.
 * 4. The same place is the same message for everybody.
 * 5. A lost message lies in a gap that everybody was told who should have seen it and had not (`losses.ts`).
 * 6. An inbox is never taken for read further than its owner said, and no topic less far than before (`marks.ts`).
 * 7. What somebody sent privately is in the log of what they sent, once, in the order of each talk (`copies.ts`).
 * 8. Of a session that was revoked, nothing is stored behind the answer (`revocations.ts`).
 * 9. Where an account has left a room, none of its devices says anything there behind the answer (`departures.ts`).
 * 10. Of a user who is banned or muted in a room, nothing is stored there behind the answer; and who is banned hears nothing
 *    of it (`sanctions.ts`).
 */

import { checkCopies, isCopyOf } from "./copies.ts";
import { checkDepartures } from "./departures.ts";
import { checkLosses } from "./losses.ts";
import { checkMarks } from "./marks.ts";
import { checkRevocations } from "./revocations.ts";
import { checkSanctions } from "./sanctions.ts";
import type { Item, Log, Logged, Place, Sent, Story, Stretch } from "./record.ts";

/** A promise that was broken. */
export interface Violation {
  readonly kind: string;
  readonly text: string;
  /** The messages that it is about. */
  readonly cids: readonly string[];
  /** What one reader saw, where it is about that, and when. */
  readonly view?: { readonly stretch: Stretch; readonly at: number };
}

/** What rolled-back data excuses: who was where is put back as well. */
const excusedByRollback: ReadonlySet<string> = new Set([
  "a resume goes on",
  "a token is good for a resume",
  "nobody is forced out by nobody",
  "an account's rooms last",
  "a revoked device is out",
  "marks never go back",
  "a mark is where it was put",
]);

/** Finds every broken promise. */
export function check(story: Story): Violation[] {
  const byCid = new Map(story.sent.map((sent) => [sent.cid, sent]));
  const logs = new Map(story.logs.map((log) => [log.topic, log]));
  return [
    ...checkNotices(story),
    ...story.logs.flatMap((log) => [...checkLog(log, byCid)]),
    ...checkAcknowledged(story, logs),
    ...story.stretches.flatMap((stretch) => [...checkStretch(stretch, logs.get(stretch.topic), story)]),
    ...checkSameness(story),
    ...checkLosses(story),
    ...checkMarks(story),
    ...checkCopies(story, logs),
    ...checkRevocations(story, byCid),
    ...checkDepartures(story, logs),
    ...checkSanctions(story),
  ];
}

function* checkNotices({ noticed, rollbacks }: Story): Generator<Violation> {
  const from = Math.min(...rollbacks.map(({ killed }) => killed));
  for (const { at, kind, text } of noticed) {
    if (at >= from && excusedByRollback.has(kind)) continue;
    yield { kind, text: `${text}, at ${stamp(at)}`, cids: [] };
  }
}

/** Promises 1 and 2, as far as one log shows it. */
function* checkLog({ topic, head, entries }: Log, byCid: ReadonlyMap<string, Sent>): Generator<Violation> {
  const seen = new Map<string, number>();
  const last = new Map<string, Sent>();
  for (const [index, { seq, from, text, cid = "" }] of entries.entries()) {
    const where = `${topic} ${seq}`;
    const before = entries[index - 1]?.seq;
    if (before !== undefined && seq !== before + 1) {
      yield { kind: "a log has no holes", text: `${topic} goes from ${before} to ${seq}`, cids: [cid] };
    }
    const sent = byCid.get(cid);
    const isOf = sent?.topic === topic || (sent && isCopyOf(sent, topic));
    if (!isOf || sent.publisher !== from || sent.text !== text || sent.attempts.length === 0) {
      const what = JSON.stringify({ from, cid, text }).slice(0, 200);
      yield { kind: "nothing is made up", text: `${where} was never sent so: ${what}`, cids: [cid] };
      continue;
    }
    const first = seen.get(cid);
    if (first !== undefined) {
      yield { kind: "nothing is logged twice", text: `${where} is ${cid} again, which is ${first}`, cids: [cid] };
      continue;
    }
    seen.set(cid, seq);
    if (sent.outcome.kind === "refused") {
      yield { kind: "what is refused is not done", text: `${where} is ${cid}: ${sent.outcome.code}`, cids: [cid] };
    }
    // Each device has an order of its own; and of copies, each talk.
    const order = sent.topic === topic ? sent.device : `${sent.device} ${sent.topic}`;
    const earlier = last.get(order);
    if (earlier && earlier.n > sent.n) {
      const text = `${where} is ${cid}, behind ${earlier.cid}, which ${from} sent later`;
      yield { kind: "a publisher's order is kept", text, cids: [cid, earlier.cid] };
    }
    if (!earlier || earlier.n < sent.n) last.set(order, sent);
  }
  const end = entries.at(-1)?.seq ?? head;
  if (end !== head) yield { kind: "a log has no holes", text: `${topic} ends at ${end}, not at ${head}`, cids: [] };
}

/** Promise 1. */
function* checkAcknowledged({ sent, rollbacks }: Story, logs: ReadonlyMap<string, Log>): Generator<Violation> {
  const numbers = new Map<Log, Map<string, number>>();
  for (const log of logs.values()) {
    // Of one that is there twice, the first.
    numbers.set(log, new Map(log.entries.toReversed().map(({ cid = "", seq }) => [cid, seq])));
  }
  for (const { topic, cid, outcome, attempts } of sent) {
    if (outcome.kind !== "acknowledged") continue;
    const log = logs.get(topic);
    const seq = log && numbers.get(log)!.get(cid);
    const told = `${cid} was acknowledged at ${stamp(outcome.at)} as ${topic} ${outcome.seq}`;
    if (seq === undefined) {
      const may = rollbacks.some(({ copied, killed }) => outcome.at >= copied && attempts.at(-1)!.at <= killed);
      if (!may) yield { kind: "what is acknowledged is kept", text: `${told} and is not in the log`, cids: [cid] };
    } else if (seq !== outcome.seq) {
      yield { kind: "what is acknowledged is kept", text: `${told} and is ${seq}`, cids: [cid] };
    }
  }
}

/** Promise 3. */
function* checkStretch(stretch: Stretch, log: Log | undefined, story: Story): Generator<Violation> {
  const { reader, topic, opened, items, closed } = stretch;
  const who = `${reader} in ${topic}`;
  let place = opened.place;
  for (const item of items) {
    const view = { stretch, at: item.at };
    const found = item.kind === "message"
      ? checkMessage(who, place, item, log)
      : item.kind === "gap"
      ? checkGap(who, place, item, log, story)
      : [];
    for (const violation of found) yield { ...violation, view };
    if (item.kind === "resumed" && !same(place, item.place)) {
      const text = `${who} was at ${show(place)} and resumed at ${show(item.place)} on ${item.server}, ${
        stamp(item.at)
      }`;
      yield { kind: "a resume goes on", text, cids: [], view };
    }
    place = item.place;
  }
  if (closed || !log) return;
  if (place.epoch === log.epoch && place.seq === log.head) return;
  const missing = log.entries.filter(({ seq }) => place.epoch !== log.epoch || seq > place.seq);
  const text = `${who} ends at ${show(place)}, and the log at ${log.epoch}.${log.head}: ${missing.length} never came`;
  const view = { stretch, at: Infinity };
  yield { kind: "everything comes", text, cids: missing.slice(0, 3).map(({ cid = "" }) => cid), view };
}

function* checkMessage(
  who: string,
  place: Place,
  { at, place: next, cid = "" }: Item & { kind: "message" },
  log: Log | undefined,
): Generator<Violation> {
  const got = `${who} was at ${show(place)} and got ${show(next)} (${cid}) at ${stamp(at)}`;
  if (next.epoch !== place.epoch) return yield { kind: "the epoch stays", text: got, cids: [cid] };
  if (next.seq <= place.seq) return yield { kind: "nothing comes twice", text: got, cids: [cid] };
  if (next.seq > place.seq + 1) {
    const between = log?.entries.filter(({ seq }) => seq > place.seq && seq < next.seq) ?? [];
    const cids = [...between.slice(0, 3).map(({ cid = "" }) => cid), cid];
    return yield { kind: "no hole without a gap", text: got, cids };
  }
  // Where the log has the message, the one before it must be the one that the reader was at: a number proves nothing.
  const before = log && entryAt(log, next.seq)?.id === next.id ? entryAt(log, place.seq) : undefined;
  if (before && place.id !== "" && before.id !== place.id) {
    const text = `${got}, and the log has ${before.cid} before it`;
    yield { kind: "nothing passes for continuous", text, cids: [cid, before.cid ?? ""] };
  }
}

function* checkGap(
  who: string,
  place: Place,
  { at, from, to, place: next }: Item & { kind: "gap" },
  log: Log | undefined,
  { rollbacks }: Story,
): Generator<Violation> {
  const told = `${who} was at ${show(place)} and was told at ${stamp(at)} of a gap from ${from} to ${to ?? "?"}, ` +
    `then ${show(next)}`;
  if (from !== place.seq + 1 || (to !== null && (to < from || next.seq !== to))) {
    yield { kind: "a gap fits", text: told, cids: [] };
  }
  if (to === null) {
    const changed = next.epoch !== place.epoch && rollbacks.some(({ killed }) => killed <= at);
    if (!changed) yield { kind: "no gap without a loss", text: told, cids: [] };
    return;
  }
  if (log?.epoch !== place.epoch || log.entries.length === 0) return;
  const there = log.entries.filter(({ seq }) => seq >= from && seq <= to);
  if (there.length === 0) return;
  const text = `${told}; the log has ${there.length} of these`;
  yield { kind: "no gap without a loss", text, cids: there.slice(0, 3).map(({ cid = "" }) => cid) };
}

/** Promise 4. Where the store went back, numbers may have been given out again: then each stretch is judged for itself. */
function* checkSameness({ stretches, logs, rollbacks }: Story): Generator<Violation> {
  if (rollbacks.length > 0) return;
  const known = new Map<string, { id: string; text: string; who: string; cid: string }>();
  for (const { topic, epoch, entries } of logs) {
    for (const { seq, id, text, cid = "" } of entries) {
      known.set(`${topic} ${epoch}.${seq}`, { id, text, who: "the log", cid });
    }
  }
  for (const { reader, topic, items } of stretches) {
    for (const item of items) {
      if (item.kind !== "message") continue;
      const { text, cid = "", place: { epoch, seq, id } } = item;
      const where = `${topic} ${epoch}.${seq}`;
      const other = known.get(where);
      if (!other) known.set(where, { id, text, who: reader, cid });
      else if (other.id !== id || other.text !== text) {
        const text = `${where} is ${cid} (${id}) for ${reader} and ${other.cid} (${other.id}) for ${other.who}`;
        yield { kind: "the same for everybody", text, cids: [cid, other.cid] };
      }
    }
  }
}

function entryAt({ entries }: Log, seq: number): Logged | undefined {
  const entry = entries[seq - (entries[0]?.seq ?? 1)];
  return entry?.seq === seq ? entry : entries.find((each) => each.seq === seq);
}

function same(a: Place, b: Place): boolean {
  return a.epoch === b.epoch && a.seq === b.seq && a.id === b.id;
}

function show({ epoch, seq, id }: Place): string {
  return `${epoch}.${seq}.${id}`;
}

function stamp(at: number): string {
  return `${(at / 1000).toFixed(3)} s`;
}
