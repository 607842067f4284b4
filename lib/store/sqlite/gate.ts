import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, inboxTopic, type Topic, topicName } from "../../wire/names.ts";
import type { StoreLimits } from "../store.ts";
import type { PublishResult } from "../topics.ts";
import type { TopicRow } from "./topic_rows.ts";
import type { UnreadCounts } from "./unread.ts";

/** Says which messages a topic does not take; asked in the transaction that would store them. */
export class SqliteGate {
  readonly #limits: StoreLimits;
  readonly #unread: UnreadCounts;
  readonly #blocks: StatementSync;

  constructor(database: DatabaseSync, limits: StoreLimits, unread: UnreadCounts) {
    this.#limits = limits;
    this.#unread = unread;
    this.#blocks = database.prepare("SELECT 1 FROM blocks WHERE user = ? AND target = ?");
  }

  /** Why an inbox takes nothing of a sender; undefined where it does. */
  ofInbox(inbox: Topic, { read, seq }: TopicRow, from: string): PublishResult | undefined {
    if (this.#blocks.get(topicName(inbox), fold(from))) return { kind: "blocked" };
    const { maxInbox, maxInboxPerSender } = this.#limits;
    const theirs = this.#unread.of(from, inbox, read, seq);
    if (theirs >= maxInboxPerSender && inbox !== inboxTopic(from)) return { kind: "full", theirs };
    return seq - read >= maxInbox ? { kind: "full", theirs: undefined } : undefined;
  }
}
