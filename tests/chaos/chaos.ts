/**
 * One run: a world, clients in it, faults on it; then everything is healed, comes to rest and is judged.
 */

import { join } from "node:path";
import type { Actor } from "./actor.ts";
import { type Cast, castOf } from "./cast.ts";
import { check, type Violation } from "./checker.ts";
import type { Ways } from "./connection.ts";
import type { Policy } from "./faults.ts";
import { Observer } from "./observer.ts";
import { Prng } from "./prng.ts";
import { apartPair, changeUnheard } from "./missed_change.ts";
import type { KeptMark, Log, Move, Notice, Rollback, Sent, Story } from "./record.ts";
import { Injector, makeSchedule } from "./schedule.ts";
import type { Older } from "./store.ts";
import { type FaultName, type StoreKind, type StoreName, stores } from "./stores.ts";
import { pause } from "../../lib/common/time.ts";
import { Timeline } from "./timeline.ts";
import type { Replacement } from "./tree.ts";
import { checkCopies, isCopyOf } from "./copies.ts";
import { textViews } from "./text_views.ts";
import { Warden } from "./warden.ts";
import { cidOf } from "./words.ts";
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
  /** How a user's sessions get on; `share` gives many users several devices, `force` unless told. */
  readonly policy?: Policy;
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
/** Faults that neither a server nor the store has a part in. */
const ofClients: ReadonlySet<string> = new Set([
  "clients cut",
  "device revoked",
  "logged in elsewhere",
  "resumed twice",
  "user sanctioned",
]);

const rooms = ["lobby", "general", "random", "tea"];

/** How many messages a client sends each time that it does something, on average. */
const messagesPerAct = 1.7;

/** Its client's grace, its server's lease, and the time to look. */
const usualLeftoverMs = 5_000 + leaseMs + 4_000;

/** How long a device may take to learn of what it could not hear of, in milliseconds. */
const missedMs = 8_000;

/**
 * How long a server may take to answer a command, in milliseconds: a command is several calls of the store, each of which
 * may be slow; once one has taken too long, the others fail at once. It is less than the clients' patience.
 */
const answerMs = storeTimeoutMs + 1_500;

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
  readonly #moves: Move[] = [];
  readonly #stretches: Story["stretches"][number][] = [];
  readonly #marks: Story["marks"][number][] = [];
  readonly #revocations: Story["revocations"][number][] = [];
  readonly #sanctions: Story["sanctions"][number][] = [];
  #longestWaitMs = 0;

  constructor(options: ChaosOptions, timeline: Timeline) {
    this.#options = options;
    this.#store = stores[options.store];
    this.#timeline = timeline;
    this.#prng = new Prng(options.seed);
  }

  async run(): Promise<Verdict> {
    const { servers, settings = {}, policy = "force", keep = false, replacements = [], signal } = this.#options;
    await using world = await World.start({
      open: this.#store.open,
      root,
      replacements,
      servers,
      settings: { DUPLICATE_LOGIN: policy, ...settings },
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
    const warden = new Warden({ ways, rooms, sent: this.#sent, sanctions: this.#sanctions });
    await warden.settleIn(world.nodes[0]);
    const cast = this.#cast(world, ways);
    const { actors, texts } = cast;
    const all = [...actors, ...texts];
    const lives = all.map((each) => each.run());
    try {
      if (!await this.#until("everybody is in", 30_000, () => all.every(({ live }) => live))) {
        throw new Error("Not everybody could log in, before anything was done");
      }
      const { policy = "force" } = this.#options;
      const stage = { world, actors, ways, policy, revocations: this.#revocations, warden };
      const injector = new Injector(stage, this.#timeline);
      await this.#hurt(world, injector);
      const rests = await this.#settle(world, cast);
      const calm = [...injector.counts.keys()].every((name) => ofClients.has(name));
      await this.#checkPresence(world, cast, observer, calm);
      if (rests && policy === "share") await this.#missChange(world, cast);
      await this.#leave(world, cast, observer, calm);
      const story = await this.#story(world, cast);
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
      for (const each of all) each.stop();
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

  #cast(world: World, ways: Ways): Cast {
    const { clients, publishes, policy = "force" } = this.#options;
    const sink = {
      timeline: this.#timeline,
      stretches: this.#stretches,
      marks: this.#marks,
      sent: this.#sent,
      moves: this.#moves,
      notice: (kind: string, text: string) => this.#notice(kind, text),
      count: (what: string) => void this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1),
    };
    const paceMs = clients * messagesPerAct * 1000 / publishes;
    const { nodes } = world;
    return castOf({ clients, policy, rooms, nodes, prng: this.#prng, ways, sink, paceMs });
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

  /** Waits until everybody has said and seen everything. @returns whether that came */
  async #settle(world: World, { actors, texts }: Cast): Promise<boolean> {
    for (const each of [...actors, ...texts]) each.quiet();
    const { restMs = 40_000 } = this.#options;
    const told = this.#rollbacks.length > 0 ? [] : texts; // who was away is shown what is lost by no position
    let copied = this.#rollbacks.length > 0;
    const done = await this.#until("everything has come to rest", restMs, async () => {
      if (!actors.every(({ done }) => done) || !texts.every(({ live }) => live)) return false;
      if (actors.some(({ isRevoked }) => isRevoked) || told.some(({ missing }) => missing.length > 0)) return false;
      copied ||= await this.#isCopied(world);
      if (!copied || different(actors, await world.store.memberships()).length > 0) return false;
      const heads = await world.store.heads();
      return actors.every(({ places }) =>
        [...places].every(([topic, { epoch, seq }]) => {
          const head = heads.get(topic);
          return head?.epoch === epoch && head.seq === seq;
        })
      );
    });
    if (done) {
      this.#timeline.note("everything has come to rest");
      return true;
    }
    for (const { name, done, live } of actors) {
      if (!done) this.#notice("everything comes to rest", `${name} is not done; it is ${live ? "in" : "not in"}`);
    }
    for (const { name, live, isRevoked } of actors) {
      if (live && isRevoked) this.#notice("a revoked device is out", `${name} was revoked and is in`);
    }
    for (const text of different(actors, await world.store.memberships())) {
      this.#notice("devices are in the same rooms", text);
    }
    for (const { name, missing } of told) {
      if (missing.length === 0) continue;
      const cids = missing.slice(0, 5).map(({ cid }) => cid);
      this.#notice("everything comes", `${name} was never shown ${cids}, of ${missing.length}`);
    }
    return false;
  }

  /** Sees to it that a device learns of what another one did while its server could not hear of it. */
  async #missChange(world: World, { actors }: Cast): Promise<void> {
    if (!world.store.sever) return;
    for (const actor of actors) actor.still();
    const apart = await this.#until("an account is on two servers", 10_000, async () => {
      if (apartPair(actors)) return true;
      // On which server it comes back is chance.
      actors.find(({ account, many, done }) => many && done && account.manyDevices.length > 1)?.drop();
      await pause(200);
      return false;
    });
    const pair = apartPair(actors);
    if (!apart || !pair || !await changeUnheard(world, pair)) return;
    this.#timeline.note(`${pair.changing.name} has changed its rooms, which ${pair.deaf.name} could not hear of`);
    let wrong: string[] = [];
    const right = await this.#until("every device has learnt of it", missedMs, async () => {
      wrong = different(actors, await world.store.memberships());
      return wrong.length === 0;
    });
    if (right) return;
    for (const text of wrong) this.#notice("devices are in the same rooms", text);
  }

  async #isCopied(world: World): Promise<boolean> {
    const logs = await this.#logs(world);
    const story = { sent: this.#sent, rollbacks: this.#rollbacks };
    return checkCopies(story, new Map(logs.map((log) => [log.topic, log]))).next().done === true;
  }

  /** Every log; what a person typed has its cid in its text only. */
  async #logs(world: World): Promise<Log[]> {
    const logs = await world.store.logs();
    return logs.map((log) => ({
      ...log,
      entries: log.entries.map((entry) => ({ ...entry, cid: entry.cid ?? cidOf(entry.text) })),
    }));
  }

  /** @param calm whether nothing that is told of who came and went can have been lost */
  async #checkPresence(world: World, { actors, texts }: Cast, observer: Observer, calm: boolean): Promise<void> {
    const all = [...actors, ...texts];
    const users = usersOf(all);
    const expected = rooms.map((room) => usersOf(all.filter((each) => each.rooms.has(room))));
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
    if (!calm) return;
    const truth = new Map(rooms.map((room, index) => [room, expected[index]]));
    let wrong: string[] = [];
    const heard = await this.#until("everybody was told who came and went", leftoverMs, () => {
      wrong = actors.flatMap(({ name, roster }) => roster.wrong(truth).map((text) => `${name} was told that ${text}`));
      return wrong.length === 0;
    });
    if (heard) return;
    for (const text of wrong) this.#notice("who comes and goes is told", text);
  }

  async #leave(world: World, { actors, texts }: Cast, observer: Observer, calm: boolean): Promise<void> {
    for (const text of texts) text.stop();
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
      left = await world.store.leftovers(calm);
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

  /** What the store has of marks that must have been kept. */
  async #keptMarks(world: World, actors: readonly Actor[]): Promise<KeptMark[]> {
    const marks = new Map((await world.store.marks()).map(({ user, topic, seq }) => [`${user} ${topic}`, seq]));
    return [...new Set(actors.map(({ account }) => account))].flatMap(({ user, owedMarks }) =>
      owedMarks.map(({ topic, least }) => ({ user, topic, least, seq: marks.get(`${user} ${topic}`) ?? 0 }))
    );
  }

  async #story(world: World, { actors, runs }: Cast): Promise<Story> {
    if (this.#rollbacks.length === 0) await this.#waitForCopies(world);
    await world.kill();
    const logs = await this.#logs(world);
    const shown = textViews(this.#rollbacks.length > 0 ? [] : runs, logs, this.#sent);
    return {
      sent: this.#sent,
      stretches: [...this.#stretches, ...shown.stretches],
      logs,
      revocations: this.#revocations,
      sanctions: this.#sanctions,
      marks: this.#marks,
      keptMarks: await this.#keptMarks(world, actors),
      moves: this.#moves,
      rollbacks: this.#rollbacks,
      noticed: [...this.#noticed, ...shown.noticed],
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

/** Whose these are, sorted, each once. */
function usersOf(devices: readonly { readonly account: { readonly user: string } }[]): string[] {
  return [...new Set(devices.map(({ account }) => account.user))].sort();
}

/** Which devices in many rooms are in others than the store has of their accounts. */
function different(actors: readonly Actor[], truth: ReadonlyMap<string, readonly string[]>): string[] {
  return actors.filter(({ many }) => many).flatMap(({ name, account, rooms }) => {
    const account_ = truth.get(account.user) ?? [];
    return equal([...rooms].sort(), account_)
      ? []
      : `${name} is in ${[...rooms].sort()}, and its account in ${account_}`;
  });
}

function equal(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
