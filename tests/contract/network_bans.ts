/** The contract of {@linkcode NetworkBans}. */

import assert from "node:assert/strict";
import type { Declare } from "./suite.ts";

/** Declares the tests. */
export function networkBansContract(test: Declare): void {
  test("NetworkBans.list() gives what was put in, sorted, and the last ban of each network", async ({ store }) => {
    const { bans } = store;
    assert.deepEqual(await bans.list(), []);
    const until = Date.now() + 3_600_000;
    await bans.put({ network: "203.0.113.0/24", reason: "spam", by: "root" });
    await bans.put({ network: "198.51.100.7", reason: "", by: "root", until });
    await bans.put({ network: "203.0.113.0/24", reason: 'more "spam"', by: "ann", until });
    assert.deepEqual(await bans.list(), [
      { network: "198.51.100.7", reason: "", by: "root", until },
      { network: "203.0.113.0/24", reason: 'more "spam"', by: "ann", until },
    ]);
  });

  test("NetworkBans.list() gives no ban whose end has come, and remove() tells whether there was one", async ({ store }) => {
    const { bans } = store;
    await bans.put({ network: "203.0.113.0/24", reason: "", by: "root", until: 1 });
    await bans.put({ network: "2001:db8::/32", reason: "", by: "root" });
    assert.deepEqual((await bans.list()).map(({ network }) => network), ["2001:db8::/32"]);
    assert.equal(await bans.remove("203.0.113.0/24"), false);
    assert.equal(await bans.remove("2001:db8::/32"), true);
    assert.equal(await bans.remove("2001:db8::/32"), false);
    assert.deepEqual(await bans.list(), []);
  });
}
