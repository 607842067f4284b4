/**
 * The key of the device that the client runs on: made here, kept here, and the private part goes nowhere.
 *
 * Each user of each server has one of their own. It is kept beside what else the client remembers, readable by its
 * owner only, and not encrypted: everybody who can read the user's files can read their messages.
 */

import { join } from "node:path";
import { isPublicKey } from "../../wire/sealed.ts";
import { ClientError } from "../base/exit.ts";
import { createPrivate, readPrivate } from "../base/private_file.ts";
import { isObject } from "../base/shape.ts";
import { fromBase64url, toBase64url } from "./bytes.ts";

/** A device's two keys (X25519). */
export interface DevicePair {
  /** The public one, as others are told it. */
  readonly public: string;
  readonly pair: CryptoKeyPair;
}

/** This device. */
export interface Device extends DevicePair {
  /** Whether it will be the same the next time. */
  readonly kept: boolean;
}

/** Where a device's key is kept. */
export interface DevicePlace {
  /** Where the client remembers things; undefined where it can remember nothing. */
  readonly folder: string | undefined;
  /** `user@server`, in lower case. */
  readonly account: string;
}

/**
 * The key that is kept here.
 *
 * @returns undefined where there is none
 * @throws {ClientError} `usage` when the file cannot be read, or holds something else
 */
export async function readDevice(place: DevicePlace): Promise<Device | undefined> {
  const file = fileOf(place);
  const text = file && readPrivate(file);
  if (text === undefined) return undefined;
  const device = await parse(text);
  if (device) return { ...device, kept: true };
  // A new key in its place would be a device that nobody has verified, and unread messages could not be read.
  throw new ClientError("usage", `${file} holds no device key; without that file, a new key is made`);
}

/**
 * The key that is kept here, or a new one; where it cannot be kept, one for this run.
 *
 * @throws {ClientError} `usage` as {@linkcode readDevice}
 */
export async function openDevice(place: DevicePlace): Promise<Device> {
  const known = await readDevice(place);
  if (known) return known;
  const pair = await makePair();
  const file = fileOf(place);
  if (file === undefined) return { ...pair, kept: false };
  const { d, x } = await crypto.subtle.exportKey("jwk", pair.pair.privateKey);
  try {
    const made = createPrivate(file, JSON.stringify({ version: 1, private: d, public: x }) + "\n");
    // Another client was quicker, and its key is this device's.
    if (!made) return await readDevice(place) ?? { ...pair, kept: false };
    return { ...pair, kept: true };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ...pair, kept: false };
  }
}

/** Makes the keys of a device. */
export async function makePair(): Promise<DevicePair> {
  const pair = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]) as CryptoKeyPair;
  return { pair, public: toBase64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey))) };
}

function fileOf({ folder, account }: DevicePlace): string | undefined {
  return folder && join(folder, "keys", encodeURIComponent(account));
}

async function parse(text: string): Promise<DevicePair | undefined> {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || value.version !== 1) return undefined;
    const { private: d, public: x } = value;
    if (typeof d !== "string" || typeof x !== "string" || !isPublicKey(x)) return undefined;
    const jwk = { kty: "OKP", crv: "X25519", ext: true };
    const publicKey = await crypto.subtle.importKey("raw", fromBase64url(x)!, "X25519", true, []);
    const privateKey = await crypto.subtle.importKey("jwk", { ...jwk, d, x }, "X25519", true, ["deriveBits"]);
    // The two must be each other's: what is sealed for the one could not be opened with the other.
    const probe = await makePair();
    const [one, other] = await Promise.all([
      crypto.subtle.deriveBits({ name: "X25519", public: probe.pair.publicKey }, privateKey, 256),
      crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, probe.pair.privateKey, 256),
    ]);
    if (toBase64url(new Uint8Array(one)) !== toBase64url(new Uint8Array(other))) return undefined;
    return { public: x, pair: { publicKey, privateKey } };
  } catch {
    return undefined;
  }
}
