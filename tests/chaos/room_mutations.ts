/** Ways to break what servers promise about who may be in a room, and who may speak there. */

import type { Mutation } from "./mutation.ts";

/** See the file's first line. */
export const roomMutations: readonly Mutation[] = [
  {
    name: "a room's record is not asked who may speak",
    replacements: [{
      file: "lib/store/redis/scripts/room_gate.lua",
      line: "if ban then return {'banned'}, revision end",
      by: "",
    }, {
      file: "lib/store/redis/scripts/room_gate.lua",
      line: "if out then return {'not_member'}, revision end",
      by: "",
    }, {
      file: "lib/store/redis/scripts/room_gate.lua",
      line: "if not until_ or until_ > now() then return {'muted'}, revision end",
      by: "",
    }],
    faults: ["user sanctioned"],
    seconds: 20,
    finds: ["who may not speak is silent"],
  },
  {
    name: "who was removed from a room goes on reading it",
    replacements: [{
      file: "lib/server/rooms/removals.ts",
      function: "Removals.enforce",
      source: `
        enforce(_room: string, _record: RoomRecord, _changes: readonly RecordNews[]): void {}`,
    }],
    faults: ["user sanctioned"],
    seconds: 20,
    finds: ["who is banned hears nothing"],
  },
];
