import type { TwoFactor, TwoFactorRecord, TwoFactors } from "../../accounts/two_factor.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** What the fields of recovery codes begin with; the hash follows. */
const recoveryField = "recovery:";

/** Second factors in Redis: a hash for each, in its account's slot. The promises are those of {@linkcode TwoFactors}. */
export class RedisTwoFactors implements TwoFactors {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async find(user: string): Promise<TwoFactor | undefined> {
    return toTwoFactor(await this.#redis.command("HGETALL", this.#keys.twoFactor(user)));
  }

  async begin(user: string, secret: string): Promise<boolean> {
    const { account, twoFactor } = this.#keys;
    return await this.#redis.run("twoFactorBegin", [account(user), twoFactor(user)], [secret]) === 1;
  }

  async confirm(user: string, secret: string, step: number, recovery: readonly string[]): Promise<boolean> {
    const key = this.#keys.twoFactor(user);
    return await this.#redis.run("twoFactorConfirm", [key], [secret, step, ...recovery]) === 1;
  }

  async spendStep(user: string, step: number): Promise<boolean> {
    return await this.#redis.run("twoFactorSpend", [this.#keys.twoFactor(user)], [step]) === 1;
  }

  async spendRecovery(user: string, hash: string): Promise<boolean> {
    return await this.#redis.command("HDEL", this.#keys.twoFactor(user), recoveryField + hash) === 1;
  }

  async remove(user: string): Promise<boolean> {
    return await this.#redis.run("twoFactorRemove", [this.#keys.twoFactor(user)], []) === 1;
  }
}

/** A second factor from its hash. */
export function toTwoFactor(pairs: unknown): TwoFactor | undefined {
  const { secret, on, step = "0", ...rest } = fromPairs(pairs);
  if (secret === undefined) return undefined;
  const recovery = Object.keys(rest).filter((field) => field.startsWith(recoveryField))
    .map((field) => field.slice(recoveryField.length));
  return { secret, on: on === "1", step: Number(step), recovery };
}

/** What is exported of a second factor: nothing where none is on. */
export function exportedTwoFactor(pairs: unknown): { twoFactor?: TwoFactorRecord } {
  const { on, ...twoFactor } = toTwoFactor(pairs) ?? { on: false };
  return on ? { twoFactor: twoFactor as TwoFactorRecord } : {};
}

/** The hash of a second factor that was exported, as pairs. */
export function fromTwoFactor(record: TwoFactorRecord | undefined): string[] {
  if (!record) return [];
  const { secret, step, recovery } = record;
  return ["secret", secret, "on", "1", "step", `${step}`, ...recovery.flatMap((hash) => [recoveryField + hash, "1"])];
}
