/**
 * The server is restarted, or killed, under everybody; all come back at once, with their tokens and positions.
 *
 * In each room of ten one member speaks. On SQLite it is cut off with the others, sends again what was not answered, and
 * those who come back after it get what they missed. On Redis the speakers are on a second server, and speak on.
 */

import type { Endpoint } from "../../tests/support/client.ts";
import { Lanes, Ledger } from "../lanes.ts";
import { sleep } from "../load.ts";
import type { Values } from "../metrics.ts";
import { Returner } from "../returner.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { names, pooled, register } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: 20, usual: 1000, long: 5000 };
const membersOfRoom = 10;

/** How many shake hands at once: all of thousands would run into the server's time limit for it. */
const atOnce = 500;

/** Messages a second, over all rooms. */
const rate = 100;

/** How long anything may take, in milliseconds. */
const patienceMs = 60_000;

export const resumeStorm: Scenario = {
  name: "resume-storm",
  title: "Resume storm: the server is restarted under everybody, and all come back",
  columns: ["secondsDown", "secondsBack", "resumes", "replayed", ...trust],
  charts: ["secondsDown", "secondsBack"],
  async run({ store, size, runs, record }: Context) {
    const count = sizes[size];
    await using world = await World.start(store);
    await using crowd = await Crowd.gather(world, count);
    for (const [name, signal] of [["restart", "SIGTERM"], ["kill -9", "SIGKILL"]] as const) {
      for (let run = 0; run < runs; run++) {
        record(`${count} clients, ${name}`, { clients: count, signal, rate }, await crowd.survive(signal));
      }
    }
  },
};

/** All clients of the scenario. */
class Crowd implements AsyncDisposable {
  readonly #world: World;
  readonly #lanes: Lanes;
  readonly #ledgers: Ledger[] = [];
  readonly #speakers: Returner[] = [];
  readonly #others: Returner[] = [];
  #lost: Returner[] = [];

  private constructor(world: World, rooms: number) {
    this.#world = world;
    this.#lanes = new Lanes(rooms, membersOfRoom);
  }

  static async gather(world: World, count: number): Promise<Crowd> {
    const crowd = new Crowd(world, count / membersOfRoom);
    const users = names("c", count);
    await register(world.server, users);
    const other: Endpoint = world.store === "redis" ? await world.another() : world.server;
    await pooled(users, 16, async (user) => {
      const index = users.indexOf(user);
      const lane = Math.floor(index / membersOfRoom);
      const ledger = new Ledger(crowd.#lanes, lane, 1);
      const client = new Returner(user, crowd.#lanes, ledger, lane);
      const speaks = index % membersOfRoom === 0;
      await client.enter(speaks ? other : world.server, `room${lane}`);
      client.onLost = () => void crowd.#lost.push(client);
      crowd.#ledgers.push(ledger);
      (speaks ? crowd.#speakers : crowd.#others).push(client);
    });
    return crowd;
  }

  /** Ends the server while messages are on their way, and waits until all are back and have all. */
  async survive(signal: "SIGTERM" | "SIGKILL"): Promise<Values> {
    let turn = 0;
    const talk = setInterval(() => this.#speakers[turn++ % this.#speakers.length].say(), 1000 / rate);
    await sleep(1000);
    const cut = this.#world.store === "redis" ? this.#others.length : this.#others.length + this.#speakers.length;
    const gone = performance.now();
    await this.#world.restart(signal);
    const ready = performance.now();
    let replayed = 0;
    let back = 0;
    let failure: unknown;
    for (const deadline = ready + patienceMs; back < cut;) {
      if (performance.now() > deadline) {
        throw new Error(`Only ${back} of ${cut} are back after ${patienceMs} ms: ${failure}`);
      }
      const lost = this.#lost;
      this.#lost = [];
      await pooled(lost, atOnce, async (client) => {
        try {
          const missed = await client.resume(this.#world.server);
          replayed += missed;
          back++;
        } catch (error) {
          failure = error;
          if (!this.#lost.includes(client)) this.#lost.push(client); // the dial itself failed
        }
      });
      if (lost.length === 0) await sleep(5);
    }
    const done = performance.now();
    await sleep(500);
    clearInterval(talk);
    await this.#drained();
    const faults = { lost: 0, doubled: 0, disordered: 0 };
    for (const each of this.#ledgers.map((ledger) => ledger.faults())) {
      faults.lost += each.lost;
      faults.doubled += each.doubled;
      faults.disordered += each.disordered;
    }
    for (const { gaps } of [...this.#speakers, ...this.#others]) faults.lost += gaps;
    return {
      secondsDown: (ready - gone) / 1000,
      secondsBack: (done - ready) / 1000,
      resumes: cut * 1000 / (done - ready),
      replayed,
      ...faults,
      disconnected: this.#lost.length, // who was back, and went again
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await pooled([...this.#speakers, ...this.#others], 100, (client) => client.close());
  }

  async #drained(): Promise<void> {
    const deadline = performance.now() + patienceMs / 4;
    const complete = () =>
      this.#lanes.completed === this.#lanes.total && this.#speakers.every(({ settled }) => settled);
    while (!complete() && performance.now() < deadline) await sleep(10);
    await sleep(100); // for what comes a second time
  }
}
