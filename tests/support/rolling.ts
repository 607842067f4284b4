/**
 * Three servers over one Redis that are stopped and started again one after the other, under a crowd that talks: what
 * its clients saw of that. Run by itself, it is the large one: `deno task rolling`.
 *
 * The crowd uses the project's own client, as people do. Its members come in groups, each with a room of its own.
 */

import assert from "node:assert/strict";
import { tlsDialer } from "../../lib/client/net/dial.ts";
import { Session } from "../../lib/client/session/session.ts";
import type { ServerAddress } from "../../lib/client/base/address.ts";
import { eventually } from "./client.ts";
import { ServerProcess, temporaryFolder } from "./process.ts";
import { startRedis } from "./redis.ts";
import type { Settings } from "./server.ts";

/** How large the crowd is, and how much it talks. */
export interface CrowdOptions {
  readonly clients: number;
  /** Messages of all of them together. */
  readonly perSecond: number;
  /** How many share a room. */
  readonly roomSize: number;
}

/** What the crowd saw. */
export interface RollingReport {
  readonly acknowledged: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly doubled: number;
  readonly gaps: number;
  /** How often a client was moved off. */
  readonly moves: number;
  /** The longest that a client was without its session, and the median, in milliseconds. */
  readonly longestOfflineMs: number;
  readonly medianOfflineMs: number;
  /** The longest that a message waited for its answer, in milliseconds. */
  readonly slowestAnswerMs: number;
  /** How long each server took to stop, in milliseconds. */
  readonly stops: readonly number[];
  /** What the clients told their users, besides messages. */
  readonly notes: readonly string[];
}

/** One of the crowd. */
class Guest {
  readonly session: Session;
  readonly heard = new Map<number, string>();
  readonly offline: number[] = [];
  readonly notes: string[] = [];
  doubled = 0;
  gaps = 0;
  #lostAt = 0;
  #over: Promise<void>;

  constructor(readonly name: string, readonly room: string, servers: readonly ServerAddress[], ca: string) {
    this.session = new Session({ dial: tlsDialer({ ca }), servers, client: "crowd/1" });
    this.#over = Promise.resolve();
  }

  async start(): Promise<void> {
    await this.session.connect();
    this.#over = this.#listen();
    await this.session.login({ cmd: "register", user: this.name, password: "correct horse" });
    await this.session.send({ cmd: "join", room: this.room });
  }

  async stop(): Promise<void> {
    this.session.close();
    await this.#over;
  }

  async #listen(): Promise<void> {
    for await (const update of this.session.updates()) {
      if (update.kind === "event") {
        const { event } = update;
        if (event.type === "message" && event.topic === `room:${this.room}`) {
          if (this.heard.has(event.seq)) this.doubled++;
          this.heard.set(event.seq, event.text);
        } else if (event.type === "gap") this.gaps++;
        else if (event.type === "system") this.notes.push(event.code);
      } else if (update.kind === "status") {
        const { state } = update.status;
        if (state === "lost") this.#lostAt = performance.now();
        else if (state === "resumed") this.offline.push(performance.now() - this.#lostAt);
        if (state !== "waiting" && state !== "connecting") this.notes.push(state);
      }
    }
  }
}

/** How many are logged in at the same time, at the beginning. */
const startedAtOnce = 20;

/**
 * Restarts all servers once under a crowd.
 *
 * @throws {AssertionError} where a server does not stop with 0
 */
export async function rollingRestart({ clients, perSecond, roomSize }: CrowdOptions): Promise<RollingReport> {
  await using redis = await startRedis({ appendonly: true });
  await using folder = await temporaryFolder();
  const settings = (id: number, port = 0): Settings => ({
    REDIS_URL: redis.url,
    SERVER_ID: `server-${id}`,
    SERVER_PORT: `${port}`,
    RATE_LIMIT: "off",
    LOG_LEVEL: "warn",
  });
  await using parts = new AsyncDisposableStack();
  const ids = [0, 1, 2];
  const servers: ServerProcess[] = [];
  for (const id of ids) servers.push(await ServerProcess.start(folder.path, { ...settings(id), LOG_LEVEL: "info" }));
  parts.defer(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  const [{ ca }] = servers;
  const addresses = servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  const guests = Array.from({ length: clients }, (_, index) => {
    const near = [...addresses.slice(index % 3), ...addresses.slice(0, index % 3)];
    return new Guest(`guest${index}`, `room${Math.floor(index / roomSize)}`, near, ca);
  });
  parts.defer(async () => {
    await Promise.all(guests.map((guest) => guest.stop()));
  });
  for (let start = 0; start < clients; start += startedAtOnce) {
    await Promise.all(guests.slice(start, start + startedAtOnce).map((guest) => guest.start()));
  }

  const acknowledged = new Map<string, Map<number, string>>(guests.map(({ room }) => [room, new Map()]));
  const answers: Promise<unknown>[] = [];
  let [sent, slowestAnswerMs] = [0, 0];
  const talk = setInterval(() => {
    const { session, room } = guests[(sent * 7) % clients];
    const [text, since] = [`message ${sent++}`, performance.now()];
    answers.push(
      session.send({ cmd: "say", text }).then((reply) => {
        slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - since);
        acknowledged.get(room)!.set((reply as unknown as { seq: number }).seq, text);
      }),
    );
  }, 1000 / perSecond);

  const stops: number[] = [];
  try {
    await settle(1_000);
    for (const id of ids) {
      const since = performance.now();
      const { code } = await servers[id].stop();
      assert.equal(code, 0);
      stops.push(Math.round(performance.now() - since));
      const again = { ...settings(id, servers[id].port), LOG_LEVEL: "info" };
      servers[id] = await ServerProcess.start(folder.path, again);
    }
    await settle(1_000);
  } finally {
    clearInterval(talk);
  }
  await Promise.all(answers);

  const missing = () =>
    guests.reduce((sum, { room, heard }) => {
      for (const [seq, text] of acknowledged.get(room)!) if (heard.get(seq) !== text) sum++;
      return sum;
    }, 0);
  await eventually(() => missing() === 0, "everybody has heard everything").catch(() => {});
  const offline = guests.flatMap((guest) => guest.offline).sort((a, b) => a - b);
  const sum = (of: (guest: Guest) => number) => guests.reduce((total, guest) => total + of(guest), 0);
  // A message that stands twice in its room's log was stored twice.
  const repeated = sum(({ heard }) => heard.size - new Set(heard.values()).size);
  return {
    acknowledged: [...acknowledged.values()].reduce((total, { size }) => total + size, 0),
    deliveries: sum(({ heard }) => heard.size),
    lost: missing() + (sent - answers.length),
    doubled: sum((guest) => guest.doubled) + repeated,
    gaps: sum((guest) => guest.gaps),
    moves: offline.length,
    longestOfflineMs: Math.round(offline.at(-1) ?? 0),
    medianOfflineMs: Math.round(offline[offline.length >> 1] ?? 0),
    slowestAnswerMs: Math.round(slowestAnswerMs),
    stops,
    notes: [...new Set(guests.flatMap(({ notes }) => notes))].sort(),
  };
}

function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  const report = await rollingRestart({ clients: 300, perSecond: 100, roomSize: 30 });
  console.log(report);
  const { lost, doubled, gaps, longestOfflineMs } = report;
  const well = lost === 0 && doubled === 0 && gaps === 0 && longestOfflineMs <= 3_000;
  console.log(well ? "Nothing lost, nothing doubled, nobody away longer than 3 s." : "This must not be.");
  Deno.exit(well ? 0 : 1);
}
