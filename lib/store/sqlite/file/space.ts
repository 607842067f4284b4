import type { DatabaseSync } from "node:sqlite";
import type { Checkpoints } from "./checkpoints.ts";
import { guarded } from "./database.ts";

/** How many free pages stay in the file, to be used again. */
const sparePages = 128;

/** How many free pages are given back in one turn of the event loop. */
const pieceSize = 64;

/**
 * The file's room: what was deleted is used again, and what is free beyond that goes back to the disk. A file that an
 * earlier release made only does the first.
 */
export class FileSpace {
  readonly #database: DatabaseSync;
  readonly #checkpoints: Pick<Checkpoints, "truncate">;
  readonly #shrinks: boolean;

  constructor(database: DatabaseSync, checkpoints: Pick<Checkpoints, "truncate">) {
    this.#database = database;
    this.#checkpoints = checkpoints;
    this.#shrinks = database.prepare("PRAGMA auto_vacuum").get()!.auto_vacuum === 2;
  }

  /**
   * Gives free pages back, a few at a time.
   *
   * @param deleted whether something was deleted that is to leave the write-ahead log as well
   */
  async giveBack(deleted: boolean): Promise<void> {
    while (this.#shrinks && this.#freePages() >= sparePages + pieceSize) {
      guarded(() => this.#database.exec(`PRAGMA incremental_vacuum(${pieceSize})`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (deleted) await this.#checkpoints.truncate();
  }

  #freePages(): number {
    return guarded(() => this.#database.prepare("PRAGMA freelist_count").get()!.freelist_count as number);
  }
}
