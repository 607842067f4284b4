import { exportedTwoFactor } from "./two_factor.ts";
import { fold } from "../../../wire/names.ts";
import type { AccountRecord } from "../../admin_store.ts";
import type { RedisGateway } from "../gateway.ts";
import type { Keys } from "../keys.ts";
import { fromAccessToken, toAccessTokens } from "./access_tokens.ts";
import { contactsOf, followedMember, fromHeld, toRequests } from "./requests.ts";

/** The parts of an account's record that are here. */
export type OwnRecord = Pick<AccountRecord, "accessTokens" | "twoFactor" | "contacts" | "requests" | "deleted">;

/** Reads what an account has of access tokens, contacts, and messages that wait, and whether it is deleted. */
export async function readOwnRecord(redis: RedisGateway, keys: Keys, user: string): Promise<OwnRecord> {
  const [tokens, waiting, deleted, contacts, factor] = await Promise.all([
    redis.command("HGETALL", keys.accessTokens(user)),
    redis.command("HGETALL", keys.requests(user)),
    redis.command("HGET", keys.account(user), "deleted"),
    contactsOf(redis, keys, user),
    redis.command("HGETALL", keys.twoFactor(user)),
  ]);
  const [accessTokens, requests] = [toAccessTokens(tokens), toRequests(waiting)];
  return {
    ...(typeof deleted === "string" ? { deleted } : {}),
    ...(accessTokens.length > 0 ? { accessTokens } : {}),
    ...(contacts.length > 0 ? { contacts } : {}),
    ...(requests.length > 0 ? { requests } : {}),
    ...exportedTwoFactor(factor),
  };
}

/** Writes what {@linkcode readOwnRecord} reads. */
export async function putOwnRecord(redis: RedisGateway, keys: Keys, record: AccountRecord): Promise<void> {
  const { name, follows, deleted, accessTokens = [], contacts = [], requests = [] } = record;
  const put = async (command: string, key: string, values: readonly string[]) => {
    if (values.length > 0) await redis.command(command, key, ...values);
  };
  if (deleted !== undefined) {
    await put("HSET", keys.account(name), ["deleted", deleted]);
    await put("HSET", keys.deleted(), [fold(name), deleted]);
  }
  await put("SADD", keys.contacts(name), [...contacts, ...follows.map(followedMember)]);
  await put("HSET", keys.requests(name), requests.flatMap(fromHeld));
  await put(
    "HSET",
    keys.accessTokens(name),
    accessTokens.flatMap((token) => [token.name, fromAccessToken(token)]),
  );
}
