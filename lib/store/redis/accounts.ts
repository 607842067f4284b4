/**
 * Accounts and follows in Redis. The promises are those of {@linkcode Accounts}.
 *
 * A follow stands in two sets, in two slots: the follower's is the truth and is written first; the other is an index,
 * which is written again each time that the follower logs in.
 */

import { inSlices } from "../../common/slices.ts";
import type { Account, Accounts } from "../accounts.ts";
import type { Session } from "../sessions.ts";
import { followedMember } from "./accounts/requests.ts";
import { fold } from "../../wire/names.ts";
import { deletedNamesOf } from "../accounts/deleted_names.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";

/** How many accounts are asked for in one turn. */
const atOnce = 500;

/** See {@linkcode Accounts}. */
export class RedisAccounts implements Accounts {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async create(account: Account): Promise<boolean> {
    return await this.#redis.run("create", [this.#keys.account(account.name)], accountFields(account)) === 1;
  }

  async find(name: string): Promise<Account | undefined> {
    const fields = fromPairs(await this.#redis.command("HGETALL", this.#keys.account(name)));
    return fields.name === undefined || fields.deleted !== undefined ? undefined : toAccount(fields);
  }

  async setHash(name: string, hash: string, passwords?: number): Promise<number | undefined> {
    const changed = await this.#redis.run("setHash", [this.#keys.account(name)], [hash, passwords ?? ""]) as number;
    return changed === 0 ? undefined : changed;
  }

  async delete(name: string, alias: string, passwords: number): Promise<number | undefined> {
    // First, so that no server finds the account gone and its name not there.
    await this.#redis.command("HSET", this.#keys.deleted(), fold(name), alias);
    const changed = await this.#redis.run("deleteAccount", [this.#keys.account(name)], [alias, passwords]) as number;
    if (changed === 0) await this.#redis.command("HDEL", this.#keys.deleted(), fold(name));
    else deletedNamesOf(this.#redis).add(name, alias);
    return changed === 0 ? undefined : changed;
  }

  async clear(name: string): Promise<void> {
    const { deviceKeys, accessTokens, twoFactor, marks, memberships, contacts, requests, blocks, devices } = this.#keys;
    const [follows, followers, known] = await Promise.all([
      this.follows(name),
      this.followers(name),
      this.#redis.command("HKEYS", devices(name)),
    ]);
    await Promise.all(follows.map((target) => this.unfollow(name, target)));
    await Promise.all(followers.map((follower) => this.unfollow(follower, name)));
    const { tokens, savedPositions } = this.#keys;
    const ofDevices = ["", ...known as string[]].flatMap((device) => [
      tokens(name, device),
      savedPositions(name, device),
    ]);
    const own = [deviceKeys, accessTokens, twoFactor, marks, memberships, contacts, requests, blocks].map((key) =>
      key(name)
    );
    await Promise.all([...own, ...ofDevices].map((key) => this.#redis.command("DEL", key)));
  }

  async loadDeleted(): Promise<void> {
    const names = fromPairs(await this.#redis.command("HGETALL", this.#keys.deleted()));
    deletedNamesOf(this.#redis).load(Object.entries(names));
  }

  // deno-lint-ignore require-await
  async deleted(name: string): Promise<string | undefined> {
    return deletedNamesOf(this.#redis).behind(name);
  }

  async replaceHash(name: string, earlier: string, hash: string): Promise<boolean> {
    return await this.#redis.run("replaceHash", [this.#keys.account(name)], [earlier, hash]) === 1;
  }

  async follow(user: string, target: string, limit: number): Promise<boolean> {
    if (await this.#redis.run("follow", [this.#keys.subscriptions(user)], [target, limit]) === 0) return false;
    await this.#redis.command("SADD", this.#keys.contacts(user), followedMember(target));
    await this.#redis.command("SADD", this.#keys.subscribers(target), user);
    return true;
  }

  async unfollow(user: string, target: string): Promise<void> {
    await this.#redis.command("SREM", this.#keys.subscriptions(user), target);
    await this.#redis.command("SREM", this.#keys.contacts(user), followedMember(target));
    await this.#redis.command("SREM", this.#keys.subscribers(target), user);
  }

  async follows(user: string): Promise<string[]> {
    return (await this.#redis.command("SMEMBERS", this.#keys.subscriptions(user)) as string[]).sort();
  }

  async followers(user: string): Promise<string[]> {
    return (await this.#redis.command("SMEMBERS", this.#keys.subscribers(user)) as string[]).sort();
  }

  async block(user: string, target: string, limit: number): Promise<boolean> {
    return await this.#redis.run("follow", [this.#keys.blocks(user)], [target, limit]) === 1;
  }

  async unblock(user: string, target: string): Promise<void> {
    await this.#redis.command("SREM", this.#keys.blocks(user), target);
  }

  async blocks(user: string): Promise<string[]> {
    return (await this.#redis.command("SMEMBERS", this.#keys.blocks(user)) as string[]).sort();
  }

  async setAway(user: string, away: string | undefined, session?: Session): Promise<boolean> {
    const { account, devices, session: key } = this.#keys;
    const keys = [account(user), devices(user), ...(session ? [key(user, session.device)] : [])];
    return await this.#redis.run("setAway", keys, [away ?? "", session?.connection ?? ""]) === 1;
  }

  async away(users: readonly string[]): Promise<Map<string, string>> {
    const texts = await inSlices(
      users,
      atOnce,
      (user) => this.#redis.command("HGET", this.#keys.account(user), "away"),
    ) as (string | null)[];
    return new Map(users.flatMap((user, index) => texts[index] === null ? [] : [[user, texts[index]]]));
  }
}

/** A new account's hash, as pairs. */
export function accountFields({ name, hash, role, created }: Account): (string | number)[] {
  return ["name", name, "hash", hash, "role", role, "created", created];
}

/** An account from its hash. */
export function toAccount({ name, hash, role, created, passwords, disabled, away }: Record<string, string>): Account {
  return {
    name,
    hash,
    role: role as Account["role"],
    created: Number(created),
    ...(passwords === undefined ? {} : { passwords: Number(passwords) }),
    ...(disabled === "1" ? { disabled: true } : {}),
    ...(away === undefined ? {} : { away }),
  };
}
