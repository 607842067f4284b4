/**
 * Where a `redis-server` for the tests is: at `REDIS_SERVER`, on the PATH, or in the project's own cache.
 *
 * It looks and says what it found; it fetches nothing (that is `fetch_redis.ts`) and starts no server.
 */

import { join } from "node:path";

/** The oldest Redis that has what the Redis store uses: sharded publish and subscribe. */
export const oldestRedis = 7;

/** The project's cache of a Redis that came as a package; git-ignored. */
export const redisCache: string = join(import.meta.dirname!, "..", ".cache", "redis");

/** A `redis-server` that answered. */
export interface RedisBinary {
  readonly path: string;
  /** Such as `7.0.15`. */
  readonly version: string;
}

/** Either a binary, or why there is none. */
export type RedisSearch = { readonly found: RedisBinary } | { readonly found?: undefined; readonly reason: string };

/** Where to look. */
export interface RedisPlaces {
  /** The only place where it is set: who names a server means that one. Default: `REDIS_SERVER`. */
  readonly named?: string;
  /** Tried in this order where nothing is named. Default: the PATH, then the cache. */
  readonly usual?: readonly string[];
}

/**
 * Finds a `redis-server` that runs on this machine and is new enough.
 *
 * Needs permission to read, to run and to see the environment.
 */
export async function findRedis({
  named = Deno.env.get("REDIS_SERVER"),
  usual = ["redis-server", join(redisCache, "redis-server")],
}: RedisPlaces = {}): Promise<RedisSearch> {
  let reason = "no redis-server on the PATH";
  for (const path of named ? [named] : usual) {
    const version = await redisVersion(path);
    if (version && parseInt(version) >= oldestRedis) return { found: { path, version } };
    if (version) reason = `${path} is Redis ${version}, ${oldestRedis} or later is needed`;
    else if (path === named) reason = `REDIS_SERVER is ${path}, which does not run`;
  }
  return { reason };
}

/** The version that the binary at `path` answers with, or undefined where it does not run. */
export async function redisVersion(path: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(path, { args: ["--version"], stderr: "null" }).output();
    return success ? /\bv=(\d[\w.]*)/.exec(new TextDecoder().decode(stdout))?.[1] : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
