import type { Reply } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import { type Clock, pause, systemClock } from "../../common/time.ts";
import { CommandTable } from "../net/commands.ts";
import { Connection, type ConnectionOptions, type Incoming, type Request } from "../net/connection.ts";
import { type Dial, DialError } from "../net/dial.ts";
import type { ConnectionLost } from "../base/exit.ts";
import { Route, type RouteOptions } from "../net/route.ts";
import type { Status } from "../net/status.ts";

/** Settings and ports of a link. */
export interface LinkOptions extends ConnectionOptions, Omit<RouteOptions, "clock"> {
  readonly dial: Dial;
}

/** What becomes of a link, and what comes in over it. */
export type LinkStep =
  | { readonly kind: "status"; readonly status: Status }
  | { readonly kind: "failed"; readonly server: ServerAddress; readonly error: DialError }
  | { readonly kind: "up" }
  | { readonly kind: "incoming"; readonly incoming: Incoming }
  | { readonly kind: "down"; readonly why: ConnectionLost };

/** What a session needs of its link. */
export type LinkPort = Pick<
  Link,
  | "route"
  | "connection"
  | "commands"
  | "maxMessageBytes"
  | "maxFileBytes"
  | "signal"
  | "connect"
  | "request"
  | "wake"
  | "close"
  | "steps"
>;

/** What encrypts private messages between a session and its link. */
export interface Sealer {
  /** The link as the session is to have it. */
  over(link: LinkPort): LinkPort;
  /**
   * Whether what is sent to a user can be encrypted.
   *
   * @param ask asks the server
   * @throws {ChatError} where nothing may be sent to them now, or the server refuses to tell
   */
  canSeal(user: string, ask: (request: Request) => Promise<Reply>): Promise<boolean>;
}

/**
 * The one connection that a session has at a time: made, lost, and made again at the next server.
 *
 * It knows what servers are reachable and when to try again, and nothing of who is logged in.
 */
export class Link {
  /** Which server is tried next, and when. */
  readonly route: Route;
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #commands = new CommandTable([]);
  #wake = () => {};

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.route = new Route({ ...options, clock: this.#clock });
  }

  /** The connection, while there is one. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The commands that a server told last. */
  get commands(): CommandTable {
    return this.#commands;
  }

  /** The longest message, in bytes, as the server told; infinite where none has. */
  get maxMessageBytes(): number {
    return this.#limit("message_bytes");
  }

  /** The largest file, in bytes, as the server told; infinite where none has. */
  get maxFileBytes(): number {
    return this.#limit("file_bytes");
  }

  /** Aborted when the link is closed. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Makes the first connection: each server is tried once.
   *
   * @throws {DialError} of the last one, when none can be reached
   */
  async connect(): Promise<void> {
    for (;;) {
      try {
        await this.#open();
        return this.route.reset();
      } catch (error) {
        this.route.failed();
        if (this.route.exhausted) throw error;
      }
    }
  }

  /** Sends a request, if there is one and a connection; the answer comes as a step. */
  request(request: Request | undefined): void {
    if (request) this.#connection?.request(request);
  }

  /** Has {@linkcode steps} ask again whether a connection is wanted, and try at once where it waits to. */
  wake(): void {
    this.#wake();
  }

  /** Gives the link up; {@linkcode steps} ends. */
  close(): void {
    this.#stop.abort();
    this.#connection?.close();
    this.#wake();
  }

  /**
   * All that happens, in order, until the link is closed.
   *
   * @param wanted whether a connection is to be made when there is none
   */
  async *steps(wanted: () => boolean): AsyncGenerator<LinkStep, void, void> {
    while (!this.signal.aborted) {
      const connection = this.#connection;
      if (connection) {
        for await (const incoming of connection) yield { kind: "incoming", incoming };
        this.#connection = undefined;
        yield { kind: "down", why: connection.ended! };
      } else if (wanted()) {
        yield* this.#attempt();
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }

  #limit(name: string): number {
    const told = this.#connection?.limits[name];
    return typeof told === "number" ? told : Infinity;
  }

  async *#attempt(): AsyncGenerator<LinkStep, void, void> {
    const ms = this.route.pause();
    if (ms > 0) {
      const over = new AbortController();
      this.#wake = () => over.abort(); // also when the link is closed
      yield { kind: "status", status: { state: "waiting", ms } };
      await pause(ms, over.signal, this.#clock);
      if (this.signal.aborted) return;
    }
    const { server } = this.route;
    yield { kind: "status", status: { state: "connecting", server } };
    try {
      await this.#open();
    } catch (error) {
      if (this.signal.aborted) return;
      if (!(error instanceof DialError)) throw error;
      this.route.failed();
      return yield { kind: "failed", server, error };
    }
    yield { kind: "up" };
  }

  async #open(): Promise<void> {
    const { server } = this.route;
    const transport = await this.#options.dial(server, this.signal);
    const stop = () => transport.close();
    this.signal.addEventListener("abort", stop);
    try {
      this.#connection = await Connection.open(transport, server, this.#options);
    } finally {
      this.signal.removeEventListener("abort", stop);
    }
    if (this.signal.aborted) this.#connection.close();
    this.#commands = new CommandTable(this.#connection.commands);
  }
}
