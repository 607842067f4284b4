/**
 * What a server answers about somebody's keys, before anybody relies on it.
 */

import { ChatError } from "../../common/errors.ts";
import type { UserKeys } from "../../wire/event.ts";
import { fold, isUsername } from "../../wire/names.ts";
import { isPublicKey } from "../../wire/sealed.ts";
import { isObject } from "../base/shape.ts";

/** The most keys of one user that are believed in. */
const maxKeys = 32;

/**
 * Reads an answer about somebody's keys.
 *
 * @param asked whom it was asked about: an answer about anybody else does not count
 * @returns undefined where it cannot be used
 */
export function toUserKeys(asked: string, value: unknown): UserKeys | undefined {
  if (!isObject(value)) return undefined;
  const { user, keys, version } = value;
  if (typeof user !== "string" || !isUsername(user) || fold(user) !== fold(asked)) return undefined;
  if (typeof version !== "string" || !Array.isArray(keys) || keys.length > maxKeys) return undefined;
  const usable = keys.every((key) =>
    isObject(key) && typeof key.public === "string" && isPublicKey(key.public) && typeof key.added === "string"
  );
  return usable ? { user, keys, version } : undefined;
}

/** The error for an answer about a user's keys that cannot be used. */
export function senseless(user: string): ChatError {
  return new ChatError("internal", `What the server says of ${user}'s devices makes no sense`);
}
