/**
 * Event and reply ↔ the two formats' lines.
 *
 * The text of every event and reply is here and nowhere else, so that a person at `openssl s_client` and the bundled
 * client read the same words.
 */

import type { ArgumentHelp, CommandHelp, ErrorEvent, Format, Reply, ServerEvent, TopicEvent } from "./event.ts";
import { cleanLine } from "./clean.ts";
import { usageOf } from "./command.ts";
import { encodeLine } from "./lines.ts";
import type { RequestId } from "./request.ts";

/** The lines that a person is shown for an event, joined by LF; empty where there is nothing to show. */
export function eventText(event: ServerEvent): string {
  switch (event.type) {
    case "message":
      return `${event.from}: ${event.text}`;
    case "notification":
      return `Notification from ${event.from}: ${event.text}`;
    case "direct":
      return `DM from ${event.from}: ${event.text}`;
    case "presence":
      return `${event.user} ${event.state} ${event.room}`;
    case "system":
      return event.code === "forced_logout" ? `[SYSTEM] FORCED_LOGOUT: ${event.message}` : `[SYSTEM] ${event.message}`;
    case "gap":
      return `[SYSTEM] Some messages of ${event.topic.replace(":", " ")} ${
        event.to === null ? `may be lost: from number ${event.from} on` : `are lost: ${event.from} to ${event.to}`
      }`;
    case "ping":
      return "";
    case "greeting":
      return "[SERVER] Login using: LOGIN <username> <password>\n" +
        "[SERVER] New here: REGISTER <username> <password>; /help lists the commands";
    case "error":
      return `[ERROR] ${event.code}: ${event.message}`;
  }
}

/** The lines that a person is shown for a reply, joined by LF; empty where the event itself is the answer. */
export function replyText(reply: Reply): string {
  switch (reply.of) {
    case "hello":
      return `[SERVER] ${reply.server} speaks version ${reply.version}, formats ${reply.formats.join(", ")}`;
    case "register":
      return `Registered ${reply.user}\n${loginText(reply.room)}`;
    case "login":
    case "resume":
      return loginText(reply.room);
    case "join":
      return `Joined room ${reply.room}`;
    case "leave":
      return `Returned to ${reply.room}`;
    case "rooms":
      return `Available rooms: ${reply.rooms.map(({ room, members }) => `${room}(${members})`).join(", ")}`;
    case "users":
      return `Users online: ${list(reply.users)}`;
    case "who":
      return `Members of ${reply.room}: ${list(reply.members)}`;
    case "subscribe":
      return `Subscribed to ${reply.user}`;
    case "unsubscribe":
      return `Unsubscribed from ${reply.user}`;
    case "subs":
      return `Subscriptions: ${list(reply.subscriptions)}`;
    case "publish":
      return `Published to ${reply.subscribers} subscribers`;
    case "msg":
      return `DM to ${reply.to}: ${reply.text}`;
    case "history":
      return reply.messages.length === 0 ? "[SYSTEM] No messages" : reply.messages.map(historyText).join("\n");
    case "whoami":
      return reply.room == null
        ? `${reply.user} (side connection) on ${reply.server}`
        : `${reply.user} in ${reply.room} on ${reply.server}`;
    case "passwd":
      return "Password changed";
    case "keys":
    case "key":
    case "unkey":
      return `Devices of ${reply.user}: ${list(reply.keys.map((key) => key.public))}`;
    case "withdraw":
      return "File withdrawn";
    case "logout":
      return "Logged out";
    case "quit":
      return "Goodbye";
    case "help":
      return reply.commands.filter(({ typed }) => typed).map(helpText).join("\n");
    case "say":
    case "upload":
    case "chunk":
    case "download":
    case "seen":
    case "pong":
      return "";
  }
}

/** An event as the bytes of one or more lines; empty where the format has nothing to say. */
export function encodeEvent(event: ServerEvent, format: Format): Uint8Array<ArrayBuffer> {
  return format === "json" ? encodeLine(JSON.stringify(event)) : encodeText(eventText(event));
}

/** A reply as the bytes of one or more lines; `id` is the request's. */
export function encodeReply(reply: Reply, format: Format, id?: RequestId): Uint8Array<ArrayBuffer> {
  if (format === "text") return encodeText(replyText(reply));
  const { of, ...fields } = reply;
  const type = of === "hello" ? "hello" : "ok";
  return encodeLine(JSON.stringify(id === undefined ? { type, ...fields } : { type, id, ...fields }));
}

/** An error that answers a request, as bytes. */
export function encodeError(error: ErrorEvent, format: Format, id?: RequestId): Uint8Array<ArrayBuffer> {
  if (format === "text") return encodeText(eventText(error));
  const { type, ...fields } = error;
  return encodeLine(JSON.stringify(id === undefined ? error : { type, id, ...fields }));
}

const none = new Uint8Array(0);

/** Lines for a person, without what could do harm on a terminal; JSON clients get it, and clean what they show. */
function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (text === "") return none;
  return encodeLine(/^[\x20-\x7e\n]*$/.test(text) ? text : text.split("\n").map(cleanLine).join("\n"));
}

function loginText(room: string | null | undefined): string {
  return room == null ? "Login successful. Side connection" : `Login successful. Room: ${room}`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}

function historyText(event: TopicEvent): string {
  return `[${event.time.replace(/\.\d+Z$/, "Z")}] ${event.from}: ${event.text}`;
}

function helpText({ name, aliases, arguments: declared, help }: CommandHelp): string {
  const usage = usageOf(
    name,
    declared.map(({ name, kind, optional }: ArgumentHelp) => ({
      name,
      kind,
      ...(optional ? { optional } : {}),
    })),
  );
  const also = aliases.length === 0 ? "" : ` (also ${aliases.map((alias) => "/" + alias).join(", ")})`;
  return `${usage} — ${help}${also}`;
}
