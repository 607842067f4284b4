/**
 * Everything that lasts, as records that go one a line into a file, so that it can be moved to another store.
 *
 * Records: a header; each topic, followed by its messages; the record of each room that has one; each account with its
 * follows, its resume tokens' hashes, where its session stood, how far it has read and its second factor; each
 * invitation; and an end that counts them, so that a file that was cut off is known
 * as one. Topics come before accounts: a message's author had an account before the message, so the file has that one.
 */

import { version } from "../common/version.ts";
import type { Invitation } from "../store/accounts/invitations.ts";
import type { AccountRecord, TopicState } from "../store/admin_store.ts";
import type { Store } from "../store/store.ts";
import type { RecordState } from "../store/room_records.ts";
import { feedTopic, fold, inboxTopic, sentTopic } from "../wire/names.ts";
import type { Entry } from "../store/topics.ts";

/** The format's version: one more when what this release writes would be misread by an earlier one. */
export const exportVersion = 1;

/** How much there is. */
export interface Counts {
  readonly accounts: number;
  readonly topics: number;
  readonly messages: number;
}

/** One line of an export. */
export type ExportRecord =
  | { readonly chat_export: number; readonly release: string; readonly store: string; readonly time: string }
  | { readonly topic: TopicState }
  /** Belongs to the topic before it. */
  | { readonly message: Entry }
  | { readonly record: RecordState }
  | { readonly account: AccountRecord }
  /** Earlier releases pass it over. */
  | { readonly invitation: Invitation }
  | { readonly end: Counts };

/**
 * Goes through a store that may be in use. All that was stored before is exported, and some of what comes meanwhile.
 *
 * @param kind which kind of store it is; the file says so
 */
export async function* exportRecords(
  { admin, invitations }: Pick<Store, "admin" | "invitations">,
  kind: string,
): AsyncIterable<ExportRecord> {
  yield { chat_export: exportVersion, release: version, store: kind, time: new Date().toISOString() };
  let [topics, messages, accounts] = [0, 0, 0];
  for await (const { messages: _, last: __, ...topic } of admin.topics()) {
    yield { topic };
    topics++;
    for await (const page of admin.log(topic.topic, topic.seq)) {
      for (const message of page) yield { message };
      messages += page.length;
    }
  }
  for await (const record of admin.records.all()) yield { record };
  for await (const account of admin.accounts()) {
    yield { account };
    accounts++;
  }
  for (const invitation of await invitations.list()) yield { invitation };
  yield { end: { accounts, topics, messages } };
}

/** What is stored of an account, without hashes. @param name as registered */
export async function* showUser({ admin }: Store, name: string): AsyncIterable<Record<string, unknown>> {
  for await (const account of admin.accounts()) if (fold(account.name) === fold(name)) yield shown(account);
}

/**
 * One account's data, as JSON lines: the account without hashes, then the messages of its inbox, of what it has sent and of
 * its feed, and what it has said in rooms.
 *
 * @param name as registered
 */
export async function* exportUser(store: Store, name: string): AsyncIterable<Record<string, unknown>> {
  const { admin } = store;
  for await (const account of showUser(store, name)) yield { account };
  const own: ReadonlySet<string> = new Set([inboxTopic(name), sentTopic(name), feedTopic(name)]);
  for await (const { topic, seq } of admin.topics()) {
    if (!own.has(topic) && !topic.startsWith("room:")) continue;
    for await (const page of admin.log(topic, seq)) {
      for (const message of page) {
        if (own.has(topic) || fold(message.from) === fold(name)) yield { topic, message };
      }
    }
  }
}

function shown(account: AccountRecord): Record<string, unknown> {
  const { hash: _, tokens: __, devices = [], accessTokens = [], ...rest } = account;
  return {
    ...rest,
    created: new Date(account.created).toISOString(),
    devices: devices.map(({ device }) => device),
    accessTokens: accessTokens.map(({ hash: _, id: __, ...token }) => token),
  };
}
