/** What the server used in a time: memory, CPU, how late its event loop was, and what its limits refused. */

import type { Stage } from "./stage.ts";

const everyMs = 250;

/** What was seen. */
export interface ServerFigures {
  /** The most, in MB. */
  readonly rss: number;
  /** Cores, on average. */
  readonly cpu: number;
  /** What 99 of 100 looks at the event loop were late by at most, in milliseconds; a bucket's upper end. */
  readonly loopP99: number | null;
  /** The same for all of them. */
  readonly loopMax: number | null;
  /** By limit, where the server tells. */
  readonly limits: Readonly<Record<string, number>>;
  readonly logKb: number;
}

/** Watches until a promise is settled. */
export async function watch(stage: Stage, until: Promise<unknown>): Promise<ServerFigures> {
  let rss = 0;
  const look = () => rss = Math.max(rss, stage.memoryMb() ?? 0);
  const [metrics, cpu, log, since] = [await stage.metrics(), stage.cpu(), await stage.logKb(), performance.now()];
  const timer = setInterval(look, everyMs);
  try {
    await until;
  } finally {
    clearInterval(timer);
  }
  look();
  const seconds = (performance.now() - since) / 1000;
  const used = ((stage.cpu() ?? 0) - (cpu ?? 0)) / seconds;
  const now = await stage.metrics();
  const loop = (share: number) => lateness(buckets(metrics), buckets(now), share);
  return {
    rss,
    cpu: used,
    loopP99: loop(0.99),
    loopMax: loop(1),
    limits: grown(refusals(metrics), refusals(now)),
    logKb: await stage.logKb() - log,
  };
}

/** Upper end → how many were at most that, of the event loop's delay. */
export function buckets(metrics: string): Map<number, number> {
  const found = new Map<number, number>();
  for (
    const [, end, count] of metrics.matchAll(/^chat_event_loop_delay_seconds_bucket\{.*?le="([^"]+)".*?\} (\d+)/gm)
  ) {
    found.set(end === "+Inf" ? Infinity : Number(end), Number(count));
  }
  return found;
}

/** The upper end, in milliseconds, of the bucket that holds this share of what came between; null where none is told. */
export function lateness(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  share: number,
): number | null {
  const all = (after.get(Infinity) ?? 0) - (before.get(Infinity) ?? 0);
  if (all <= 0) return null;
  for (const [end, count] of [...after].sort(([a], [b]) => a - b)) {
    if (count - (before.get(end) ?? 0) >= all * share) return end * 1000;
  }
  return null;
}

function refusals(metrics: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, limit, count] of metrics.matchAll(/^chat_limit_refusals_total\{.*?limit="([^"]+)".*?\} (\d+)/gm)) {
    found.set(limit, (found.get(limit) ?? 0) + Number(count));
  }
  return found;
}

function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Record<string, number> {
  const differences = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}
