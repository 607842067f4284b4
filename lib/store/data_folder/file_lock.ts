import { DatabaseSync } from "node:sqlite";

/** How long another process may need to close the database, in milliseconds. */
const busyMs = 1_000;

/**
 * The right to be the one process that has a database: an advisory lock on a file beside it, which dies with the process.
 *
 * SQLite's own exclusive lock would keep the process's other connection out as well.
 */
export class FileLock implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * The lock file becomes the database's owner's, as SQLite does with its own: else a server could not take the lock after
   * root has looked after its data.
   *
   * @param database the database file
   * @throws {Error} `the file is locked`, where another process has it; or that the file beside it cannot be made
   */
  static take(database: string): FileLock {
    const path = `${database}-lock`;
    const file = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
    shareOwner(database, path);
    try {
      if (!file.tryLockSync(true)) throw new Error("the file is locked");
      assertUnused(database);
      return new FileLock(file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Asks SQLite as well whether another process has the database open: somebody may have deleted the lock's file.
 *
 * Asked by a connection of its own, since one that was exclusive stays so.
 *
 * @throws {Error} `database is locked`, where one has
 */
function assertUnused(path: string): void {
  if (isEmpty(path)) return; // nobody has made it yet, and asking would
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${busyMs}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT`);
  } finally {
    database.close();
  }
}

function isEmpty(path: string): boolean {
  try {
    return Deno.statSync(path).size === 0;
  } catch {
    return true;
  }
}

/** Gives a file to whom another belongs, where this process may. */
function shareOwner(from: string, path: string): void {
  try {
    const [{ uid, gid }, own] = [Deno.statSync(from), Deno.statSync(path)];
    if (uid !== own.uid || gid !== own.gid) Deno.chownSync(path, uid, gid);
  } catch {
    // There is no database yet, or only root may: who opens the file next says what is wrong with it.
  }
}
