/** Whether there is room on the disk of a database. SQLite does not always tell: a disk that is full is an I/O error too. */

import { dirname, join } from "node:path";
import { messageOf } from "../../common/errors.ts";

/** So much is to be free for what is stored next, in bytes: less would take a short message and no more. */
const room = new Uint8Array(65_536);

/** Writes as much as is to be free, and takes it away again. @throws {Error} where there is less */
export function writeBeside(database: string): void {
  const path = join(dirname(database), ".probe");
  try {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      for (let rest = room.subarray(); rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
    } finally {
      file.close();
      Deno.removeSync(path);
    }
  } catch (cause) {
    throw new Error(`${dirname(database)} takes no file of 64 KiB: ${messageOf(cause)}`, { cause });
  }
}

/** What is behind an error of SQLite: that the disk is full, where it is. */
export function behind(error: unknown, database: string): unknown {
  if (!/disk I\/O error/.test(messageOf(error))) return error;
  try {
    writeBeside(database);
    return error;
  } catch (full) {
    return full;
  }
}
