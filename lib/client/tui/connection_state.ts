import { cleanLine } from "../../wire/clean.ts";
import { formatServer, type ServerAddress } from "../base/address.ts";
import type { Status } from "../net/status.ts";

/** How long a return is told of, in milliseconds. */
const newsMs = 30_000;

/** The server that a session is connected to. */
export interface Connected {
  readonly address: ServerAddress;
  readonly name: string;
}

/**
 * What the status line says about the connection.
 *
 * Times are in milliseconds since some fixed moment.
 */
export class ConnectionState {
  #state: "connected" | "lost" | "waiting" | "connecting" | "over" = "connected";
  #words = "";
  #until = 0;

  /** Whether there is a connection, as far as is known. */
  get connected(): boolean {
    return this.#state === "connected";
  }

  /** Takes a change. */
  follow(status: Status, now: number): void {
    switch (status.state) {
      case "lost":
        return this.#set("lost", "reconnecting…");
      case "waiting":
        return this.#set("waiting", "reconnecting in", now + status.ms);
      case "connecting":
        return this.#set("connecting", `connecting to ${formatServer(status.server)}…`);
      case "unreachable":
        return this.#set("lost", "reconnecting…");
      case "resumed":
        return this.#set(
          "connected",
          status.missed === null ? "resumed" : `resumed, ${status.missed} missed`,
          now + newsMs,
        );
      case "login_needed":
        return this.#set("connected", "log in again", now + newsMs);
      case "logged_out":
        return this.#set("connected", "logged out", now + newsMs);
      case "gave_up":
        return this.#set("over", "no server could be reached");
    }
  }

  /** Another login has taken the session over. */
  replaced(): void {
    this.#set("over", "replaced by another login");
  }

  /** What to say now. */
  text(server: Connected | undefined, now: number): string {
    if (this.#state === "waiting") {
      return `${this.#words} ${Math.max(1, Math.ceil((this.#until - now) / 1000))} s (Enter: now)`;
    }
    if (this.#state !== "connected") return this.#words;
    if (!server) return "not connected";
    const address = formatServer(server.address);
    const where = server.name === "" ? address : `${cleanLine(server.name)} (${address})`;
    return now < this.#until ? `${where}: ${this.#words}` : where;
  }

  /** After how many milliseconds the text is another one, though nothing happens; undefined where it stays. */
  changesIn(now: number): number | undefined {
    if (this.#until <= now) return undefined;
    if (this.#state === "waiting") return (this.#until - now) % 1000 || 1000;
    return this.#state === "connected" ? this.#until - now : undefined;
  }

  #set(state: "connected" | "lost" | "waiting" | "connecting" | "over", words: string, until = 0): void {
    this.#state = state;
    this.#words = words;
    this.#until = until;
  }
}
