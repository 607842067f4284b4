/** The client as a person starts it on a terminal. */

import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");

/** How a client is started. */
export interface ClientStart {
  readonly port: number;
  readonly caFile: string;
  readonly user: string;
  /** Where it keeps what it remembers. */
  readonly state: string;
  readonly columns: number;
  readonly rows: number;
  readonly flags?: readonly string[];
}

/**
 * The client's command line, logged in with a demo account's password.
 *
 * `CHAT_BINARY` in the environment names a compiled client to start instead of the sources.
 *
 * @returns its words, beginning with `env`
 */
export function clientCommand({ port, caFile, user, state, flags = [] }: Omit<ClientStart, "columns" | "rows">) {
  const binary = Deno.env.get("CHAT_BINARY");
  const program = binary
    ? [binary]
    : [Deno.execPath(), "run", "--config", join(root, "deno.json"), "-P=client", join(root, "client.ts")];
  const env = [`XDG_STATE_HOME=${state}`, "XDG_CONFIG_HOME=/nonexistent", "CHAT_PASSWORD=1", "TZ=UTC", "NO_COLOR="];
  return ["env", ...env, ...program, "--ca", caFile, "--user", user, ...flags, `localhost:${port}`];
}

/** A word for a shell, or for tmux's own parser. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
