import { parseTopic, roomTopic } from "../../../wire/names.ts";
import { randomWord } from "../../log_position.ts";
import { firstFields } from "../../records/record_fields.ts";
import type { RoomBound, Rooms } from "../../rooms.ts";
import type { StoreLimits } from "../../store.ts";
import type { RedisGateway } from "../gateway.ts";
import type { Keys } from "../keys.ts";
import { forEver } from "../history.ts";
import type { Generations } from "../topics.ts";

/** How many rooms are looked at in one step. */
const sweepSize = 100;

/** How often a server goes through all keys for rooms that the list does not have, in milliseconds. */
const listEveryMs = 86_400_000;

/**
 * Rooms in Redis, with the promises of {@linkcode Rooms}.
 *
 * A room's own slot has the truth, and a list in another slot counts them. So that a server may die between two steps:
 * 1. a room is listed before it is made, and taken off the list after it is forgotten, where nobody has opened it since;
 * 2. a room that exists is found in its own slot, listed or not, and never refused;
 * 3. the list is made from the keys where it may not have all of them, and each server compares it once a day: rooms may
 *    be of an earlier release, of an import, or of a Redis that came back older.
 */
export class RedisRooms implements Rooms {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #generations: Generations;
  #listedAt = -Infinity;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits, generations: Generations) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
    this.#generations = generations;
  }

  async find(room: string): Promise<boolean> {
    return await this.#redis.run("roomFind", [this.#keys.meta(roomTopic(room))], []) === 1;
  }

  async make(room: string, { most, standing }: RoomBound, owner?: string): Promise<boolean> {
    const bound = [room, most === Infinity ? "" : most, ...standing];
    const reserve = () => this.#redis.run("roomReserve", this.#keys.roomList(), bound);
    let reserved = await reserve();
    if (reserved === "unknown") {
      await this.#list();
      reserved = await reserve();
    }
    if (reserved !== "listed") return false;
    const owned = owner === undefined || standing.includes(room) ? [] : Object.entries(firstFields(owner)).flat();
    const args = [randomWord(8), this.#generations.generation, ...owned];
    await this.#redis.run("roomMake", [this.#keys.meta(roomTopic(room)), this.#keys.record(room)], args);
    return true;
  }

  async sweep(standing: readonly string[]): Promise<string[]> {
    const [list] = this.#keys.roomList();
    if (performance.now() - this.#listedAt > listEveryMs) await this.#list();
    const kept = new Set(standing);
    const forgotten: string[] = [];
    for (;;) {
      const now = Math.floor(await this.#redis.time(list));
      const range = ["-inf", String(now - this.#limits.roomIdleMs), "BYSCORE", "LIMIT", "0", `${sweepSize}`];
      const due = await this.#redis.command("ZRANGE", list, ...range, "WITHSCORES") as string[];
      const rooms = Array.from({ length: due.length / 2 }, (_, index) => [due[2 * index], due[2 * index + 1]]);
      await Promise.all(rooms.map(async ([room, score]) => {
        const gone = !kept.has(room) && await this.#forget(room);
        await this.#redis.run("roomSettle", [list], [room, score, now, gone ? "1" : "0"]);
        if (gone) forgotten.push(room);
      }));
      if (rooms.length < sweepSize) return forgotten;
    }
  }

  async #forget(room: string): Promise<boolean> {
    const topic = roomTopic(room);
    const { meta, log, writers, told, record, spoken, deletions, topicChannel } = this.#keys;
    const { historyMaxAge, roomIdleMs } = this.#limits;
    return await this.#redis.run(
      "roomForget",
      [meta(topic), log(topic), writers(topic), told(topic), record(room), spoken(topic), deletions(topic)],
      [topicChannel(topic), Math.min(historyMaxAge, forEver), roomIdleMs],
    ) === 1;
  }

  /** Lists every room that has keys. */
  async #list(): Promise<void> {
    const [list, complete] = this.#keys.roomList();
    const now = String(Math.floor(await this.#redis.time(list)));
    for await (const keys of this.#redis.keys(this.#keys.roomMetas())) {
      const rooms = keys.flatMap((key) => parseTopic(this.#keys.topicOf(key))?.name ?? []);
      if (rooms.length > 0) {
        await this.#redis.run("writeSmall", [list], ["ZADD", "NX", ...rooms.flatMap((room) => [now, room])]);
      }
    }
    await this.#redis.run("writeSmall", [complete], ["SET", "1"]);
    this.#listedAt = performance.now();
  }
}
