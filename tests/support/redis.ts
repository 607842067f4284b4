/**
 * A real Redis for the tests.
 *
 * 1. `startRedis()` starts a `redis-server` of the test's own, which it may kill and restart; `ownRedis` says whether
 *    that is possible here.
 * 2. `sharedRedis.place()` gives a URL and a random prefix. With permission to run programs the tests of one file
 *    share a server started for that file; with `--allow-net` alone it is the Redis at 127.0.0.1:6379, if one
 *    answers, of which only the keys under that prefix are ever touched.
 * 3. Where there is no Redis, tests are ignored with the reason in their names, unless `REDIS_TESTS=required` is set:
 *    then loading this file fails.
 *
 * It knows no Redis client but its own (`resp.ts`).
 */

import { join } from "node:path";
import { findRedis, oldestRedis } from "../../scripts/redis_binary.ts";
import { type Need, need, permitted } from "./needs.ts";
import { ask, RespError, type RespValue } from "./resp.ts";
import { until } from "./turns.ts";

const hostname = "127.0.0.1";

/** How long a server may take to answer; it takes some 10 ms. */
const startTimeoutMs = 15_000;

/** Signals that a Redis survives: nobody waits for its end. */
const survived: ReadonlySet<Deno.Signal> = new Set(["SIGSTOP", "SIGCONT", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGHUP"]);

/** How to start a Redis. */
export interface RedisOptions {
  /** Whether it keeps an append-only file, and so its data over a restart; false unless told. */
  readonly appendonly?: boolean;
  /** Further arguments, as on the command line: `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is started in its place, and becomes it: `onDisk` of `disk.ts`. */
  readonly through?: (command: string, args: readonly string[]) => { command: string; args: string[] };
  /** What {@linkcode TestRedis.call} is to say first, behind `AUTH`. */
  readonly auth?: readonly string[];
  /** Whether it has a second port, for TLS; `args` name the certificate. */
  readonly tls?: boolean;
  /** Makes it a sentinel: the lines of the configuration file that every sentinel must have. */
  readonly sentinel?: readonly string[];
}

/** A running `redis-server` in a folder of its own; disposing of it kills it and removes the folder. */
export interface TestRedis extends AsyncDisposable {
  /** Such as `redis://127.0.0.1:23456`. */
  readonly url: string;
  readonly port: number;
  /** The port for TLS, where it has one. */
  readonly tlsPort: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Sends one command and returns the answer; @throws {RespError} where Redis refuses it. */
  call(...command: readonly string[]): Promise<RespValue>;
  /** Sends a signal, and where it is one that ends a process, waits for the end. */
  kill(signal: Deno.Signal): Promise<void>;
  /** Stops it, if it still runs, in the orderly way (SIGTERM), and starts it again on the same port and folder. */
  restart(): Promise<void>;
}

/** A Redis and a corner of it; disposing of it removes what the test left there. */
export interface RedisPlace extends AsyncDisposable {
  readonly url: string;
  /** Random, ends with a colon; every key and channel of the test begins with it. */
  readonly prefix: string;
}

/** A Redis that the tests of one file share. */
export interface SharedRedis extends Need {
  /** A prefix of the caller's own on the shared Redis. Servers that are to share state share one place. */
  place(): RedisPlace;
}

/**
 * Starts a `redis-server` on a free port, in a temporary folder of its own.
 *
 * Without `appendonly` nothing survives its end.
 *
 * @example
 * ```ts
 * import { ownRedis, startRedis } from "./redis.ts";
 *
 * Deno.test({
 *   name: ownRedis.named("a killed Redis comes back without its data"),
 *   ignore: ownRedis.ignored,
 *   fn: async () => {
 *     await using redis = await startRedis();
 *     await redis.kill("SIGKILL");
 *     await redis.restart();
 *     if (await redis.call("DBSIZE") !== 0) throw new Error("the data is still there");
 *   },
 * });
 * ```
 *
 * @throws {Error} when there is no `redis-server`, or it does not answer; the message ends with what it logged
 */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const search = await findRedis();
  if (!search.found) throw new Error(`Cannot start Redis: ${search.reason}`);
  const dir = await Deno.makeTempDir({ prefix: "chat-redis-" });
  const server = new RedisProcess(search.found.path, dir, options);
  try {
    await server.start();
  } catch (cause) {
    await server[Symbol.asyncDispose]();
    throw cause;
  }
  return server;
}

class RedisProcess implements TestRedis {
  readonly #path: string;
  readonly #dir: string;
  readonly #options: RedisOptions;
  #port = 0;
  #tlsPort = 0;
  #child: Deno.ChildProcess | undefined;
  #running = false;

  constructor(path: string, dir: string, options: RedisOptions) {
    this.#path = path;
    this.#dir = dir;
    this.#options = options;
  }

  get url(): string {
    return `redis://${hostname}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get tlsPort(): number {
    return this.#tlsPort;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  call(...command: readonly string[]): Promise<RespValue> {
    const { auth } = this.#options;
    return ask({ hostname, port: this.#port, ...(auth ? { auth } : {}) }, command);
  }

  /** Tries ports until one is its own: between asking for a free one and using it, another process can take it. */
  async start(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      this.#port = freePort();
      if (this.#options.tls) this.#tlsPort = freePort();
      try {
        return await this.#spawn();
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  async kill(signal: Deno.Signal): Promise<void> {
    if (!this.#running) return;
    this.#child!.kill(signal);
    if (!survived.has(signal)) await this.#child!.status;
  }

  async restart(): Promise<void> {
    await this.kill("SIGTERM");
    await this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await Deno.remove(this.#dir, { recursive: true });
  }

  async #spawn(): Promise<void> {
    const { appendonly = false, args = [], env = {}, sentinel, through } = this.#options;
    const log = join(this.#dir, "redis.log");
    const file = join(this.#dir, "sentinel.conf");
    if (sentinel) await Deno.writeTextFile(file, sentinel.map((line) => `${line}\n`).join(""));
    // deno-fmt-ignore
    const all = [
      ...sentinel ? [file, "--sentinel"] : ["--save", "", "--appendonly", appendonly ? "yes" : "no"],
      "--bind", hostname, "--port", `${this.#port}`, "--dir", this.#dir, "--logfile", log,
      ...this.#tlsPort > 0 ? ["--tls-port", `${this.#tlsPort}`] : [], ...args,
    ];
    const started = through?.(this.#path, all) ?? { command: this.#path, args: all };
    const child = new Deno.Command(started.command, {
      args: started.args,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#child = child;
    this.#running = true;
    const ended = child.status.then(() => {
      if (this.#child === child) this.#running = false;
    });
    const deadline = Date.now() + startTimeoutMs;
    for (let pauseMs = 2; this.#running && Date.now() < deadline; pauseMs = Math.min(2 * pauseMs, 100)) {
      if (await this.#answers()) return;
      await endOrPause(ended, pauseMs);
    }
    const why = this.#running ? `did not answer within ${startTimeoutMs} ms` : "ended at once";
    await this.kill("SIGKILL");
    const lines = await Deno.readTextFile(log).catch(() => "(no log)");
    throw new Error(`redis-server on port ${this.#port} ${why}:\n${lines.trim().split("\n").slice(-8).join("\n")}`);
  }

  /** Whether it is ready, and is this process and not another's Redis on the same port. */
  async #answers(): Promise<boolean> {
    try {
      if (await this.call("PING") !== "PONG") return false;
      return infoField(await this.call("INFO", "server"), "process_id") === `${this.pid}`;
    } catch (error) {
      if (error instanceof RespError || error instanceof Deno.errors.ConnectionRefused) return false;
      if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.UnexpectedEof) return false;
      throw error;
    }
  }
}

/** Waits until the process ended, at most `ms`. */
async function endOrPause(ended: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([ended, promise]);
  clearTimeout(timer);
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: a client that dials a
 * dead Redis again and again could otherwise be given that very port as its own, and be connected to itself.
 */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ hostname, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

function infoField(info: RespValue, field: string): string | undefined {
  return new RegExp(`^${field}:(.*?)\r?$`, "m").exec(String(info))?.[1];
}

/** Waits until a replica is connected to its master and has the data that it began with. */
export async function replicates(replica: TestRedis): Promise<void> {
  await until("the replica has its master's data", async () => {
    return infoField(await replica.call("INFO", "replication"), "master_link_status") === "up";
  });
}

/** Waits until a replica has all that its master had when this was called. */
export async function replicatedTo(replica: TestRedis, master: TestRedis): Promise<void> {
  const offset = Number(infoField(await master.call("INFO", "replication"), "master_repl_offset"));
  await until("the replica has it all", async () => {
    return Number(infoField(await replica.call("INFO", "replication"), "slave_repl_offset")) >= offset;
  });
}

/** What this run of the tests can have, in the order of preference; decided once, below. */
type Source =
  | { readonly kind: "own" }
  | { readonly kind: "running"; readonly port: number }
  | { readonly kind: "none"; readonly reason: string };

async function decide(): Promise<{ readonly own: Need; readonly shared: Source }> {
  const allowed = await permitted("net", "run", "read", "write", "env");
  if (!allowed.ignored) {
    const search = await findRedis();
    if (search.found) return { own: need(undefined, "all"), shared: { kind: "own" } };
    if (Deno.env.get("REDIS_TESTS") === "required") throw new Error(`REDIS_TESTS=required, but ${search.reason}`);
    return { own: need(search.reason), shared: await findRunning(search.reason) };
  }
  return {
    own: need("starts a Redis of its own, which needs more than --allow-net"),
    shared: await findRunning("no permission to start one"),
  };
}

/** Looks for a Redis that runs already, on the port that every Redis has unless told otherwise. */
async function findRunning(whyNoneOfItsOwn: string): Promise<Source> {
  const port = 6379;
  const net = await Deno.permissions.query({ name: "net", host: `${hostname}:${port}` });
  if (net.state !== "granted") return { kind: "none", reason: "needs --allow-net" };
  try {
    const version = infoField(await ask({ hostname, port }, ["INFO", "server"]), "redis_version") ?? "unknown";
    if (parseInt(version) >= oldestRedis) return { kind: "running", port };
    return {
      kind: "none",
      reason: `the Redis at ${hostname}:${port} is ${version}, ${oldestRedis} or later is needed`,
    };
  } catch (error) {
    const found = error instanceof Deno.errors.ConnectionRefused
      ? `no Redis at ${hostname}:${port}`
      : `the Redis at ${hostname}:${port} does not answer: ${(error as Error).message}`;
    return { kind: "none", reason: `${found}; ${whyNoneOfItsOwn}` };
  }
}

function share(source: Source): SharedRedis {
  if (source.kind === "none") {
    return { ...need(source.reason), place: () => fail(`Cannot use Redis: ${source.reason}`) };
  }
  if (source.kind === "running") {
    return {
      ...need(),
      place: () => new Corner({ hostname, port: source.port }, `redis://${hostname}:${source.port}`),
    };
  }
  // Started before the tests of the file and stopped after them: what the tests' sanitizers watch lies in between.
  let server: TestRedis | undefined;
  Deno.test.beforeAll(async () => {
    server = await startRedis();
  });
  Deno.test.afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return {
    ...need(),
    place: () => server ? new Corner({ hostname, port: server.port }, server.url) : fail("Use place() inside a test"),
  };
}

class Corner implements RedisPlace {
  readonly prefix = `test:${crypto.randomUUID()}:`;
  readonly url: string;
  readonly #address: { readonly hostname: string; readonly port: number };

  constructor(address: { readonly hostname: string; readonly port: number }, url: string) {
    this.#address = address;
    this.url = url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let cursor = "0";
    do {
      const scan = ["SCAN", cursor, "MATCH", `${this.prefix}*`, "COUNT", "1000"];
      const [next, keys] = await ask(this.#address, scan) as [string, string[]];
      if (keys.length > 0) await ask(this.#address, ["UNLINK", ...keys]);
      cursor = next;
    } while (cursor !== "0");
  }
}

function fail(message: string): never {
  throw new Error(message);
}

const decision = await decide();

/** Whether tests that start, stop and kill a Redis (`startRedis()`) can run here. */
export const ownRedis: Need = decision.own;

/**
 * The Redis that the tests of this file share.
 *
 * @example
 * ```ts
 * import { sharedRedis } from "./redis.ts";
 *
 * Deno.test({
 *   name: sharedRedis.named("two servers share one Redis"),
 *   ignore: sharedRedis.ignored,
 *   fn: async () => {
 *     await using place = sharedRedis.place();
 *     if (!place.url.startsWith("redis://")) throw new Error(place.url);
 *   },
 * });
 * ```
 */
export const sharedRedis: SharedRedis = share(decision.shared);
