/** What became of users who were banned or muted: they say nothing, and who is banned hears nothing. */

import type { Violation } from "./checker.ts";
import type { Story } from "./record.ts";

/**
 * Finds what is stored of a user between what the warden said behind the answer and what it said before it took the
 * sanction back; and what a banned user's devices were given of it meanwhile.
 */
export function* checkSanctions({ sanctions, logs, stretches, rollbacks }: Story): Generator<Violation> {
  if (rollbacks.length > 0) return; // a sanction may have been put back as well
  const byTopic = new Map(logs.map((log) => [log.topic, log.entries]));
  for (const { kind, user, room, at, marker, until } of sanctions) {
    const topic = `room:${room}`;
    const entries = byTopic.get(topic) ?? [];
    const from = entries.findIndex(({ cid }) => cid === marker);
    const to = entries.findIndex(({ cid }) => cid === until?.cid);
    if (marker === undefined || !until || from < 0 || to < 0) continue; // nobody knows how long it was
    const verb = kind === "ban" ? "banned" : "muted";
    const when = `${user} was ${verb} at ${(at / 1000).toFixed(3)} s`;
    for (const { from: author, cid = "", seq } of entries.slice(from, to)) {
      if (author !== user) continue;
      const text = `${topic} ${seq} is ${cid}, between ${marker} and ${until.cid}: ${when}`;
      yield { kind: "who may not speak is silent", text, cids: [cid, marker] };
    }
    if (kind !== "ban") continue;
    const [first, last] = [entries[from].seq, entries[to].seq];
    for (const stretch of stretches) {
      if (stretch.topic !== topic || stretch.reader.replace(/\..*/, "") !== user) continue;
      const heard = stretch.items.find((item) =>
        item.kind === "message" && item.place.seq >= first && item.place.seq < last && item.at < until.at
      );
      if (heard?.kind !== "message") continue;
      const text = `${stretch.reader} was given ${topic} ${heard.place.seq}, behind ${marker}: ${when}`;
      const view = { stretch, at: heard.at };
      yield { kind: "who is banned hears nothing", text, cids: [heard.cid ?? "", marker], view };
    }
  }
}
