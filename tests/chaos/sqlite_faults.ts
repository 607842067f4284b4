/** What can go wrong with the SQLite file, beside the end of the server that has it. */

import { type Kind, ofServer, type Stage } from "./faults.ts";
import type { Prng } from "./prng.ts";
import type { SqliteFile } from "./sqlite_file.ts";

/** Every kind, by name. */
export const sqliteKinds = {
  "disk full": {
    lane: "process",
    lasts: [300, 4_000],
    target: ofServer,
    async begin(stage, server, prng) {
      await fill(stage, server, prng);
      return () => stage.world.nodes[server].disk.free();
    },
  },
  /** What the server had half written stays in its files. */
  "server killed on a full disk": {
    lane: "process",
    lasts: [300, 3_000],
    target: ofServer,
    async begin(stage, server, prng) {
      await fill(stage, server, prng);
      return async () => {
        await stage.world.nodes[server].kill();
        await stage.world.nodes[server].start();
      };
    },
  },
} as const satisfies Record<string, Kind<SqliteFile>>;

/** Lets a server write nothing more to its files, or only a little, so that a transaction may fit in part. */
async function fill({ world }: Stage<SqliteFile>, server: number, prng: Prng): Promise<void> {
  await world.nodes[server].disk.fill(prng.pick([0, world.store.size + prng.int(0, 40_000)]));
}
