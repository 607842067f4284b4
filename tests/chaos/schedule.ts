/**
 * Which faults come when: made from a seed before the run begins, so that the same seed gives the same ones; and the
 * injector that does them.
 */

import type { Kind, Stage } from "./faults.ts";
import type { Prng } from "./prng.ts";
import { pause } from "../../lib/common/time.ts";
import type { Timeline } from "./timeline.ts";

/** A fault that is to come. Times are milliseconds since the faults began. */
export interface Fault {
  readonly at: number;
  readonly name: string;
  readonly kind: Kind;
  readonly lasts: number;
  /** The server's index, where it is about one. */
  readonly server: number;
  readonly prng: Prng;
}

/** How long a lane rests between two faults, in milliseconds. */
const rests: Readonly<Record<Kind["lane"], readonly [number, number]>> = {
  process: [2_000, 6_000],
  network: [800, 4_000],
  client: [1_500, 5_000],
};

/** What a schedule is made from. */
export interface ScheduleOptions {
  /** How long there are faults, in milliseconds. */
  readonly ms: number;
  readonly servers: number;
  /** The kinds that there are, by name. */
  readonly kinds: Readonly<Record<string, Kind>>;
  /** How much shorter the rests between them are than usual; 1 unless told. */
  readonly haste?: number;
}

/** Makes the faults of a run. Within a lane every kind comes before any comes again. */
export function makeSchedule(prng: Prng, { ms, servers, kinds, haste = 1 }: ScheduleOptions): Fault[] {
  const faults: Fault[] = [];
  for (const lane of Object.keys(rests) as Kind["lane"][]) {
    const names = Object.keys(kinds).filter((name) => kinds[name].lane === lane);
    if (names.length === 0) continue;
    const own = prng.fork(lane);
    let bag: string[] = [];
    const rest = () => own.int(...rests[lane]) / haste;
    for (let at = rest() / 2;;) {
      if (bag.length === 0) bag = own.shuffled(names);
      const name = bag.pop()!;
      const kind = kinds[name];
      const lasts = own.int(...kind.lasts as [number, number]);
      if (at + lasts > ms) break;
      faults.push({ at, name, kind, lasts, server: own.int(0, servers - 1), prng: own.fork(faults.length) });
      at += lasts + rest();
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** Does what a schedule says, and keeps count. */
export class Injector {
  /** How many of each kind there were. */
  readonly counts = new Map<string, number>();
  readonly #stage: Stage;
  readonly #timeline: Timeline;
  readonly #busy = new Map<string, Promise<void>>();

  constructor(stage: Stage, timeline: Timeline) {
    this.#stage = stage;
    this.#timeline = timeline;
  }

  /** Does all of a schedule; when this resolves, everything is healed. */
  async run(schedule: readonly Fault[]): Promise<void> {
    const start = this.#timeline.now;
    await Promise.all(schedule.map(async (fault) => {
      await pause(start + fault.at - this.#timeline.now);
      await this.#inject(fault);
    }));
  }

  /** Does something to a target when nothing else is being done to it. */
  async alone(target: string, work: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(target) ?? Promise.resolve();
    const turn = before.then(work);
    this.#busy.set(target, turn.catch(() => {}));
    await turn;
  }

  async #inject({ name, kind, lasts, server, prng }: Fault): Promise<void> {
    const target = kind.target(server);
    const about = target.startsWith("server") || target.startsWith("the") ? `, ${target}` : "";
    await this.alone(target, async () => {
      this.#timeline.note(`${name}${about}${lasts > 0 ? `, for ${lasts} ms` : ""}`);
      try {
        const heal = await kind.begin(this.#stage, server, prng);
        this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
        await pause(lasts);
        await heal?.();
      } catch (error) {
        // What is away for another reason cannot be hurt.
        this.#timeline.note(`${name}${about}: ${(error as Error).message}`);
      }
      if (lasts > 0) this.#timeline.note(`${name}${about}: healed`);
    });
  }
}
