/** What becomes of an invitation whose registration was cut off: in Redis, where it takes several steps. */

import assert from "node:assert/strict";
import { test } from "./corner.ts";
import { account } from "./suite.ts";

const hash = "0f".repeat(32);

test(
  "Invitations.accept() goes on where an attempt was cut off before its account, which is never made",
  async (place, prefix) => {
    const { accounts, invitations } = await place.open();
    await invitations.add({ hash, maker: "root", created: 1, expires: Date.now() + 60_000 });
    const claim = (since: number) =>
      place.ask("HSET", `${prefix}{invitation:${hash}}:invitation`, "attempt", "x", "user", "eve", "since", `${since}`);
    await claim(Date.now());
    assert.equal(await invitations.accept(hash, account("fay")), "invalid", "another is at it just now");
    await claim(Date.now() - 60_000);
    assert.equal(await invitations.accept(hash, account("fay")), "created");
    assert.equal(await place.ask("EXISTS", `${prefix}{user:eve}:voided:x`), 1);
    assert.equal(await accounts.find("eve"), undefined);
    assert.equal((await invitations.list())[0]!.user, "fay");
  },
);

test(
  "Invitations.accept() knows that an attempt was cut off after its account, and so does the list",
  async (place, prefix) => {
    const { invitations } = await place.open();
    await invitations.add({ hash, maker: "root", created: 1, expires: Date.now() + 60_000 });
    const key = `${prefix}{invitation:${hash}}:invitation`;
    assert.equal(await invitations.accept(hash, account("eve")), "created");
    await place.ask("HDEL", key, "used");
    await place.ask("HSET", key, "since", "1");
    assert.equal((await invitations.list())[0]!.user, "eve");
    assert.equal(await invitations.isGood(hash), false);
    assert.equal(await invitations.accept(hash, account("fay")), "invalid");
    assert.equal(await place.ask("HGET", key, "used"), "1");
  },
);
