import type { Audit } from "../../observability/audit.ts";
import { ChatError } from "../../common/errors.ts";
import { getLog, type Log, type Properties } from "../../observability/log.ts";
import type { Peer } from "../../limits/peer.ts";
import type { CommandSpec } from "../registry/command.ts";
import type { RefusalLog } from "./refusal_log.ts";

/** The arguments that may be written. */
const told = [
  "role",
  "room",
  "reason",
  "for",
  "on",
  "side",
  "public",
  "device",
  "do",
  "name",
  "scopes",
  "topic",
  "seq",
] as const;

const log = getLog("server", "session");

/** Ports of a connection's log. */
export interface ConnectionLogOptions {
  readonly audit: Audit | undefined;
  readonly now: () => number;
  /** Which refused attempts to log in are written; all of them without it. */
  readonly refusals?: RefusalLog;
}

/**
 * What the logs say of one connection: each of its lines carries the connection's id, from its coming to its end.
 *
 * Of a command's arguments, those that {@linkcode told} names are written, and no others: no password, no token and no
 * message can come in that way.
 */
export class ConnectionLog {
  readonly #log: Log;
  readonly #audit: Audit | undefined;
  readonly #peer: { readonly connection: string; readonly address: string };
  readonly #server: string;
  readonly #since: number;
  readonly #now: () => number;

  readonly #network: string;
  readonly #refusals: RefusalLog | undefined;

  constructor(server: string, connection: string, { address, network }: Peer, options: ConnectionLogOptions) {
    const { audit, now, refusals } = options;
    this.#network = network;
    this.#refusals = refusals;
    this.#log = log.with({ connection });
    this.#audit = audit;
    this.#peer = { connection, address };
    this.#server = server;
    this.#now = now;
    this.#since = now();
    this.#log.debug("client_connected", { address });
  }

  /**
   * A command was carried out, or refused; what is not audited is passed over.
   *
   * @param user who is logged in, or was before the command
   * @param error what it was refused with
   */
  ran(
    command: CommandSpec,
    values: Readonly<Record<string, unknown>>,
    user: string | undefined,
    error?: unknown,
  ): void {
    if (!command.audited) return;
    const omitted = command.who === "guest" && this.#refusals
      ? this.#refusals.write(this.#network, error !== undefined)
      : 0;
    if (omitted === undefined) return;
    const outcome = error === undefined ? "ok" : error instanceof ChatError ? error.code : "internal";
    const named = typeof values.user === "string" ? values.user : undefined;
    const who: Record<string, unknown> = command.who === "guest" ? { user: user ?? named } : { user, target: named };
    const details = told.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]);
    const properties: Properties = {
      outcome,
      ...clean(who),
      ...Object.fromEntries(details),
      ...(omitted === 0 ? {} : { omitted }),
    };
    this.#log.info(command.name, { ...properties, address: this.#peer.address });
    this.#audit?.record({ event: command.name, outcome, ...properties, ...this.#peer, server: this.#server });
  }

  /** Something that nobody expected; the client was told the reference. */
  failed(reference: string, error: unknown): void {
    this.#log.error("command_failed", { reference, error });
  }

  /**
   * The connection is over.
   *
   * @param reason the code of the last line, `quit`, or whose doing it was
   * @param user who was logged in
   */
  closed(reason: string, user: string | undefined): void {
    const seconds = Math.round((this.#now() - this.#since) / 100) / 10;
    const properties = { reason, seconds, ...clean({ user }) };
    if (user === undefined) this.#log.debug("client_closed", properties);
    else this.#log.info("client_closed", properties);
  }
}

function clean(properties: Record<string, unknown>): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}
