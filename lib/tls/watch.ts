import { messageOf } from "../common/errors.ts";
import { getLog } from "../observability/log.ts";
import { CertificateError } from "./authority.ts";
import { type CertificatePaths, type Certificates, loadCertificates } from "./certificates.ts";

/** What is watched, and for whom. */
export interface WatchOptions {
  /** Where the files are; asked each time. */
  paths(): CertificatePaths;
  /** What is in use. */
  readonly current: Certificates;
  /** Puts another one into use. @throws {Error} where that is refused: then nothing has changed */
  use(certificates: Certificates): Promise<void>;
  /** How often the files are looked at, in milliseconds; 400 by default. */
  readonly everyMs?: number;
}

const log = getLog("tls");

/**
 * Certificates that are replaced while a server runs: new files are noticed, checked, and handed over.
 *
 * 1. Files that were replaced are in use within a second, however they were: written over, renamed, or behind a link
 *    that points elsewhere (as certbot and Kubernetes do it).
 * 2. A pair that cannot be served (unreadable, not belonging together, expired, refused by the TLS library) is one line
 *    in the log, and what was in use stays in use. A pair of which only half is there yet is waited for.
 */
export class CertificateWatch implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #current: Certificates;
  /** The files as they were when they were last read. */
  #seen: Stamp;
  /** The files that did not go together at the last look, and may not be all there yet. */
  #doubtful: string | undefined;
  /** What was refused last, and why. */
  #told: string | undefined;
  #work: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#current = options.current;
    this.#seen = stampOf(options.paths());
    this.#timer = setInterval(() => {
      if (!this.#busy) this.#inTurn(() => this.#look());
    }, options.everyMs ?? 400);
  }

  /** What is in use. */
  get current(): Certificates {
    return this.#current;
  }

  /**
   * Reads the files now, whether they look changed or not.
   *
   * @returns whether they hold another certificate, which is then in use
   * @throws {Error} where it is refused, once that is logged
   */
  async check(): Promise<boolean> {
    const before = this.#current;
    let refusal: unknown;
    await this.#inTurn(async () => {
      refusal = await this.#take(stampOf(this.#options.paths()));
    });
    if (refusal !== undefined) throw refusal;
    return this.#current !== before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy = true;
    const run: Promise<void> = this.#work.then(work).finally(() => {
      if (this.#work === run) this.#busy = false;
    });
    return this.#work = run;
  }

  async #look(): Promise<void> {
    const now = stampOf(this.#options.paths());
    if (now.text === this.#seen.text && !this.#seen.fresh) return;
    const waited = now.text === this.#doubtful;
    this.#doubtful = now.text;
    await this.#take(now, waited ? "again" : "first");
  }

  /**
   * @param look `first`, where a pair that is wrong may be one that is being written; `again`, where it was waited for;
   *   `asked`, where somebody wants to be told
   * @returns why the pair was refused, if it was
   */
  async #take(now: Stamp, look: "first" | "again" | "asked" = "asked"): Promise<unknown> {
    let refusal: unknown;
    const { paths, use } = this.#options;
    try {
      const next = loadCertificates(paths());
      if (next.fingerprint !== this.#current.fingerprint || next.cert !== this.#current.cert) {
        if (next.notAfter < new Date()) {
          throw new CertificateError(`${paths().certFile} expired on ${next.notAfter.toISOString().slice(0, 10)}`);
        }
        await use(next);
        this.#current = next;
        log.info("certificate_renewed", { files: next.files, fingerprint: next.fingerprint, until: next.notAfter });
      }
    } catch (error) {
      if (look === "first") return undefined;
      refusal = error;
      const reason = messageOf(error);
      const told = `${now.text}\n${reason}`; // fresh files are looked at once more
      if (look === "asked" || told !== this.#told) {
        log.error("certificate_refused", { reason, kept: this.#current.fingerprint, until: this.#current.notAfter });
      }
      this.#told = told;
    }
    this.#seen = now;
    this.#doubtful = undefined;
    return refusal;
  }
}

/** What tells files from those that replaced them. */
interface Stamp {
  readonly text: string;
  /** Whether they were written so shortly before that another write may leave the same text. */
  readonly fresh: boolean;
}

/** A clock's step and the writing of two files, with some room, in milliseconds. */
const freshMs = 1_000;

function stampOf({ certFile, keyFile }: CertificatePaths): Stamp {
  let changed = 0;
  const lines = [certFile, keyFile].map((path) => {
    try {
      const { mtime, size, ino, dev } = Deno.statSync(path);
      changed = Math.max(changed, mtime?.getTime() ?? 0);
      return [path, mtime?.getTime(), size, ino, dev].join(" ");
    } catch (error) {
      return `${path} ${error instanceof Error ? error.name : error}`;
    }
  });
  return { text: lines.join("\n"), fresh: Date.now() - changed < freshMs };
}
