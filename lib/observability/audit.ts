import { messageOf } from "../common/errors.ts";
import { getLog } from "./log.ts";

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
 * 1. A record is one JSON line in one write, so that several processes and threads may share a file.
 * 2. A file is only ever appended to, is readable by its owner alone when this makes it, and is opened anew by
 *    {@linkcode Audit.reopen}: log rotation moves it away first.
 * 3. No password, no token and no text of a message is in a record; what a record holds is said where it is made.
 * 4. A record that cannot be written is told to the log and lost: the service goes on.
 */
export interface Audit extends Disposable {
  /** Writes one record, with the time. */
  record(record: AuditRecord): void;
  /** Opens the file anew, or another one where the configuration has changed. */
  reopen(): void;
}

/** A place that takes bytes. */
type Sink = Pick<Deno.FsFile, "writeSync"> & Partial<Disposable>;

const log = getLog("audit");
const encoder = new TextEncoder();

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
  let sink = open(config.auditLog);
  return {
    record(record) {
      if (!sink) return;
      const line = encoder.encode(`${JSON.stringify({ time: now().toISOString(), ...record })}\n`);
      try {
        for (let rest = line; rest.length > 0;) rest = rest.subarray(sink.writeSync(rest));
      } catch (error) {
        log.error("audit_failed", { event: record.event, error });
      }
    },
    reopen() {
      try {
        const fresh = open(config.auditLog);
        sink?.[Symbol.dispose]?.();
        sink = fresh;
      } catch (error) {
        log.error("audit_failed", { event: "reopen", error });
      }
    },
    [Symbol.dispose]() {
      sink?.[Symbol.dispose]?.();
      sink = undefined;
    },
  };
}

function open(target: string): Sink | undefined {
  switch (target) {
    case "off":
      return undefined;
    case "stdout":
    case "stderr":
      return { writeSync: (bytes) => Deno[target].writeSync(bytes) };
  }
  try {
    return Deno.openSync(target, { append: true, create: true, mode: 0o600 });
  } catch (cause) {
    throw new Error(`The audit log ${target} cannot be opened: ${messageOf(cause)}`, {
      cause,
    });
  }
}
