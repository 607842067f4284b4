import type { Bytes } from "./bytes.ts";
import { fromUtf8, toUtf8 } from "./bytes.ts";
import { isObject } from "../base/shape.ts";

/** What an encrypted message says, as JSON: the text, when it was written, and the file that it offers. */
export interface Content {
  readonly text: string;
  /** When it was encrypted, by the writer's clock, in milliseconds since 1970. */
  readonly time: number;
  readonly file?: ContentFile;
}

/** A file, as its sender knows it: nothing of it is for the server to say. */
export interface ContentFile {
  readonly id: string;
  readonly name: string;
  /** In bytes, once decrypted. */
  readonly size: number;
  /** Likewise, in lower-case hexadecimal. */
  readonly sha256: string;
  /** What decrypts it; without one, it is not encrypted. */
  readonly key?: string;
}

const version = 1;

/** As bytes. */
export function encodeContent({ text, time, file }: Content): Bytes {
  return toUtf8(JSON.stringify({ v: version, text, time, ...(file ? { file } : {}) }));
}

/** Reads it. @returns undefined where it cannot be read, or is of a version that is not known here */
export function decodeContent(bytes: Bytes): Content | undefined {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.v !== version) return undefined;
  const { text, time } = value;
  if (typeof text !== "string" || typeof time !== "number") return undefined;
  const file = readFile(value.file);
  return { text, time, ...(file ? { file } : {}) };
}

/** Reads what is said of a file. @returns undefined where something is missing, or not what it should be */
export function readFile(value: unknown): ContentFile | undefined {
  if (!isObject(value)) return undefined;
  const { id, name, size, sha256, key } = value;
  if (typeof id !== "string" || typeof name !== "string" || typeof size !== "number" || typeof sha256 !== "string") {
    return undefined;
  }
  if (key !== undefined && typeof key !== "string") return undefined;
  return { id, name, size, sha256, ...(key === undefined ? {} : { key }) };
}
