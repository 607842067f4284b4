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
  /** Another program than `client.ts`, in TypeScript, with the client's permissions. */
  readonly program?: string;
  /** A demo account's unless it is named; an empty one is asked for. */
  readonly password?: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The client's command line.
 *
 * `CHAT_BINARY` in the environment names a compiled client to start instead of the sources.
 *
 * @returns its words, beginning with `env`
 */
export function clientCommand(start: Omit<ClientStart, "columns" | "rows">): string[] {
  const { port, caFile, user, state, flags = [], program, password = "1", env } = start;
  const binary = program === undefined ? Deno.env.get("CHAT_BINARY") : undefined;
  const source = program ?? join(root, "client.ts");
  const command = binary
    ? [binary]
    : [Deno.execPath(), "run", "--config", join(root, "deno.json"), "-P=client", source];
  const variables = Object.entries({
    XDG_STATE_HOME: state,
    XDG_CONFIG_HOME: "/nonexistent",
    CHAT_PASSWORD: password,
    TZ: "UTC",
    NO_COLOR: "",
    ...env,
  }).map(([name, value]) => `${name}=${value}`);
  return ["env", ...variables, ...command, "--ca", caFile, "--user", user, ...flags, `localhost:${port}`];
}

/** A word for a shell, or for tmux's own parser. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
