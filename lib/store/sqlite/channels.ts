import { fold, type Topic } from "../../wire/names.ts";
import type { PresenceChange, Subscription, TopicSignal } from "../topics.ts";

type Listener = (signal: TopicSignal) => void;

/** The live channels of topics, within the process. */
export class Channels {
  readonly #listeners = new Map<Topic, Set<Listener>>();
  /** Room → the users, folded, whom it was told of as present. */
  readonly #told = new Map<Topic, Set<string>>();

  /** Has a listener hear a topic's signals until the subscription is closed. */
  subscribe(topic: Topic, listener: Listener): Subscription {
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
    return {
      // deno-lint-ignore require-await
      close: async () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
      },
    };
  }

  /** Tells a topic's listeners. */
  emit(topic: Topic, signal: TopicSignal): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(signal);
  }

  /** Notes that a user is no longer in a room, as the room is told by other means. @param user folded */
  strike(room: Topic, user: string): void {
    const users = this.#told.get(room);
    users?.delete(user);
    if (users?.size === 0) this.#told.delete(room);
  }

  /** Whether anybody listens to a topic. */
  isHeard(topic: Topic): boolean {
    return this.#listeners.has(topic);
  }

  /** Tells a room that a user came or went, unless it was told so: of several sessions, the first and the last count. */
  announce(room: Topic, presence: PresenceChange): void {
    const users = this.#told.get(room) ?? new Set();
    const key = fold(presence.user);
    if (users.has(key) === (presence.state === "joined")) return;
    if (presence.state === "joined") users.add(key);
    else users.delete(key);
    if (users.size > 0) this.#told.set(room, users);
    else this.#told.delete(room);
    this.emit(room, { kind: "presence", ...presence });
  }
}
