/** Brings what an earlier release left in Redis to the present schema, once, before anything else is done with it. */

import type { Topic } from "../../wire/names.ts";
import type { SchemaReport } from "../admin_store.ts";
import { EarlierServersError, LaterSchemaError } from "../schema.ts";
import { tokenLifeMs } from "../sessions.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, fromSessionField, type Keys, schemaVersion } from "./keys.ts";
import type { SessionLists } from "./session_lists.ts";
import type { RedisSessions } from "./sessions.ts";
import { type Held, toSession } from "./stored_sessions.ts";

/** What {@linkcode Migration.run} works with. */
export interface MigrationParts {
  readonly sessions: Pick<RedisSessions, "end">;
  readonly lists: Pick<SessionLists, "removeWriter">;
}

/**
 * Migrates the data.
 *
 * 1. Where a server of an earlier release has a lease, nothing is changed, and who asked is refused.
 * 2. From the first change on, no server and no program of an earlier release can open the data: see schema_begin.lua.
 * 3. It may be cut off at any point, and is run again by who opens the data next. Two may run at once, and one may come
 *    so late that servers run already: each step looks by itself, in one go with what it changes, at whether what it
 *    finds is an earlier release's, and leaves alone what is not.
 * 4. Resume tokens, positions, messages and what is unread stay.
 */
export class Migration {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #parts: MigrationParts;

  constructor(redis: RedisGateway, keys: Keys, parts: MigrationParts) {
    this.#redis = redis;
    this.#keys = keys;
    this.#parts = parts;
  }

  /**
   * Sees to it that the data have the present schema.
   *
   * @throws {EarlierServersError} where servers of an earlier release run
   * @throws {LaterSchemaError} where a later release wrote the data
   * @throws {ChatError} `store_unavailable`
   */
  async run(): Promise<SchemaReport> {
    const { schema, guards, dataGeneration, positionSecret } = this.#keys;
    const keys = [schema(), ...guards(), dataGeneration(), positionSecret()];
    const [state, ...rest] = await this.#redis.run("schemaBegin", keys, [schemaVersion]) as string[];
    if (state === "live") throw new EarlierServersError(rest.sort());
    if (state === "later") throw new LaterSchemaError("Redis'", Number(rest[0]), schemaVersion);
    if (state === "made") return { version: schemaVersion, before: 0, ended: 0, tokens: 0 };
    if (state === "current") return { version: schemaVersion, before: schemaVersion, ended: 0, tokens: 0 };
    const ended = await this.#endSessions();
    for (const pattern of this.#keys.allWriters()) await this.#clearWriters(pattern);
    await this.#forgetServers();
    const tokens = await this.#keepTokens();
    await this.#redis.run("schemaEnd", [schema()], [schemaVersion]);
    return { version: schemaVersion, before: 1, ended, tokens };
  }

  /** Ends the sessions whose servers are over, as no server of an earlier release runs. @returns how many */
  async #endSessions(): Promise<number> {
    let ended = 0;
    for await (const keys of this.#redis.keys(this.#keys.sessions())) {
      const held = await Promise.all(
        keys.map(async (key): Promise<Held> => fromPairs(await this.#redis.command("HGETALL", key))),
      );
      const present = await this.#instances(); // after the sessions: who has one by then has a lease by now
      const results = await Promise.all(held.map(async (each) => {
        if (each.connection === undefined || present.has(each.instance)) return false;
        return await this.#parts.sessions.end(toSession(each, []), false) !== "not_held";
      }));
      ended += results.filter((done) => done).length;
    }
    return ended;
  }

  /** Takes members of rooms and other writers out whose sessions are over, or that an earlier server left half done. */
  async #clearWriters(pattern: string): Promise<void> {
    for await (const keys of this.#redis.keys(pattern)) {
      await Promise.all(keys.map(async (key) => {
        const writers = fromPairs(await this.#redis.command("HGETALL", key));
        await Promise.all(
          Object.entries(writers).map(([field, held]) =>
            this.#clearWriter(this.#keys.tagOf(key) as Topic, field, held)
          ),
        );
      }));
    }
  }

  /** @param held a claim, behind which the number of a call may stand */
  async #clearWriter(topic: Topic, field: string, held: string): Promise<void> {
    const entry = fromSessionField(field);
    const claim = held.split(" ")[0];
    // An entry is written after its session, and taken out before it.
    if (await this.#redis.command("HGET", this.#keys.session(entry.user, entry.device), "claim") === claim) return;
    await this.#parts.lists.removeWriter(topic, entry, claim);
  }

  async #forgetServers(): Promise<void> {
    for await (const keys of this.#redis.keys(this.#keys.allServerSessions())) {
      const present = await this.#instances();
      const over = keys.filter((key) => !present.has(this.#keys.tagOf(key).slice("server:".length)));
      await Promise.all(over.map((key) => this.#redis.command("DEL", key)));
    }
  }

  /** @returns of how many users there are resume tokens of an earlier release */
  async #keepTokens(): Promise<number> {
    let kept = 0;
    for await (const keys of this.#redis.keys(this.#keys.ownTokens())) {
      const users = keys.map((key) => this.#keys.tagOf(key).slice("user:".length));
      const { tokens, account, devices } = this.#keys;
      const answers = await Promise.all(
        users.map((user) =>
          this.#redis.run("keepTokens", [tokens(user, ""), account(user), devices(user)], [tokenLifeMs])
        ),
      ) as number[];
      kept += answers.filter((answer) => answer === 1).length;
    }
    return kept;
  }

  /** The servers' runs of this release that have a lease, or whose sessions are not swept yet. */
  async #instances(): Promise<ReadonlySet<string>> {
    return new Set(await this.#redis.command("ZRANGE", this.#keys.leases()[0], "0", "-1") as string[]);
  }
}
