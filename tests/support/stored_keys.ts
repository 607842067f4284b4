/** Keys of a Redis as a fixture has them, put back. */

import type { RespValue } from "./resp.ts";

/** One key of Redis: what a `HGETALL`, `GET`, `ZRANGE … WITHSCORES` and so on gave. */
export interface StoredKey {
  readonly type: string;
  /** How long it still was to be there, in milliseconds. */
  readonly ttl?: number;
  // deno-lint-ignore no-explicit-any -- as Redis answered; bytes that are no text as `{ hex }`
  readonly value: any;
}

/** Sends one command to the Redis. */
export type Call = (...command: string[]) => Promise<RespValue>;

/** Makes bytes of their digits. */
const fromHex =
  "return redis.call('SET', KEYS[1], (ARGV[1]:gsub('..', function(digits) return string.char(tonumber(digits, 16)) end)))";

/** Puts keys back. @param named the name that a key is to have, by the one that it has in the fixture */
export async function putKeys(
  call: Call,
  keys: Readonly<Record<string, StoredKey>>,
  named: (key: string) => string,
): Promise<void> {
  for (const [key, stored] of Object.entries(keys)) {
    for (const command of commandsFor(named(key), stored)) await call(...command);
    if (stored.ttl !== undefined) await call("PEXPIRE", named(key), `${stored.ttl}`);
  }
}

/** The commands that put a key back. */
function commandsFor(key: string, { type, value }: StoredKey): string[][] {
  switch (type) {
    case "string":
      return typeof value === "string" ? [["SET", key, value]] : [["EVAL", fromHex, "1", key, value.hex]];
    case "hash":
      return [["HSET", key, ...value]];
    case "set":
      return [["SADD", key, ...value]];
    case "zset":
      return [["ZADD", key, ...pairsOf(value).flatMap(([member, score]) => [score, member])]];
    case "stream":
      return value.map(([id, fields]: [string, string[]]) => ["XADD", key, id, ...fields]);
  }
  throw new Error(`${key} is a ${type}`);
}

function pairsOf(list: readonly string[]): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at], list[2 * at + 1]]);
}
