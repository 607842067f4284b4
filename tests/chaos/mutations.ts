/**
 * The proof that the checker can fail: the servers are broken in one way after the other, in a copy of their source, and
 * each time the run must end in a violation of the promise that was broken.
 */

import { type ChaosOptions, runChaos, type Verdict } from "./chaos.ts";
import { deliveryMutations } from "./delivery_mutations.ts";
import { deviceMutations } from "./device_mutations.ts";
import type { Mutation } from "./mutation.ts";
import { roomMutations } from "./room_mutations.ts";
import { type StoreName, stores } from "./stores.ts";

/** All of them. */
export const mutations: readonly Mutation[] = [...deliveryMutations, ...deviceMutations, ...roomMutations];

/** With which store a mutation shows. */
export function storeOf({ store = "redis" }: Mutation): StoreName {
  return store;
}

/** What came of one mutation. */
export interface Trial {
  readonly mutation: Mutation;
  readonly verdict: Verdict;
  /** Whether one of the kinds of violations that belong to it was found. */
  readonly caught: boolean;
}

/** Breaks the servers in one way, and looks what the checker says. */
export async function tryMutation(
  mutation: Mutation,
  { seed, clients, publishes, signal }: Pick<ChaosOptions, "seed" | "clients" | "publishes" | "signal">,
): Promise<Trial> {
  const store = storeOf(mutation);
  const { replacements, faults, shared = false, rollback = false, seconds, finds } = mutation;
  // What is broken may never come to rest: nobody waits for that here.
  const verdict = await runChaos({
    seed,
    store,
    servers: stores[store].servers.usual,
    clients,
    publishes,
    policy: shared ? "share" : "force",
    signal,
    replacements,
    faults,
    rollback,
    seconds,
    haste: 3,
    restMs: 5_000,
    leftoverMs: 10_000,
  });
  const caught = verdict.violations.some(({ kind }) => finds.includes(kind));
  return { mutation, verdict, caught };
}

/** One line of the table. */
export function row({ mutation, verdict, caught }: Trial): string {
  const kinds = [...Map.groupBy(verdict.violations, ({ kind }) => kind)].map(([kind, all]) => `${kind} ${all.length}`);
  return `${caught ? "found" : "MISSED"} · ${mutation.name} · ${mutation.seconds} s · ${kinds.join(", ") || "nothing"}`;
}
