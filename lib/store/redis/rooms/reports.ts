import type { Report, ReportDraft, Reports } from "../../accounts/reports.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** Reports in Redis, with the promises of {@linkcode Reports}: a hash, which has the last number that was given as well. */
export class RedisReports implements Reports {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async add(draft: ReportDraft, most: number): Promise<number | undefined> {
    const id = Number(await this.#redis.run("addReport", [this.#keys.reports()], [JSON.stringify(draft), most]));
    return id === 0 ? undefined : id;
  }

  async list(): Promise<Report[]> {
    const { last: _, ...open } = fromPairs(await this.#redis.command("HGETALL", this.#keys.reports()));
    return Object.entries(open).map(([id, draft]) => ({ id: Number(id), ...JSON.parse(draft) as ReportDraft }))
      .sort((one, other) => one.id - other.id);
  }

  async close(id: number): Promise<boolean> {
    return await this.#redis.command("HDEL", this.#keys.reports(), String(id)) === 1;
  }
}
