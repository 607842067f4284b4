import { messageOf } from "../common/errors.ts";
import { lineStream } from "./line_streams.ts";
import { type LineTarget, LineWriter, type LineWriterOptions } from "./line_writer.ts";
import { getLog, stderrLines } from "./log.ts";

/** One thing that was done, or tried. */
export interface AuditRecord {
  /** What: a command's name, such as `login`, `passwd` or `kick`. */
  readonly event: string;
  /** `ok`, or the code of the error that it was refused with. */
  readonly outcome: string;
  /** Who did it, as far as that is known. */
  readonly user?: string | undefined;
  /** To whom, where that is somebody else. */
  readonly target?: string | undefined;
  /** What else is to be known: `address`, `connection`, `server`, `role`, … */
  readonly [detail: string]: unknown;
}

/**
 * The audit log: who logged in, who did not, and what was done to whom; apart from the log that helps to find faults.
 *
 * 1. A record is one JSON line in one write, so that several processes and threads may share a file. After a line that
 *    was torn, by whomever, the next record begins on a line of its own.
 * 2. A file is only ever appended to, is readable by its owner alone when this makes it, and is opened anew by
 *    {@linkcode Audit.reopen}: log rotation moves it away first.
 * 3. No password, no token and no text of a message is in a record; what a record holds is said where it is made.
 * 4. Nobody waits for it. What cannot be written is told to the log once (`audit_failed`) and tried again; `audit_back`
 *    says that it is written. What does not fit into the memory for it meanwhile is lost, and a record `audit_dropped`
 *    says how many lines that was.
 */
export interface Audit extends Disposable {
  /** Writes one record, with the time. */
  record(record: AuditRecord): void;
  /** Opens the file anew, or another one where the configuration has changed. */
  reopen(): void;
}

/** Where records go, and what ends it. */
interface Sink {
  readonly writer: LineWriter;
  close?(): void;
}

const log = getLog("audit");

/**
 * Opens the audit log that the configuration names.
 *
 * @param config read again at each {@linkcode Audit.reopen}
 * @throws {Error} where the file cannot be opened
 *
 * @example
 * ```ts
 * import { openAudit } from "./audit.ts";
 *
 * using audit = openAudit({ auditLog: "off" });
 * audit.record({ event: "login", outcome: "ok", user: "a" });
 * ```
 */
export function openAudit(config: { readonly auditLog: string }, now: () => Date = () => new Date()): Audit {
  const lineOf = (record: AuditRecord) => `${JSON.stringify({ time: now().toISOString(), ...record })}\n`;
  const events: LineWriterOptions = {
    onFailed: (error) => log.error("audit_failed", { reason: messageOf(error) }),
    onBack: () => log.info("audit_back"),
    onDropped: (lines) => {
      log.error("audit_dropped", { lines });
      sink?.writer.write(lineOf({ event: "audit_dropped", outcome: "lost", lines }));
    },
  };
  let sink = open(config.auditLog, events);
  return {
    record: (record) => sink?.writer.write(lineOf(record)),
    reopen() {
      try {
        const fresh = open(config.auditLog, events);
        sink?.close?.();
        sink = fresh;
      } catch (error) {
        log.error("audit_failed", { reason: messageOf(error) });
      }
    },
    [Symbol.dispose]() {
      sink?.close?.();
      sink = undefined;
    },
  };
}

/** How long a file that is given up may still take, in milliseconds. */
const closingMs = 1_000;

function open(target: string, events: LineWriterOptions): Sink | undefined {
  switch (target) {
    case "off":
      return undefined;
    case "stdout":
      return { writer: lineStream("stdout", events) };
    case "stderr":
      return { writer: stderrLines() };
  }
  try {
    const file = openToAppend(target);
    const writer = new LineWriter(file.statSync().isFile ? regular(file) : file, events);
    return { writer, close: () => void writer.flush(closingMs).then(() => file.close()) };
  } catch (cause) {
    throw new Error(`The audit log ${target} cannot be opened: ${messageOf(cause)}`, { cause });
  }
}

/** Opens a file to be read as well: its end tells whether its last line is whole. A pipe needs no reader for that. */
function openToAppend(path: string): Deno.FsFile {
  const appending = { append: true, create: true, mode: 0o600 };
  try {
    return Deno.openSync(path, { ...appending, read: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return Deno.openSync(path, appending);
  }
}

/**
 * A file on a disk takes what is written at once, or says that it cannot. So a record is in it before its client has the
 * answer.
 */
function regular(file: Deno.FsFile): LineTarget {
  const last = new Uint8Array(1);
  return {
    shared: true,
    // deno-lint-ignore require-await
    write: async (bytes) => file.writeSync(bytes),
    writeSync: (bytes) => file.writeSync(bytes),
    torn() {
      try {
        if (file.statSync().size === 0) return false;
        file.seekSync(-1, Deno.SeekMode.End);
        return file.readSync(last) === 1 && last[0] !== 10;
      } catch {
        return false; // it may not be read
      }
    },
  };
}
