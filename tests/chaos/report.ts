/**
 * A verdict in words: one line of figures, and, where a promise was broken, what is needed to see why.
 */

import type { Violation } from "./checker.ts";
import type { Verdict } from "./chaos.ts";
import type { Story } from "./record.ts";
import { seconds } from "./timeline.ts";

/** How many violations of a kind are told, how many of them in full, and how many readers of a message are named. */
const [most, inFull, readers] = [5, 2, 6];

/** The figures of a run, on one line. */
export function summary({ options, story, counts, faults, longestWaitMs, violations }: Verdict): string {
  const acknowledged = story.sent.filter(({ outcome }) => outcome.kind === "acknowledged").length;
  const count = (what: string) => counts.get(what) ?? 0;
  const total = [...faults.values()].reduce((sum, each) => sum + each, 0) + story.rollbacks.length;
  const byKind = [...faults].sort().map(([kind, each]) => `${kind} ${each}`);
  if (story.rollbacks.length > 0) byKind.push(`rolled back ${story.rollbacks.length}`);
  return [
    `${options.seconds} s`,
    `seed ${options.seed}`,
    [options.store, options.policy ?? "force", ...Object.values(options.settings ?? {})].join(" "),
    `${options.servers} ${options.servers === 1 ? "server" : "servers"}`,
    `${options.clients} clients`,
    `${acknowledged} acknowledged`,
    `${count("deliveries")} deliveries seen`,
    `${count("logins")} logins`,
    `${count("resumes")} resumes`,
    `${count("gaps")} gaps`,
    `${total} faults${byKind.length > 0 ? ` (${byKind.join(", ")})` : ""}`,
    `longest wait ${Math.round(longestWaitMs)} ms`,
    `${violations.length} violations`,
  ].join(" · ");
}

/** What else was counted, on one line. */
export function details({ counts, story }: Verdict): string {
  const shown = new Set(["deliveries", "logins", "resumes", "gaps"]);
  const rest = [...counts].filter(([what]) => !shown.has(what)).sort().map(([what, times]) => `${what} ${times}`);
  const unknown = story.sent.filter(({ outcome }) => outcome.kind === "unknown").length;
  return [...rest, `outcome unknown ${unknown}`].join(" · ");
}

/** Every violation with the messages that it is about, and the history of the faults. */
export function indictment({ violations, story, notes }: Verdict): string {
  const lines: string[] = ["What was done:", ...notes.map((note) => `  ${note}`), "", "What was found:"];
  for (const [kind, found] of Map.groupBy(violations, ({ kind }) => kind)) {
    lines.push(`  ${kind}: ${found!.length} times`);
    for (const [index, violation] of found!.slice(0, most).entries()) {
      lines.push(...(index < inFull ? tell(violation, story) : [`    ${violation.text}`]));
    }
    if (found!.length > most) lines.push(`    … and ${found!.length - most} more`);
  }
  return lines.join("\n");
}

function tell({ text, cids, view }: Violation, story: Story): string[] {
  const biographies = [...new Set(cids)].slice(0, 2).flatMap((cid) => biography(cid, story));
  return [`    ${text}`, ...biographies, ...(view ? glimpse(view) : [])];
}

/** What a reader saw shortly before and after some time. */
function glimpse({ stretch: { reader, topic, opened, items, closed }, at }: NonNullable<Violation["view"]>): string[] {
  const index = items.findIndex((item) => item.at >= at);
  const middle = index < 0 ? items.length : index;
  const shown = items.slice(Math.max(0, middle - 3), middle + 5).map((item) => {
    const what = item.kind === "message" ? item.cid : item.kind === "gap" ? `gap ${item.from}–${item.to}` : "resumed";
    return `${seconds(item.at)} ${what} → ${item.place.epoch}.${item.place.seq}.${item.place.id}`;
  });
  const end = closed ? `until ${seconds(closed.at)} (${closed.by})` : "to the end";
  return [`      ${reader} in ${topic}, from ${seconds(opened.at)} (${opened.by}) ${end}: ${shown.join("; ")}`];
}

/** What is known of one message: who sent it when, where it is, and who saw it when. */
function biography(cid: string, { sent, logs, stretches }: Story): string[] {
  const message = sent.find((each) => each.cid === cid);
  if (!message) return [];
  const { topic, publisher, attempts, outcome } = message;
  const fate = outcome.kind === "acknowledged"
    ? `acknowledged as ${outcome.seq} at ${seconds(outcome.at)}`
    : outcome.kind;
  const tries = attempts.map(({ at, server, answer }) =>
    `sent at ${seconds(at)} to ${server}, ${answer ? `${answer.code} at ${seconds(answer.at)}` : "no answer"}`
  );
  const lines = [`      ${cid}, from ${publisher} to ${topic}: ${tries.join("; ")}; ${fate}`];
  for (const { epoch, entries, topic } of logs) {
    for (const entry of entries) {
      if (entry.cid === cid) lines.push(`      in the log: ${topic} ${epoch}.${entry.seq}.${entry.id}`);
    }
  }
  const seen = stretches.flatMap(({ reader, items }) =>
    items.flatMap((item) =>
      item.kind === "message" && item.cid === cid
        ? [`${reader} at ${seconds(item.at)} as ${item.place.epoch}.${item.place.seq}.${item.place.id}`]
        : []
    )
  );
  const more = seen.length > readers ? ` and ${seen.length - readers} more` : "";
  return [...lines, `      seen by ${seen.slice(0, readers).join(", ") || "nobody"}${more}`];
}
