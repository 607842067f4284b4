/**
 * One private message, encrypted from a device to devices: the bytes of `sealed`.
 *
 * It knows neither servers nor who may be trusted.
 */

import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { fold } from "../../wire/names.ts";
import { type Bytes, fromBase64, fromBase64url, joined, sha256, toBase64, toBase64url, toUtf8 } from "./bytes.ts";
import type { DevicePair } from "./device.ts";

/** Whose message it is, and which. */
export interface Address {
  readonly from: string;
  readonly to: string;
  /** The message's own id. */
  readonly cid: string;
}

/** What became of an envelope. */
export type Opening =
  | {
    readonly kind: "opened";
    /** The public key of the device that wrote it. */
    readonly writer: string;
    /** The devices that it is for, as {@linkcode hintOf} calls them. */
    readonly readers: readonly string[];
    readonly content: Bytes;
  }
  /** It is for other devices. */
  | { readonly kind: "not_for_this_device" }
  /** It is of a kind that is not known here. */
  | { readonly kind: "newer" }
  /** It is no envelope, or was changed, or is another message's. */
  | { readonly kind: "damaged" };

const version = 1;
const keyBytes = 32;
/** Enough that nobody finds a key with the same. */
const hintBytes = 8;
const tagBytes = 16;
/** A content key and a hash, and the cipher's tag. */
const boxCipherBytes = keyBytes + 32 + tagBytes;
const boxBytes = keyBytes + boxCipherBytes;
const headBytes = 1 + keyBytes + 1;
const info = toUtf8("chat private message, version 1");

/** Up to here a content's length is rounded up to a power of two, in bytes; above, to a multiple of it. */
const coarse = 1024;

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** The nonce can be a constant: a content key is used once. */
const nonce = new Uint8Array(12);

/**
 * Encrypts a text for devices.
 *
 * The text is encrypted once, with AES-256-GCM under a key made for it. That key, and the hash of what is encrypted with
 * it, go to each device in a box of its own: HPKE (RFC 9180) in Auth mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
 * AES-256-GCM.
 *
 * 1. Only the devices that it is for can read it, and each knows which device wrote it, and for which others.
 * 2. It holds for its sender, its recipient and its `cid` only: moved to another message, it is refused.
 * 3. No recipient can make another message of it for another recipient, since each box names the hash.
 * 4. Its length tells the length of the text only roughly.
 *
 * The bytes: version (1), the writer's public key (32), the number of devices (1), 8 bytes of the public key of each; a
 * box for each (32 bytes of HPKE's encapsulated key, 80 of its ciphertext); the rest is the encrypted text.
 *
 * @param content UTF-8 that does not end in blanks; blanks are what its length is rounded up with
 * @param devices the public keys of the devices that it is for, at most 255
 * @returns base64
 * @throws {Error} when a device's key cannot be read
 */
export async function sealEnvelope(
  content: Bytes,
  address: Address,
  writer: DevicePair,
  devices: readonly string[],
): Promise<string> {
  const padded = new Uint8Array(paddedLength(content.length)).fill(0x20);
  padded.set(content);
  const key = crypto.getRandomValues(new Uint8Array(keyBytes));
  const hints = devices.map((device) => rawKey(device).subarray(0, hintBytes));
  const head = joined([version], rawKey(writer.public), [devices.length], ...hints);
  const bound = boundTo(address, head);
  const encrypted = await encrypt(key, padded, bound);
  const secret = joined(key, await sha256(encrypted));
  const boxes = await Promise.all(devices.map((device) => box(secret, bound, writer, device)));
  return toBase64(joined(head, ...boxes, encrypted));
}

/**
 * Decrypts an envelope. It never throws: for all input, the outcome is a value.
 *
 * An envelope that opens was written by the holder of the key `writer`; whose key that is has to be known from elsewhere.
 */
export async function openEnvelope(sealed: string, address: Address, device: DevicePair): Promise<Opening> {
  const bytes = fromBase64(sealed);
  if (!bytes || bytes.length === 0) return { kind: "damaged" };
  if (bytes[0] !== version) return { kind: "newer" };
  const count = bytes[headBytes - 1];
  const boxesAt = headBytes + count * hintBytes;
  const contentAt = boxesAt + count * boxBytes;
  if (bytes.length < contentAt + tagBytes) return { kind: "damaged" };
  const writer = toBase64url(bytes.subarray(1, 1 + keyBytes));
  const readers = Array.from({ length: count }, (_, index) => {
    return toBase64url(bytes.subarray(headBytes + index * hintBytes, headBytes + (index + 1) * hintBytes));
  });
  const mine = readers.indexOf(hintOf(device.public));
  if (mine < 0) return { kind: "not_for_this_device" };
  const parts = bytes.slice(boxesAt + mine * boxBytes, boxesAt + (mine + 1) * boxBytes);
  const bound = boundTo(address, bytes.slice(0, boxesAt));
  const content = await unbox(parts, bound, writer, device, bytes.slice(contentAt));
  return content ? { kind: "opened", writer, readers, content } : { kind: "damaged" };
}

/** A device's key, short: the first 8 bytes of it. */
export function hintOf(key: string): string {
  return toBase64url(rawKey(key).subarray(0, hintBytes));
}

/** How long an envelope is, in characters, for a content of so many bytes and so many devices. */
export function envelopeLength(contentBytes: number, devices: number): number {
  return 4 * Math.ceil((headBytes + devices * (hintBytes + boxBytes) + paddedLength(contentBytes) + tagBytes) / 3);
}

function paddedLength(length: number): number {
  if (length > coarse) return Math.ceil(length / coarse) * coarse;
  return Math.max(64, 2 ** Math.ceil(Math.log2(length)));
}

/** What a message is bound to: its address, and its own head. Names hold neither zero bytes nor case that matters. */
function boundTo({ from, to, cid }: Address, head: Bytes): Bytes {
  return joined(head, toUtf8([fold(from), fold(to), cid].join("\0")));
}

function rawKey(key: string): Bytes {
  const raw = fromBase64url(key);
  if (raw?.length !== keyBytes) throw new Error("A device's key cannot be read");
  return raw;
}

async function box(secret: Bytes, bound: Bytes, writer: DevicePair, device: string): Promise<Bytes> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(rawKey(device));
  const { enc, ct } = await suite.seal({ recipientPublicKey, senderKey: writer.pair, info }, secret, bound);
  return joined(new Uint8Array(enc), new Uint8Array(ct));
}

async function unbox(
  parts: Bytes,
  bound: Bytes,
  writer: string,
  device: DevicePair,
  encrypted: Bytes,
): Promise<Bytes | undefined> {
  try {
    const senderPublicKey = await suite.kem.deserializePublicKey(fromBase64url(writer)!);
    const params = { recipientKey: device.pair, enc: parts.slice(0, keyBytes), senderPublicKey, info };
    const secret = new Uint8Array(await suite.open(params, parts.slice(keyBytes), bound));
    if (secret.length !== 2 * keyBytes) return undefined;
    const hash = await sha256(encrypted);
    // Everybody who can read it knows both: the time that the comparison takes tells nothing.
    if (!hash.every((byte, index) => secret[keyBytes + index] === byte)) return undefined;
    return await decrypt(secret.slice(0, keyBytes), encrypted, bound);
  } catch {
    return undefined;
  }
}

async function encrypt(key: Bytes, content: Bytes, bound: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: bound };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, imported, content));
}

async function decrypt(key: Bytes, encrypted: Bytes, bound: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: bound };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, imported, encrypted));
}
