import type { RecordChange, RoomRecord } from "../../store/room_records.ts";

/** Told of each change of a room's record that a command of this server made, once the store has it. */
export interface RoomChanges {
  /**
   * Does to sessions and readers, here and elsewhere, what the change asks for. When it resolves, the change may be
   * answered.
   */
  changed(room: string, record: RoomRecord, change: RecordChange): Promise<void>;
}
