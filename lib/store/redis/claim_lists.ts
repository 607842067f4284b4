import type { Topic } from "../../wire/names.ts";
import type { Session } from "../sessions.ts";
import type { RedisGateway } from "./gateway.ts";
import type { Keys } from "./keys.ts";

/** The claim of an entry whose session is only about to be: below any other. */
const aboutToBe = "0";

/**
 * The lists of sessions that are in other slots than these, each a hash user → claim: who may write to a topic, who is
 * in a room, and which sessions a server's run has.
 *
 * A step that comes late or again changes nothing that is newer: each entry has the claim that it is for.
 */
export class ClaimLists {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * Lists a user among the sessions of a server's run before the session is there: whatever moment the data are put back
   * to, or the server dies at, the session is found by the list. Nobody is online by such an entry.
   */
  async expect(instance: string, user: string): Promise<void> {
    await this.#redis.run("admit", [this.#keys.serverSessions(instance)], [user, aboutToBe]);
  }

  /** Takes back what {@linkcode expect} did, unless the session is there. */
  async unexpect(instance: string, user: string): Promise<void> {
    await this.revoke(this.#keys.serverSessions(instance), user, aboutToBe);
  }

  /** The users whose sessions a server's run has. */
  async usersOf(instance: string): Promise<string[]> {
    const pairs = await this.#redis.command("HGETALL", this.#keys.serverSessions(instance)) as string[];
    return pairs.filter((_, index) => index % 2 === 0 && pairs[index + 1] !== aboutToBe);
  }

  /** Of each of these users, whether a server's run has a session. */
  async areOf(instance: string, users: readonly string[]): Promise<boolean[]> {
    const claims = await this.#redis.command(
      "HMGET",
      this.#keys.serverSessions(instance),
      ...users,
    ) as (string | null)[];
    return claims.map((claim) => claim !== null && claim !== aboutToBe);
  }

  /**
   * Writes a session into a list. It may come late, behind the step that removed the entry for a newer claim: nothing
   * remembers that, so it asks afterwards whether the session still is what it was, and takes the entry back where not.
   */
  async admit(key: string, { user, claim }: Session): Promise<boolean> {
    if (await this.#redis.run("admit", [key], [user, claim]) !== 1) return false;
    const held = await this.#redis.command("HGET", this.#keys.session(user), "claim");
    if (held === String(claim)) return true;
    await this.revoke(key, user, claim);
    return false;
  }

  /** Takes an entry out of a list, unless it is a newer claim's. */
  async revoke(key: string, field: string, claim: string | number): Promise<void> {
    await this.#redis.run("revoke", [key], [field, claim]);
  }

  /** Takes a user's right to write to a topic away, then the note of it. */
  async revokeGrant(user: string, topic: Topic, claim: string | number): Promise<void> {
    await this.revoke(this.#keys.writers(topic), user, claim);
    await this.revoke(this.#keys.grants(user), topic, claim);
  }
}
