/** Tests of what only Redis promises. */

import { test as declared } from "../support/declare.ts";
import { sharedRedis } from "../support/redis.ts";
import { RedisCorner } from "../support/stores.ts";

/** Declares a test with a corner of Redis that servers can share, and whose prefix it is told. */
export function test(name: string, fn: (place: RedisCorner, prefix: string) => Promise<void>): void {
  const run = async () => {
    const corner = sharedRedis.place();
    await using place = new RedisCorner(corner);
    await fn(place, corner.prefix);
  };
  declared(name, run, sharedRedis);
}
