import { dirname } from "node:path";
import { maxHistory } from "../terminal/editor.ts";
import { looksLikeLogin } from "../terminal/secrets.ts";

/** The file may hold more lines than are kept, until it is next opened. */
const maxLines = 4 * maxHistory;

/**
 * Typed lines that are kept between runs, in a file that only its owner may read.
 *
 * Each is a JSON string on a line of its own, appended as it is typed, so that several clients can share the file. A
 * file that cannot be read or written is no history, and no fault.
 */
export class HistoryFile {
  readonly #path: string | undefined;

  /** @param path undefined for none */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** The lines of earlier runs, the oldest first; without those that an earlier release should not have kept. */
  read(): string[] {
    if (this.#path === undefined) return [];
    try {
      const all = Deno.readTextFileSync(this.#path).split("\n").filter((line) => line !== "");
      const parsed = all.flatMap(parse);
      const open = parsed.filter((line) => !looksLikeLogin(line));
      const lines = open.slice(-maxHistory);
      if (all.length > maxLines || open.length < parsed.length) this.#replace(lines);
      return lines;
    } catch {
      return [];
    }
  }

  /** Keeps a line, unless it looks like a login. */
  add(line: string): void {
    if (this.#path === undefined || line.trim() === "" || looksLikeLogin(line)) return;
    try {
      Deno.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      Deno.writeTextFileSync(this.#path, JSON.stringify(line) + "\n", { append: true, create: true, mode: 0o600 });
    } catch {
      // not kept, then
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
