/** What became of rooms that an account has left: none of its devices says anything there any more. */

import type { Violation } from "./checker.ts";
import type { Log, Move, Story } from "./record.ts";
import { ghostMs } from "./view.ts";

/**
 * Finds what a device has in a room's log that it said first when another one, or itself, had been answered that the
 * account has left the room. What may have brought the account back excuses it.
 */
export function* checkDepartures(
  { sent, moves, rollbacks }: Pick<Story, "sent" | "moves" | "rollbacks">,
  logs: ReadonlyMap<string, Log>,
): Generator<Violation> {
  if (rollbacks.length > 0) return; // who was where is put back as well
  const kept = new Map([...logs].map(([topic, { entries }]) => [topic, new Set(entries.map(({ cid }) => cid))]));
  const byTopic = Map.groupBy(moves, ({ topic }) => topic);
  for (const { topic, device, cid, attempts, outcome } of sent) {
    if (attempts.length === 0 || outcome.kind !== "acknowledged" || !kept.get(topic)?.has(cid)) continue;
    const own = byTopic.get(topic)?.filter(({ devices }) => devices.includes(device)) ?? [];
    const [{ at: said }] = attempts;
    const left = own.findLast(({ cmd, answered }) => cmd === "leave" && answered !== undefined && answered < said);
    if (!left || own.some((move) => mayBringBack(move, left, outcome.at))) continue;
    const text = `${cid} is in ${topic}, said first at ${stamp(said)}, and its account had left that at ` +
      stamp(left.answered!);
    yield { kind: "who has left a room is silent there", text, cids: [cid] };
  }
}

/** Whether a join may have been done behind the leave, and before something was acknowledged. */
function mayBringBack({ cmd, asked, answered }: Move, left: Move, acknowledged: number): boolean {
  return cmd === "join" && asked <= acknowledged && (answered ?? asked + ghostMs) >= left.asked;
}

function stamp(at: number): string {
  return `${(at / 1000).toFixed(3)} s`;
}
