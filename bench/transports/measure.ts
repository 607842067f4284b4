/** Measures one transport under one kind of network. */

import { Prng } from "../../tests/chaos/prng.ts";
import { residentKb } from "../proc.ts";
import { Client, type Transport } from "./client.ts";
import { Ear, type Proxy, proxyDatagrams, proxyStream } from "./proxy.ts";
import type { Listening } from "./server.ts";

/** What is looked for on the wire. */
const secrets = { password: "correct horse battery", text: "meet me at nine" } as const;

/** The text of a message, in bytes. */
const textBytes = 64;

/** How many messages go one after the other, how many at once, and in groups of how many, a millisecond apart. */
const [inTurn, atOnce, group] = [20, 200, 16];

/** For how long an answer is waited for that may be lost, and that cannot be, in milliseconds. */
const [lossyMs, patientMs] = [150, 20_000];

/** What one run gave. */
export interface Figures {
  readonly firstMessageMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** The service's CPU time for a message and its two deliveries, in microseconds; undefined where it cannot be told. */
  readonly cpuUs: number | undefined;
  /** For a message and its two deliveries, through the proxies. */
  readonly payloadBytes: number;
  /** Computed: 28 for each datagram, 52 for each piece of a stream (IPv4; TCP with timestamps); bare ACKs not counted. */
  readonly headerBytes: number;
  readonly passwordRead: boolean;
  readonly textRead: boolean;
}

/** A service in a process of its own. */
export interface Service extends Listening {
  readonly pid: number;
}

/** Makes the two accounts. */
export async function prepare(service: Service): Promise<void> {
  for (const user of ["a", "b"]) {
    await using client = await Client.connect("tcp", service.tcp, service.ca);
    await client.ask(`REGISTER ${user} ${secrets.password}`, "OK registered", patientMs);
  }
}

/** Runs two clients through proxies of their own: one talks, both listen. */
export async function measure(transport: Transport, loss: number, seed: number, service: Service): Promise<Figures> {
  const ear = new Ear(Object.values(secrets));
  const prng = new Prng(seed);
  await using a = await join(transport, service, () => throughProxy(transport, loss, prng, service, ear));
  await using b = await join(transport, service, () => throughProxy(transport, loss, prng, service, ear));
  const repeatMs = transport === "udp" ? 300 : patientMs;
  const from = performance.now();
  const login = (user: string, { client }: Joined) =>
    client.ask(`LOGIN ${user} ${secrets.password}`, "OK logged in", repeatMs);
  await Promise.all([login("a", a), login("b", b)]);
  const told = Promise.withResolvers<void>();
  b.client.onLine = () => told.resolve();
  await a.client.ask(`SAY ${secrets.text}`, "ROOM a", repeatMs);
  await Promise.race([told.promise, new Promise((resolve) => setTimeout(resolve, lossyMs))]);
  const firstMessageMs = performance.now() - from;
  const before = { bytes: ear.bytes, packets: ear.packets };
  const trips = await roundTrips(a.client, transport);
  const payloadBytes = (ear.bytes - before.bytes) / inTurn;
  const headerBytes = (ear.packets - before.packets) / inTurn * (transport.startsWith("udp") ? 28 : 52);
  return {
    firstMessageMs,
    p50Ms: quantile(trips, 0.5),
    p99Ms: quantile(trips, 0.99),
    ...await flood(a.client, b.client, transport, service.pid),
    payloadBytes,
    headerBytes,
    passwordRead: ear.found.has(secrets.password),
    textRead: ear.found.has(secrets.text),
  };
}

interface Joined extends AsyncDisposable {
  readonly client: Client;
}

async function join(transport: Transport, { ca }: Service, through: () => Proxy): Promise<Joined> {
  const proxy = through();
  const client = await Client.connect(transport, proxy.port, ca);
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

function throughProxy(transport: Transport, loss: number, prng: Prng, { udp, tcp, tls }: Service, ear: Ear): Proxy {
  if (transport === "tcp" || transport === "tls") {
    return proxyStream(transport === "tcp" ? tcp : tls, { loss, prng }, ear);
  }
  return proxyDatagrams(udp, { loss, prng }, ear);
}

const textOf = (number: number) => `${number} `.padEnd(textBytes, "x");

/** From saying something to hearing it oneself, in milliseconds; what is lost on the way has none. */
async function roundTrips(client: Client, transport: Transport): Promise<number[]> {
  const trips: number[] = [];
  for (let number = 0; number < inTurn; number++) {
    const heard = Promise.withResolvers<boolean>();
    client.onLine = (line) => line.startsWith(`ROOM a ${number} `) && heard.resolve(true);
    const from = performance.now();
    client.send(`SAY ${textOf(number)}`);
    const timer = setTimeout(() => heard.resolve(false), transport === "udp" ? lossyMs : patientMs);
    if (await heard.promise) trips.push(performance.now() - from);
    clearTimeout(timer);
  }
  return trips;
}

/** Says much at once, and counts what the other hears. */
async function flood(a: Client, b: Client, transport: Transport, pid: number) {
  const heard = new Set<number>();
  let [doubled, reordered, highest] = [0, 0, -1];
  let last = performance.now();
  b.onLine = (line) => {
    const number = Number(line.split(" ")[2]) - inTurn;
    if (!(number >= 0)) return; // a late one of before
    if (heard.has(number)) doubled++;
    else if (number < highest) reordered++;
    heard.add(number);
    highest = Math.max(highest, number);
    last = performance.now();
  };
  a.onLine = () => {};
  const cpu = cpuMicroseconds(pid);
  const from = last = performance.now();
  for (let number = 0; number < atOnce; number++) {
    a.send(`SAY ${textOf(inTurn + number)}`);
    if (number % group === group - 1) await sleep(1);
  }
  const quietMs = transport === "udp" ? lossyMs : patientMs;
  while (heard.size < atOnce && performance.now() - last < quietMs) await sleep(5);
  const used = cpuMicroseconds(pid);
  return {
    perSecond: heard.size / (last - from) * 1000,
    sent: atOnce,
    lost: atOnce - heard.size,
    doubled,
    reordered,
    cpuUs: cpu === undefined || used === undefined ? undefined : (used - cpu) / atOnce,
  };
}

/** How much memory a connection takes in the service, in KB; undefined where it cannot be told. */
export async function memoryPerConnection(transport: Transport, service: Service): Promise<number | undefined> {
  const [count, together] = [400, 50];
  await using clients = new AsyncDisposableStack();
  const open = async () => {
    const client = clients.use(await Client.connect(transport, portOf(transport, service), service.ca));
    await client.ask("LIST", "ERR login first", patientMs);
  };
  await open();
  const before = residentKb(service.pid);
  for (let n = 0; n < count; n += together) await Promise.all(Array.from({ length: together }, open));
  const after = residentKb(service.pid);
  return before === undefined || after === undefined ? undefined : Math.max(0, after - before) / count;
}

function portOf(transport: Transport, { udp, tcp, tls }: Service): number {
  return transport === "tcp" ? tcp : transport === "tls" ? tls : udp;
}

/** CPU time of all threads of a process by the scheduler's count, which is finer than clock ticks. */
function cpuMicroseconds(pid: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
    } catch {
      // The thread has ended.
    }
  }
  return nanoseconds / 1000;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
