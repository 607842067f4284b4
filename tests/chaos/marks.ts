/** What became of read marks: a login is given them, and the store keeps them. */

import type { Violation } from "./checker.ts";
import type { Story } from "./record.ts";

/** Finds marks that went back, and those that are further on than anybody said. */
export function* checkMarks(
  { marks, keptMarks, rollbacks }: Pick<Story, "marks" | "keptMarks" | "rollbacks">,
): Generator<Violation> {
  if (rollbacks.length > 0) return; // marks of an epoch that is gone tell nothing
  for (const { inbox, at, given, marked, least } of marks) {
    const began = `a login at ${(at / 1000).toFixed(3)} s began in ${inbox} at ${given.seq}`;
    if (given.seq < least) {
      yield { kind: "marks never go back", text: `${began}, and ${least} were marked as read before`, cids: [] };
    }
    if (given.seq <= marked) continue;
    yield { kind: "what is unread comes again", text: `${began}, and only ${marked} were marked as read`, cids: [] };
  }
  for (const { user, topic, seq, least } of keptMarks) {
    if (seq >= least) continue;
    const text = `${user}'s mark in ${topic} is ${seq} at the end, and ${least} were marked as read`;
    yield { kind: "marks never go back", text, cids: [] };
  }
}
