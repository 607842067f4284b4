/**
 * What people were shown as text, as views that can be judged like any other: a line tells no position, but which message
 * it is of, and the logs tell where that is.
 */

import type { Item, Log, Logged, Notice, Sent, Stretch } from "./record.ts";

/** What one text connection was shown. */
export interface TextRun {
  readonly reader: string;
  readonly user: string;
  /** Counts the connections of its device. */
  readonly session: number;
  /** When it was told that it is in. */
  readonly at: number;
  /** Where it was, and since when. */
  readonly rooms: { readonly room: string; readonly at: number }[];
  readonly lines: TextLine[];
  /** Of which messages. */
  readonly seen: Set<string>;
  closed?: number;
}

/** A line that shows a message. */
export interface TextLine {
  readonly at: number;
  readonly kind: "room" | "inbox" | "sent" | "feed";
  readonly cid: string;
}

/** Whether a connection must be shown a message: one that was stored, and was sent when it was there to read it. */
export function reads(run: TextRun, { topic, publisher, outcome, attempts, device }: Sent): boolean {
  if (outcome.kind !== "acknowledged" || device === run.reader) return false;
  const { at } = attempts[0];
  const here = run.rooms.at(-1);
  if (topic === `room:${here?.room}`) return at > here!.at;
  const isCopy = publisher === run.user && topic.startsWith("inbox:");
  return (isCopy || topic === `inbox:${run.user}`) && at > run.at;
}

/** What each text connection was shown, as stretches, and what is wrong with a line in itself. */
export function textViews(
  runs: readonly TextRun[],
  logs: readonly Log[],
  sent: readonly Sent[],
): { stretches: Stretch[]; noticed: Notice[] } {
  const byCid = new Map(sent.map((each) => [each.cid, each]));
  const places = new Map(logs.map((log) => [log.topic, { log, entries: new Map(log.entries.map((e) => [e.cid, e])) }]));
  const stretches: Stretch[] = [];
  const noticed: Notice[] = [];
  for (const run of runs) {
    const open = new Map<string, Stretch>();
    const own = new Set<string>();
    for (const { at, kind, cid } of run.lines) {
      const message = byCid.get(cid);
      if (!message) continue; // not of this run's clients
      const topic = kind === "sent" ? `sent:${run.user}` : message.topic;
      const { log, entries } = places.get(topic) ?? {};
      const entry = entries?.get(cid);
      if (kind === "sent" && isOwn(run, message)) {
        // Its answer; there is none where the message went unanswered, and never two.
        if (own.has(cid)) {
          noticed.push({ at, kind: "nothing comes twice", text: `${run.reader} was shown ${cid} twice` });
        }
        own.add(cid);
        continue;
      }
      if (!log || !entry) {
        const text = `${run.reader} was shown ${cid}, which is not in ${topic}`;
        noticed.push({ at, kind: "what is shown is kept", text });
        continue;
      }
      const room = kind === "room" ? topic.slice("room:".length) : undefined;
      const since = room === undefined ? run.at : run.rooms.findLast((each) => each.at <= at && each.room === room)?.at;
      if (since === undefined) {
        noticed.push({ at, kind: "only what one follows", text: `${run.reader} was shown ${cid} of ${topic}` });
        continue;
      }
      const key = `${topic} ${since}`;
      const stretch = open.get(key) ?? begin(run, log, entry, at);
      if (!open.has(key)) stretches.push(stretch);
      open.set(key, stretch);
      if (kind === "sent") skipOwn(stretch, log, entry, run, byCid);
      stretch.items.push(itemOf(log, entry, at));
    }
  }
  return { stretches, noticed };
}

/** Whether a message was sent on this very connection, so that it is shown as the answer. */
function isOwn(run: TextRun, { device, attempts }: Sent): boolean {
  return device === run.reader && attempts[0].session === run.session;
}

/** A view that begins right before its first message; it is owed nothing after its last, but see {@linkcode reads}. */
function begin(run: TextRun, log: Log, first: Logged, at: number): Stretch {
  const before = log.entries.find(({ seq }) => seq === first.seq - 1);
  return {
    reader: run.reader,
    topic: log.topic,
    opened: { at, by: "text", server: "", place: { epoch: log.epoch, seq: first.seq - 1, id: before?.id ?? "" } },
    items: [],
    closed: { at: run.closed ?? Infinity, by: "text" },
  };
}

/** Passes over the copies of what was sent on this connection. */
function skipOwn(stretch: Stretch, log: Log, next: Logged, run: TextRun, byCid: ReadonlyMap<string, Sent>): void {
  const from = (stretch.items.at(-1)?.place ?? stretch.opened.place).seq;
  for (const entry of log.entries) {
    if (entry.seq <= from || entry.seq >= next.seq) continue;
    const message = byCid.get(entry.cid ?? "");
    if (message && isOwn(run, message)) stretch.items.push(itemOf(log, entry, stretch.opened.at));
  }
}

function itemOf({ epoch }: Log, { seq, id, from, cid, text }: Logged, at: number): Item {
  return { kind: "message", at, place: { epoch, seq, id }, from, cid, text };
}
