/** Who is at the other end, as limits count it. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { peerOf } from "../../lib/limits/peer.ts";
import { test } from "../support/declare.ts";

test("peerOf() counts an IPv4 address, also one that came mapped into IPv6", () => {
  for (const host of ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:207", "0:0:0:0:0:ffff:192.0.2.7"]) {
    assert.deepEqual(peerOf(host), { address: "192.0.2.7", network: "192.0.2.7" }, host);
  }
});

test("peerOf() counts an IPv6 network of 64 bits, however the address is written", () => {
  for (const host of ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", "2001:0DB8:0001:0002::192.0.2.1"]) {
    assert.equal(peerOf(host).network, "2001:db8:1:2::/64", host);
  }
  assert.equal(peerOf("::1").network, "0:0:0:0::/64");
  assert.deepEqual(peerOf("fe80::1%eth0"), { address: "fe80::1", network: "fe80:0:0:0::/64" });
  assert.notEqual(peerOf("2001:db8:1:3::9").network, peerOf("2001:db8:1:2::9").network);
});

test("peerOf() takes any text, and takes no two networks for one", () => {
  fc.assert(fc.property(fc.string(), (host) => typeof peerOf(host).network === "string"));
  fc.assert(fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
    const bits = (host: string) => new URL(`http://[${host}]`).hostname;
    const same = bits(one) === bits(other);
    assert.ok(!same || peerOf(one).network === peerOf(other).network);
  }));
});
