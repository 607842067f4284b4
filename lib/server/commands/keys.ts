import { ChatError } from "../../common/errors.ts";
import type { UserKeys } from "../../wire/event.ts";
import { maxSealedLength } from "../../wire/sealed.ts";
import { aboutNone } from "../registry/access.ts";
import { defineCommand, type Services } from "../registry/command.ts";
import { isoTime } from "../delivery/events.ts";
import { knownUser } from "./follows.ts";

const own = [{ name: "public", kind: "key" }] as const;

/** The public keys of users' devices, and what is compared with them before a private message is taken. */
export const keyCommands = [
  defineCommand({
    name: "keys",
    arguments: [{ name: "user", kind: "user" }],
    who: "user",
    help: "tell the public keys of a user's devices",
    about: aboutNone,
    typed: false,
    async run(_, { user }, services) {
      const { name } = await knownUser(user, services);
      return { reply: { of: "keys", ...await keysOf(name, services) } };
    },
  }),
  defineCommand({
    name: "key",
    arguments: own,
    who: "user",
    help: "announce the public key of your device",
    tokens: "never",
    typed: false,
    audited: true,
    async run({ id, session: { user } }, { public: key }, services) {
      const { maxDevices } = services.config;
      const outcome = await services.store.deviceKeys.announce(user, key, maxDevices);
      if (outcome === "full") {
        throw new ChatError(
          "forbidden",
          `You have ${maxDevices} device keys, as many as there may be; remove one that you do not use: /keys lists them`,
        );
      }
      if (outcome === "added") await tellSessions("added", user, key, id, services);
      return { reply: { of: "key", ...await keysOf(user, services) } };
    },
  }),
  defineCommand({
    name: "unkey",
    arguments: own,
    who: "user",
    help: "remove the public key of a device of yours",
    tokens: "never",
    typed: false,
    audited: true,
    async run({ id, session: { user } }, { public: key }, services) {
      if (await services.store.deviceKeys.revoke(user, key)) await tellSessions("removed", user, key, id, services);
      return { reply: { of: "unkey", ...await keysOf(user, services) } };
    },
  }),
];

/** Tells the user's sessions, but for the connection that did it, that a key was added or removed. */
async function tellSessions(
  what: "added" | "removed",
  user: string,
  key: string,
  connection: string,
  { sessions }: Services,
): Promise<void> {
  const message = what === "added"
    ? `The key of a device was added to your account: ${key.slice(0, 8)}…; if it is not yours, change your password`
    : `The key of a device was removed from your account: ${key.slice(0, 8)}…`;
  await sessions.tell(user, { type: "system", code: `device_key_${what}`, message }, connection);
}

/** What a private message is said to be encrypted for, or not to be. */
export interface Meant {
  /** Undefined where it is not encrypted. */
  readonly sealed: string | undefined;
  /** The versions of the keys that the sender goes by, by user; undefined where it has none, and nothing to compare. */
  readonly keys: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Refuses a private message whose sender does not know the present devices of both users.
 *
 * An encrypted message must name the versions of both users' keys. A plain one may: then it is refused where a user has
 * meanwhile got a device that can decrypt, so that the server does not read what could have been encrypted.
 *
 * @param users recipient and sender
 * @throws {ChatError} `keys_changed` with the present keys, `message_too_long`
 */
export async function checkKeys({ sealed, keys }: Meant, users: readonly string[], services: Services): Promise<void> {
  if (sealed !== undefined && sealed.length > maxSealedLength) {
    throw new ChatError("message_too_long", `An encrypted message is at most ${maxSealedLength} characters of base64`);
  }
  const present = await Promise.all(users.map((user) => keysOf(user, services)));
  const isNamed = (user: string) => keys !== undefined && Object.hasOwn(keys, user);
  const fits = ({ user, version }: UserKeys) => isNamed(user) ? keys![user] === version : sealed === undefined;
  if (present.every(fits)) return;
  throw new ChatError("keys_changed", "The message is not meant for the devices that there are now", {
    keys: Object.fromEntries(present.map((keys) => [keys.user, keys])),
  });
}

async function keysOf(user: string, { store }: Services): Promise<UserKeys> {
  const keys = (await store.deviceKeys.list(user)).map(({ public: key, added }) => ({
    public: key,
    added: isoTime(added),
  }));
  return { user, keys, version: await versionOf(keys.map((key) => key.public)) };
}

/** A short name for a set of keys. */
async function versionOf(keys: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(keys.toSorted().join(" ")));
  return new Uint8Array(digest).slice(0, 9).toBase64({ alphabet: "base64url" });
}
