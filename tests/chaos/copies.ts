/** What became of the copies of private messages: each is in the log of what its sender sent. */

import type { Violation } from "./checker.ts";
import type { Log, Sent, Story } from "./record.ts";

/** Whether a topic is that of copies of what the sender of a message sent, and the message is one of these. */
export function isCopyOf({ publisher, topic: inbox }: Sent, topic: string): boolean {
  return topic === `sent:${publisher}` && inbox.startsWith("inbox:") && inbox !== `inbox:${publisher}`;
}

/** Finds private messages without a copy, and copies without their message. */
export function* checkCopies(
  { sent, rollbacks }: Pick<Story, "sent" | "rollbacks">,
  logs: ReadonlyMap<string, Log>,
): Generator<Violation> {
  if (rollbacks.length > 0) return; // the two logs may have been put back to different moments
  const cids = new Map([...logs].map(([topic, { entries }]) => [topic, new Set(entries.map(({ cid }) => cid))]));
  for (const message of sent) {
    const topic = `sent:${message.publisher}`;
    if (!isCopyOf(message, topic)) continue;
    const isThere = cids.get(message.topic)?.has(message.cid) ?? false;
    const isCopied = cids.get(topic)?.has(message.cid) ?? false;
    if (isThere === isCopied) continue;
    const text = `${message.cid} is ${isThere ? "" : "not "}in ${message.topic} and ${
      isCopied ? "" : "not "
    }in ${topic}`;
    yield { kind: "what is sent is copied", text, cids: [message.cid] };
  }
}
