import assert from "node:assert/strict";
import fc from "fast-check";
import { encodePosition } from "../../lib/store/log_position.ts";
import { PositionSigner } from "../../lib/store/position_signer.ts";
import type { Topic } from "../../lib/wire/names.ts";

const word = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567"), minLength: 1, maxLength });
const position = fc.record({
  epoch: word(16),
  seq: fc.maxSafeNat().map((seq) => Math.max(0, seq - 1)),
  id: fc.oneof(word(16), fc.constant("")),
});
const topic = fc.constantFrom<Topic[]>("room:lobby", "room:lobb", "feed:a", "inbox:a");

Deno.test("PositionSigner.decode() gives back what encode() was given, signed, on every server of the store", () => {
  const [one, other] = [new PositionSigner("secret"), new PositionSigner("secret")];
  fc.assert(fc.property(topic, position, (topic, position) => {
    const pos = one.encode(topic, position);
    assert.deepEqual(other.decode(topic, pos), { ...position, given: "signed" });
  }));
});

Deno.test("PositionSigner.encode() gives at most 64 characters, which a request may have", () => {
  const longest = { epoch: "e".repeat(16), seq: Number.MAX_SAFE_INTEGER, id: "i".repeat(16) };
  assert.equal(new PositionSigner().encode("room:lobby", longest).length, 64);
});

Deno.test("PositionSigner.decode() finds no signature in what was signed for another topic, with another secret, or changed", () => {
  const signer = new PositionSigner();
  fc.assert(fc.property(position, position, fc.nat({ max: 80 }), word(1), (position, other, at, letter) => {
    const pos = signer.encode("room:lobby", position);
    const plain = encodePosition(position);
    const unsigned = { ...position, given: "unsigned" };
    assert.deepEqual(signer.decode("room:lobby", plain), unsigned);
    assert.deepEqual(signer.decode("feed:lobby", pos), unsigned);
    assert.deepEqual(new PositionSigner().decode("room:lobby", pos), unsigned);
    const changed = pos.slice(0, at) + letter + pos.slice(at + 1);
    if (changed !== pos) assert.notEqual(signer.decode("room:lobby", changed)?.given, "signed");
    const moved = encodePosition(other) + pos.slice(plain.length);
    if (moved !== pos) assert.notEqual(signer.decode("room:lobby", moved)?.given, "signed");
  }));
});

Deno.test("PositionSigner.encode() does not sign what a client gave without a signature", () => {
  const signer = new PositionSigner();
  const given = signer.decode("room:lobby", "epoch.99999999.aaaaaa")!;
  assert.equal(signer.encode("room:lobby", given), "epoch.99999999.aaaaaa");
});

Deno.test("PositionSigner.decode() is undefined for what is no position", () => {
  const signer = new PositionSigner();
  for (const text of [undefined, 1, {}, "", "x", "e.1", "E.1.a", "e.01.a", "e.-1.a", "e.1.a.", "e.1.a.b.c", " e.1.a"]) {
    assert.equal(signer.decode("room:lobby", text), undefined);
  }
});
