import { join } from "node:path";
import type { ServerAddress } from "../base/address.ts";
import { formatServer } from "../base/address.ts";
import { ClientError } from "../base/exit.ts";
import { readPrivate, removePrivate, writePrivate } from "../base/private_file.ts";

/**
 * What resumes a session without a password, kept from one run of the client to the next.
 *
 * Each user of each server has a file of their own, so that two clients do not overwrite each other's.
 */
export class KeptSession {
  readonly #file: string;
  #kept = false;

  /**
   * @param folder where the client remembers things
   * @throws {ClientError} `usage` where there is no such folder
   */
  constructor(folder: string | undefined, user: string, server: ServerAddress) {
    if (folder === undefined) throw new ClientError("usage", "--remember cannot keep anything: HOME is not set");
    const name = `${user}@${formatServer(server)}`.toLowerCase();
    this.#file = join(folder, "sessions", encodeURIComponent(name));
  }

  /** The resume token; undefined where none is kept. */
  read(): string | undefined {
    return readPrivate(this.#file)?.trim() || undefined;
  }

  /**
   * Keeps a token in place of the last one; without one, nothing is kept any more.
   *
   * @throws {ClientError} `usage` when the first one cannot be written; a later one is no reason to end a session
   */
  keep(token: string | undefined): void {
    try {
      if (token === undefined) removePrivate(this.#file);
      else writePrivate(this.#file, token + "\n");
      this.#kept = true;
    } catch (error) {
      if (!this.#kept) throw error;
    }
  }
}
