/** One run: a server, its honest users, a time without attack, a time with it, and what both looked like. */

import { describeMachine, type Machine } from "../machine.ts";
import { sleep } from "../load.ts";
import type { StoreName } from "../world.ts";
import type { AttackReport } from "./attack.ts";
import { Gang } from "./gang.ts";
import { type HonestFigures, HonestUsers } from "./honest.ts";
import { logIn, type LoginFigures } from "./logins.ts";
import { cores, favour, pin, pinnable, Stage } from "./stage.ts";
import { type ServerFigures, watch } from "./watch.ts";

/** What is to be run. */
export interface SiegePlan {
  readonly store: StoreName;
  /** Names of attacks. */
  readonly attacks: readonly string[];
  /** How long the attack lasts, in seconds. */
  readonly seconds: number;
  /** How long nobody attacks before it, in seconds. */
  readonly quiet: number;
  readonly addresses: "own" | "shared";
  /** The folder of the project whose server it is. */
  readonly project: string;
  /** Whether the server has one core for itself, and everything else another, where that is possible. */
  readonly apart: boolean;
  /** Whether all of it goes before the machine's other work. */
  readonly urgent?: boolean;
  /** How many rooms of ten honest users. */
  readonly rooms: number;
  /** Settings that are not as everybody has them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What was seen in a time. */
export interface Period {
  readonly honest: HonestFigures;
  readonly logins: LoginFigures;
  readonly server: ServerFigures;
}

/** What a run came to. */
export interface SiegeResult {
  readonly machine: Machine;
  readonly takenAt: string;
  readonly store: StoreName;
  readonly addresses: "own" | "shared";
  readonly attackSeconds: number;
  /** Options of the server that were not as everybody has them. */
  readonly settings: Readonly<Record<string, string>>;
  /** Whether server and generators had a core each. */
  readonly apart: boolean;
  readonly without: Period;
  readonly under: Period;
  readonly attacks: readonly AttackReport[];
}

/** Messages a second of all honest users together. */
const rate = 20;

/** How many users log in again and again, one after the other. */
const returners = 8;

/**
 * Runs it.
 *
 * @param running takes what has to be stopped at the end, or when the run is interrupted
 * @param tell told of each step
 */
export async function besiege(
  plan: SiegePlan,
  running: AsyncDisposableStack,
  tell: (step: string) => void = () => {},
): Promise<SiegeResult> {
  const machine = await describeMachine(plan.project);
  const apart = plan.apart && pinnable;
  const stage = running.use(await Stage.start(plan.store, plan.project, apart, { ...plan.settings }));
  if (apart) await pin(Deno.pid, cores.others); // and the attackers', which this process starts
  if (plan.urgent) {
    await favour(Deno.pid, -20); // and the server and Redis, which are of its session
    running.defer(() => favour(Deno.pid, 0));
  }
  const honest = new HonestUsers(plan.rooms, returners);
  tell(`registering ${honest.names.users.length} honest users`);
  await honest.enter(stage);
  tell("waiting until the attackers are ready");
  const { seconds, addresses, attacks } = plan;
  const at = { port: stage.port, ca: stage.ca };
  const gang = running.use(await Gang.start({ at, honest: honest.names, attacks, seconds, addresses }));
  if (plan.urgent) await favour(gang.pid, -10);
  await sleep(Math.min(5, plan.quiet) * 1000); // what their getting ready has left to do
  tell(`${plan.quiet} s without attack`);
  const without = await observe(stage, honest, sleep(plan.quiet * 1000));
  tell(`${seconds} s with ${attacks.join(", ")}`);
  const reports = gang.attack();
  reports.catch(() => {}); // looked at below
  const under = await observe(stage, honest, sleep(seconds * 1000));
  tell("looking at what came of it");
  const result = {
    machine,
    takenAt: new Date().toISOString(),
    store: plan.store,
    addresses,
    attackSeconds: seconds,
    apart,
    settings: plan.settings ?? {},
    without,
    under,
    attacks: await reports,
  };
  await honest.close();
  return result;
}

async function observe(stage: Stage, users: HonestUsers, until: Promise<unknown>): Promise<Period> {
  const [honest, logins, server] = await Promise.all([
    users.talk(rate, () => until),
    logIn(stage, users.names.returners, until),
    watch(stage, until),
  ]);
  return { honest, logins, server };
}
