import { lastingBans, type NetworkBan, type NetworkBans } from "../../network_bans.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** Banned networks in Redis, with the promises of {@linkcode NetworkBans}: one hash, network → the rest of its ban. */
export class RedisNetworkBans implements NetworkBans {
  readonly #redis: RedisGateway;
  readonly #key: string;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#key = keys.networkBans();
  }

  async list(): Promise<NetworkBan[]> {
    const [pairs, now] = await Promise.all([
      this.#redis.command("HGETALL", this.#key),
      this.#redis.time(this.#key),
    ]);
    const bans = Object.entries(fromPairs(pairs)).map(([network, rest]) => ({ network, ...JSON.parse(rest) }));
    const lasting = lastingBans(bans, now);
    const ended = bans.filter((ban) => !lasting.includes(ban)).map(({ network }) => network);
    if (ended.length > 0) await this.#redis.command("HDEL", this.#key, ...ended);
    return lasting;
  }

  async put({ network, ...rest }: NetworkBan): Promise<void> {
    await this.#redis.command("HSET", this.#key, network, JSON.stringify(rest));
  }

  async remove(network: string): Promise<boolean> {
    return await this.#redis.command("HDEL", this.#key, network) === 1;
  }
}
