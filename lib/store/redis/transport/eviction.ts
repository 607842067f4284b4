import type { Master } from "./redis_transport.ts";

/** The policy under which a full Redis throws nothing away, and refuses what would not fit. */
const safe = "noeviction";

/** A Redis that throws keys away, or does not tell. */
export interface Eviction {
  /** Where it is; empty where there is only one. */
  readonly server: string;
  /** Its `maxmemory-policy`; undefined where the user may ask for neither of the two that tell it. */
  readonly policy: string | undefined;
}

/**
 * The servers of which it is not known that they throw nothing away when their memory is full. An evicted key is an
 * account, a session or a log that is gone without a word.
 */
export async function findEviction(masters: readonly Master[]): Promise<Eviction[]> {
  const policies = await Promise.all(masters.map(async (master) => {
    return { server: master.name, policy: await toldByInfo(master) ?? await toldByConfig(master) };
  }));
  return policies.filter(({ policy }) => policy !== safe);
}

async function toldByInfo({ send }: Master): Promise<string | undefined> {
  const info = await send(["INFO", "memory"]).catch(() => "");
  return /^maxmemory_policy:(\S+)/m.exec(`${info}`)?.[1];
}

async function toldByConfig({ send }: Master): Promise<string | undefined> {
  const answer = await send(["CONFIG", "GET", "maxmemory-policy"]).catch(() => []) as string[];
  return answer[1];
}
