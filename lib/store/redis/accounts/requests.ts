/**
 * Messages of strangers in Redis: in the slot of the inbox, where contacts are compared. The promises are those of
 * {@linkcode Requests}.
 */

import { fold, sentTopic } from "../../../wire/names.ts";
import type { HeldMessage, MessagesFrom, Requests } from "../../accounts/requests.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** The contact of a user who gets messages of contacts only: no user has this name. */
const contactsOnly = "";

/** What stands before the names of those whom a user follows. */
const followed = "+";

/** See {@linkcode Requests}. */
export class RedisRequests implements Requests {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async from(user: string): Promise<MessagesFrom> {
    const only = await this.#redis.command("SISMEMBER", this.#keys.contacts(user), contactsOnly);
    return only === 1 ? "contacts" : "everyone";
  }

  async setFrom(user: string, from: MessagesFrom): Promise<void> {
    const contacts = this.#keys.contacts(user);
    if (from === "everyone") return void await this.#redis.command("SREM", contacts, contactsOnly);
    // Those whom the user followed before this release are not there yet.
    const follows = await this.#redis.command("SMEMBERS", this.#keys.subscriptions(user)) as string[];
    await this.#redis.command("SADD", contacts, contactsOnly, ...follows.map(followedMember));
  }

  async hold(user: string, held: HeldMessage, most: number): Promise<"held" | "waiting" | "full"> {
    const { cid, from } = held.draft;
    const args = [fold(from), `${cid} ${JSON.stringify(held)}`, cid, most];
    return await this.#redis.run("holdRequest", [this.#keys.requests(user)], args) as "held" | "waiting" | "full";
  }

  async list(user: string): Promise<string[]> {
    const held = toRequests(await this.#redis.command("HGETALL", this.#keys.requests(user)));
    return held.map(({ draft }) => draft.from).sort();
  }

  async find(user: string, sender: string): Promise<HeldMessage | undefined> {
    const stored = await this.#redis.command("HGET", this.#keys.requests(user), fold(sender)) as string | null;
    return stored === null ? undefined : toHeld(stored);
  }

  async accept(user: string, sender: string): Promise<void> {
    await this.#redis.command("SADD", this.#keys.contacts(user), fold(sender));
  }

  async remove(user: string, sender: string): Promise<boolean> {
    return await this.#redis.command("HDEL", this.#keys.requests(user), fold(sender)) === 1;
  }
}

/** How the set of a user's contacts has somebody whom the user follows. */
export function followedMember(target: string): string {
  return followed + fold(target);
}

/** The messages that a hash holds. */
export function toRequests(pairs: unknown): HeldMessage[] {
  return Object.values(fromPairs(pairs)).map(toHeld);
}

/** The field and the value of a message that waits. */
export function fromHeld(held: HeldMessage): [string, string] {
  return [fold(held.draft.from), `${held.draft.cid} ${JSON.stringify(held)}`];
}

function toHeld(stored: string): HeldMessage {
  return JSON.parse(stored.slice(stored.indexOf(" {") + 1));
}

/** The contacts that a user has, without those whom the user follows: accepted, or written to. */
export async function contactsOf(redis: RedisGateway, keys: Keys, user: string): Promise<string[]> {
  const [members, written] = await Promise.all([
    redis.command("SMEMBERS", keys.contacts(user)),
    redis.command("HKEYS", keys.copied(sentTopic(user))),
  ]) as [string[], string[]];
  return [...new Set([...members.filter((name) => !name.startsWith(followed)), ...written])].sort();
}
