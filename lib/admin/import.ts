/**
 * Puts what was exported into a store.
 *
 * Epochs, numbers and ids stay as they were, so that positions and resume tokens of clients are good afterwards. What is
 * there already stays as it is: an account keeps its password, and a topic with messages its log, as two logs cannot be
 * woven into one. So an import that was interrupted can be done again.
 */

import type { Invitation } from "../store/accounts/invitations.ts";
import type { AccountRecord, TopicState } from "../store/admin_store.ts";
import { decodePosition } from "../store/log_position.ts";
import type { Store } from "../store/store.ts";
import type { Entry } from "../store/topics.ts";
import { isRecord } from "../store/records/record_fields.ts";
import type { RecordState } from "../store/room_records.ts";
import { isDevice, isUsername, parseTopic } from "../wire/names.ts";
import { isPublicKey } from "../wire/sealed.ts";
import { type Counts, exportVersion } from "./export.ts";
import { AdminError } from "./given.ts";

/** What came of an import. */
export interface Imported extends Counts {
  /** Accounts that were there already, by name. */
  readonly keptAccounts: readonly string[];
  /** Topics that had messages already. */
  readonly keptTopics: readonly string[];
}

/** How many messages are put in at once. */
const pageSize = 500;

// deno-lint-ignore no-explicit-any -- the file is anybody's; what is used of a record is looked at first
type Parsed = Record<string, any>;

/**
 * Imports.
 *
 * @param lines the file's
 * @param merge whether the store may have something in it
 * @throws {AdminError} where the store has something in it and may not, or a line is not what it should be
 */
export async function importRecords(
  { admin, invitations }: Pick<Store, "admin" | "invitations">,
  lines: AsyncIterable<string>,
  merge: boolean,
): Promise<Imported> {
  const records = new Records(lines);
  const header = await records.next();
  if (typeof header?.chat_export !== "number") throw new AdminError("This is no export: its first line says none");
  if (header.chat_export > exportVersion) {
    throw new AdminError(`The export is version ${header.chat_export}; this release reads up to ${exportVersion}`);
  }
  if (!merge && !await admin.isEmpty()) {
    throw new AdminError("The store is not empty; --merge adds what is not there yet and keeps what is");
  }
  let [accounts, topics, messages] = [0, 0, 0];
  const keptAccounts: string[] = [];
  const keptTopics: string[] = [];
  for (;;) {
    const record = await records.next();
    if (!record) throw new AdminError("The export was cut off: it has no end; import it again whole, with --merge");
    if (record.end) break;
    if (record.topic) {
      const state = checkedTopic(record.topic, records);
      const put = await admin.putTopic(state, pages(records));
      for await (const _ of pages(records)) { /* of a topic that was kept */ }
      if (put === undefined) keptTopics.push(state.topic);
      else topics++;
      messages += put ?? 0;
    } else if (record.record) {
      await admin.records.put(checkedRecord(record.record, records));
    } else if (record.account) {
      const account = checkedAccount(record.account, records);
      if (await admin.putAccount(account)) accounts++;
      else keptAccounts.push(account.name);
    } else if (record.invitation) {
      await invitations.add(checkedInvitation(record.invitation, records)); // one that is there stays as it is
    } // else of a later release that this one may pass over
  }
  return { accounts, topics, messages, keptAccounts, keptTopics };
}

/** The lines' records, with a look at the next one. */
class Records {
  readonly #lines: AsyncIterator<string>;
  #ahead: Parsed | undefined;
  number = 0;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async peek(): Promise<Parsed | undefined> {
    return this.#ahead ??= await this.#read();
  }

  async next(): Promise<Parsed | undefined> {
    const record = await this.peek();
    this.#ahead = undefined;
    return record;
  }

  wrong(what: string): AdminError {
    return new AdminError(`Line ${this.number}: ${what}`);
  }

  async #read(): Promise<Parsed | undefined> {
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done) return undefined;
      this.number++;
      if (value.trim() === "") continue;
      try {
        const record = JSON.parse(value);
        if (typeof record === "object" && record !== null) return record;
      } catch {
        // Said below.
      }
      throw this.wrong("it is not one JSON object");
    }
  }
}

/** The messages that follow, in pages. */
async function* pages(records: Records): AsyncIterable<readonly Entry[]> {
  let page: Entry[] = [];
  while ((await records.peek())?.message) {
    const { message } = (await records.next())!;
    const { seq, id, time, from, text } = message;
    const good = isCount(seq) && seq > 0 && isCount(time) && isWord(id) && isUsername(`${from}`) &&
      typeof text === "string";
    if (!good) throw records.wrong("it is no message");
    page.push(message);
    if (page.length < pageSize) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function checkedTopic(given: Parsed, records: Records): TopicState {
  const { topic, epoch, seq, id, read, renewed } = given;
  const good = parseTopic(`${topic}`)?.topic === topic && isWord(epoch) && isCount(seq) && isCount(read) &&
    (id === "" || isWord(id)) && (renewed === undefined || (isWord(renewed.previous) && isCount(renewed.since)));
  if (!good) throw records.wrong("it is no topic");
  return given as TopicState;
}

/** A room's record: fields that there are, with values that are read as what they should be. */
function checkedRecord({ room, fields }: Parsed, records: Records): RecordState {
  const good = parseTopic(`room:${room}`)?.name === room && Object(fields) === fields && isRecord(fields);
  if (!good) throw records.wrong("it is no room's record");
  return { room, fields };
}

function isKey(given: Parsed | null): boolean {
  return isPublicKey(`${given?.public}`) && isCount(given?.added) && isCount(given?.used);
}

function isDeviceRecord(given: Parsed | null): boolean {
  const { device, tokens, stood } = given ?? {};
  return typeof device === "string" && isDevice(device) && typeof tokens?.current === "string" &&
    typeof tokens.room === "string" && isCount(tokens.expires) && Object(stood) === stood;
}

function isNames(given: unknown): boolean {
  return Array.isArray(given) && given.every((one) => isUsername(`${one}`));
}

function checkedAccount(given: Parsed, records: Records): AccountRecord {
  const { name, hash, role, created, claims, follows, blocks = [], marks = {}, keys = [], devices = [] } = given;
  const good = isUsername(`${name}`) && typeof hash === "string" && ["user", "moderator", "admin"].includes(role) &&
    isCount(created) && isCount(claims) && isNames(follows) && isNames(blocks) &&
    Object(marks) === marks && Object.entries(marks).every(isMark) && Array.isArray(keys) &&
    keys.every(isKey) &&
    Array.isArray(devices) && devices.every(isDeviceRecord) && isTwoFactor(given.twoFactor);
  if (!good) throw records.wrong("it is no account");
  return { ...given, stood: given.stood ?? {} } as AccountRecord;
}

/** Whether it is a second factor, or there is none. */
function isTwoFactor(given: Parsed | null | undefined): boolean {
  if (given === undefined) return true;
  const { secret, step, recovery } = given ?? {};
  return typeof secret === "string" && /^[A-Z2-7]+$/.test(secret) && isCount(step) && Array.isArray(recovery) &&
    recovery.every(isHash);
}

function checkedInvitation(given: Parsed, records: Records): Invitation {
  const { hash, maker, created, expires, user } = given;
  const good = isHash(hash) && typeof maker === "string" && isCount(created) && isCount(expires) &&
    (user === undefined || isUsername(`${user}`));
  if (!good) throw records.wrong("it is no invitation");
  return { hash, maker, created, expires, ...(user === undefined ? {} : { user }) };
}

/** A SHA-256 in hexadecimal digits. */
function isHash(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** Whether a topic and a position are a read mark. */
function isMark([topic, position]: [string, unknown]): boolean {
  return parseTopic(topic)?.topic === topic && decodePosition(position) !== undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** An epoch or an id: what a position is made of. */
function isWord(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9]{1,16}$/.test(value);
}
