import { join } from "node:path";
import { formatServer, type ServerAddress } from "../base/address.ts";
import { ClientError } from "../base/exit.ts";
import { readPrivate, writePrivate } from "../base/private_file.ts";

/** A SHA-256 as `openssl x509 -fingerprint -sha256` prints it. */
const fingerprintForm = /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/;

/** Stands in a fingerprint's place. */
const vouched = "vouched";

/**
 * The certificates that a person has agreed to trust, a line a server: `host:port SHA-256-fingerprint`; and the servers
 * for which an authority of everybody's has vouched: `host:port vouched`.
 *
 * The file is read at each question, so that what another client remembers or forgets holds here as well.
 */
export class KnownServers {
  readonly #file: string | undefined;

  /** @param folder where the file is; undefined where nothing can be remembered */
  constructor(folder: string | undefined) {
    this.#file = folder && join(folder, "known_servers");
  }

  /** The fingerprint that is remembered; undefined where the server is not known. */
  find(server: ServerAddress): string | undefined {
    const fingerprint = this.#wordOf(server);
    if (fingerprint === undefined || fingerprint === vouched) return undefined;
    if (fingerprintForm.test(fingerprint)) return fingerprint;
    // Passing over it would mean to ask anew, which is what somebody would want who changed it.
    throw new ClientError("usage", `The line for ${keyOf(server)} in ${this.#file} holds no SHA-256 fingerprint`);
  }

  /** Whether an authority has vouched for the server before. */
  isVouchedFor(server: ServerAddress): boolean {
    return this.#wordOf(server) === vouched;
  }

  /** Remembers that an authority has vouched for the server, where something can be remembered. */
  rememberVouched(server: ServerAddress): void {
    try {
      this.remember(server, vouched);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
    }
  }

  /**
   * Remembers a server in place of what was known of it.
   *
   * @throws {ClientError} `usage` when it cannot be written
   */
  remember(server: ServerAddress, fingerprint: string): void {
    const others = this.#lines().filter((line) => nameOf(line) !== keyOf(server));
    this.#write([...others, `${keyOf(server)} ${fingerprint}`]);
  }

  /** @returns whether it was known */
  forget(server: ServerAddress): boolean {
    const lines = this.#lines();
    const others = lines.filter((line) => nameOf(line) !== keyOf(server));
    if (others.length === lines.length) return false;
    this.#write(others);
    return true;
  }

  /** What stands behind the server's name; undefined where it is not known. */
  #wordOf(server: ServerAddress): string | undefined {
    const found = this.#lines().find((line) => nameOf(line) === keyOf(server));
    return found && (found.trim().split(/\s+/)[1] ?? "");
  }

  #lines(): string[] {
    const text = this.#file === undefined ? undefined : readPrivate(this.#file);
    return text?.split(/\r?\n/).filter((line) => line.trim() !== "") ?? [];
  }

  #write(lines: readonly string[]): void {
    if (this.#file === undefined) throw new ClientError("usage", "Nothing can be remembered: HOME is not set");
    writePrivate(this.#file, lines.map((line) => line + "\n").join(""));
  }
}

/** Host names do not distinguish case. */
function keyOf({ host, port }: ServerAddress): string {
  return formatServer({ host: host.toLowerCase(), port });
}

/** The server that a line is about; no server's name where it is a comment. */
function nameOf(line: string): string {
  return line.trim().split(/\s/, 1)[0].toLowerCase();
}
