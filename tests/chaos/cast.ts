/** Who takes part in a run: users, each with one device or with several of different kinds. */

import { Account } from "./account.ts";
import { Actor, type ActorOptions } from "./actor.ts";
import type { Policy } from "./faults.ts";
import { TextDevice } from "./text_device.ts";
import type { TextRun } from "./text_views.ts";

/** What a cast is made from. */
export interface CastOptions extends Omit<ActorOptions, "name" | "account" | "device" | "many" | "names"> {
  /** How many devices there are. */
  readonly clients: number;
  readonly policy: Policy;
}

/** See the file's first line. */
export interface Cast {
  readonly actors: readonly Actor[];
  readonly texts: readonly TextDevice[];
  /** What the text devices were shown. */
  readonly runs: readonly TextRun[];
}

type DeviceKind = "many" | "one" | "text";

/** The devices of one user after the other, again and again, by policy. */
const households: Readonly<Record<Policy, readonly (readonly DeviceKind[])[]>> = {
  force: [["many"], ["one"], ["one"]],
  share: [["many", "many", "text"], ["many", "one"], ["many"], ["many", "many", "one"], ["text", "one"]],
};

/** Makes everybody. */
export function castOf({ clients, policy, ...shared }: CastOptions): Cast {
  const users: DeviceKind[][] = [];
  for (let left = clients; left > 0; left -= users.at(-1)!.length) {
    users.push(households[policy][users.length % households[policy].length].slice(0, left));
  }
  const names = users.map((_, index) => `u${String(index).padStart(2, "0")}`);
  const actors: Actor[] = [];
  const texts: TextDevice[] = [];
  const runs: TextRun[] = [];
  const { ways: { ca, timeline }, sink } = shared;
  for (const [index, kinds] of users.entries()) {
    const account = new Account(names[index], { shared: kinds.length > 1, hasText: kinds.includes("text") });
    for (const [number, kind] of kinds.entries()) {
      const device = policy === "share" ? `${kind}${number}` : undefined;
      const name = device === undefined ? account.user : `${account.user}.${device}`;
      const own = { ...shared, names, name, account };
      if (kind === "many") account.manyDevices.push(name);
      if (kind !== "text") actors.push(new Actor({ ...own, device, many: kind === "many" }));
      else {texts.push(
          new TextDevice({
            ...own,
            ca,
            timeline,
            sent: sink.sent,
            runs,
            count: (what) => sink.count(what),
          }),
        );}
    }
  }
  return { actors, texts, runs };
}
