import assert from "node:assert/strict";
import { type Config, loadConfig } from "../../../lib/config/config.ts";
import type { Order, Thread } from "../../../lib/server/workers/thread.ts";
import { workerCount, Workers } from "../../../lib/server/workers/workers.ts";
import { turn } from "../../support/turns.ts";

const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

/** A thread that does what the test says. */
class FakeThread implements Thread {
  readonly #ready = Promise.withResolvers<{ id: string; port: number }>();
  readonly #ended = Promise.withResolvers<string>();
  readonly ready = this.#ready.promise;
  readonly ended = this.#ended.promise;
  readonly told: string[] = [];
  /** The certificate that it serves with. */
  uses: string;
  /** The certificate that it does not take. */
  refuses = "bad";
  /** What it waits for before it says what became of a certificate. */
  slow: Promise<void> = Promise.resolve();

  /** @param obedient whether it ends when it is told to stop */
  constructor(readonly order: Order, readonly obedient: boolean) {
    this.ready.catch(() => {});
    this.uses = order.certificate.cert;
  }

  up(port = this.order.config.serverPort): void {
    this.#ready.resolve({ id: this.order.config.serverId ?? `server${this.order.worker}`, port });
  }

  end(reason: string): void {
    this.#ready.reject(new Error(reason));
    this.#ended.resolve(reason);
  }

  stop(): void {
    this.told.push("stop");
    if (this.obedient) this.end("stopped");
  }

  async renew({ cert }: { readonly cert: string }): Promise<void> {
    this.told.push(`renew ${cert}`);
    await this.slow;
    if (cert === this.refuses) throw new Error("refused");
    this.uses = cert;
  }

  reconfigure(config: Config): void {
    this.told.push(`reconfigure ${config.logLevel}`);
  }

  ask(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  kill(): void {
    this.told.push("kill");
    this.end("killed");
  }
}

/** Workers of which the test holds threads, pauses and the time. */
class House {
  readonly threads: FakeThread[] = [];
  readonly pauses: { readonly ms: number; over(): void }[] = [];
  readonly starting: Promise<Workers>;
  now = 0;

  constructor(count: number, env: Record<string, string> = {}, obedient = true) {
    this.starting = Workers.start({
      config: config({ REDIS_HOST: "localhost", WORKERS: `${count}`, ...env }),
      certificate: { cert: "cert", key: "key" },
      count,
      now: () => this.now,
      pause: (ms, signal) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.pauses.push({ ms, over: resolve });
        signal.addEventListener("abort", () => resolve());
        return promise;
      },
      startThread: (order) => {
        const thread = new FakeThread(order, obedient);
        this.threads.push(thread);
        return thread;
      },
    });
    this.starting.catch(() => {});
  }

  /** Lets all of them start. */
  async up(port?: number): Promise<Workers> {
    this.threads[0]!.up(port);
    await turn();
    for (const thread of this.threads) thread.up();
    return await this.starting;
  }
}

function config(env: Record<string, string>): Config {
  const loaded = loadConfig({ args: [], env });
  assert.ok(loaded.kind === "config");
  return loaded.config;
}

test("workerCount() of auto is one for each core, and one where the store is SQLite", () => {
  const redis = { REDIS_SENTINELS: "one:26379" };
  assert.equal(workerCount(config({ WORKERS: "auto", ...redis }), 6), 6);
  assert.equal(workerCount(config({ WORKERS: "auto", ...redis }), 1_000), 256);
  assert.equal(workerCount(config({ WORKERS: "Auto" }), 6), 1);
  assert.equal(workerCount(config({ WORKERS: "3", ...redis }), 6), 3);
  assert.equal(workerCount(config({}), 6), 1);
});

test("loadConfig() refuses workers without Redis, and a name that leaves no room for their numbers", () => {
  assert.throws(() => config({ WORKERS: "2" }), /WORKERS is 2; allowed: 1 or auto without REDIS_URL or REDIS_HOST/);
  const named = (length: number) => ({ WORKERS: "2", REDIS_HOST: "localhost", SERVER_ID: "x".repeat(length) });
  assert.equal(config(named(28)).workers, 2);
  assert.throws(() => config(named(29)), /SERVER_ID is "x+"; allowed: at most 28 characters with WORKERS/);
});

test("Workers.start() gives all the port that the first one has, and each a name of its own", async () => {
  const house = new House(3, { SERVER_PORT: "0", SERVER_ID: "box", DEMO_ACCOUNTS: "on" });
  assert.deepEqual(house.threads.map(({ order }) => order.sharing), ["first"]);
  await using workers = await house.up(4711);
  assert.deepEqual([workers.id, workers.port], ["box-1, box-2, box-3", 4711]);
  assert.deepEqual(
    house.threads.map(({ order: { worker, sharing, config } }) =>
      [worker, sharing, config.serverId, config.serverPort, config.demoAccounts] as const
    ),
    [
      [1, "first", "box-1", 0, true],
      [2, "further", "box-2", 4711, false],
      [3, "further", "box-3", 4711, false],
    ],
  );
});

test("Workers.start() leaves the names to the store where none is given", async () => {
  const house = new House(2);
  await using workers = await house.up();
  assert.deepEqual(house.threads.map(({ order }) => order.config.serverId), [undefined, undefined]);
  assert.equal(workers.id, "server1, server2");
});

test("Workers.start() throws the reason where one cannot start, and stops the others", async () => {
  const first = new House(2);
  first.threads[0]!.end("the port is taken");
  await assert.rejects(first.starting, /^Error: the port is taken$/);
  assert.equal(first.threads.length, 1);

  const second = new House(3);
  second.threads[0]!.up();
  await turn();
  second.threads[1]!.end("no more threads");
  await assert.rejects(second.starting, /^Error: no more threads$/);
  assert.deepEqual([second.threads[0]!.told[0], second.threads[2]!.told[0]], ["stop", "stop"]);
});

test("Workers starts an ended one again, on the port that the others have, later each time", async () => {
  const house = new House(2, { SERVER_PORT: "0" });
  await using _workers = await house.up(4711);
  for (const ms of [500, 1_000, 2_000]) {
    house.threads.at(-1)!.end("boom");
    await turn();
    const before = house.threads.length;
    assert.equal(house.pauses.at(-1)!.ms, ms);
    house.pauses.at(-1)!.over();
    await turn();
    assert.equal(house.threads.length, before + 1);
    const { worker, sharing, config } = house.threads.at(-1)!.order;
    assert.deepEqual([worker, sharing, config.serverPort], [2, "further", 4711]);
    house.threads.at(-1)!.up();
    await turn();
  }
  assert.deepEqual(house.threads[0]!.told, []);

  house.now += 60_000;
  house.threads.at(-1)!.end("boom");
  await turn();
  assert.equal(house.pauses.at(-1)!.ms, 500);
});

test("Workers goes on trying where one cannot be started again, twice a minute at the least", async () => {
  const house = new House(2);
  await using _workers = await house.up();
  house.threads[1]!.end("boom");
  for (let attempt = 1; attempt <= 10; attempt++) {
    await turn();
    house.pauses.at(-1)!.over();
    await turn();
    house.threads.at(-1)!.end("the store is away");
  }
  await turn();
  assert.equal(house.pauses.at(-1)!.ms, 30_000);
  assert.equal(house.threads.length, 12);
});

test("Workers is disposed of when all have stopped, and starts none again", async () => {
  const house = new House(2);
  const workers = await house.up();
  house.threads[0]!.end("boom");
  await turn();
  await workers[Symbol.asyncDispose]();
  assert.deepEqual(house.threads.map(({ told }) => told[0]), ["stop", "stop"]);
  assert.equal(house.threads.length, 2);
});

test("Workers ends those that do not stop soon after DRAIN_SECONDS", async () => {
  const house = new House(2, { DRAIN_SECONDS: "5" }, false);
  const workers = await house.up();
  const disposed = workers[Symbol.asyncDispose]();
  await turn();
  assert.deepEqual(house.threads.map(({ told }) => told), [["stop"], ["stop"]]);
  assert.equal(house.pauses.at(-1)!.ms, 8_000);
  house.pauses.at(-1)!.over();
  await disposed;
  assert.deepEqual(house.threads.map(({ told }) => told), [["stop", "kill"], ["stop", "kill"]]);
});

test("Workers.renew() reaches all, also those that are started later, and changes nothing where one refuses", async () => {
  const house = new House(2);
  const workers = await house.up(4711);
  await workers.renew({ cert: "next", key: "key" });
  await assert.rejects(workers.renew({ cert: "bad", key: "key" }), /refused/);
  assert.deepEqual(house.threads.map(({ told }) => told), Array(2).fill(["renew next", "renew bad"]));
  house.threads[1]!.end("crashed");
  await turn();
  house.pauses.at(-1)!.over();
  await turn();
  assert.equal(house.threads.at(-1)!.order.certificate.cert, "next");
  house.threads.at(-1)!.up();
  await workers[Symbol.asyncDispose]();
});

test("Workers.renew() goes back to the former certificate everywhere where one worker refuses the new one", async () => {
  const house = new House(3);
  const workers = await house.up(4711);
  await workers.renew({ cert: "next", key: "key" });
  house.threads[1]!.refuses = "newer";
  await assert.rejects(workers.renew({ cert: "newer", key: "key" }), /refused/);
  assert.deepEqual(house.threads.map(({ uses }) => uses), ["next", "next", "next"]);
  assert.deepEqual(house.threads[1]!.told, ["renew next", "renew newer"]);
  await workers[Symbol.asyncDispose]();
});

test("Workers.renew() goes back also for a worker that was started while another one refused", async () => {
  const house = new House(2);
  const workers = await house.up(4711);
  house.threads[0]!.end("crashed");
  await turn();
  const refusal = Promise.withResolvers<void>();
  house.threads[1]!.refuses = "next";
  house.threads[1]!.slow = refusal.promise;
  const renewing = assert.rejects(workers.renew({ cert: "next", key: "key" }), /refused/);
  await turn();
  house.pauses.at(-1)!.over();
  await turn();
  const started = house.threads.at(-1)!;
  assert.equal(started.uses, "next");
  started.up();
  refusal.resolve();
  await renewing;
  assert.deepEqual([started.uses, house.threads[1]!.uses], ["cert", "cert"]);
  await workers[Symbol.asyncDispose]();
});

test("Workers.renew() takes one certificate after the other", async () => {
  const house = new House(2);
  const workers = await house.up(4711);
  house.threads[1]!.refuses = "first";
  const first = assert.rejects(workers.renew({ cert: "first", key: "key" }), /refused/);
  await Promise.all([first, workers.renew({ cert: "second", key: "key" })]);
  assert.deepEqual(house.threads.map(({ uses }) => uses), ["second", "second"]);
  await workers[Symbol.asyncDispose]();
});

test("Workers.reconfigure() takes what may change and gives it to all", async () => {
  const house = new House(2);
  const workers = await house.up(4711);
  const next = config({ REDIS_HOST: "localhost", WORKERS: "3", LOG_LEVEL: "debug" });
  assert.deepEqual(workers.reconfigure(next), { taken: ["LOG_LEVEL"], atRestart: ["WORKERS"] });
  assert.deepEqual(house.threads.map(({ told }) => told), Array(2).fill(["reconfigure debug"]));
  await workers[Symbol.asyncDispose]();
});
