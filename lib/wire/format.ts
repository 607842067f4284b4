/**
 * Event and reply ↔ the two formats' lines.
 *
 * The text of every event and reply is here and nowhere else, so that a person at `openssl s_client` and the bundled
 * client read the same words.
 */

import type {
  ArgumentHelp,
  CommandHelp,
  DirectEvent,
  ErrorEvent,
  Format,
  Reply,
  ServerEvent,
  TopicEvent,
  UserDevice,
  UserState,
} from "./event.ts";
import type { ReportEvent } from "./room_event.ts";
import { accountReplyText, isAccountReply } from "./account_text.ts";
import { cleanLine } from "./clean.ts";
import { usageOf } from "./command.ts";
import { changeText, invitedText, isRoomReply, removedText, roomReplyText } from "./room_text.ts";
import { encodeLine } from "./lines.ts";
import type { RequestId } from "./request.ts";

/** How a message of a room reads, by who said it and its text. */
export type SaidText = (from: string, text: string) => string;

/** As every text client reads it: `a: hello`. */
const plainly: SaidText = (from, text) => `${from}: ${text}`;

/** What `/me waves` says in a room. */
export function actionText(text: string): string {
  return `* ${text}`;
}

/** What somebody does, where a room's message says so as {@linkcode actionText} has it. */
export function actionOf(text: string): string | undefined {
  return /^\* (?=\S)/.test(text) ? text.slice(2) : undefined;
}

/** As our own clients show it: `a: hello`, and `* a waves` for what somebody does. */
export const withActions: SaidText = (from, text) => {
  const done = actionOf(text);
  return done === undefined ? plainly(from, text) : `* ${from} ${done}`;
};

/** What stands for a message that was deleted. */
export const deletedText = "(deleted)";

/** What a message says, as people read it. */
export function textOf({ text, deleted }: Pick<TopicEvent, "text" | "deleted">): string {
  return deleted ? deletedText : text;
}

/**
 * The lines that a person is shown for an event, joined by LF; empty where there is nothing to show.
 *
 * @param said how a message of a room reads
 */
export function eventText(event: ServerEvent, said = plainly): string {
  switch (event.type) {
    case "message":
      return said(event.from, textOf(event));
    case "notification":
      return `Notification from ${event.from}: ${textOf(event)}`;
    case "direct":
      // The copy of what the reader has sent, on another device.
      return isCopy(event) ? `DM to ${event.to}: ${textOf(event)}` : `DM from ${event.from}: ${textOf(event)}`;
    case "deleted":
      return `[SYSTEM] ${event.by} deleted a message of ${event.from ?? "somebody"}`;
    case "presence":
      return `${event.user} ${event.state} ${event.room}`;
    case "removed":
      return removedText(event);
    case "room_changed":
      return changeText(event);
    case "invited":
      return invitedText(event);
    case "system":
      if (event.code === "report") return reportText(event, said);
      return event.code === "forced_logout" ? `[SYSTEM] FORCED_LOGOUT: ${event.message}` : `[SYSTEM] ${event.message}`;
    case "gap":
      return `[SYSTEM] Some messages of ${event.topic.replace(":", " ")} ${
        event.to === null ? `may be lost: from number ${event.from} on` : `are lost: ${event.from} to ${event.to}`
      }`;
    case "membership":
    case "seen":
    case "ping":
      return "";
    case "greeting":
      return "[SERVER] Login using: LOGIN <username> <password>\n" +
        "[SERVER] New here: REGISTER <username> <password>; /help lists the commands";
    case "error":
      // Nothing went wrong: a step of the login is done, and the next is asked for.
      if (event.code === "code_required") return `[SYSTEM] CODE_REQUIRED: ${event.message}`;
      return `[ERROR] ${event.code}: ${event.message}`;
  }
}

/**
 * The lines that a person is shown for a reply, joined by LF; empty where the event itself is the answer.
 *
 * @param said how a message of a room reads
 */
export function replyText(reply: Reply, said = plainly): string {
  if (isRoomReply(reply)) return roomReplyText(reply);
  if (isAccountReply(reply)) return accountReplyText(reply);
  switch (reply.of) {
    case "hello":
      return `[SERVER] ${reply.server} speaks version ${reply.version}, formats ${reply.formats.join(", ")}`;
    case "register":
    case "login":
    case "resume":
      return loginText(reply);
    case "join":
    case "leave":
      return reply.of === "join" ? `Joined room ${reply.room}` : `Returned to ${reply.room}`;
    case "rooms":
    case "users":
    case "who":
    case "subs":
    case "blocks":
    case "devices":
    case "revoke":
    case "keys":
    case "key":
    case "unkey":
      return listText(reply);
    case "away":
      return reply.away === undefined ? "You are back" : `You are away: ${reply.away}`;
    case "subscribe":
    case "unsubscribe":
    case "block":
    case "unblock":
    case "delete":
      return `${deeds[reply.of]} ${reply.user}`;
    case "publish":
      return `Published to ${reply.subscribers} subscribers`;
    case "msg":
      return sentText(reply);
    case "history":
      return reply.messages.map((event) => historyText(event, said)).join("\n") || "[SYSTEM] No messages";
    case "whoami":
      return `${reply.user} ${reply.room == null ? "(side connection)" : `in ${reply.room}`} on ${reply.server}`;
    case "passwd":
    case "withdraw":
    case "logout":
    case "quit":
      return done[reply.of];
    case "help":
      return reply.commands.filter(({ typed }) => typed).map(helpText).join("\n");
    case "say":
    case "me":
    case "upload":
    case "chunk":
    case "download":
    case "seen":
    case "talks":
    case "pong":
      return "";
  }
}

/** How events are encoded: each once for all who have the same. In many rooms, JSON has some fields more. */
export type Encoding = Format | "json_many";

/** An event as the bytes of one or more lines; empty where the encoding has nothing to say. */
export function encodeEvent(event: ServerEvent, encoding: Encoding): Uint8Array<ArrayBuffer> {
  if (encoding === "text") return encodeText(eventText(event));
  return encodeLine(JSON.stringify(encoding === "json" ? inOneRoom(event) : event));
}

/** The encoding that makes the same of an event, and which more readers share. */
export function sharedEncoding({ type }: ServerEvent, encoding: Encoding): Encoding {
  return encoding === "json_many" && type !== "presence" ? "json" : encoding;
}

/** An event as those get it who are in one room. */
function inOneRoom(event: ServerEvent): ServerEvent {
  if (event.type !== "presence" || !event.offline) return event;
  const { offline: _, ...rest } = event;
  return rest;
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

function loginText({ of, user, room }: Reply & { of: "register" | "login" | "resume" }): string {
  const registered = of === "register" ? `Registered ${user}\n` : "";
  return registered + (room == null ? "Login successful. Side connection" : `Login successful. Room: ${room}`);
}

/** What was done about another user, in words that go before the name. */
const deeds = {
  subscribe: "Subscribed to",
  unsubscribe: "Unsubscribed from",
  block: "Blocked",
  unblock: "Unblocked",
  delete: "Deleted a message of",
} as const;

/** What is said where a command is done and there is no more to say. */
const done = { passwd: "Password changed", withdraw: "File withdrawn", logout: "Logged out", quit: "Goodbye" } as const;

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}

type ListReply = Reply & {
  of: "rooms" | "users" | "who" | "subs" | "blocks" | "devices" | "revoke" | "keys" | "key" | "unkey";
};

function listText(reply: ListReply): string {
  switch (reply.of) {
    case "rooms":
      return `Available rooms: ${reply.rooms.map(({ room, members }) => `${room}(${members})`).join(", ")}`;
    case "users":
      return `Users online: ${list(reply.users.map(nameOf))}`;
    case "who":
      return `Members of ${reply.room}: ${list(reply.members.map(nameOf))}`;
    case "subs":
      return `Subscriptions: ${list(reply.subscriptions)}`;
    case "blocks":
      return `Blocked: ${list(reply.blocks)}`;
    case "devices":
      return `Devices: ${list(reply.devices.map(deviceText))}`;
    case "revoke":
      return `Revoked ${reply.revoked ? list(reply.revoked) : reply.device}`;
    case "keys":
    case "key":
    case "unkey":
      return `Devices of ${reply.user}: ${list(reply.keys.map((key) => key.public))}`;
  }
}

function sentText({ to, text, away }: Reply & { of: "msg" }): string {
  const sent = `DM to ${to}: ${text}`;
  return away === undefined ? sent : `${sent}\n${awayText(to, away)}`;
}

/** What who writes to somebody who is away is told. */
export function awayText(user: string, away: string): string {
  return `[SYSTEM] ${user} is away: ${away}`;
}

function nameOf(user: string | UserState): string {
  return typeof user === "string" ? user : user.user;
}

function historyText(event: TopicEvent, said: SaidText): string {
  const words = event.type === "message" ? said : plainly;
  return `[${inSeconds(event.time)}] ${words(event.from, textOf(event))}`;
}

/** A report: who reported whom, and the last messages as they were. */
function reportText({ message, messages }: ReportEvent, said: SaidText): string {
  return [`[SYSTEM] ${message}`, ...messages.map((event) => historyText(event, said))].join("\n");
}

function deviceText({ device, server, since }: UserDevice): string {
  return `${device} (${server}, since ${inSeconds(since)})`;
}

/** A time as people read it, without its milliseconds. */
function inSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, "Z");
}

/** Whether a private message is the copy that its sender's devices are told. */
export function isCopy({ topic }: DirectEvent): boolean {
  return topic.startsWith("sent:");
}

function helpText({ name, aliases, arguments: declared, help }: CommandHelp): string {
  const usage = usageOf(
    name,
    declared.map(({ name, kind, optional, typed }: ArgumentHelp) => ({
      name,
      kind,
      ...(optional ? { optional } : {}),
      ...(typed === false ? { typed } : {}),
    })),
  );
  const also = aliases.length === 0 ? "" : ` (also ${aliases.map((alias) => "/" + alias).join(", ")})`;
  return `${usage} — ${help}${also}`;
}
