import assert from "node:assert/strict";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import fc from "fast-check";
import { fromBase64, fromBase64url, toBase64, toBase64url } from "../../../lib/client/e2ee/bytes.ts";
import { decodeContent, encodeContent } from "../../../lib/client/e2ee/content.ts";
import { makePair } from "../../../lib/client/e2ee/device.ts";
import { type Address, envelopeLength, hintOf, openEnvelope, sealEnvelope } from "../../../lib/client/e2ee/envelope.ts";
import { decryptFile, encryptFile, fileCipherOverhead } from "../../../lib/client/e2ee/file_cipher.ts";
import { safetyNumber } from "../../../lib/client/e2ee/safety_number.ts";
import { isPublicKey, maxDevices, maxSealedLength } from "../../../lib/wire/sealed.ts";
import { test } from "../fakes.ts";

const address: Address = { from: "alice", to: "bob", cid: "c1" };
const [alice, bob, carol] = await Promise.all([makePair(), makePair(), makePair()]);
const encode = (text: string) => new TextEncoder().encode(text);

/** An envelope of these bytes for bob, without any of its own bytes changed. */
async function sealed(text: string, to: Address = address): Promise<string> {
  return await sealEnvelope(encode(text), to, alice, [bob.public, alice.public]);
}

/** An envelope with one of its bytes changed. */
function flipped(text: string, at: number, by: number): string {
  const bytes = fromBase64(text)!;
  bytes[at] ^= by;
  return toBase64(bytes);
}

test("openEnvelope() gives back what sealEnvelope() was given, on every device that it is for", async () => {
  const any = fc.asyncProperty(fc.string({ unit: "binary", maxLength: 300 }), fc.uuid(), async (text, cid) => {
    const content = encodeContent({ text, time: 1 });
    const envelope = await sealEnvelope(content, { ...address, cid }, alice, [bob.public, carol.public]);
    assert.equal(envelope.length, envelopeLength(content.length, 2));
    for (const device of [bob, carol]) {
      const opening = await openEnvelope(envelope, { ...address, cid }, device);
      assert.equal(opening.kind, "opened");
      if (opening.kind !== "opened") continue;
      assert.equal(opening.writer, alice.public);
      assert.deepEqual(opening.readers, [hintOf(bob.public), hintOf(carol.public)]);
      assert.equal(decodeContent(opening.content)?.text, text.toWellFormed());
    }
  });
  await fc.assert(any, { numRuns: 25 });
});

test("openEnvelope() refuses an envelope in which any byte was changed that concerns the reader", async () => {
  const envelope = await sealed("hello");
  const size = fromBase64(envelope)!.length;
  // Head, two hints and bob's box; then alice's box, of which bob knows nothing, and what is encrypted.
  const [othersFrom, othersTo] = [34 + 2 * 8 + 112, 34 + 2 * 8 + 2 * 112];
  const changed = fc.asyncProperty(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
    const { kind } = await openEnvelope(flipped(envelope, at, by), address, bob);
    if (at < othersFrom || at >= othersTo) assert.notEqual(kind, "opened");
  });
  await fc.assert(changed, { numRuns: 200 });
  for (let at = 0; at < othersFrom; at++) {
    assert.notEqual((await openEnvelope(flipped(envelope, at, 1), address, bob)).kind, "opened");
  }
});

test("openEnvelope() refuses what is for another device, another person, from another, or under another cid", async () => {
  const envelope = await sealed("hello");
  const kind = async (to: Address, device = bob) => (await openEnvelope(envelope, to, device)).kind;
  assert.equal(await kind(address), "opened");
  assert.equal(await kind({ ...address, from: "Alice", to: "BOB" }), "opened");
  assert.equal(await kind(address, carol), "not_for_this_device");
  assert.equal(await kind({ ...address, to: "carol" }), "damaged");
  assert.equal(await kind({ ...address, from: "carol" }), "damaged");
  assert.equal(await kind({ ...address, cid: "c2" }), "damaged");
  assert.equal(await kind({ from: "alice\0bob", to: "c1", cid: "" }), "damaged");
  assert.equal((await openEnvelope(flipped(envelope, 0, 3), address, bob)).kind, "newer");
  // What ends one name does not begin the next.
  assert.equal(await kind({ ...address, from: "aliceb", to: "ob" }), "damaged");
  assert.equal(await kind({ ...address, to: "bobc", cid: "1" }), "damaged");
});

test("openEnvelope() refuses another content in a box that one has opened: no recipient can write for another", async () => {
  // Bob and carol both get a message of alice's; bob, who knows its key, puts carol's box before words of his own.
  const real = fromBase64(await sealEnvelope(encode("real"), address, alice, [bob.public, carol.public]))!;
  const other = fromBase64(await sealEnvelope(encode("false"), address, bob, [bob.public, carol.public]))!;
  const boxes = real.slice(0, 34 + 2 * 120);
  const forged = new Uint8Array([...boxes, ...other.slice(boxes.length)]);
  assert.equal((await openEnvelope(toBase64(forged), address, carol)).kind, "damaged");
  // Nor does it help that bob knows the key which the words are encrypted with, and encrypts others with it.
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const [head, box] = [real.slice(0, 34 + 2 * 8), real.slice(34 + 2 * 8, 34 + 2 * 8 + 112)];
  const bound = new Uint8Array([...head, ...encode("alice\0bob\0c1")]);
  const senderPublicKey = await suite.kem.deserializePublicKey(fromBase64url(alice.public)!);
  const params = { recipientKey: bob.pair, enc: box.slice(0, 32), senderPublicKey };
  const info = encode("chat private message, version 1");
  const secret = new Uint8Array(await suite.open({ ...params, info }, box.slice(32), bound));
  const key = await crypto.subtle.importKey("raw", secret.slice(0, 32), "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12), additionalData: bound };
  const put = async (text: string) => {
    const words = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, encode(text.padEnd(64))));
    return await openEnvelope(toBase64(new Uint8Array([...boxes, ...words])), address, carol);
  };
  assert.equal((await put("real")).kind, "opened", "the key is the right one");
  assert.equal((await put("false")).kind, "damaged");
  // Nor to name alice as the writer of what bob wrote.
  const named = new Uint8Array(other);
  named.set(fromBase64url(alice.public)!, 1);
  assert.equal((await openEnvelope(toBase64(named), address, carol)).kind, "damaged");
});

test("openEnvelope() never throws, whatever it is given", async () => {
  const real = fromBase64(await sealed("hello"))!;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 500 }),
    fc.uint8Array({ maxLength: 500 }).map((tail) => new Uint8Array([1, ...tail])),
    fc.nat(real.length).map((end) => real.slice(0, end)),
    fc.tuple(fc.nat(255), fc.nat(real.length)).map(([count, end]) => {
      const cut = real.slice(0, end);
      if (cut.length > 33) cut[33] = count;
      return cut;
    }),
  );
  const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }), bytes.map((bytes) => toBase64(bytes)));
  const kinds = new Set(["newer", "damaged", "not_for_this_device"]);
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      if (text === toBase64(real)) return;
      assert.ok(kinds.has((await openEnvelope(text, address, bob)).kind));
    }),
    { numRuns: 400 },
  );
  // A writer's key of small order, with which the secret would be known to all.
  const small = new Uint8Array(real);
  small.fill(0, 1, 33);
  assert.equal((await openEnvelope(toBase64(small), address, bob)).kind, "damaged");
});

test("sealEnvelope() refuses a device whose key is none, or of small order", async () => {
  for (const key of ["", "x", "A".repeat(43)]) {
    await assert.rejects(sealEnvelope(encode("x"), address, alice, [key]));
  }
});

test("sealEnvelope() makes texts of about the same length the same length", async () => {
  const length = async (text: string) => (await sealed(text)).length;
  assert.equal(await length("yes"), await length("no, and that for several reasons"));
  assert.equal(await length("x".repeat(1100)), await length("x".repeat(2000)));
  assert.notEqual(await sealed("the same"), await sealed("the same"));
});

test("a text of MAX_MESSAGE_BYTES fits for as many devices as two users can have, and for half of them however it is written", async () => {
  const devices = await Promise.all(Array.from({ length: 2 * maxDevices }, makePair));
  const doubled = ['"'.repeat(4096), "\t".repeat(4096)].map((text) => ({ text, most: maxDevices }));
  const others = ["x".repeat(4096), "é".repeat(2048), "😀".repeat(1024), "\u2028".repeat(1365)].map((text) => {
    return { text, most: 2 * maxDevices };
  });
  for (const { text, most } of [...doubled, ...others]) {
    const file = {
      id: "f".repeat(32),
      name: "n".repeat(255),
      size: 2 ** 28,
      sha256: "0".repeat(64),
      key: "k".repeat(43),
    };
    const content = encodeContent({ text, time: 1e15, file });
    const envelope = await sealEnvelope(content, address, alice, devices.slice(0, most).map((device) => device.public));
    assert.ok(envelope.length <= maxSealedLength, `${envelope.length}`);
  }
});

test("decodeContent() gives what is there, and nothing for what is none", () => {
  const file = { id: "1", name: "a.txt", size: 3, sha256: "00", key: "k" };
  assert.deepEqual(decodeContent(encodeContent({ text: "hi", time: 5, file })), { text: "hi", time: 5, file });
  const odd = encode('{"v":1,"text":"hi","time":5,"file":{"id":"1","name":"a","size":3,"sha256":"0","more":1}}   ');
  assert.deepEqual(decodeContent(odd), { text: "hi", time: 5, file: { id: "1", name: "a", size: 3, sha256: "0" } });
  // A file of which something is missing is none: it is not for the server to complete it.
  for (const file of [{ id: "1" }, { id: "1", name: "a", size: "3", sha256: "0" }, { id: "1", name: "a", size: 3 }]) {
    const part = encode(JSON.stringify({ v: 1, text: "hi", time: 5, file }));
    assert.deepEqual(decodeContent(part), { text: "hi", time: 5 });
  }
  for (
    const text of ["", "null", "[]", '{"v":2,"text":"x","time":1}', '{"v":1,"text":1,"time":1}', '{"v":1,"text":"x"}']
  ) {
    assert.equal(decodeContent(encode(text)), undefined);
  }
  assert.equal(decodeContent(new Uint8Array([0xff])), undefined);
});

test("safetyNumber() is the same on both sides, and another for every other set of keys or names", async () => {
  const keys = (await Promise.all(Array.from({ length: 4 }, makePair))).map((pair) => pair.public);
  const [one, other] = [{ user: "Alice", keys: [keys[0], keys[1]] }, { user: "bob", keys: [keys[2]] }];
  const groups = safetyNumber(one, other);
  assert.equal(groups.length, 12);
  for (const group of groups) assert.match(group, /^\d{5}$/);
  const number = groups.join(" ");
  assert.equal(
    safetyNumber({ user: "BOB", keys: [keys[2]] }, { user: "alice", keys: [keys[1], keys[0]] }).join(" "),
    number,
  );
  const differing = [
    [one, { user: "bob", keys: [keys[2], keys[3]] }],
    [one, { user: "bob", keys: [keys[3]] }],
    [one, { user: "bobby", keys: [keys[2]] }],
    [{ user: "alice", keys: [keys[0]] }, { user: "bob", keys: [keys[1], keys[2]] }],
  ] as const;
  for (const [a, b] of differing) assert.notEqual(safetyNumber(a, b).join(" "), number);
});

test("safetyNumber() of known keys stays what it is, so that different releases show the same", () => {
  const key = (byte: number) => toBase64url(new Uint8Array(32).fill(byte));
  const number = safetyNumber({ user: "alice", keys: [key(1)] }, { user: "bob", keys: [key(2), key(3)] }).join(" ");
  assert.equal(number, "21538 83410 11307 33410 43502 75746 87740 44118 04628 05445 08796 40384");
});

test("decryptFile() gives back the file, and refuses it changed, cut, under another key, or under none", async () => {
  const file = crypto.getRandomValues(new Uint8Array(50_000));
  const { bytes, key } = await encryptFile(file);
  assert.equal(bytes.length, file.length + fileCipherOverhead);
  assert.deepEqual(await decryptFile(bytes, key), file);
  const changed = bytes.slice();
  changed[25_000] ^= 1;
  await assert.rejects(decryptFile(changed, key), /cannot be decrypted/);
  await assert.rejects(decryptFile(bytes.slice(0, -1), key), /cannot be decrypted/);
  await assert.rejects(decryptFile(bytes, (await encryptFile(file)).key), /cannot be decrypted/);
  for (const none of ["", "x", key + "A", key.slice(1)]) await assert.rejects(decryptFile(bytes, none), TypeError);
  const empty = await encryptFile(new Uint8Array());
  assert.equal((await decryptFile(empty.bytes, empty.key)).length, 0);
});

test("fromBase64() reads what toBase64() wrote, and nothing else", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    assert.deepEqual(fromBase64(toBase64(bytes)), new Uint8Array(bytes));
    assert.deepEqual(fromBase64url(toBase64url(bytes)), new Uint8Array(bytes));
  }));
  for (const text of ["A", "AA", "AB==", "AAB=", "A===", "AA=A", "AAA\n", "AA-_", "äöü="]) {
    assert.equal(fromBase64(text), undefined);
  }
  assert.equal(fromBase64url("A"), undefined);
  assert.equal(fromBase64url("AB"), undefined);
  assert.ok(isPublicKey(alice.public));
});
