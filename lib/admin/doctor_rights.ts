/** The doctor's look at what Redis permits: each command of a server, tried on every server that has keys. */

import { ErrorReply } from "redis";
import { messageOf } from "../common/errors.ts";
import type { RedisGateway } from "../store/redis/gateway.ts";
import { Keys } from "../store/redis/keys.ts";
import { trials } from "../store/redis/transport/permissions.ts";
import type { Master } from "../store/redis/transport/redis_transport.ts";
import type { Finding } from "./finding.ts";

/** A server goes on without these, but nothing more can be looked at. */
const optional: ReadonlySet<string> = new Set(["INFO", "ROLE"]);

/** What was refused. */
interface Refused {
  readonly commands: Set<string>;
  keys: boolean;
  channels: boolean;
}

/**
 * Tries what a server does in Redis.
 *
 * @param user who logs in there
 */
export async function* examineRights(
  gateway: RedisGateway,
  { prefix, database, user }: { readonly prefix: string; readonly database: number; readonly user: string },
): AsyncIterable<Finding> {
  const keys = new Keys(prefix, database);
  const listening = await tryToListen(gateway, keys.trialChannel());
  for (const master of await gateway.masters()) {
    const refused: Refused = { commands: new Set(), keys: false, channels: false };
    if (listening) note(refused, "SSUBSCRIBE", listening);
    for (const { name, args } of trials(keys)) {
      const message = await refusal(master, args);
      if (message) note(refused, name, message);
    }
    yield finding(master.name, refused, prefix, user);
  }
}

function finding(server: string, { commands, keys, channels }: Refused, prefix: string, user: string): Finding {
  const subject = server === "" ? "rights" : `rights ${server}`;
  const names = [...commands].sort();
  const missing = [
    ...names,
    ...(keys ? [`the keys ${prefix}*`] : []),
    ...(channels ? [`the channels ${prefix}*`] : []),
  ];
  if (missing.length === 0) return { subject, state: "ok", text: "its user may do all that a server does" };
  const rules = [
    ...names.map((name) => `+${name.replace(" ", "|").toLowerCase()}`),
    ...(keys ? [`~${prefix}*`] : []),
    ...(channels ? [`&${prefix}*`] : []),
  ];
  const state = !keys && !channels && names.every((name) => optional.has(name)) ? "warn" : "fail";
  const text = `Redis does not permit this user what the server needs: NOPERM for ${missing.join(", ")}`;
  return { subject, state, text, advice: `ACL SETUSER ${user} ${rules.join(" ")}` };
}

/** Why a channel is not heard, where it is not permitted. */
async function tryToListen(gateway: RedisGateway, channel: string): Promise<string | undefined> {
  const listener = { hear() {}, interrupted() {} };
  try {
    await gateway.subscribe(channel, listener);
    await gateway.unsubscribe(channel, listener);
    return undefined;
  } catch (error) {
    return messageOf((error as Error).cause ?? error);
  }
}

/** What Redis says to a command that is not permitted; anything else that it says is none of the rights'. */
async function refusal({ send }: Master, args: readonly string[]): Promise<string | undefined> {
  try {
    await send(args);
  } catch (error) {
    if (!(error instanceof ErrorReply)) throw error;
    if (error.message.startsWith("NOPERM")) return error.message;
  }
  return undefined;
}

function note(refused: Refused, name: string, message: string): void {
  if (/one of the keys/.test(message)) refused.keys = true;
  else if (/one of the channels/.test(message)) refused.channels = true;
  else refused.commands.add(name);
}
