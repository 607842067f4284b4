/** Networks that are banned. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { BannedNetworks, parseNetwork } from "../../lib/limits/networks.ts";
import { peerOf } from "../../lib/limits/peer.ts";
import { test } from "../support/declare.ts";

test("parseNetwork() writes an address or a network in one way, without the bits behind its prefix", () => {
  const written: Record<string, string> = {
    "203.0.113.7": "203.0.113.7",
    " 203.0.113.7/32 ": "203.0.113.7",
    "203.0.113.7/24": "203.0.113.0/24",
    "203.0.113.9/25": "203.0.113.0/25",
    "2001:DB8:0:0::7": "2001:db8::7",
    "2001:db8:1:2:3::/64": "2001:db8:1:2::/64",
    "2001:db8:ffff::/33": "2001:db8:8000::/33",
    "::ffff:10.1.2.3": "10.1.2.3",
    "::ffff:10.1.2.3/104": "10.0.0.0/8",
  };
  for (const [text, network] of Object.entries(written)) assert.equal(parseNetwork(text), network, text);
});

test("parseNetwork() takes nothing else, everybody included", () => {
  const others = [
    "",
    "x",
    "1.2.3",
    "1.2.3.4/0",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/8/8",
    "1.2.3.4/-1",
    "::/0",
    "::/129",
  ];
  for (const text of [...others, "fe80::1%eth0", "::ffff:1.2.3.4/96", "localhost"]) {
    assert.equal(parseNetwork(text), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => {
    const network = parseNetwork(text);
    assert.ok(network === undefined || parseNetwork(network) === network);
  }));
});

test("BannedNetworks.of() finds the ban of a client's network until its end, and nobody else's", () => {
  const banned = new BannedNetworks();
  const four = { network: "10.0.0.0/8", reason: "", by: "root" };
  const six = { network: "2001:db8::/33", reason: "spam", by: "root", until: 100 };
  banned.set([four, six]);
  const of = (host: string, now = 0) => banned.of(peerOf(host), now);
  assert.deepEqual([of("10.255.0.1"), of("::ffff:10.1.2.3"), of("2001:db8:1::1", 99)], [four, four, six]);
  const others = [of("11.0.0.1"), of("2001:db8:8000::1"), of("2001:db8:1::1", 100), of("not an address"), of("::1")];
  assert.deepEqual(others, [undefined, undefined, undefined, undefined, undefined]);
  banned.set([]);
  assert.equal(of("10.0.0.1"), undefined);
});

test("BannedNetworks.of() finds every address of a network, however its ban is written", () => {
  fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 1, max: 32 }), (address, length) => {
    const banned = new BannedNetworks();
    banned.set([{ network: parseNetwork(`${address}/${length}`)!, reason: "", by: "" }]);
    assert.ok(banned.of(peerOf(address), 0));
  }));
  fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 1, max: 128 }), (address, length) => {
    const network = parseNetwork(`${address}/${length}`);
    if (network === undefined) return; // an IPv4 address that is mapped
    const banned = new BannedNetworks();
    banned.set([{ network, reason: "", by: "" }]);
    assert.ok(banned.of(peerOf(address), 0), network);
  }));
});
