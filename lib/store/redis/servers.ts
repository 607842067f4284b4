/**
 * Servers in Redis: leases, signals, and the sweep after those that died. The promises are those of {@linkcode Servers}.
 *
 * A server's run has a name of its own, its instance, so that what an earlier run left behind is never taken for the
 * present one's.
 */

import { randomWord } from "../log_position.ts";
import { allowLate, within } from "../../common/time.ts";
import { type Departure, ServerIdTakenError, type Servers, type ServerSignal } from "../servers.ts";
import type { Session } from "../sessions.ts";
import type { ChannelListener, RedisGateway } from "./gateway.ts";
import type { Keys } from "./keys.ts";
import type { Leases } from "./session_lists.ts";

/** What the sweep asks of the sessions. */
export interface Sweepable {
  endAll(instance: string): Promise<{ session: Session; offline: boolean }[]>;
}

/** What the sweep asks of those who copy messages. */
export interface Copies {
  renote(): void;
  makeAll(instance: string): Promise<void>;
  close(): Promise<boolean>;
}

/** The id, who had it until now, how many others have a lease that runs, when it was taken, and the time there. */
type Taken = [string, string, number, string, number];

/** An empty text, the instance that has the id, and when its lease ends. */
type Held = ["", string, number];

/** How long it is listened for another server between two looks at its lease, in milliseconds. */
const lookMs = 200;

/** See {@linkcode Servers}. */
export class RedisServers implements Servers, Leases {
  id = "";
  readonly instance = randomWord(12);
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #leaseMs: number;
  readonly #probeMs: number;
  readonly #sessions: () => Sweepable;
  readonly #copies: () => Copies;
  #earlier = ""; // the run that had this server's id before, until it is swept
  #asked = 0; // when the id was last asked for
  #leaseEnd = 0;
  #sweepFrom = 0;
  #clockOffset = 0; // the time at Redis, less this server's own
  #dataCount = 0;
  #generation = 0;
  #since = ""; // when this run took the id, by the clock of Redis
  #control: ChannelListener | undefined;
  #probed: number | undefined; // when the probe was sent that is not heard yet

  /**
   * @param probeMs how long a probe may be on its way, in milliseconds
   * @param sessions gives the sessions, which are made after this
   * @param copies likewise
   */
  constructor(
    redis: RedisGateway,
    keys: Keys,
    leaseMs: number,
    probeMs: number,
    sessions: () => Sweepable,
    copies: () => Copies,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#leaseMs = leaseMs;
    this.#probeMs = probeMs;
    this.#sessions = sessions;
    this.#copies = copies;
  }

  async join(wanted: string, listener: (signal: ServerSignal) => void): Promise<string> {
    let joined = false;
    const heard = Promise.withResolvers<true>();
    const control = {
      hear: (message: string) => {
        const signal = JSON.parse(message) as ServerSignal;
        if (!joined) return signal.kind === "probe" ? heard.resolve(true) : undefined; // it is for another run
        if (signal.kind === "probe") this.#probed = undefined;
        else listener(signal);
      },
      interrupted: () => listener({ kind: "missed" }),
    };
    if (wanted === "") this.#own(await this.#take("") as Taken);
    await this.#redis.subscribe(this.#keys.serverChannel(wanted || this.id), control);
    try {
      if (wanted !== "") this.#own(await this.#takeNamed(wanted, heard.promise));
      joined = true;
      this.#control = control;
      await this.watchDataGeneration();
    } catch (error) {
      await this.#redis.unsubscribe(this.#keys.serverChannel(wanted || this.id), control);
      throw error;
    }
    return this.id;
  }

  /**
   * Takes an id that may be another server's, while this one listens to what that one would hear.
   *
   * 1. Where the lease has run out, or nobody else listens, the id is free: it is taken in one step with that look at
   *    the lease, so that of several servers one gets it.
   * 2. A server that runs sends itself a word every second, and renews its lease.
   * 3. Where neither is seen, the lease is waited for: the other may hang, or be another server that wants the id.
   *
   * @param heard resolves when the other has sent itself a word
   */
  async #takeNamed(wanted: string, heard: Promise<true>): Promise<Taken> {
    for (let gone = "", known: Held | undefined;;) {
      const answer = await this.#take(wanted, gone);
      if (answer[0] !== "") return answer as Taken;
      const held = answer as Held;
      if (known?.[1] === held[1] && held[2] > known[2]) throw new ServerIdTakenError(wanted);
      known = held;
      gone = await this.#isAlone(wanted) ? held[1] : "";
      if (gone === "" && await within(lookMs, heard).catch(allowLate)) throw new ServerIdTakenError(wanted);
    }
  }

  async #take(wanted: string, gone = ""): Promise<Taken | Held> {
    this.#asked = performance.now();
    const args = [wanted, this.instance, this.#leaseMs, gone];
    return await this.#redis.run("leaseTake", this.#keys.leases(), args) as Taken | Held;
  }

  #own([id, earlier, others, since, now]: Taken): void {
    this.#clockOffset = now - this.#asked;
    this.id = id;
    this.#since = since;
    this.#earlier = earlier;
    this.#leaseEnd = this.#asked + this.#leaseMs;
    if (others === 0) this.#sweepFrom = this.#leaseEnd;
  }

  /** Whether it is known that nobody else listens to a server's channel. */
  async #isAlone(id: string): Promise<boolean> {
    const { probe, serverChannel } = this.#keys;
    return await this.#redis.run("listeners", [probe(id)], [serverChannel(id)]).catch(() => undefined) === 1;
  }

  async renew(): Promise<"kept" | "expired" | "taken"> {
    const before = performance.now();
    const args = [this.id, this.instance, this.#leaseMs, this.#since, ...this.#clock];
    const answer = await this.#redis.run("leaseRenew", this.#keys.leases(), args);
    const [lease, now] = answer as ["kept" | "expired" | "taken", number];
    this.#clockOffset = now - before;
    if (lease === "taken") return lease;
    // After an outage every lease has run out: the first server back, or just started, must not throw the others out.
    if (lease === "expired") {
      this.#sweepFrom = performance.now() + this.#leaseMs;
      this.#copies().renote();
    }
    this.#leaseEnd = before + this.#leaseMs;
    return lease;
  }

  async sweep(): Promise<Departure[]> {
    const now = performance.now();
    if (now > this.#leaseEnd) return [];
    // What had this server's own id is over in any case.
    const dead = now < this.#sweepFrom
      ? [this.#earlier].filter((instance) => instance !== "")
      : await this.#list("dead");
    const departures: Departure[] = [];
    for (const instance of dead) {
      if (instance === this.instance) continue;
      for (const { session: { user, rooms, claim }, offline } of await this.#sessions().endAll(instance)) {
        for (const room of rooms) departures.push({ user, room, claim, offline });
      }
      // It is found again as long as it owes something.
      if (!await this.#copies().makeAll(instance).then(() => true, () => false)) continue;
      await this.#bury(instance, false);
      if (instance === this.#earlier) this.#earlier = "";
    }
    return departures;
  }

  async signal(server: string, signal: ServerSignal): Promise<void> {
    await this.#redis.command("SPUBLISH", this.#keys.serverChannel(server), JSON.stringify(signal));
  }

  /** Whether the last word that this server sent itself is overdue. */
  get unsubscribed(): boolean {
    return this.#probed !== undefined && performance.now() - this.#probed > this.#probeMs;
  }

  async probe(): Promise<void> {
    if (this.unsubscribed) {
      await this.#redis.resubscribe();
      this.#probed = undefined;
    }
    await this.watchDataGeneration();
    this.#probed ??= performance.now();
    await this.signal(this.id, { kind: "probe" });
  }

  async probeWriting(): Promise<void> {
    await this.#redis.command("SET", this.#keys.probe(this.instance), "1", "PX", `${this.#leaseMs}`);
  }

  /** Counts up when data were put back: see `data_generation.lua`. */
  get generation(): number {
    return this.#generation;
  }

  /** Looks whether the store's data are those that this server knew. @throws {ChatError} `store_unavailable` */
  async watchDataGeneration(): Promise<void> {
    const args = [this.#dataCount, this.#generation];
    [this.#dataCount, this.#generation] = await this.#redis.run(
      "dataGeneration",
      [this.#keys.dataGeneration()],
      args,
    ) as [
      number,
      number,
    ];
  }

  async leave(graceMs: number): Promise<void> {
    const left = await this.#redis.command("HLEN", this.#keys.serverSessions(this.instance));
    const owes = !await this.#copies().close().catch(() => false);
    if (!owes && (left === 0 || graceMs === 0)) await this.#bury(this.instance, true);
    else {
      const lease = Math.max(1, graceMs);
      await this.#redis.run("leaseRenew", this.#keys.leases(), [this.id, this.instance, lease, this.#since]);
    }
    if (this.#control) await this.#redis.unsubscribe(this.#keys.serverChannel(this.id), this.#control);
  }

  async live(): Promise<string[]> {
    return await this.#list("live");
  }

  async #list(which: "live" | "dead"): Promise<string[]> {
    const args = [which, this.instance, ...this.#clock, this.#leaseMs];
    return await this.#redis.run("leaseList", this.#keys.leases().slice(0, 1), args) as string[];
  }

  /** By this server's own clock, which nobody sets: how long its lease still runs, and what time it should be at Redis. */
  get #clock(): number[] {
    const now = performance.now();
    return [Math.max(0, Math.round(this.#leaseEnd - now)), Math.round(this.#clockOffset + now)];
  }

  async #bury(instance: string, evenLive: boolean): Promise<void> {
    await this.#redis.run("leaseBury", this.#keys.leases(), [instance, evenLive ? "1" : "0"]);
  }
}
