/**
 * All attackers, in a process of their own: what they compute must not be in the latency of the honest.
 *
 * It reads its plan from its input's first line, makes ready, says so in a line, attacks when the second line comes,
 * and ends with a line of reports.
 */

import type { Endpoint } from "../../tests/support/client.ts";
import { type AttackReport, type Honest, Scene } from "./attack.ts";
import { attacks } from "./attacks/all.ts";

/** What the attackers are told. */
export interface Plan {
  readonly at: Endpoint;
  readonly honest: Honest;
  /** Names of attacks. */
  readonly attacks: readonly string[];
  readonly seconds: number;
  /** Whether they come from the address of the honest, or each attack from one of its own. */
  readonly addresses: "own" | "shared";
}

/** A line that the attackers say. */
export type Told = { readonly ready: true } | { readonly reports: readonly AttackReport[] };

/** How long what comes of it is looked at, in milliseconds. */
const lookingMs = 60_000;

async function main(): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new Lines()).getReader();
  const { value } = await lines.read();
  const plan = JSON.parse(value!) as Plan;
  const over = new AbortController();
  const chosen = attacks.filter(({ name }) => plan.attacks.includes(name));
  const prepared = await Promise.all(chosen.map(async (attack) => {
    const address = plan.addresses === "shared" ? "127.0.0.1" : `127.0.1.${attacks.indexOf(attack) + 1}`;
    const scene = new Scene(plan.at, address, plan.honest, plan.seconds, over.signal);
    const begin = await attack.prepare(scene);
    return { attack, scene, begin };
  }));
  tell({ ready: true });
  await lines.read();
  setTimeout(() => over.abort(), plan.seconds * 1000);
  await Promise.all(prepared.map(async ({ attack, scene, begin }) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, plan.seconds * 1000 + lookingMs, "late"));
    try {
      if (await Promise.race([begin(), late]) === "late") {
        scene.finds(`${attack.name} comes to an end`, false, "it hangs");
      }
    } catch (error) {
      scene.finds(`${attack.name} comes to an end`, false, String(error));
    }
    clearTimeout(timer);
    scene.close();
  }));
  tell({
    reports: prepared.map(({ attack: { point, name }, scene: { accepted, refused, findings } }) => {
      return { point, name, accepted: accepted.toJSON(), refused: refused.toJSON(), findings };
    }),
  });
}

function tell(told: Told): void {
  const bytes = new TextEncoder().encode(JSON.stringify(told) + "\n");
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}

/** Cuts text into lines. */
export class Lines extends TransformStream<string, string> {
  constructor() {
    let partial = "";
    super({
      transform(text, controller) {
        const lines = (partial + text).split("\n");
        partial = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
    });
  }
}

if (import.meta.main) {
  // A socket that is cut while it is being opened must not end all the others.
  globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
  await main();
  Deno.exit();
}
