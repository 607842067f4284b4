import type { DatabaseSync } from "node:sqlite";
import { lastingBans, type NetworkBan, type NetworkBans } from "../../network_bans.ts";
import { guarded } from "../file/database.ts";

/** Banned networks in SQLite, with the promises of {@linkcode NetworkBans}. */
export class SqliteNetworkBans implements NetworkBans {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async list(): Promise<NetworkBan[]> {
    return guarded(() => {
      this.#database.prepare("DELETE FROM network_bans WHERE until <= ?").run(this.#now());
      const rows = this.#database.prepare("SELECT network, reason, made_by, until FROM network_bans").all();
      const bans = rows.map(({ network, reason, made_by: by, until }) => ({
        ...{ network: network as string, reason: reason as string, by: by as string },
        ...(until === null ? {} : { until: until as number }),
      }));
      return lastingBans(bans, this.#now());
    });
  }

  // deno-lint-ignore require-await
  async put({ network, reason, by, until }: NetworkBan): Promise<void> {
    const put = "INSERT OR REPLACE INTO network_bans (network, reason, made_by, until) VALUES (?, ?, ?, ?)";
    guarded(() => this.#database.prepare(put).run(network, reason, by, until ?? null));
  }

  // deno-lint-ignore require-await
  async remove(network: string): Promise<boolean> {
    const remove = "DELETE FROM network_bans WHERE network = ?";
    return guarded(() => this.#database.prepare(remove).run(network).changes === 1);
  }
}
