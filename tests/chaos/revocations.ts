/** What became of devices that were revoked: they say nothing any more. */

import type { Violation } from "./checker.ts";
import type { Sent, Story } from "./record.ts";

/** Finds what a revoked session has in a log behind what another device said after the answer. */
export function* checkRevocations(
  { revocations, logs, rollbacks }: Story,
  byCid: ReadonlyMap<string, Sent>,
): Generator<Violation> {
  if (rollbacks.length > 0) return; // a revocation may have been put back as well
  const byTopic = new Map(logs.map((log) => [log.topic, log.entries]));
  for (const { device, session, markers, at } of revocations) {
    for (const { topic, cid: marker } of markers) {
      const entries = byTopic.get(topic) ?? [];
      const from = entries.findIndex(({ cid }) => cid === marker);
      if (from < 0) continue; // it was not stored
      for (const { cid = "", seq } of entries.slice(from)) {
        const sent = byCid.get(cid);
        if (sent?.device !== device || !sent.attempts.every((attempt) => attempt.session <= session)) continue;
        const text =
          `${topic} ${seq} is ${cid}, behind ${marker}, which was said when ${device} had been revoked, at ` +
          `${(at / 1000).toFixed(3)} s`;
        yield { kind: "a revoked device is silent", text, cids: [cid, marker] };
      }
    }
  }
}
