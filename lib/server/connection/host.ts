import type { Config } from "../../config/config.ts";
import type { Peer } from "../../limits/peer.ts";
import type { Turns } from "../delivery/flush_scheduler.ts";
import type { ConnectionMeter } from "../metering/instruments.ts";
import type { Services } from "../registry/command.ts";
import type { Registry } from "../registry/registry.ts";
import type { AnswerBudget } from "./answer_budget.ts";
import type { ConnectionLog } from "./connection_log.ts";
import type { GuestBuffers } from "./guest_buffers.ts";
import type { PaceQueues } from "./pace.ts";

/** The part of `Deno.TlsConn` that a connection needs. */
export interface ClientSocket {
  /** @returns how many bytes were read; null at the end */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** What connections of one server share. */
export interface ConnectionHost {
  readonly services: Services;
  readonly registry: Registry;
  readonly turns: Turns;
  readonly meter: ConnectionMeter;
  /** What the server runs with; it may change meanwhile, so that it is read at each use. */
  readonly config: Pick<Config, "maxLineBytes" | "maxQueueBytes" | "idleTimeoutSeconds">;
  /** Where lines wait that come too fast. */
  readonly pace: PaceQueues;
  /** What answers take that wait to be read. */
  readonly answers: AnswerBudget;
  /** What guests keep of unfinished lines. */
  readonly guests: GuestBuffers;
  now(): number;
  /** Closes a connection whose peer does not read, so that nothing of it stays. */
  abandon(conn: ClientSocket): void;
  /** What the logs are to say of a connection. */
  log(connection: string, peer: Peer): ConnectionLog;
}
