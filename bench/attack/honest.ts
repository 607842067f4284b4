/**
 * Honest users: they sit in rooms of ten and talk, and every message is looked for at every member of its room.
 *
 * A sender is a lane, so that what is lost, doubled or out of order is counted as in every other measurement here.
 */

import type { Endpoint } from "../../tests/support/client.ts";
import { Lanes, Ledger } from "../lanes.ts";
import { sleep } from "../load.ts";
import { pooled, type Sink, Wire } from "../wire.ts";
import { Counts, type Honest } from "./attack.ts";

/** The password of all honest accounts. */
export const honestPassword = "Lighthouse keepers, 9";

const perRoom = 10;

/** What messages that are still under way may take at the end, in milliseconds. */
const drainMs = 20_000;

const LF = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the honest saw in a time. */
export interface HonestFigures {
  readonly messages: number;
  readonly deliveries: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  /** Gaps that they were told of. */
  readonly gaps: number;
  /** Their messages that were refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly disconnected: number;
  /** How late this process was at most with what was due, in milliseconds: what the figures may be wrong by. */
  readonly lag: number;
}

/** All of them. */
export class HonestUsers {
  readonly names: Honest;
  readonly #lanes: Lanes;
  readonly #wires: Wire[] = [];
  readonly #ledgers: Ledger[] = [];
  #refused = new Counts();
  #gaps = 0;
  #disconnected = 0;
  #lag = 0;
  #sentBefore = 0;
  #faultsBefore = { lost: 0, doubled: 0, disordered: 0 };

  /** @param rooms how many rooms of ten users */
  constructor(rooms: number, returners: number) {
    const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => prefix + index);
    this.names = {
      rooms: numbered("harbour", rooms),
      users: numbered("honest", rooms * perRoom),
      returners: numbered("returner", returners),
    };
    this.#lanes = new Lanes(rooms * perRoom, perRoom);
  }

  /** Makes the accounts, and brings each user into its room. */
  async enter(at: Endpoint): Promise<void> {
    const { users, returners } = this.names;
    await pooled(returners, 4, async (user) => {
      const wire = await Wire.dial(at);
      await wire.ask(`REGISTER ${user} ${honestPassword}`, "Login successful");
      await wire.close();
    });
    await pooled(users.map((_, index) => index), 4, (index) => this.#enter(at, index));
    for (const [index, wire] of this.#wires.entries()) wire.sink = lineSink((line) => this.#hear(index, line));
  }

  /**
   * Lets them talk.
   *
   * @param rate messages a second of all together
   * @param during for how long
   */
  async talk(rate: number, during: () => Promise<unknown>): Promise<HonestFigures> {
    this.#begin();
    const lanes = this.#lanes;
    const start = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      for (let due; (due = start + sent * 1000 / rate) <= performance.now(); sent++) {
        const now = performance.now();
        this.#lag = Math.max(this.#lag, now - due);
        this.#say(sent % lanes.count, now);
      }
    }, 1);
    try {
      await during();
    } finally {
      clearInterval(timer);
    }
    await this.#drained();
    return this.#figures();
  }

  async close(): Promise<void> {
    await Promise.all(this.#wires.map((wire) => wire.close()));
  }

  async #enter(at: Endpoint, index: number): Promise<void> {
    const wire = this.#wires[index] = await Wire.dial(at);
    const { users, rooms } = this.names;
    const room = rooms[Math.floor(index / perRoom)];
    await wire.ask('HELLO {"format":"json","version":1,"client":"honest/1"}', '{"type":"hello"');
    const account = { id: 1, cmd: "register", user: users[index], password: honestPassword };
    await wire.ask(JSON.stringify(account), '{"type":"ok","id":1');
    await wire.ask(JSON.stringify({ id: 2, cmd: "join", room }), '{"type":"ok","id":2');
    this.#ledgers[index] = new Ledger(this.#lanes, index - index % perRoom, perRoom);
    wire.onLost = () => void this.#disconnected++;
  }

  #say(lane: number, now: number): void {
    const text = `@${lane} ${this.#lanes.next(lane, now)} the tide comes in and the tide goes out`;
    this.#wires[lane].send(encoder.encode(JSON.stringify({ cmd: "say", text }) + "\n"));
  }

  #hear(index: number, line: string): void {
    const ours = /"text":"@(\d+) (\d+) /.exec(line);
    if (ours) {
      const [lane, seq] = [Number(ours[1]), Number(ours[2])];
      const { tally } = this.#lanes;
      const latency = performance.now() - this.#lanes.sentAt(lane, seq);
      if (!this.#ledgers[index].take(lane, seq)) return;
      tally.deliveries++;
      tally.deliveryLatency.record(latency);
    } else if (line.startsWith('{"type":"ping"')) this.#wires[index].send(encoder.encode('{"cmd":"pong"}\n'));
    else if (line.startsWith('{"type":"gap"')) this.#gaps++;
    else if (line.startsWith('{"type":"error"')) this.#refused.add(JSON.parse(line).code);
  }

  #begin(): void {
    this.#lanes.tally.clear();
    this.#sentBefore = this.#lanes.total;
    this.#faultsBefore = this.#faults();
    this.#refused = new Counts();
    this.#gaps = this.#disconnected = this.#lag = 0;
  }

  /** Waits until all has arrived, at most so long: what is not there then is lost. */
  async #drained(): Promise<void> {
    const until = performance.now() + drainMs;
    while (this.#lanes.completed < this.#lanes.total && performance.now() < until) await sleep(20);
    await sleep(200); // for what comes a second time
  }

  #faults() {
    const sum = { lost: 0, doubled: 0, disordered: 0 };
    for (const ledger of this.#ledgers) {
      const { lost, doubled, disordered } = ledger.faults();
      sum.lost += lost;
      sum.doubled += doubled;
      sum.disordered += disordered;
    }
    return sum;
  }

  #figures(): HonestFigures {
    const { deliveries, deliveryLatency: latency } = this.#lanes.tally;
    const [now, before] = [this.#faults(), this.#faultsBefore];
    return {
      messages: this.#lanes.total - this.#sentBefore,
      deliveries,
      p50: latency.quantile(0.5),
      p99: latency.quantile(0.99),
      max: latency.max,
      lost: now.lost - before.lost,
      doubled: now.doubled - before.doubled,
      disordered: now.disordered - before.disordered,
      gaps: this.#gaps,
      refused: this.#refused.toJSON(),
      disconnected: this.#disconnected,
      lag: this.#lag,
    };
  }
}

/** Cuts bytes into lines. */
function lineSink(take: (line: string) => void): Sink {
  return (bytes, end) => {
    const last = bytes.lastIndexOf(LF, end - 1);
    if (last < 0) return 0;
    for (const line of decoder.decode(bytes.subarray(0, last)).split("\n")) take(line);
    return last + 1;
  };
}
