/** What an attack is, what it is given, and how it tells what came of it. */

import type { Endpoint } from "../../tests/support/client.ts";
import { Intruder } from "./intruder.ts";

/** Whom the attackers find there: users who do nothing but talk. */
export interface Honest {
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  /** Who logs in again and again. */
  readonly returners: readonly string[];
}

/** A thing that has to hold under an attack, and whether it did. */
export interface Finding {
  readonly what: string;
  readonly holds: boolean;
  /** What was seen, in few words. */
  readonly seen: string;
}

/** What came of one attack. */
export interface AttackReport {
  readonly point: number;
  readonly name: string;
  /** What was done → how often the server accepted it. */
  readonly accepted: Readonly<Record<string, number>>;
  /** What was done and the code of the answer → how often. */
  readonly refused: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** A row of the table of attacks. */
export interface Attack {
  /** What it shows; attacks of the same kind have the same number. */
  readonly point: number;
  readonly name: string;
  /** One line: what it does. */
  readonly does: string;
  /**
   * Makes accounts and whatever else must be there before.
   *
   * @returns what attacks until the scene's signal, and then looks at what came of it
   */
  prepare(scene: Scene): Promise<() => Promise<void>>;
}

/** How often, by a name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a < b ? -1 : 1));
  }
}

/** The password of all accounts of attackers. */
export const attackersPassword = "Trebuchet, 42 of them";

/** What an attack acts on. */
export class Scene {
  readonly accepted = new Counts();
  readonly refused = new Counts();
  readonly findings: Finding[] = [];
  /** Every connection that was opened. */
  readonly #open = new Set<Intruder>();
  /** Settled when the attack is over. */
  readonly #over: Promise<void>;

  /**
   * @param address the local address that its connections come from
   * @param seconds how long the attack lasts
   * @param signal aborted when it is over
   */
  constructor(
    readonly at: Endpoint,
    readonly address: string,
    readonly honest: Honest,
    readonly seconds: number,
    readonly signal: AbortSignal,
  ) {
    this.#over = new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Opens a connection in the JSON format; nobody is logged in on it. */
  async dial(): Promise<Intruder> {
    for (const intruder of this.#open) if (intruder.ended) this.#open.delete(intruder);
    const intruder = await Intruder.dial(this.at, this.address, this);
    this.#open.add(intruder);
    return intruder;
  }

  /** Opens a connection with a new account on it, logged in as a session. */
  async newcomer(user: string): Promise<Intruder> {
    const intruder = await this.dial();
    const answer = await intruder.ask("register", { user, password: attackersPassword });
    intruder.session = answer;
    if (answer.type === "ok") return intruder;
    throw new Error(`${user} could not be registered from ${this.address}: ${JSON.stringify(answer)}`);
  }

  /** Makes an account, and leaves. */
  async account(user: string): Promise<void> {
    const intruder = await this.newcomer(user);
    await intruder.ask("quit");
    intruder.drop();
  }

  /** Opens a side connection of an account; undefined where that is refused. */
  async side(user: string, password = attackersPassword): Promise<Intruder | undefined> {
    const intruder = await this.dial();
    const answer = await intruder.ask("login", { user, password, side: true });
    if (answer.type === "ok") return intruder;
    intruder.drop();
    return undefined;
  }

  /**
   * Opens a side connection that is there before the attack begins.
   *
   * @returns what gives it, or where it was ended, another one in its place; undefined where that is refused
   */
  async ready(user: string): Promise<() => Promise<Intruder | undefined>> {
    let side = await this.side(user);
    return async () => side = side?.ended === false ? side : await this.side(user);
  }

  /** The same several times, one after the other. */
  async readyTimes(count: number, user: string): Promise<(() => Promise<Intruder | undefined>)[]> {
    const all = [];
    while (all.length < count) all.push(await this.ready(user));
    return all;
  }

  /** Notes something that has to hold. */
  finds(what: string, holds: boolean, seen: string | number): void {
    this.findings.push({ what, holds, seen: `${seen}` });
  }

  /** Does it again and again until the attack is over, after a pause where it could not be done. */
  async repeat(job: () => Promise<unknown>): Promise<void> {
    while (!this.signal.aborted) {
      try {
        if (await Promise.race([job(), this.#over]) === false) await this.pause(100);
      } catch {
        this.refused.add("connection: failed");
        await this.pause(200);
      }
    }
  }

  /** The same by several at a time. */
  async together(count: number, job: (index: number) => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, index) => this.repeat(() => job(index))));
  }

  /** Waits so many milliseconds, or until the attack is over. */
  async pause(ms: number): Promise<void> {
    if (this.signal.aborted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([new Promise((resolve) => timer = setTimeout(resolve, ms)), this.#over]);
    clearTimeout(timer);
  }

  /** Closes all its connections. */
  close(): void {
    for (const intruder of this.#open) intruder.drop();
  }
}
