/**
 * What a session tells → lines for a person, in the words of the text format.
 *
 * From all that a server may send, a line comes out that is safe to print: no control characters, no forged second line.
 */

import { ChatError, messageOf } from "../../common/errors.ts";
import type { DirectEvent, Reply } from "../../wire/event.ts";
import { awayText, eventText, isCopy, replyText, withActions } from "../../wire/format.ts";
import { cleanLine } from "../../wire/clean.ts";
import { marked, privacyOf, privateName } from "../e2ee/privacy.ts";
import { isObject } from "../base/shape.ts";
import { statusText } from "../net/status.ts";
import type { Update } from "../session/update.ts";

/** Lines, and what they are: what was asked for or came, an error, or a note of the client's own. */
export interface Rendered {
  readonly kind: "text" | "error" | "note";
  readonly lines: readonly string[];
}

/** The lines for an update; none where there is nothing to show. */
export function render(update: Update): Rendered {
  switch (update.kind) {
    case "event": {
      const { event } = update;
      if (event.type === "system" && event.code === "report") {
        const { messages, ...report } = event;
        const first = cleanLine(eventText({ ...report, messages: [] }));
        return {
          kind: "text",
          lines: [first, ...replyLines({ of: "history", messages })].slice(0, messages.length + 1),
        };
      }
      const text = cleanLine(eventText(event.type === "direct" ? markedDirect(event) : event, withActions));
      return { kind: event.type === "error" ? "error" : "text", lines: text === "" ? [] : [text] };
    }
    case "unknown":
      return { kind: "text", lines: [] };
    case "reply":
      return { kind: "text", lines: replyLines(update.reply) };
    case "refused":
      return { kind: "error", lines: [errorLine(update.error)] };
    case "status": {
      const text = statusText(update.status);
      return { kind: "note", lines: text === undefined ? [] : [note(text)] };
    }
  }
}

/** A refusal as one line: `[ERROR] code: sentence`. */
export function errorLine(error: unknown): string {
  if (error instanceof ChatError) return cleanLine(`[ERROR] ${error.code}: ${error.message}`);
  return cleanLine(`[ERROR] ${messageOf(error)}`);
}

/** What is told besides the answer to a private message: that its recipient is away. */
export function awayLines(reply: Reply): string[] {
  if (reply.of !== "msg" || typeof reply.to !== "string" || typeof reply.away !== "string") return [];
  return [cleanLine(awayText(reply.to, reply.away))];
}

/** A line of the client's own. */
export function note(sentence: string): string {
  return cleanLine(`[CLIENT] ${sentence}`);
}

function replyLines(reply: Reply): string[] {
  const clean = markedReply(cleanAll(reply) as Reply);
  let text: string | undefined;
  try {
    text = replyText(clean, withActions) as string | undefined;
  } catch {
    // a field is missing: what there is, is shown
  }
  if (text === undefined) {
    const { of, ...fields } = clean;
    text = `${of}: ${Object.keys(fields).length === 0 ? "done" : JSON.stringify(fields)}`;
  }
  return [...(text === "" ? [] : text.split("\n").map(cleanLine)), ...awayLines(reply)];
}

/** How private it was stands behind the name that is shown: of what one has sent, the recipient's. */
function markedDirect(event: DirectEvent): DirectEvent {
  return isCopy(event) ? { ...event, to: privateName(event.to, privacyOf(event)) } : marked(event);
}

/** How private something was stands behind the name. Who is away has a line without such a mark. */
function markedReply(reply: Reply): Reply {
  if (reply.of === "msg") {
    const { away: _, ...answer } = reply;
    return { ...answer, to: privateName(reply.to, privacyOf(reply)) };
  }
  if (reply.of !== "history" || !Array.isArray(reply.messages)) return reply;
  return { ...reply, messages: reply.messages.map(marked) };
}

function cleanAll(value: unknown): unknown {
  if (typeof value === "string") return cleanLine(value);
  if (Array.isArray(value)) return value.map(cleanAll);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleanAll(inner)]));
}
