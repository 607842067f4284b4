import { join } from "node:path";
import { readPrivate, removePrivate, writePrivate } from "../base/private_file.ts";

/** How long after a change a draft is written, in milliseconds: so much typing is lost at the most. */
const writeMs = 1_000;

/** Where drafts are kept, and what may be in them. */
export interface DraftOptions {
  /** Undefined for nowhere. */
  readonly folder: string | undefined;
  /** The server as people write it. */
  readonly server: string;
  /** Whether a text holds no secret. */
  readonly mayKeep: (text: string) => boolean;
}

/**
 * The line that is being typed, kept in a private file until it is sent, so that it survives the end of the program,
 * however that comes. A file that cannot be read or written is no draft, and no fault.
 */
export class Draft {
  readonly #options: DraftOptions;
  #path: string | undefined;
  #text = "";
  /** What the file holds; empty for none. */
  #kept = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: DraftOptions) {
    this.#options = options;
  }

  /** Begins to keep a user's drafts. @returns what an earlier run of the program has left; empty where nothing is */
  open(user: string): string {
    const { folder, server } = this.#options;
    if (folder === undefined) return "";
    const path = join(folder, "drafts", encodeURIComponent(`${user}@${server}`.toLowerCase()));
    if (path === this.#path) return "";
    this.#path = path;
    try {
      return this.#kept = readPrivate(path) ?? "";
    } catch {
      return "";
    }
  }

  /** Takes the line as it is now. One that was sent or given up is forgotten at once. */
  take(text: string): void {
    this.#text = text;
    if (this.#path === undefined || text === this.#kept) return;
    if (text === "") this.save();
    else this.#timer ??= setTimeout(() => this.save(), writeMs);
  }

  /** Writes it now. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const wanted = this.#options.mayKeep(this.#text) ? this.#text : "";
    if (this.#path === undefined || wanted === this.#kept) return;
    try {
      if (wanted === "") removePrivate(this.#path);
      else writePrivate(this.#path, wanted);
      this.#kept = wanted;
    } catch {
      // not kept, then
    }
  }
}
