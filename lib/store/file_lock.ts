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
   * @param database the database file
   * @throws {Error} `the file is locked`, where another process has it; or that the file beside it cannot be made
   */
  static take(database: string): FileLock {
    const file = Deno.openSync(`${database}-lock`, { write: true, create: true, mode: 0o600 });
    if (file.tryLockSync(true)) return new FileLock(file);
    file.close();
    throw new Error("the file is locked");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
