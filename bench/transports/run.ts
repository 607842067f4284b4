/** `deno task transports`: one small chat service over UDP, TCP and TLS, compared. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine, machineLine } from "../machine.ts";
import { type Transport, transports } from "./client.ts";
import { measure, memoryPerConnection, prepare, type Service } from "./measure.ts";
import { type Case, chart, type Results, tables } from "./report.ts";
import { ports } from "./server.ts";

const help = `Usage: deno task transports [--json] [--seeds 5] [--serve] [--write]

Starts a small chat service on 127.0.0.1 over UDP (${ports.udp}), TCP (${ports.tcp}) and TLS (${ports.tls}), talks through a
network that loses, delays, reorders and doubles, and compares them.

  --json        prints all figures as JSON
  --seeds <n>   how many runs of each kind, 1 to 20
  --serve       starts the service and nothing else, to try it by hand: nc -u 127.0.0.1 ${ports.udp}
  --write       writes docs/transports.json, docs/transports.svg and the tables of docs/transports.md
`;

const losses = [0, 0.01, 0.05];
const docs = join(import.meta.dirname!, "..", "..", "docs");
const [opening, closing] = ["<!-- figures -->", "<!-- /figures -->"];

/** Starts the service in a process of its own, so that its CPU time and memory can be told. */
async function startService(): Promise<Service & AsyncDisposable> {
  const args = ["run", "--quiet", "--allow-all", join(import.meta.dirname!, "server.ts")];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  if (value === undefined) {
    throw new RangeError(`The service did not start: are the ports ${Object.values(ports)} free?`);
  }
  return {
    pid: child.pid,
    ...JSON.parse(value),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

async function compare(seeds: readonly number[], tell: (line: string) => void): Promise<Results> {
  const machine = machineLine(await describeMachine());
  const cases: Case[] = [];
  const memoryKb: Record<string, number | null> = {};
  for (const transport of transports) {
    await using service = await startService();
    await prepare(service);
    // First, as memory that a busy service has taken once holds many connections.
    memoryKb[transport] = await memoryPerConnection(transport, service) ?? null;
    for (const loss of losses) cases.push(await runs(transport, loss, seeds, service, tell));
  }
  return { machine, date: new Date().toISOString().slice(0, 10), seeds, cases, memoryKb };
}

async function runs(
  transport: Transport,
  loss: number,
  seeds: readonly number[],
  service: Service,
  tell: (line: string) => void,
): Promise<Case> {
  const runs = [];
  const from = performance.now();
  for (const seed of seeds) runs.push(await measure(transport, loss, seed, service));
  tell(`${transport}, ${loss * 100} % lost: ${((performance.now() - from) / 1000).toFixed(1)} s`);
  return { transport, loss, runs };
}

async function write(results: Results): Promise<void> {
  const page = join(docs, "transports.md");
  const text = await Deno.readTextFile(page);
  const [start, end] = [text.indexOf(opening), text.indexOf(closing)];
  if (start < 0 || end < start) throw new RangeError(`${page} does not hold ${opening} and ${closing}`);
  const figures = `${opening}\n\nOn ${results.date}: ${results.machine}.\n\n${tables(results)}\n\n`;
  await Deno.writeTextFile(page, text.slice(0, start) + figures + text.slice(end));
  await Deno.writeTextFile(join(docs, "transports.svg"), chart(results));
  await Deno.writeTextFile(join(docs, "transports.json"), JSON.stringify(results, null, 2) + "\n");
}

async function serveAlone(): Promise<void> {
  await using service = await startService();
  console.log(`127.0.0.1: UDP ${service.udp}, TCP ${service.tcp}, TLS ${service.tls}; Ctrl-C ends it`);
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", () => resolve()));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      json: { type: "boolean", default: false },
      seeds: { type: "string", default: "5" },
      serve: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  if (values.help) return console.log(help);
  if (values.serve) return await serveAlone();
  const count = Number(values.seeds);
  if (!(Number.isInteger(count) && count >= 1 && count <= 20)) {
    throw new RangeError(`--seeds is ${JSON.stringify(values.seeds)}; allowed: 1 to 20`);
  }
  const seeds = Array.from({ length: count }, (_, at) => at + 1);
  const results = await compare(seeds, values.json ? () => {} : (line) => console.error(line));
  if (values.write) await write(results);
  console.log(values.json ? JSON.stringify(results, null, 2) : `${results.machine}\n\n${tables(results)}`);
}

try {
  await main();
} catch (error) {
  const expected = error instanceof RangeError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  if (!expected) throw error;
  console.error((error as Error).message);
  Deno.exitCode = 2;
}
