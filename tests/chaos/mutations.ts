/**
 * The proof that the checker can fail: the servers are broken in one way after the other, in a copy of their source, and
 * each time the run must end in a violation of the promise that was broken.
 */

import { type ChaosOptions, runChaos, type Verdict } from "./chaos.ts";
import type { KindName } from "./faults.ts";
import type { Patch } from "./tree.ts";

/** One way to break the servers. */
export interface Mutation {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** What brings it to light. */
  readonly faults: readonly KindName[];
  readonly rollback?: true;
  readonly seconds: number;
  /** Kinds of violations, of which one at least must be found. */
  readonly finds: readonly string[];
}

/** Something that takes a while, up to 20 ms, written in TypeScript. */
const aWhile = "new Promise((resolve) => setTimeout(resolve, Math.random() * 20))";

/** All of them. */
export const mutations: readonly Mutation[] = [
  {
    name: "holes are not filled from the log",
    patches: [{
      file: "lib/server/delivery/relay.ts",
      from: "for (const entry of next.entries) this.#pass(stream, entry);",
      to: "stream.position = next.head;",
    }],
    faults: ["subscriptions killed", "store cut"],
    seconds: 12,
    finds: ["no hole without a gap", "everything comes"],
  },
  {
    name: "the relay passes on whatever it hears, in whatever order",
    patches: [
      {
        file: "lib/server/delivery/relay.ts",
        from: "} else if (!stream.filling && follows(stream.position, signal)) {",
        to: "} else if (!stream.filling) {",
      },
      {
        file: "lib/store/redis/topics.ts",
        from: "if (signal) listener(signal);",
        to: `if (signal) void ${aWhile}.then(() => listener(signal));`,
      },
    ],
    faults: [],
    seconds: 5,
    finds: ["nothing comes twice", "no hole without a gap"],
  },
  {
    name: "publishes overtake each other",
    patches: [{
      file: "lib/store/redis/topics.ts",
      from: "    this.#redis.checkSettled();\n",
      to: `    await ${aWhile};\n    this.#redis.checkSettled();\n`,
    }],
    faults: [],
    seconds: 5,
    finds: ["a publisher's order is kept"],
  },
  {
    name: "what was sent after a failed message goes before it",
    patches: [{
      file: "lib/server/connection/connection.ts",
      from: 'return this.#order.admit(values.cid as string | undefined) ?? "refused";',
      to: "const cid = values.cid as string | undefined;\n    return this.#order.admit(cid) ?? { cid, rank: 0 };",
    }, {
      file: "lib/store/redis/scripts/publish.lua",
      from: "if claim ~= '' and tonumber(call) <= (tonumber(last) or 0) then return {'late'} end",
      to: "",
    }],
    faults: ["store cut", "Redis killed", "clients far away"],
    seconds: 25,
    finds: ["a publisher's order is kept"],
  },
  {
    name: "a repeated cid is a new message",
    patches: [{
      file: "lib/store/redis/scripts/publish.lua",
      from: "local known = redis.call('GET', cid)",
      to: "local known = false",
    }],
    faults: ["clients cut", "clients held up", "server killed"],
    seconds: 15,
    finds: ["nothing is logged twice"],
  },
  {
    name: "who is superseded may write on",
    patches: [{
      file: "lib/store/redis/scripts/publish.lua",
      from: "if held ~= claim then return {'fenced'} end",
      to: "if held ~= claim then last = nil end",
    }],
    faults: ["server paused and left"],
    seconds: 30,
    finds: ["a publisher's order is kept", "no session is left over"],
  },
  {
    name: "an inbox counts as read when somebody has logged in",
    patches: [{
      file: "lib/store/redis/scripts/head.lua",
      from: "tonumber(state[4] or '0')",
      to: "tonumber(state[2] or '0')",
    }],
    faults: ["logged in elsewhere"],
    seconds: 15,
    finds: ["what is unread comes again"],
  },
  {
    name: "an ended session stays in the lists",
    patches: [{
      file: "lib/store/redis/scripts/revoke.lua",
      from: "return redis.call('HDEL', KEYS[1], ARGV[1])",
      to: "return 1",
    }],
    faults: [],
    seconds: 3,
    finds: ["no session is left over"],
  },
  {
    name: "a log that was put back passes for the one before",
    patches: [{
      file: "lib/store/redis/scripts/data_generation.lua",
      from: "if seen > count then",
      to: "if false then",
    }, {
      file: "lib/server/delivery/recovery.ts",
      from: "return page.head.seq < position.seq || !mayHold(position, page);",
      to: "return page.head.seq < position.seq && !mayHold(position, page);",
    }, {
      file: "lib/store/redis/topics.ts",
      from: "if (page.epoch === epoch && lost)",
      to: "if (page.epoch !== epoch && lost)",
    }],
    faults: ["clients cut"],
    rollback: true,
    seconds: 15,
    finds: ["nothing passes for continuous", "no silent loss", "everything comes"],
  },
];

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
  { seed, servers, clients, publishes, signal }: Pick<
    ChaosOptions,
    "seed" | "servers" | "clients" | "publishes" | "signal"
  >,
): Promise<Trial> {
  const { patches, faults, rollback = false, seconds, finds } = mutation;
  // What is broken may never come to rest: nobody waits for that here.
  const verdict = await runChaos({
    seed,
    servers,
    clients,
    publishes,
    signal,
    patches,
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
