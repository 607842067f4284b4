/**
 * The names of keys and channels. What stands in braces is the hash tag: all of one user's keys, and all of one topic's,
 * are in one slot of a Redis Cluster, so that a script can have them together.
 */

import { fold, roomTopic, type Topic } from "../../wire/names.ts";

/**
 * The version of what is stored: the names of keys and what they mean. A release with a later one migrates the data, see
 * {@linkcode Migration}; those before the version was written down count as 1.
 */
export const schemaVersion = 2;

/** Makes the names for one prefix and database. */
export class Keys {
  readonly #prefix: string;
  readonly #channels: string;

  /** @param database goes into channels only: pub/sub knows no databases */
  constructor(prefix: string, database: number) {
    this.#prefix = prefix;
    this.#channels = `${prefix}${database}:`;
  }

  account = (user: string) => `${this.#prefix}{user:${fold(user)}}:account`;
  /** An account's second factor. */
  twoFactor = (user: string) => `${this.#prefix}{user:${fold(user)}}:two_factor`;
  /** There where an attempt to make an account by invitation is void. */
  voided = (user: string, attempt: string) => `${this.#prefix}{user:${fold(user)}}:voided:${attempt}`;
  invitation = (hash: string) => `${this.#prefix}{invitation:${hash}}:invitation`;
  /** Name → what the user of a deleted account is called. */
  deleted = () => `${this.#prefix}{accounts}:deleted`;
  /** Device → who has its session, the newest claim, and until when that is remembered: see devices.lua. */
  devices = (user: string) => `${this.#prefix}{user:${fold(user)}}:devices`;
  session = (user: string, device: string) => `${this.#prefix}{user:${fold(user)}}:session${behind(device)}`;
  tokens = (user: string, device: string) => `${this.#prefix}{user:${fold(user)}}:tokens${behind(device)}`;
  /** Topic → claim: where the session may write. */
  grants = (user: string, device: string) => `${this.#prefix}{user:${fold(user)}}:grants${behind(device)}`;
  /** Topic → position: where the session stood. */
  savedPositions = (user: string, device: string) => `${this.#prefix}{user:${fold(user)}}:stood${behind(device)}`;
  /** The account's rooms, those of its sessions that are in many: room → where it was joined. */
  memberships = (user: string) => `${this.#prefix}{user:${fold(user)}}:rooms`;
  /** Topic → epoch, number, and how many of the user's own messages the log had had by then: how far it has read. */
  marks = (user: string) => `${this.#prefix}{user:${fold(user)}}:marks`;
  subscriptions = (user: string) => `${this.#prefix}{user:${fold(user)}}:subscriptions`;
  subscribers = (user: string) => `${this.#prefix}{user:${fold(user)}}:subscribers`;
  /** Name → an access token. */
  accessTokens = (user: string) => `${this.#prefix}{user:${fold(user)}}:access_tokens`;
  /** Public key → when it was added and last announced. */
  deviceKeys = (user: string) => `${this.#prefix}{user:${fold(user)}}:keys`;

  file = (id: string) => `${this.#prefix}{file:${id}}:file`;
  /** Number → chunk. */
  chunks = (id: string) => `${this.#prefix}{file:${id}}:chunks`;
  /** What all files take: the keys of their index. */
  files = () => ["expiry", "sizes", "used", "same"].map((name) => `${this.#prefix}{files}:${name}`);

  meta = (topic: Topic) => `${this.#prefix}${slotAndName(topic)}:meta`;
  log = (topic: Topic) => `${this.#prefix}${slotAndName(topic)}:log`;
  /** Which messages were deleted: newest number by then, and number of the deletion → the message's number, and by whom. */
  deletions = (topic: Topic) => `${this.#prefix}${slotAndName(topic)}:deletions`;
  /** A log's copy on its way to take the log's place, of one server's. */
  rewriting = (topic: Topic, word: string) => `${this.#prefix}${slotAndName(topic)}:rewriting:${word}`;
  /** A log on its way in, beside the topic's own. */
  incoming = (topic: Topic) => `${this.#prefix}${slotAndName(topic)}:incoming`;
  /** Session → claim: who may write, which in a room are its members; see {@linkcode sessionField}. */
  writers = (topic: Topic) => `${this.#prefix}{${topic}}:${topic.startsWith("room:") ? "members" : "writers"}`;
  /** User → how many of the user's sessions are in a room. */
  present = (room: Topic) => `${this.#prefix}{${room}}:present`;
  /** The users of whom a room's listeners were told that they are there. */
  told = (room: Topic) => `${this.#prefix}{${room}}:told`;
  /** What a room's owner and moderators have decided of it, see record_fields.ts. */
  record = (room: string) => `${this.#prefix}{${roomTopic(room)}}:record`;
  /** User → when the user last spoke in a room that is in slow mode; it ends with the time that one waits. */
  spoken = (room: Topic) => `${this.#prefix}{${room}}:spoken`;
  /** Room → when the user was invited to it, and by whom. */
  invitations = (user: string) => `${this.#prefix}{user:${fold(user)}}:invitations`;
  /** Whom a user blocks: in the inbox's slot, where it is compared. */
  blocks = (user: string) => `${this.#prefix}{inbox:${fold(user)}}:blocks`;
  /** Whom a user has accepted, behind a plus whom the user follows, and an empty name where only those may write. */
  contacts = (user: string) => `${this.#prefix}{inbox:${fold(user)}}:contacts`;
  /** Sender → a message that waits to be accepted. */
  requests = (user: string) => `${this.#prefix}{inbox:${fold(user)}}:requests`;
  /** What is unread in an inbox, by sender. */
  unread = (inbox: Topic) => `${this.#prefix}{${inbox}}:unread`;
  /** Other → the newest number in a private log; behind a colon and the other's name, all the numbers of that talk. */
  talks = (topic: Topic) => `${this.#prefix}${slotAndName(topic)}:talks`;
  /**
   * Recipient → epoch and number, in the recipient's inbox, of the last of a user's messages that was copied. Recipient and
   * number → id: of a message that was deleted before it was copied.
   */
  copied = (sent: Topic) => `${this.#prefix}${slotAndName(sent)}:copied`;
  /** Recipient and server's run → 1: of which messages a user may be owed copies. */
  owed = (sent: Topic) => `${this.#prefix}${slotAndName(sent)}:owed`;
  /** A user's newest `cid`s in a topic, by their numbers. */
  recent = (topic: Topic, user: string) => `${this.#prefix}{${topic}}:recent:${fold(user)}`;
  cid = (topic: Topic, user: string, cid: string) => `${this.#prefix}{${topic}}:cid:${fold(user)}:${cid}`;

  /** Number → report that is open; `last` is the number that was given last. */
  reports = () => `${this.#prefix}reports`;
  /** Rooms that may have members, by when they last got one. */
  rooms = () => `${this.#prefix}rooms`;
  /** Rooms that may be private: all that are, see {@linkcode record}. */
  privateRooms = () => `${this.#prefix}private-rooms`;
  /** Rooms that exist, by when each was last looked at, and a mark that all of them are there. */
  roomList = () => ["known", "complete"].map((name) => `${this.#prefix}{rooms}:${name}`);
  /** Session → claim: the sessions of one server's run; see {@linkcode sessionField}. */
  serverSessions = (instance: string) => `${this.#prefix}{server:${instance}}:sessions`;
  /** User → how many sessions a server's run has of the user. */
  serverUsers = (instance: string) => `${this.#prefix}{server:${instance}}:users`;
  /** The users whom a server's run may owe copies of what they sent. */
  owing = (instance: string) => `${this.#prefix}{server:${instance}}:owing`;
  /** What a server's run writes to see whether it can. */
  probe = (instance: string) => `${this.#prefix}{server:${instance}}:probe`;
  /** Which schema the data have; behind a `>`, the one that a migration has begun to bring them to. */
  schema = () => `${this.#prefix}{servers}:schema`;
  /** The leases' keys: instance by end of its lease, id → instance, instance → id, id → when it was taken. */
  leases = () => ["leases", "ids", "names", "since"].map(this.#shared);
  /** How often the servers have looked whether the store's data are still the same, and the generation of these. */
  dataGeneration = () => this.#shared("tide");
  /** What the servers sign positions with. */
  positionSecret = () => this.#shared("positions");
  /** Where earlier releases have that: what keeps their servers away is there now, see schema_begin.lua. */
  guards = () =>
    ["leases", "ids", "names", "since", "tide", "positions"].map((name) => `${this.#prefix}{servers}:${name}`);

  /** There while no server has to look for messages that are to be forgotten. */
  trimmed = () => `${this.#prefix}{servers}:trimmed`;

  /** There while append-only files have something that was deleted, and while they were rewritten just now. */
  aofDue = () => `${this.#prefix}{servers}:aof_due`;
  aofRewritten = () => `${this.#prefix}{servers}:aof_rewritten`;

  /** What the doctor tries commands with. */
  trial = () => `${this.#prefix}{doctor}:trial`;
  trialChannel = () => `${this.#channels}{doctor}`;

  /** Every invitation's key as a pattern. */
  allInvitations = () => `${escaped(this.#prefix)}{invitation:*}:invitation`;
  /** Every account's key as a pattern, and whose one is. */
  accounts = () => `${escaped(this.#prefix)}{user:*}:account`;
  userOf = (account: string) => account.slice(this.#prefix.length + "{user:".length, -"}:account".length);
  /** Every topic's meta as a pattern, and which topic's one is. */
  metas = () => `${escaped(this.#prefix)}{*:meta`;
  /** Every room's meta as a pattern. */
  roomMetas = () => `${escaped(this.#prefix)}{room:*}:meta`;
  /** Every room's record as a pattern. */
  records = () => `${escaped(this.#prefix)}{room:*}:record`;
  topicOf = (meta: string) =>
    meta.slice(this.#prefix.length, -":meta".length).replace(/^\{inbox:(.*)\}:sent$/, "{sent:$1}").slice(
      1,
      -1,
    ) as Topic;

  /** Patterns of all sessions, of all tokens of sessions without a device, of all writers, and of all servers' lists. */
  sessions = () => `${escaped(this.#prefix)}{user:*}:session*`;
  ownTokens = () => `${escaped(this.#prefix)}{user:*}:tokens`;
  allWriters = () => [`${escaped(this.#prefix)}{room:*}:members`, `${escaped(this.#prefix)}{*}:writers`];
  allServerSessions = () => `${escaped(this.#prefix)}{server:*}:sessions`;
  /** What stands in the braces of a key: a topic, or behind a colon which user or which server's run. */
  tagOf = (key: string) => key.slice(this.#prefix.length + 1, key.lastIndexOf("}"));

  networkBans = () => `${this.#prefix}{bans}`;

  topicChannel = (topic: Topic) => `${this.#channels}${slotAndName(topic)}`;
  serverChannel = (id: string) => `${this.#channels}{server:${id}}`;

  /** What servers have in common goes by the schema, so that those of an earlier release have nothing in common with them. */
  #shared = (name: string) => `${this.#prefix}{servers}:v${schemaVersion}:${name}`;
}

/** What follows the name of a key that a device has of its own. */
function behind(device: string): string {
  return device === "" ? "" : `:${device}`;
}

/** The name of a session in lists of sessions: its user's, and its device's behind a slash. */
export function sessionField({ user, device }: { readonly user: string; readonly device: string }): string {
  return device === "" ? user : `${user}/${device}`;
}

/** User and device that {@linkcode sessionField} names. */
export function fromSessionField(field: string): { user: string; device: string } {
  const slash = field.indexOf("/");
  return slash < 0 ? { user: field, device: "" } : { user: field.slice(0, slash), device: field.slice(slash + 1) };
}

/** A topic's slot, and its name there: what a user sent is in the slot of the user's inbox, so that talks have both. */
function slotAndName(topic: Topic): string {
  return topic.startsWith("sent:") ? `{inbox:${topic.slice("sent:".length)}}:sent` : `{${topic}}`;
}

/** A text that stands for itself in a pattern. */
function escaped(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, "\\$&");
}

/** Redis' flat pairs as an object. */
export function fromPairs(pairs: unknown): Record<string, string> {
  const flat = pairs as string[];
  const object: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) object[flat[i]] = flat[i + 1];
  return object;
}
