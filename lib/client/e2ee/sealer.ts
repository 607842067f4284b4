import type { Sealer } from "../session/link.ts";
import { SealedLink } from "./sealed_link.ts";
import type { Sealing } from "./sealing.ts";

/**
 * What a session is given so that its private messages are encrypted.
 *
 * @param sealing the keys and what is known of others'; it follows the session's logins
 *
 * @example
 * ```ts
 * import { sealer } from "./sealer.ts";
 * import { Sealing } from "./sealing.ts";
 * import { tlsDialer } from "../net/dial.ts";
 * import { Session } from "../session/session.ts";
 *
 * const server = { host: "localhost", port: 8000 };
 * const sealing = new Sealing({ folder: undefined, server });
 * const session = new Session({ servers: [server], dial: tlsDialer({}), client: "me/1", sealing: sealer(sealing) });
 * if (session.user !== undefined) throw new Error("nobody has logged in");
 * ```
 */
export function sealer(sealing: Sealing): Sealer {
  return {
    over: (link) => new SealedLink(link, sealing),
    canSeal: (user, ask) => sealing.canSeal(user, ask),
  };
}
