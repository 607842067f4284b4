/** What the doctor found about one thing. */

import { storeFailure } from "../store/failure.ts";

/** `fail` is what keeps a server from working; `warn` is what may harm; `skip` could not be looked at. */
export interface Finding {
  readonly subject: string;
  readonly state: "ok" | "warn" | "fail" | "skip";
  /** What is so. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** Who beside its owner may do something with a file or a folder: undefined where nobody may, or it cannot be known. */
export function openToOthers(path: string): string | undefined {
  const { mode } = Deno.statSync(path);
  if (mode === null || Deno.build.os === "windows" || (mode & 0o077) === 0) return undefined;
  return (mode & 0o777).toString(8).padStart(4, "0");
}

/** That the store cannot be used, in the words of the server's own log and readiness. */
export function failing(subject: string, error: unknown): Finding {
  const { reason: text, advice } = storeFailure(error);
  return { subject, state: "fail", text, advice };
}
