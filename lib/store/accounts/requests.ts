import type { Draft } from "../topics.ts";

/** Whose private messages a user gets at once. */
export type MessagesFrom = "everyone" | "contacts";

/** A stranger's private message, which waits. */
export interface HeldMessage {
  /** What is published once the recipient accepts; its `cid` is there, so that it is published once. */
  readonly draft: Draft & { readonly cid: string };
  /** When it was sent, in milliseconds since 1970. */
  readonly time: number;
}

/**
 * Private messages of strangers, for users who get those of contacts only: whom one has written to, follows, or accepted.
 *
 * 1. Whether a sender is a contact is compared in the step that would store the message: see {@linkcode PublishResult}.
 * 2. Of each stranger one message waits, outside the inbox, until it is accepted or declined.
 */
export interface Requests {
  /** Whose messages a user gets. */
  from(user: string): Promise<MessagesFrom>;
  setFrom(user: string, from: MessagesFrom): Promise<void>;
  /**
   * Keeps a stranger's message.
   *
   * @param most how many messages may wait for a user
   * @returns `held` also where it waits already; `waiting` where another one of the sender's does; `full` where there are so
   *   many of others
   */
  hold(user: string, held: HeldMessage, most: number): Promise<"held" | "waiting" | "full">;
  /** Of whom messages wait, as the senders are called, sorted. */
  list(user: string): Promise<string[]>;
  /** The message of a sender that waits. */
  find(user: string, sender: string): Promise<HeldMessage | undefined>;
  /** Makes somebody a contact. */
  accept(user: string, sender: string): Promise<void>;
  /** Forgets a message that waits. @returns false where none does */
  remove(user: string, sender: string): Promise<boolean>;
}
