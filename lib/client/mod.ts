/**
 * The client as a library: for bots, bridges and other screens.
 *
 * @example A bot that greets each user who comes to a room
 * ```ts
 * import { Bot, DialError } from "./mod.ts";
 *
 * async function greet(ca: string): Promise<void> {
 *   await using bot = await Bot.connect({ servers: "localhost:8000", ca, user: "a", password: "1" });
 *   for await (const event of bot.listen("ops")) {
 *     if (event.type === "presence" && event.state === "joined") await bot.say("ops", `Hello ${event.user}`);
 *   }
 * }
 *
 * // Where no server is, or none that can be trusted, a bot does not begin.
 * const nobody = () => Promise.reject(new DialError("refused", "nothing listens there"));
 * const failed = await Bot.connect({ servers: "localhost:1", dial: nobody, user: "a", password: "1" }).then(
 *   () => undefined,
 *   (error) => error,
 * );
 * if (!(failed instanceof DialError) || typeof greet !== "function") throw new Error("it connected");
 * ```
 *
 * @module
 */

export { ChatError, type ErrorCode } from "../common/errors.ts";
export type {
  FileOffer,
  GapEvent,
  MembershipEvent,
  MessageEvent,
  PresenceEvent,
  Reply,
  SeenEvent,
  ServerEvent,
  TopicEvent,
  UserDevice,
} from "../wire/event.ts";
export { formatServer, parseServers, type ServerAddress } from "./base/address.ts";
export { Bot, type BotOptions, type RoomEvent } from "./bot.ts";
export type { Request } from "./net/connection.ts";
export { type Dial, DialError, type DialFailure, tlsDialer, type Transport } from "./net/dial.ts";
export { ClientError, ConnectionLost } from "./base/exit.ts";
export type { Sealer } from "./session/link.ts";
export { Session, type SessionOptions } from "./session/session.ts";
export { sealer } from "./e2ee/sealer.ts";
export { Sealing, type SealingOptions } from "./e2ee/sealing.ts";
export { SideSession } from "./session/side.ts";
export type { Status } from "./net/status.ts";
export type { Ending, Login, Update } from "./session/update.ts";
