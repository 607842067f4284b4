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
    if (file.tryLockSync(true)) return new FileLock(file);
    file.close();
    throw new Error("the file is locked");
  }

  [Symbol.dispose](): void {
    this.#file.close();
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
