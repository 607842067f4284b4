/** Honest logins: every two seconds somebody connects anew, logs in with the password, and leaves. */

import type { Endpoint } from "../../tests/support/client.ts";
import { Wire } from "../wire.ts";
import { Counts } from "./attack.ts";
import { honestPassword } from "./honest.ts";

const everyMs = 2000;

/** How long a login is waited for after the end, in milliseconds. */
const patienceMs = 30_000;

/** What came of them. */
export interface LoginFigures {
  readonly logins: number;
  /** Of those that succeeded, from the dialing to the answer, in milliseconds. */
  readonly median: number;
  readonly max: number;
  /** By code, or `closed`; one by one where there was no answer at all. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Logs users in, one after the other, until the promise is settled. */
export async function logIn(at: Endpoint, users: readonly string[], until: Promise<unknown>): Promise<LoginFigures> {
  const took: number[] = [];
  const refused = new Counts();
  const started: Promise<void>[] = [];
  const waiting = new Set<string>();
  const since = performance.now();
  let over = false;
  const end = until.finally(() => over = true);
  for (let n = 0; !over; n++) {
    const user = users[n % users.length];
    const login = `no_answer to ${user}, who came after ${Math.round((performance.now() - since) / 1000)} s`;
    waiting.add(login);
    started.push(once(at, user, took, refused).finally(() => waiting.delete(login)));
    await atMost(everyMs, end);
  }
  await atMost(patienceMs, Promise.all(started));
  took.sort((a, b) => a - b);
  for (const login of waiting) refused.add(login);
  return { logins: started.length, median: median(took), max: took.at(-1) ?? 0, refused: refused.toJSON() };
}

/** Waits for something, at most so many milliseconds. */
async function atMost(ms: number, something: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([something, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
  clearTimeout(timer);
}

async function once(at: Endpoint, user: string, took: number[], refused: Counts): Promise<void> {
  const since = performance.now();
  let wire: Wire | undefined;
  try {
    wire = await Wire.dial(at);
    await wire.ask(`LOGIN ${user} ${honestPassword}`, "Login successful");
    took.push(performance.now() - since);
    wire.send(new TextEncoder().encode("/quit\n"));
  } catch (error) {
    refused.add(/\[ERROR\] (\w+)/.exec(String(error))?.[1] ?? "closed");
  }
  await wire?.close();
}

/** The middle one of sorted figures, 0 where there is none. */
export function median(sorted: readonly number[]): number {
  return sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
