/**
 * What became of messages that were acknowledged and are gone, since the store was put back to an older copy: whoever
 * should have seen one and had not must have been told of a gap that covers it.
 */

import type { Violation } from "./checker.ts";
import type { Sent, Story, Stretch } from "./record.ts";

/** Finds the losses that somebody was not told of. */
export function* checkLosses({ sent, logs, stretches, rollbacks }: Story): Generator<Violation> {
  if (rollbacks.length === 0) return; // then nothing may be lost, told or not
  const logged = new Set(
    logs.filter(({ topic }) => !topic.startsWith("sent:")).flatMap(({ entries }) => entries.map(({ cid }) => cid)),
  );
  const byTopic = Map.groupBy(stretches, ({ topic }) => topic);
  const seen = new Map<Stretch, Set<string | undefined>>();
  for (const message of sent) {
    if (message.outcome.kind !== "acknowledged" || logged.has(message.cid)) continue;
    for (const stretch of byTopic.get(message.topic) ?? []) {
      if (!seen.has(stretch)) {
        seen.set(stretch, new Set(stretch.items.map((item) => item.kind === "message" ? item.cid : undefined)));
      }
      if (seen.get(stretch)!.has(message.cid) || !owed(message, message.outcome.seq, stretch)) continue;
      const text =
        `${message.cid}, which was ${message.topic} ${message.outcome.seq}, is lost, and ${stretch.reader} ` +
        `neither saw it nor was told of a gap that covers it`;
      yield { kind: "no silent loss", text, cids: [message.cid], view: { stretch, at: message.outcome.at } };
    }
  }
}

/** Whether a reader should have had a message, and was neither given it nor a gap. */
function owed({ attempts }: Sent, seq: number, { opened, items, closed }: Stretch): boolean {
  const from = attempts[0].at;
  if (opened.at > from || (closed && closed.at < from)) return false;
  const later = items.filter(({ at }) => at >= from);
  if (later.some((item) => item.kind === "gap" && item.from <= seq && (item.to === null || item.to >= seq))) {
    return false;
  }
  // Who went before the message's turn came has missed nothing that it was owed.
  return !closed || later.some((item) => item.kind === "message" && item.place.seq >= seq);
}
