import { fold, roomTopic, type Topic, topicName } from "../../../wire/names.ts";
import { entryOf, type Fields, gateFields, type RecordStep, stepOf, toRecord } from "../../records/record_fields.ts";
import {
  type EntryResult,
  invitationLifeMs,
  type RecordArchive,
  type RecordChange,
  type RecordState,
  type RoomRecord,
  type RoomRecords,
} from "../../room_records.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";
import type { Answer } from "../transport/redis_transport.ts";

/** How often somebody is admitted again when others change the record at the same moment. */
const maxTries = 100;

/** How long an entry of a user's invitations may be ahead of the room's record, in milliseconds: it is written before it. */
const aheadMs = 60_000;

/**
 * The records of rooms in Redis, with the promises of {@linkcode RoomRecords}.
 *
 * The record is in the room's slot, where messages are compared with it. A user's invitations are an index in the user's
 * slot: written before the record, and taken out when it is read and the record does not say the same.
 */
export class RedisRoomRecords implements RoomRecords, RecordArchive {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async read(room: string): Promise<RoomRecord> {
    const { now, fields } = await this.#fields(room);
    return toRecord(fields, now);
  }

  async change(room: string, revision: number, change: RecordChange): Promise<RoomRecord | undefined> {
    const { now, fields } = await this.#fields(room);
    if (Number(fields.rev ?? 0) !== revision) return undefined;
    if (change.kind === "invite") {
      const { user, by } = change;
      await this.#redis.run("writeSmall", [this.#keys.invitations(user)], ["HSET", fold(room), `${now} ${by}`]);
    }
    if (change.kind === "private" && change.on) {
      await this.#redis.run("writeSmall", [this.#keys.privateRooms()], ["SADD", fold(room)]);
    }
    return await this.#apply(room, revision, stepOf(fields, now, change));
  }

  async admit(room: string, user: string, overrides: boolean): Promise<EntryResult> {
    for (let tries = 0; tries < maxTries; tries++) {
      const { now, fields } = await this.#fields(room, gateFields(user));
      const { result, step } = entryOf(fields, now, user, overrides);
      if (!step || await this.#apply(room, Number(fields.rev ?? 0), step)) return result;
    }
    throw new Error(`The record of ${room} was changed by others ${maxTries} times in a row`);
  }

  async privateRooms(): Promise<string[]> {
    return await this.#redis.command("SMEMBERS", this.#keys.privateRooms()) as string[];
  }

  async invitations(user: string): Promise<{ room: string; by: string }[]> {
    const key = this.#keys.invitations(user);
    const index = fromPairs(await this.#redis.command("HGETALL", key));
    const found = await Promise.all(
      Object.keys(index).sort().map(async (room) => {
        const { now, fields } = await this.#fields(room, [`inv:${fold(user)}`]);
        const invitation = toRecord(fields, now).invited.get(fold(user));
        if (invitation) return [{ room, by: invitation.by }];
        const age = now - parseInt(index[room]);
        if (age > aheadMs || age > invitationLifeMs) await this.#redis.command("HDEL", key, room);
        return [];
      }),
    );
    return found.flat();
  }

  async *all(): AsyncIterable<RecordState> {
    const seen = new Set<string>();
    for await (const keys of this.#redis.keys(this.#keys.records())) {
      for (const key of keys) {
        const room = topicName(this.#keys.tagOf(key) as Topic);
        if (seen.has(room)) continue;
        seen.add(room);
        const { fields } = await this.#fields(room);
        if (fields.rev !== undefined) yield { room, fields };
      }
    }
  }

  async put({ room, fields }: RecordState): Promise<boolean> {
    const { invitations, privateRooms, record } = this.#keys;
    // Before the record, as ever; what is in an index and not in the record says nothing.
    for (const { user, by, at } of toRecord(fields, 0).invited.values()) {
      await this.#redis.run("writeSmall", [invitations(user)], ["HSET", fold(room), `${at} ${by}`]);
    }
    if (fields.private === "1") await this.#redis.run("writeSmall", [privateRooms()], ["SADD", fold(room)]);
    return await this.#redis.run("putRecord", [record(room)], Object.entries(fields).flat()) === 1;
  }

  async #fields(room: string, some: readonly string[] = []): Promise<{ now: number; fields: Fields }> {
    const [now, ...pairs] = await this.#redis.run("readRecord", [this.#keys.record(room)], some) as string[];
    return { now: Number(now), fields: fromPairs(pairs) };
  }

  async #apply(room: string, revision: number, step: RecordStep): Promise<RoomRecord | undefined> {
    const topic = roomTopic(room);
    const { record, writers, present, told, topicChannel } = this.#keys;
    const { set, remove, struck = "", listsPresent, news } = step;
    const answer = await this.#redis.run(
      "changeRecord",
      [record(room), writers(topic), present(topic), told(topic)],
      [
        ...[revision, topicChannel(topic), JSON.stringify(news), struck, listsPresent ? "1" : "", remove.length],
        ...[...remove, ...Object.entries(set).flat()],
      ],
    ) as Answer;
    if (answer === 0) return undefined;
    const [now, pairs] = answer as [string, string[]];
    return toRecord(fromPairs(pairs), Number(now));
  }
}
