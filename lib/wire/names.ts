/**
 * What may be called what: usernames, rooms and topics.
 */

const username = /^[A-Za-z0-9_-]{1,32}$/;
const room = /^[A-Za-z0-9_-][A-Za-z0-9_.#-]{0,63}$/;

const device = /^[A-Za-z0-9_.-]{1,32}$/;

/** The rule for usernames, in words. */
export const usernameRule = "1–32 of A-Z a-z 0-9 _ -";

/** The rule for rooms, in words. */
export const roomRule = "1–64 of A-Z a-z 0-9 _ - . #, the last two not first";

/** The rule for devices, in words. */
export const deviceRule = "1–32 of A-Z a-z 0-9 _ . -";

/** The room that everybody is in after login. */
export const lobby = "lobby";

/** Whether it may be a user's name. */
export function isUsername(name: string): boolean {
  return username.test(name);
}

/** Whether it may be the name of a user's device; case matters. */
export function isDevice(name: string): boolean {
  return device.test(name);
}

/** Whether it may be a room's name, in either case. */
export function isRoom(name: string): boolean {
  return room.test(name);
}

/**
 * The form in which names are compared and rooms are shown: A to Z become small letters. Nothing else changes, so that no
 * other character becomes one of a name: the sign of kelvin is no k.
 */
export function fold(name: string): string {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(name) ? name.toLowerCase() : name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What a topic belongs to. */
export type TopicKind = "room" | "feed" | "inbox" | "sent";

/** A topic's name: what is published to. */
export type Topic = `${TopicKind}:${string}`;

/** The topic of a room's messages. */
export function roomTopic(name: string): Topic {
  return `room:${fold(name)}`;
}

/** The topic of a user's feed. */
export function feedTopic(user: string): Topic {
  return `feed:${fold(user)}`;
}

/** The topic of a user's private messages. */
export function inboxTopic(user: string): Topic {
  return `inbox:${fold(user)}`;
}

/** The topic of copies of the private messages that a user sent. */
export function sentTopic(user: string): Topic {
  return `sent:${fold(user)}`;
}

/** Whether a topic is one user's side of private talks: what the user was sent, or has sent. */
export function isPrivate(topic: Topic): boolean {
  return topic.startsWith("inbox:") || topic.startsWith("sent:");
}

/** What a topic belongs to. */
export function topicKind(topic: Topic): TopicKind {
  const first = topic.charCodeAt(0);
  return first === 0x72 ? "room" : first === 0x66 ? "feed" : first === 0x73 ? "sent" : "inbox"; // r, f, s
}

/** Whose a topic is: the room's or the user's name, folded. */
export function topicName(topic: Topic): string {
  return topic.slice(topic.indexOf(":") + 1);
}

/**
 * Reads a topic's name.
 *
 * @returns its kind and whose it is, or undefined where the text names no topic
 */
export function parseTopic(topic: string): { kind: TopicKind; name: string; topic: Topic } | undefined {
  const colon = topic.indexOf(":");
  if (colon < 0) return undefined;
  const kind = topic.slice(0, colon);
  const name = fold(topic.slice(colon + 1));
  if (kind === "room" ? !isRoom(name) : !["feed", "inbox", "sent"].includes(kind) || !isUsername(name)) {
    return undefined;
  }
  return { kind: kind as TopicKind, name, topic: `${kind as TopicKind}:${name}` };
}
