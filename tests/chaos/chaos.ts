/**
 * One run: a world, clients in it, faults on it; then everything is healed, comes to rest and is judged.
 */

import { join } from "node:path";
import { Actor } from "./actor.ts";
import { check, type Violation } from "./checker.ts";
import type { Ways } from "./connection.ts";
import { Observer } from "./observer.ts";
import { Prng } from "./prng.ts";
import type { Notice, Rollback, Sent, Story } from "./record.ts";
import { Injector, makeSchedule } from "./schedule.ts";
import type { Older } from "./store.ts";
import { type FaultName, type StoreKind, type StoreName, stores } from "./stores.ts";
import { pause } from "../../lib/common/time.ts";
import { Timeline } from "./timeline.ts";
import type { Replacement } from "./tree.ts";
import { isCopyOf } from "./copies.ts";
import { leaseMs, storeTimeoutMs, World } from "./world.ts";

/** What a run is made from. */
export interface ChaosOptions {
  /** How long there are faults, in seconds. */
  readonly seconds: number;
  readonly seed: number;
  readonly store: StoreName;
  readonly servers: number;
  readonly clients: number;
  /** Messages per second, of all clients together. */
  readonly publishes: number;
  /** Which faults there are. */
  readonly faults: readonly FaultName[];
  /** Whether the store, if it can be, is put back to an older copy of its data in mid-run, about once a minute. */
  readonly rollback: boolean;
  /** How much faster than usual one fault follows another; 1 unless told. */
  readonly haste?: number;
  /** Further options of the servers. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What is broken in the servers on purpose. */
  readonly replacements?: readonly Replacement[];
  /** How long everything may take to come to rest, once all is healed, in milliseconds. */
  readonly restMs?: number;
  /** How long a session may be left over, in milliseconds; its client's grace, and its server's lease, unless told. */
  readonly leftoverMs?: number;
  /** Whether the servers' logs stay, in a temporary folder. */
  readonly keep?: boolean;
  /** Ends the run early, without a verdict. */
  readonly signal?: AbortSignal;
  /** Told what happens as it happens. */
  readonly told?: (line: string) => void;
}

/** What came of a run. */
export interface Verdict {
  readonly options: ChaosOptions;
  readonly violations: readonly Violation[];
  readonly story: Story;
  /** How often everything happened. */
  readonly counts: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  /** The longest that anybody waited for an answer, without what nobody could help, in milliseconds. */
  readonly longestWaitMs: number;
  /** What was done when, a line each. */
  readonly notes: readonly string[];
  readonly folder: string;
}

const root = join(import.meta.dirname!, "..", "..");
const rooms = ["lobby", "general", "random", "tea"];

/** One of so many clients is in many rooms; the others are in one. */
const manyEach = 3;

/** How many messages a client sends each time that it does something, on average. */
const messagesPerAct = 1.7;

/** Its client's grace, its server's lease, and the time to look. */
const usualLeftoverMs = 5_000 + leaseMs + 4_000;

/** How long a server may take to answer a command, in milliseconds. */
const answerMs = storeTimeoutMs + 500;

/** Does a run. */
export async function runChaos(options: ChaosOptions): Promise<Verdict> {
  using timeline = new Timeline(options.told);
  return await new Run(options, timeline).run();
}

class Run {
  readonly #options: ChaosOptions;
  readonly #store: StoreKind;
  readonly #timeline: Timeline;
  readonly #prng: Prng;
  readonly #counts = new Map<string, number>();
  readonly #noticed: Notice[] = [];
  readonly #rollbacks: Rollback[] = [];
  readonly #sent: Sent[] = [];
  readonly #stretches: Story["stretches"][number][] = [];
  readonly #marks: Story["marks"][number][] = [];
  #longestWaitMs = 0;

  constructor(options: ChaosOptions, timeline: Timeline) {
    this.#options = options;
    this.#store = stores[options.store];
    this.#timeline = timeline;
    this.#prng = new Prng(options.seed);
  }

  async run(): Promise<Verdict> {
    const { servers, settings = {}, keep = false, replacements = [], signal } = this.#options;
    await using world = await World.start({
      open: this.#store.open,
      root,
      replacements,
      servers,
      settings,
      timeline: this.#timeline,
      onCrash: (what) => this.#notice("a server goes on", what),
      keep,
    });
    const interrupted = Promise.withResolvers<never>();
    const interrupt = () => interrupted.reject(new Error("The run was interrupted"));
    signal?.addEventListener("abort", interrupt);
    if (signal?.aborted) interrupt();
    try {
      return await Promise.race([this.#play(world), interrupted.promise]);
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  }

  async #play(world: World): Promise<Verdict> {
    const ways: Ways = {
      ca: world.ca,
      timeline: this.#timeline,
      answerMs,
      notice: (kind, text) => this.#notice(kind, text),
      waited: (ms) => this.#longestWaitMs = Math.max(this.#longestWaitMs, ms),
    };
    const observer = new Observer(ways);
    await observer.register(world.nodes[0]);
    const actors = this.#makeActors(world, ways);
    const lives = actors.map((actor) => actor.run());
    try {
      if (!await this.#until("everybody is in", 30_000, () => actors.every(({ live }) => live))) {
        throw new Error("Not everybody could log in, before anything was done");
      }
      const injector = new Injector({ world, actors, ways }, this.#timeline);
      await this.#hurt(world, injector);
      await this.#settle(world, actors);
      await this.#checkPresence(world, actors, observer);
      await this.#leave(world, actors, observer);
      const story = await this.#story(world);
      return {
        options: this.#options,
        violations: check(story),
        story,
        counts: this.#counts,
        faults: injector.counts,
        longestWaitMs: this.#longestWaitMs,
        notes: this.#timeline.notes,
        folder: world.folder,
      };
    } finally {
      for (const actor of actors) actor.stop();
      await Promise.all(lives);
    }
  }

  /** Does all faults; when this resolves, everything is healed. */
  async #hurt(world: World, injector: Injector): Promise<void> {
    const { seconds, servers, faults, rollback, haste } = this.#options;
    const ms = seconds * 1000;
    const kinds = Object.fromEntries(faults.map((name) => [name, this.#store.faults[name]]));
    const schedule = makeSchedule(this.#prng.fork("faults"), { ms, servers, kinds, haste });
    this.#timeline.note(`everybody is in; ${schedule.length} faults are to come`);
    const older = rollback ? this.#store.older?.(world.store) : undefined;
    await Promise.all([injector.run(schedule), pause(ms), older && this.#rollBack(older, injector)]);
    this.#timeline.note("all is healed");
  }

  #makeActors(world: World, ways: Ways): Actor[] {
    const { clients, publishes } = this.#options;
    const names = Array.from({ length: clients }, (_, index) => `u${String(index).padStart(2, "0")}`);
    const sink = {
      timeline: this.#timeline,
      stretches: this.#stretches,
      marks: this.#marks,
      sent: this.#sent,
      notice: (kind: string, text: string) => this.#notice(kind, text),
      count: (what: string) => void this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1),
    };
    const paceMs = clients * messagesPerAct * 1000 / publishes;
    const { nodes } = world;
    const shared = { names, rooms, nodes, prng: this.#prng, ways, sink, paceMs };
    return names.map((name, index) => new Actor({ ...shared, name, many: index % manyEach === 0 }));
  }

  /** Puts the store back to an older copy of its data, again and again in a long run. */
  async #rollBack(older: Older, injector: Injector): Promise<void> {
    const prng = this.#prng.fork("rollback");
    const times = Math.max(1, Math.floor(this.#options.seconds / 60));
    const each = this.#options.seconds * 1000 / times;
    for (let i = 0; i < times; i++) {
      await pause(each * 0.4);
      const copied = this.#timeline.now;
      await older.copy();
      this.#timeline.note(`${older.name}: its data copied`);
      await pause(prng.int(500, Math.min(8_000, each * 0.2)));
      await injector.alone(older.name, async () => {
        await older.kill();
        const killed = this.#timeline.now;
        this.#rollbacks.push({ copied, killed });
        const ago = Math.round(killed - copied);
        this.#timeline.note(`${older.name} killed, and its data put back to those of ${ago} ms before`);
        await older.putBack();
        await pause(prng.int(0, 2_000));
        await older.start();
        this.#timeline.note(`${older.name} is back with older data`);
      });
      await pause(each * 0.3);
    }
  }

  /** Waits until everybody has said and seen everything. */
  async #settle(world: World, actors: readonly Actor[]): Promise<void> {
    for (const actor of actors) actor.quiet();
    const { restMs = 40_000 } = this.#options;
    const done = await this.#until("everything has come to rest", restMs, async () => {
      if (!actors.every(({ done }) => done)) return false;
      const heads = await world.store.heads();
      return actors.every(({ places }) =>
        [...places].every(([topic, { epoch, seq }]) => {
          const head = heads.get(topic);
          return head?.epoch === epoch && head.seq === seq;
        })
      );
    });
    if (done) return this.#timeline.note("everything has come to rest");
    for (const { name, done, live } of actors) {
      if (!done) this.#notice("everything comes to rest", `${name} is not done; it is ${live ? "in" : "not in"}`);
    }
  }

  async #checkPresence(world: World, actors: readonly Actor[], observer: Observer): Promise<void> {
    const users = actors.map(({ name }) => name).sort();
    const expected = rooms.map((room) =>
      actors.filter((actor) => actor.rooms.has(room)).map(({ name }) => name).sort()
    );
    const { leftoverMs = usualLeftoverMs } = this.#options;
    for (const node of world.nodes) {
      let online: string[] = [];
      let members: string[][] = [];
      const right = await this.#until(`${node.id} knows who is where`, leftoverMs, async () => {
        online = await observer.users(node);
        members = [...(await observer.members(node, rooms)).values()];
        return equal(online, users) && members.every((names, index) => equal(names, expected[index]));
      });
      if (right) continue;
      const told = `${node.id} says that online are ${online}, in rooms ${JSON.stringify(members)}`;
      this.#notice("who is where is known", `${told}, and not ${users}, ${JSON.stringify(expected)}`);
    }
  }

  async #leave(world: World, actors: readonly Actor[], observer: Observer): Promise<void> {
    await Promise.all(actors.map(async (actor) => {
      if (!await actor.quit()) this.#notice("everything comes to rest", `${actor.name}'s quit is not answered`);
    }));
    this.#timeline.note("everybody has left");
    const { leftoverMs = usualLeftoverMs } = this.#options;
    for (const node of world.nodes) {
      let online: string[] = [];
      const empty = await this.#until(`${node.id} is empty`, leftoverMs, async () => {
        online = await observer.users(node);
        return online.length === 0;
      });
      if (!empty) this.#notice("no session is left over", `${node.id} says that online are still ${online}`);
    }
    let left: string[] = [];
    const none = await this.#until("no session is left in the store", leftoverMs, async () => {
      left = await world.store.leftovers();
      return left.length === 0;
    });
    if (none) return;
    for (const each of left) this.#notice("no session is left over", each);
  }

  /** What somebody sent privately is copied within two leases, if its server died on the way. */
  async #waitForCopies(world: World): Promise<void> {
    const counts = new Map<string, number>();
    for (const sent of this.#sent) {
      const topic = `sent:${sent.publisher}`;
      if (sent.outcome.kind === "acknowledged" && isCopyOf(sent, topic)) {
        counts.set(topic, (counts.get(topic) ?? 0) + 1);
      }
    }
    await this.#until("all that was sent privately is copied", 2 * leaseMs + 4_000, async () => {
      const heads = await world.store.heads();
      return [...counts].every(([topic, count]) => (heads.get(topic)?.seq ?? 0) >= count);
    });
  }

  async #story(world: World): Promise<Story> {
    if (this.#rollbacks.length === 0) await this.#waitForCopies(world);
    await world.kill();
    return {
      sent: this.#sent,
      stretches: this.#stretches,
      logs: await world.store.logs(),
      marks: this.#marks,
      rollbacks: this.#rollbacks,
      noticed: this.#noticed,
    };
  }

  #notice(kind: string, text: string): void {
    this.#noticed.push({ at: this.#timeline.now, kind, text });
    this.#timeline.note(`FOUND (${kind}) ${text}`);
  }

  /** Asks again and again until something is so. @returns whether it was in time */
  async #until(what: string, ms: number, ask: () => boolean | Promise<boolean>): Promise<boolean> {
    const deadline = this.#timeline.now + ms;
    let failure = "";
    while (this.#timeline.now < deadline) {
      try {
        if (await ask()) return true;
      } catch (error) {
        failure = ` (${(error as Error).message})`;
      }
      await pause(100);
    }
    this.#timeline.note(`${ms} ms are over, and it is not so that ${what}${failure}`);
    return false;
  }
}

function equal(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
