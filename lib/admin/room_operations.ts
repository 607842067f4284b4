import type { RecordChange, RoomRecord } from "../store/room_records.ts";
import type { Store } from "../store/store.ts";
import { cleanLine } from "../wire/clean.ts";
import { fold, isRoom, lobby, roomTopic } from "../wire/names.ts";
import { AdminError, done, type Given, knownAccount, orderMs, textOf } from "./given.ts";

/** By what name an operator changes a room's record: nobody can register it. */
const operator = "operator";

/** How often a change is made anew, where others change the record meanwhile. */
const maxTries = 20;

/** What an operator can do to rooms and to what is reported of them. See {@linkcode operations}. */
export const roomOperations: Readonly<Record<string, (store: Store, given: Given) => AsyncIterable<unknown>>> = {
  async *"rooms show"(store, given) {
    const room = await knownRoom(store, given);
    const record = await store.records.read(room);
    yield {
      room,
      owner: record.owner ?? null,
      moderators: record.moderators.join(" "),
      private: record.private,
      topic: cleanLine(record.topic),
      slow_seconds: record.slowSeconds,
      banned: record.banned.join(" "),
      muted: [...record.muted.values()].map(({ user }) => user).sort().join(" "),
      listed: [...record.listed].sort().join(" "),
      invited: [...record.invited.values()].map(({ user }) => user).sort().join(" "),
    };
  },

  async *"rooms set-owner"(store, given) {
    const room = await knownRoom(store, given);
    if (given.user === undefined) {
      await change(store, room, () => ({ kind: "owner", user: "", by: operator }));
      return yield done(`${room} belongs to the moderators of the service`);
    }
    const { name: user } = await knownAccount(store, given);
    await change(store, room, () => ({ kind: "owner", user, by: operator }));
    yield done(`${user} owns ${room}`);
  },

  async *"rooms private"(store, given) {
    const room = await knownRoom(store, given);
    const wanted = textOf(given, "on|off");
    if (wanted !== "on" && wanted !== "off") throw new AdminError(`${JSON.stringify(wanted)} is neither on nor off`);
    if (wanted === "on" && room === lobby) throw new AdminError(`Everybody starts in ${lobby}: it cannot be private`);
    await change(store, room, () => ({ kind: "private", on: wanted === "on", by: operator }));
    yield done(`${room} is ${wanted === "on" ? "private" : "public"}`);
  },

  async *"rooms delete"(store, given) {
    const room = await knownRoom(store, given);
    if (room === lobby) throw new AdminError(`Everybody starts in ${lobby}: it cannot be deleted`);
    const removed = await removeAll(store, room);
    await clearRecord(store, room);
    const messages = await store.admin.purge(room, 0);
    yield done(`removed ${removed} users from ${room}, forgot ${messages} messages, and what was decided of it`);
  },

  async *reports(store) {
    for (const { id, time, room, by, user, reason, messages } of await store.reports.list()) {
      const said = messages.map(({ text }) => cleanLine(text)).join(" / ");
      yield { report: id, time: new Date(time).toISOString(), room, user, by, reason: cleanLine(reason), said };
    }
  },

  async *"reports close"(store, given) {
    const id = Number(textOf(given, "report"));
    if (!Number.isSafeInteger(id) || !await store.reports.close(id)) {
      throw new AdminError(`There is no report ${JSON.stringify(given.report)} that is open`);
    }
    yield done(`closed report ${id}`);
  },

  async *announce(store, given) {
    const text = cleanLine(textOf(given, "text")).trim();
    if (text === "") throw new AdminError("text is missing");
    const reports = await store.admin.order({ do: "announce", text }, orderMs);
    if (reports.length === 0) throw new AdminError("No server is running");
    for (const { server, done: what = [], failed } of reports) {
      for (const line of failed === undefined ? what : [failed]) yield done(`${server}: ${line}`);
    }
  },
};

/** Takes everybody out of a room who is in it with a session, or comes back to it. @returns how many that were */
async function removeAll(store: Store, room: string): Promise<number> {
  const users = new Map((await store.sessions.members(room)).map((user) => [fold(user), user]));
  for await (const { name, rooms = [] } of store.admin.accounts()) {
    if (rooms.includes(room)) users.set(fold(name), name);
  }
  for (const user of users.values()) {
    await change(store, room, () => ({ kind: "kick", user, reason: "the room was deleted", by: operator }));
    await Promise.all([store.sessions.forgetRoom(user, room), store.marks.forget(user, roomTopic(room))]);
  }
  return users.size;
}

/** Undoes all that was decided of a room, so that it is forgotten as any other when nobody comes back. */
async function clearRecord(store: Store, room: string): Promise<void> {
  for (let next; (next = undoing(await store.records.read(room))) !== undefined;) {
    const step = next;
    await change(store, room, (record) => undoing(record) ?? step);
  }
}

/** A change that undoes something that was decided; undefined where there is nothing left. */
function undoing({ owner, private: isPrivate, topic, slowSeconds, ...record }: RoomRecord): RecordChange | undefined {
  const by = operator;
  if (owner !== undefined) return { kind: "owner", user: "", by };
  if (isPrivate) return { kind: "private", on: false, by };
  if (topic !== "") return { kind: "topic", text: "", by };
  if (slowSeconds > 0) return { kind: "slow", seconds: 0, by };
  const [moderator] = record.moderators;
  if (moderator !== undefined) return { kind: "deop", user: moderator, by };
  const [banned] = record.banned;
  if (banned !== undefined) return { kind: "unban", user: banned, by };
  const [muted] = record.muted.values();
  if (muted) return { kind: "unmute", user: muted.user, by };
  const [invited] = record.invited.values();
  return invited && { kind: "uninvite", user: invited.user, by };
}

/** @throws {AdminError} where there is no such room */
async function knownRoom(store: Store, given: Given): Promise<string> {
  const room = fold(textOf(given, "room"));
  const there = isRoom(room) &&
    (room === lobby || await store.rooms.find(room) || (await store.records.read(room)).revision > 0);
  if (!there) throw new AdminError(`There is no room ${JSON.stringify(given.room)}`);
  return room;
}

/** Changes a record. @throws {AdminError} where others change it all the time */
async function change({ records }: Store, room: string, step: (record: RoomRecord) => RecordChange): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const record = await records.read(room);
    if (await records.change(room, record.revision, step(record))) return;
  }
  throw new AdminError(`The record of ${room} is being changed by others all the time; try again`);
}
