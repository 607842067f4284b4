import { join } from "node:path";
import type { ServerAddress } from "../base/address.ts";
import { formatServer } from "../base/address.ts";
import { ClientError } from "../base/exit.ts";
import { readPrivate, removePrivate, writePrivate } from "../base/private_file.ts";

/**
 * What resumes a session without a password, kept from one run of the client to the next.
 *
 * Each user of each server, and each device with a name, has a file of its own, so that two clients do not overwrite each other's.
 */
export class KeptSession {
  readonly #file: string;
  #failed = false;

  /**
   * @param folder where the client remembers things
   * @param device the device that it is on, where it has a name
   * @throws {ClientError} `usage` where there is no such folder
   */
  constructor(folder: string | undefined, user: string, server: ServerAddress, device?: string) {
    if (folder === undefined) throw new ClientError("usage", "--remember cannot keep anything: HOME is not set");
    const account = `${user}@${formatServer(server)}`.toLowerCase();
    const name = device === undefined ? account : `${account} ${device}`;
    this.#file = join(folder, "sessions", encodeURIComponent(name));
  }

  /** The resume token; undefined where none is kept, or it cannot be read: then the password is asked for. */
  read(): string | undefined {
    try {
      return readPrivate(this.#file)?.trim() || undefined;
    } catch (error) {
      if (error instanceof ClientError) return undefined;
      throw error;
    }
  }

  /**
   * Keeps a token in place of the last one; without one, nothing is kept any more. A session goes on without that.
   *
   * @returns why it could not be kept, the first time that it could not
   */
  keep(token: string | undefined): string | undefined {
    try {
      if (token === undefined) removePrivate(this.#file);
      else writePrivate(this.#file, token + "\n");
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (this.#failed) return undefined;
      this.#failed = true;
      return `You will be asked for the password again: ${error.message}`;
    }
  }
}
