/** The gate of commands that a room's record decides about. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { moderationCommands } from "../../../lib/server/commands/rooms/moderation.ts";
import type { Caller, Services } from "../../../lib/server/registry/command.ts";
import type { RecordChange, RoomRecord } from "../../../lib/store/room_records.ts";
import { test } from "../../support/declare.ts";

const empty = {
  ...{ revision: 1, owner: "a", moderators: ["b"], private: false, topic: "", slowSeconds: 0, banned: [] },
  ...{ muted: new Map(), listed: new Set<string>(), invited: new Map(), removed: new Map() },
} satisfies RoomRecord;

/** Has b ban c, with a store whose record is each of these in turn. */
async function banWith(...records: readonly [RoomRecord, ...RoomRecord[]]) {
  const made: [number, RecordChange][] = [];
  const told: RecordChange[] = [];
  const left = [...records];
  const services = {
    store: {
      accounts: { find: (name: string) => Promise.resolve({ name, role: "user" }) },
      records: {
        read: () => Promise.resolve(left[0]),
        change(_room: string, revision: number, change: RecordChange) {
          if (left.length > 1) return Promise.resolve(void left.shift()); // another change came first
          made.push([revision, change]);
          return Promise.resolve({ ...left[0], revision: revision + 1 });
        },
      },
    },
    rooms: {
      changed: (_room: string, _record: RoomRecord, change: RecordChange) => Promise.resolve(told.push(change)),
    },
  } as unknown as Services;
  const session = { user: "b", side: false, room: "general", isIn: () => true, roomsChanging: false };
  const ban = moderationCommands.find(({ name }) => name === "ban")!;
  const values: Record<string, unknown> = { user: "c" };
  const outcome = await ban.run({ session } as unknown as Caller, values, services)
    .catch((error) => error instanceof ChatError ? error.code : Promise.reject(error));
  return { outcome, made, told, room: values.room };
}

const ban = { kind: "ban", user: "c", reason: "", by: "b" };

test("defineRoomCommand() makes a change once, at the revision that it was decided by, and tells of it", async () => {
  const { outcome, made, told, room } = await banWith(empty);
  assert.deepEqual(outcome, { reply: { of: "ban", room: "general", user: "c" } });
  assert.deepEqual(made, [[1, ban]]);
  assert.deepEqual(told, [ban]);
  assert.equal(room, "general", "which the audit log is to say");
});

test("defineRoomCommand() decides anew where the record has changed meanwhile", async () => {
  const { made } = await banWith(empty, { ...empty, revision: 2, topic: "plans" });
  assert.deepEqual(made, [[2, ban]]);
});

test("defineRoomCommand() lets nobody act by a right that was taken away meanwhile", async () => {
  const taken: RoomRecord = { ...empty, revision: 2, moderators: [] };
  assert.deepEqual(await banWith(empty, taken), { outcome: "forbidden", made: [], told: [], room: "general" });
  const raised: RoomRecord = { ...empty, revision: 2, moderators: ["b", "c"] };
  assert.deepEqual((await banWith(empty, raised)).outcome, "forbidden", "c has become b's equal");
});

test("defineRoomCommand() gives up where others change the record all the time", async () => {
  const many = Array.from({ length: 100 }, (_, n): RoomRecord => ({ ...empty, revision: n + 2 }));
  assert.deepEqual(await banWith(empty, ...many), {
    outcome: "store_unavailable",
    made: [],
    told: [],
    room: "general",
  });
});
