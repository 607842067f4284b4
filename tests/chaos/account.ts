/** A user's account, as far as all of its devices share it: its name, and how far it has said that it has read. */

import { decodePosition } from "../../lib/store/log_position.ts";

/** How far a read mark may be, and how far it must be, by number. */
interface Mark {
  asked: number;
  done: number;
}

/** See the file's first line. */
export class Account {
  readonly user: string;
  readonly password: string;
  /** Whether it has several devices: then its rooms and whom it follows may change without one of them. */
  readonly shared: boolean;
  /** Whether a person reads its inbox on some device: then its mark goes as far as was written there. */
  readonly hasText: boolean;
  /** Whether somebody else may have changed its rooms. */
  sanctioned = false;
  /** Its devices that are in many rooms: these are in the same ones. */
  readonly manyDevices: string[] = [];
  readonly #marks = new Map<string, Mark>();
  /** Topics whose marks may have been forgotten, since a device asked to follow them no longer. */
  readonly #left = new Set<string>();

  constructor(user: string, { shared = false, hasText = false } = {}) {
    this.user = user;
    this.password = `password of ${user}`;
    this.shared = shared;
    this.hasText = hasText;
  }

  /** One of its devices says that it has read a topic up to here. */
  mark(topic: string, pos: string): void {
    const mark = this.#of(topic);
    mark.asked = Math.max(mark.asked, decodePosition(pos)?.seq ?? 0);
  }

  /** That was answered: from now on the mark is there, or further on. */
  marked(topic: string, pos: string): void {
    const mark = this.#of(topic);
    mark.done = Math.max(mark.done, decodePosition(pos)?.seq ?? 0);
  }

  /** The furthest that a topic can have been marked as read. */
  most(topic: string): number {
    return this.hasText && topic === `inbox:${this.user}` ? Infinity : this.#of(topic).asked;
  }

  /** The least that a topic must have been marked as read. */
  least(topic: string): number {
    return this.#of(topic).done;
  }

  /** One of its devices asks to follow a topic no longer, which forgets the mark. */
  leaves(topic: string): void {
    this.#left.add(topic);
  }

  /** What must have been marked of topics that it has followed all the time. */
  get owedMarks(): { readonly topic: string; readonly least: number }[] {
    return [...this.#marks].flatMap(([topic, { done }]) =>
      done > 0 && !this.#left.has(topic) ? [{ topic, least: done }] : []
    );
  }

  #of(topic: string): Mark {
    const mark = this.#marks.get(topic) ?? { asked: 0, done: 0 };
    this.#marks.set(topic, mark);
    return mark;
  }
}
