/**
 * Public keys in Redis. The promises are those of {@linkcode DeviceKeys}.
 */

import type { DeviceKeys, StoredKey } from "../device_keys.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";

/** See {@linkcode DeviceKeys}. */
export class RedisDeviceKeys implements DeviceKeys {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async announce(user: string, key: string, most: number): Promise<"added" | "known" | "full"> {
    const keys = [this.#keys.deviceKeys(user)];
    return await this.#redis.run("announceKey", keys, [key, most]) as "added" | "known" | "full";
  }

  async revoke(user: string, key: string): Promise<boolean> {
    return await this.#redis.command("HDEL", this.#keys.deviceKeys(user), key) === 1;
  }

  async list(user: string): Promise<StoredKey[]> {
    return toKeys(await this.#redis.command("HGETALL", this.#keys.deviceKeys(user)));
  }
}

/** The keys that a hash holds, in the order in which they were added. */
export function toKeys(pairs: unknown): StoredKey[] {
  const keys = Object.entries(fromPairs(pairs)).map(([key, value]) => {
    const [added, used] = value.split(" ").map(Number);
    return { public: key, added, used };
  });
  return keys.sort((one, other) => one.added - other.added);
}
