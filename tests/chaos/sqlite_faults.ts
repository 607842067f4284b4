/** What can go wrong with the SQLite file, beside the end of the server that has it. */

import { type Kind, ofServer } from "./faults.ts";
import type { SqliteFile } from "./sqlite_file.ts";

/** Every kind, by name. */
export const sqliteKinds = {
  /** The server can write nothing more to its files, or only a little, so that a transaction may fit in part. */
  "disk full": {
    lane: "process",
    lasts: [300, 4_000],
    target: ofServer,
    async begin({ world }, server, prng) {
      const { disk } = world.nodes[server];
      await disk.fill(prng.pick([0, world.store.size + prng.int(0, 40_000)]));
      return () => disk.free();
    },
  },
} as const satisfies Record<string, Kind<SqliteFile>>;
