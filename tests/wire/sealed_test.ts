/** Which public keys can be encrypted for. */

import assert from "node:assert/strict";
import { isUsableKey } from "../../lib/wire/sealed.ts";
import { test } from "../support/declare.ts";

const base64url = (hex: string) => Uint8Array.fromHex(hex).toBase64({ alphabet: "base64url", omitPadding: true });

test("isUsableKey() takes the keys that X25519 makes", async () => {
  const pair = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  assert.ok(isUsableKey(raw.toBase64({ alphabet: "base64url", omitPadding: true })));
});

test("isUsableKey() refuses points of small order, which nobody can encrypt for, with the highest bit set as well", () => {
  const points = [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ...["ec", "ed", "ee"].map((first) => `${first}${"ff".repeat(30)}7f`),
  ];
  for (const point of points) {
    assert.ok(!isUsableKey(base64url(point)), point);
    const high = (parseInt(point.slice(62), 16) | 0x80).toString(16);
    assert.ok(!isUsableKey(base64url(point.slice(0, 62) + high)), high);
  }
});
