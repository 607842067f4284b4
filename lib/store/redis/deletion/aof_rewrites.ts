import type { RedisGateway } from "../gateway.ts";
import type { Keys } from "../keys.ts";

/** How often Redis is asked to rewrite its append-only files, in milliseconds: it forks for that, and writes all it has. */
export const rewriteEveryMs = 300_000;

/**
 * Has Redis rewrite its append-only file when something was deleted: until then the file has the command that had added it.
 *
 * At once, and then every {@linkcode rewriteEveryMs} at most, by whichever server comes to it. That something is due is
 * written down, so it is done though the server that noted it dies. Where there is no such file, nothing is done; where the
 * user may not ask for it, Redis rewrites the file when it has grown enough.
 */
export class AofRewrites {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Notes that the files are to be rewritten. @throws {ChatError} `store_unavailable` */
  async due(): Promise<void> {
    await this.#redis.command("SET", this.#keys.aofDue(), "1");
    this.rewrite().catch(() => {}); // the next sweep does it
  }

  /** Has the files rewritten if that is due and was not done just now. @throws {ChatError} `store_unavailable` */
  async rewrite(): Promise<void> {
    const due = this.#keys.aofDue();
    if (await this.#redis.command("GET", due) === null) return;
    const mine = ["SET", this.#keys.aofRewritten(), "1", "NX", "PX", String(rewriteEveryMs)] as const;
    if (await this.#redis.command(...mine) === null) return;
    await this.#redis.command("DEL", due); // what is deleted from now on may come too late for this time
    try {
      await Promise.all((await this.#redis.masters()).map(async ({ send }) => {
        const info = await send(["INFO", "persistence"]);
        if (/^aof_enabled:1/m.test(`${info}`)) await send(["BGREWRITEAOF"]);
      }));
    } catch {
      await this.#redis.command("SET", due, "1");
    }
  }
}
