import { type Clock, pause, systemClock } from "../../common/time.ts";
import type { PaceName } from "../../limits/limit_table.ts";
import type { Limits, PaceLimit } from "../../limits/limits.ts";
import type { Peer } from "../../limits/peer.ts";
import { fold } from "../../wire/names.ts";
import type { CommandSpec } from "../registry/command.ts";

/** So many bytes cost as much as a line. */
const bytesPerToken = 4_096;

/** A refused attempt to log in costs its connection as many lines: it is slow from then on, however often it tries. */
const refusedAttempt = 100;

/** How long it is slept at most before the limit is asked again, in milliseconds: it may have been changed meanwhile. */
const longestSleepMs = 1_000;

/** A place among those who wait for tokens. */
export interface Turn {
  readonly tokens: number;
  /** Resolves when the tokens are taken, or the turn is given up. */
  readonly taken: Promise<void>;
  /** Takes nothing, and waits no more. */
  giveUp(): void;
}

interface Waiters {
  readonly turns: (Turn & { readonly resolve: () => void })[];
  readonly over: AbortController;
}

/**
 * Those who wait at one limit on pace.
 *
 * 1. Among those who wait for tokens of a key, who came first goes first. A connection waits with one line at a time, so
 *    that turns go round the connections.
 * 2. A key has one timer, however many wait for it, and none while nobody does.
 * 3. A turn comes as soon as there is a token. What it costs beyond that is owed, and the next turn waits for it.
 */
export class PaceQueue {
  readonly #limit: Pick<PaceLimit, "waitMs" | "charge" | "takeOwing">;
  readonly #onWait: () => void;
  readonly #clock: Clock;
  readonly #keys = new Map<string, Waiters>();

  /** @param onWait told of each that has to wait */
  constructor(
    limit: Pick<PaceLimit, "waitMs" | "charge" | "takeOwing">,
    onWait: () => void,
    clock: Clock = systemClock,
  ) {
    this.#limit = limit;
    this.#onWait = onWait;
    this.#clock = clock;
  }

  /** Takes the tokens, unless somebody waits for the key's. @returns whether they are taken */
  pass(key: string, tokens: number): boolean {
    return !this.#keys.has(key) && this.#limit.takeOwing(key, tokens);
  }

  /** Takes the tokens when it is their turn. */
  wait(key: string, tokens: number): Turn {
    this.#onWait();
    let waiters = this.#keys.get(key);
    if (!waiters) {
      this.#keys.set(key, waiters = { turns: [], over: new AbortController() });
      queueMicrotask(() => void this.#serve(key, waiters!));
    }
    const { turns, over } = waiters;
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    const giveUp = () => {
      const index = turns.indexOf(turn);
      if (index < 0) return;
      turns.splice(index, 1);
      resolve();
      if (turns.length > 0) return;
      this.#keys.delete(key);
      over.abort();
    };
    const turn = { tokens, taken, resolve, giveUp };
    turns.push(turn);
    return turn;
  }

  async #serve(key: string, { turns, over }: Waiters): Promise<void> {
    while (turns.length > 0) {
      const ms = this.#limit.waitMs(key);
      if (ms > 0) {
        await pause(Math.min(ms, longestSleepMs), over.signal, this.#clock);
        continue;
      }
      const { tokens, resolve } = turns.shift()!;
      this.#limit.charge(key, tokens);
      if (turns.length === 0) this.#keys.delete(key);
      resolve();
    }
  }
}

/**
 * Those of all connections of a server who wait: users at the limit of messages, others at those of their connection and
 * of their network.
 */
export class PaceQueues {
  readonly users: PaceQueue;
  readonly guests: PaceQueue;
  readonly networks: PaceQueue;
  readonly #messages: PaceLimit;
  readonly #guestLines: PaceLimit;

  constructor(limits: Limits, clock?: Clock) {
    const queue = (name: PaceName) => new PaceQueue(limits.pace[name], () => limits.refused(name), clock);
    this.users = queue("messages");
    this.guests = queue("guest_lines");
    this.networks = queue("guest_lines_network");
    this.#messages = limits.pace.messages;
    this.#guestLines = limits.pace.guest_lines;
  }

  /** Has a connection that is not logged in wait for a refused attempt. */
  refuse(connection: string): void {
    this.#guestLines.charge(connection, refusedAttempt);
  }

  /** Gives a user tokens back. */
  refund(user: string, tokens: number): void {
    this.#messages.refund(user, tokens);
  }
}

/** At which limits somebody is counted, and as what. */
type Counted = readonly (readonly [limit: PaceQueue, key: string])[];

/** A command, as far as what it costs is concerned. */
type Costly = Pick<CommandSpec, "answerBytes" | "carriesFile">;

/**
 * How fast one connection's lines are taken.
 *
 * 1. A line costs a token, and all bytes that come cost one for each 4 KiB, those of a line that is too long or not
 *    complete among them; so do the bytes of long answers. Parts of files cost no bytes.
 * 2. Who is logged in is counted by user: many connections of one user say no more than one does. Who is not is counted
 *    by connection and by network.
 */
export class LinePace {
  readonly #queues: PaceQueues;
  readonly #connection: string;
  readonly #guest: Counted;
  #counted: Counted;
  #user: string | undefined;
  #bytes = 0; // that came and are not paid for yet
  #turn: Turn | undefined;
  #over = false;

  constructor(queues: PaceQueues, connection: string, { network }: Peer) {
    this.#queues = queues;
    this.#connection = connection;
    this.#guest = this.#counted = [[queues.guests, connection], [queues.networks, network]];
  }

  /** Counts what is to come as this user's; undefined where nobody is logged in. */
  set user(name: string | undefined) {
    this.#user = name === undefined ? undefined : fold(name);
    this.#counted = this.#user === undefined ? this.#guest : [[this.#queues.users, this.#user]];
  }

  /** Bytes came. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** A command was answered, with so many bytes, or refused with a code. */
  ran({ answerBytes, carriesFile }: Costly, bytes: number, refusal: string | undefined): void {
    if (answerBytes > 0 && !carriesFile) this.#bytes += bytes;
    if (refusal === "too_many_attempts" && this.#user === undefined) this.#queues.refuse(this.#connection);
  }

  /** Resolves when the next line may be taken; undefined where that is now. */
  line(): Promise<void> | undefined {
    return this.#pay(1);
  }

  /** Resolves when more may be read of a line that is not complete yet; undefined where that is now. */
  unfinished(): Promise<void> | undefined {
    return this.#bytes < bytesPerToken ? undefined : this.#pay(0);
  }

  /** Gives back what a user's bytes have cost. */
  refund(bytes: number): void {
    if (this.#user !== undefined) this.#queues.refund(this.#user, bytes / bytesPerToken);
  }

  /** The connection is over: it waits no more. */
  end(): void {
    this.#over = true;
    this.#turn?.giveUp();
  }

  #pay(lines: number): Promise<void> | undefined {
    const tokens = lines + this.#bytes / bytesPerToken;
    this.#bytes = 0;
    for (let place = 0; place < this.#counted.length; place++) {
      const [queue, key] = this.#counted[place];
      if (!this.#over && !queue.pass(key, tokens)) return this.#wait(this.#counted, place, tokens);
    }
  }

  /** Takes the tokens at a limit that has none, and then at those behind it. */
  async #wait(counted: Counted, place: number, tokens: number): Promise<void> {
    for (const [queue, key] of counted.slice(place)) {
      if (this.#over) return;
      if (queue.pass(key, tokens)) continue;
      this.#turn = queue.wait(key, tokens);
      await this.#turn.taken;
      this.#turn = undefined;
    }
  }
}
