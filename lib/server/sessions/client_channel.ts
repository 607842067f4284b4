import type { Peer } from "../../limits/peer.ts";
import type { ServerEvent } from "../../wire/event.ts";
import type { ReaderConnection } from "../delivery/reader_outbox.ts";

/** The connection of a session, as far as sessions need it. */
export interface ClientChannel extends ReaderConnection {
  /** Never used again, by any server. */
  readonly id: string;
  /** What the client calls itself; empty where it does not say. */
  readonly client: string;
  readonly peer: Peer;
  /** Whether what logs in on it is in many rooms. */
  readonly manyRooms: boolean;
  readonly closed: boolean;
  /** Resolves when every request of the client has its answer. */
  answered(): Promise<void>;
  /** Sends a last event and closes. */
  end(last: ServerEvent): void;
}
