/**
 * Access tokens in Redis: a hash of the account's, in its slot. The promises are those of {@linkcode AccessTokens}.
 */

import type { AccessToken, AccessTokens } from "../../accounts/access_tokens.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** See {@linkcode AccessTokens}. */
export class RedisAccessTokens implements AccessTokens {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async add(user: string, token: AccessToken, most: number): Promise<"added" | "taken" | "full"> {
    const args = [token.name, fromAccessToken(token), most, Date.now()];
    return await this.#redis.run("addAccessToken", [this.#keys.accessTokens(user)], args) as "added" | "taken" | "full";
  }

  async list(user: string): Promise<AccessToken[]> {
    return toAccessTokens(await this.#redis.command("HGETALL", this.#keys.accessTokens(user))).filter(isGood);
  }

  async use(user: string, hash: string): Promise<AccessToken | undefined> {
    const now = Date.now();
    const found = (await this.list(user)).find((token) => token.hash === hash);
    if (!found) return undefined;
    const used = { ...found, used: now };
    const args = [found.name, found.id, fromAccessToken(used)];
    return await this.#redis.run("useAccessToken", [this.#keys.accessTokens(user)], args) === 1 ? used : undefined;
  }

  async revoke(user: string, name: string): Promise<AccessToken | undefined> {
    const stored = await this.#redis.run("takeField", [this.#keys.accessTokens(user)], [name]) as string | null;
    const token = stored === null ? undefined : toAccessToken(name, stored);
    return token && isGood(token) ? token : undefined;
  }
}

function isGood({ expires = Infinity }: AccessToken): boolean {
  return expires > Date.now();
}

/** A token as its field has it: its id and until when it is good stand first, for the scripts. */
export function fromAccessToken({ id, name: _, expires = 0, ...rest }: AccessToken): string {
  return `${id} ${expires} ${JSON.stringify(rest)}`;
}

/** The tokens that a hash holds, expired ones too, by name. */
export function toAccessTokens(pairs: unknown): AccessToken[] {
  const tokens = Object.entries(fromPairs(pairs)).map(([name, stored]) => toAccessToken(name, stored));
  return tokens.sort((a, b) => a.name < b.name ? -1 : 1);
}

function toAccessToken(name: string, stored: string): AccessToken {
  const [, id, expires, rest] = /^(\S*) (\d+) (.*)$/s.exec(stored)!;
  return { id, name, ...JSON.parse(rest), ...(expires === "0" ? {} : { expires: Number(expires) }) };
}
