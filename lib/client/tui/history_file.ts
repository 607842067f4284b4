import { dirname } from "node:path";
import { reasonOf } from "../../common/errors.ts";
import { readTextFile } from "../../common/text_file.ts";
import { ensureFolder } from "../base/private_file.ts";
import { maxHistory } from "../terminal/editor.ts";
import { looksLikeLogin } from "../terminal/secrets.ts";

/** The file may hold more lines than are kept, until it is next opened. */
const maxLines = 4 * maxHistory;

/**
 * Typed lines that are kept between runs, in a file that only its owner may read.
 *
 * Each is a JSON string on a line of its own, appended as it is typed, so that several clients can share the file. A
 * file that cannot be read is no history.
 */
export class HistoryFile {
  readonly #path: string | undefined;
  #failed = false;

  /** @param path undefined for none */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** The lines of earlier runs, the oldest first; without those that an earlier release should not have kept. */
  read(): string[] {
    if (this.#path === undefined) return [];
    try {
      const all = readTextFile(this.#path).split("\n").filter((line) => line !== "");
      const parsed = all.flatMap(parse);
      const open = parsed.filter((line) => !looksLikeLogin(line));
      const lines = open.slice(-maxHistory);
      if (all.length > maxLines || open.length < parsed.length) this.#replace(lines);
      return lines;
    } catch {
      return [];
    }
  }

  /**
   * Keeps a line, unless it looks like a login.
   *
   * @returns what a person is to be told where it cannot be kept, the first time
   */
  add(line: string): string | undefined {
    if (this.#path === undefined || line.trim() === "" || looksLikeLogin(line)) return undefined;
    try {
      ensureFolder(dirname(this.#path));
      Deno.writeTextFileSync(this.#path, JSON.stringify(line) + "\n", { append: true, create: true, mode: 0o600 });
    } catch (cause) {
      if (this.#failed) return undefined;
      this.#failed = true;
      return `What you type is not kept for the next time: ${this.#path} cannot be written: ${reasonOf(cause)}`;
    }
  }

  #replace(lines: readonly string[]): void {
    const fresh = `${this.#path}.${Deno.pid}`;
    Deno.writeTextFileSync(fresh, lines.map((line) => JSON.stringify(line) + "\n").join(""), { mode: 0o600 });
    Deno.renameSync(fresh, this.#path!);
  }
}

function parse(line: string): string[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "string" ? [value] : [];
  } catch {
    return [];
  }
}
