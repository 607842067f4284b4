/**
 * What a server's line may be, before anybody relies on it: events and replies are checked field by field.
 *
 * Types and fields that this client does not know are no error: a newer server may have them.
 */

import type { CommandHelp, ServerEvent, TopicEvent } from "../../wire/event.ts";

type FieldType = "string" | "number" | "number|null" | "time";

const logged = {
  topic: "string",
  seq: "number",
  from: "string",
  text: "string",
  time: "time",
  pos: "string",
} as const;

/** Event type → the fields that it must have. */
const events: Readonly<Record<ServerEvent["type"], Readonly<Record<string, FieldType>>>> = {
  message: logged,
  notification: logged,
  direct: { ...logged, to: "string" },
  presence: { room: "string", user: "string", state: "string" },
  membership: { room: "string", state: "string" },
  seen: { topic: "string", pos: "string" },
  removed: { room: "string", by: "string", reason: "string" },
  room_changed: { room: "string", by: "string", change: "string" },
  invited: { room: "string", by: "string" },
  system: { code: "string", message: "string" },
  gap: { topic: "string", from: "number", to: "number|null", pos: "string" },
  deleted: { topic: "string", seq: "number", by: "string", pos: "string" },
  ping: {},
  greeting: {},
  error: { code: "string", message: "string" },
};

/** The types that a history can have. */
const topicEvents: ReadonlySet<unknown> = new Set<TopicEvent["type"]>(["message", "notification", "direct"]);

/** What may be told of a user or a device and a room: it may stand in a line as it is. */
const states: ReadonlySet<unknown> = new Set(["joined", "left"]);

/** ISO 8601, UTC. */
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** A JSON object, as yet of unknown shape. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether it is an object and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads an event.
 *
 * @returns undefined where it is of a type, or tells of a state, that this client does not know
 * @throws {TypeError} when a field is missing or of another type
 */
export function toEvent(value: JsonObject): ServerEvent | undefined {
  const { type } = value;
  if (typeof type !== "string" || !Object.hasOwn(events, type)) return undefined;
  const wrong = wrongField(value, type as ServerEvent["type"]);
  if (wrong !== undefined) throw new TypeError(`The event "${type}" has no usable field "${wrong}"`);
  if ((type === "presence" || type === "membership") && !states.has(value.state)) return undefined;
  if (type === "room_changed" && !isKnownChange(value)) return undefined;
  if (type === "system" && value.code === "report") {
    return { ...value, messages: toMessages(value.messages) } as unknown as ServerEvent;
  }
  return value as unknown as ServerEvent;
}

/** Whether it is a change of a room that this client knows, with what belongs to it. */
function isKnownChange({ change, value, user }: JsonObject): boolean {
  switch (change) {
    case "topic":
      return typeof value === "string";
    case "private":
      return typeof value === "boolean";
    case "slow":
      return typeof value === "number";
    case "mute":
      return typeof user === "string" && (value === null || typeof value === "number");
    default:
      return ["owner", "op", "deop", "unmute"].includes(change as string) && typeof user === "string";
  }
}

/** Reads the messages from the reply to `history`; what is no message is left out. */
export function toMessages(value: unknown): TopicEvent[] {
  if (!Array.isArray(value)) return [];
  return value.filter((message) =>
    isObject(message) && topicEvents.has(message.type) && !wrongField(message, message.type as TopicEvent["type"])
  ) as TopicEvent[];
}

function wrongField(value: JsonObject, type: ServerEvent["type"]): string | undefined {
  return Object.entries(events[type]).find(([field, expected]) => !fits(value[field], expected))?.[0];
}

function fits(value: unknown, expected: FieldType): boolean {
  if (expected === "time") return typeof value === "string" && isoTime.test(value);
  return typeof value === expected || (expected === "number|null" && (value === null || typeof value === "number"));
}

/** Reads the command table from the reply to `help`; what is no command is left out. */
export function toCommands(value: unknown): CommandHelp[] {
  if (!Array.isArray(value)) return [];
  return value.filter((command) =>
    isObject(command) && typeof command.name === "string" && typeof command.help === "string" &&
    Array.isArray(command.aliases) && command.aliases.every((alias) => typeof alias === "string") &&
    Array.isArray(command.arguments) &&
    command.arguments.every((argument) =>
      isObject(argument) && typeof argument.name === "string" && typeof argument.kind === "string"
    )
  ) as CommandHelp[];
}

/** Reads `positions` from a reply; empty where there are none. */
export function toPositions(value: unknown): ReadonlyMap<string, string> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
