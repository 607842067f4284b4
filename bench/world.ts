/**
 * What a scenario runs against: `server.ts` in a process of its own, over real TLS, in a folder of its own, and where it
 * is asked for a Redis that saves each second. Nothing of it is left afterwards, even after a failure.
 */

import { join } from "node:path";
import type { Endpoint } from "../tests/support/client.ts";
import { type Program, runServer, temporaryFolder } from "../tests/support/process.ts";
import { startRedis, type TestRedis } from "../tests/support/redis.ts";
import { type SlowRedis, slowRedis } from "../tests/support/slow_redis.ts";
import { cpuSeconds, residentKb } from "./proc.ts";

/** Where the server keeps its data. */
export type StoreName = "sqlite" | "redis";

/** CPU seconds since the start of each; undefined where they cannot be told. */
export interface Usage {
  readonly server: number | undefined;
  readonly redis: number | undefined;
  /** This process: what makes the load. */
  readonly generator: number | undefined;
}

/** A server in a process. */
export interface Server extends Endpoint, AsyncDisposable {
  readonly program: Program;
}

const running = new Set<World>();
let stopping = false;

/** Stops all that runs, and lets nothing be started any more: for a benchmark that is interrupted. */
export async function stopAll(): Promise<void> {
  stopping = true;
  await Promise.all([...running].map((world) => world[Symbol.asyncDispose]()));
}

/** See the file's first lines. */
export class World implements AsyncDisposable {
  readonly store: StoreName;
  readonly #parts = new AsyncDisposableStack();
  readonly #settings: Record<string, string>;
  #folder = "";
  #redis: TestRedis | undefined;
  #wayToRedis: SlowRedis | undefined;
  #server!: Server;
  #ca: string | undefined;

  private constructor(store: StoreName, settings: Record<string, string>) {
    this.store = store;
    this.#settings = {
      BCRYPT_COST: "4",
      RATE_LIMIT: "off",
      MAX_CONNECTIONS: "20000",
      MAX_CONNECTIONS_PER_IP: "20000",
      MAX_HANDSHAKES: "20000",
      ...settings,
    };
    running.add(this);
  }

  /**
   * Starts a world with one server in it.
   *
   * @param far whether the server's way to Redis is one that counts commands, and that can be made slow
   */
  static async start(store: StoreName, settings: Record<string, string> = {}, far = false): Promise<World> {
    const world = new World(store, settings);
    try {
      world.#folder = (await world.#own(temporaryFolder)).path;
      if (store === "redis") {
        const args = ["--appendfsync", "everysec"];
        world.#redis = await world.#own(() => startRedis({ appendonly: true, args }));
        world.#settings.REDIS_URL = world.#redis.url;
        if (far) {
          world.#wayToRedis = await world.#own(() => Promise.resolve(slowRedis(world.#redis!.url)));
          world.#settings.REDIS_URL = world.#wayToRedis.url;
        }
      }
      world.#server = await world.#startServer();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  get server(): Server {
    return this.#server;
  }

  /** The way to Redis, where it is one that counts; see {@linkcode World.start}. */
  get wayToRedis(): SlowRedis | undefined {
    return this.#wayToRedis;
  }

  /** To how many topics the servers listen; undefined without Redis. */
  async subscriptions(): Promise<number | undefined> {
    const channels = await this.#redis?.call("PUBSUB", "SHARDCHANNELS");
    return (channels as string[] | undefined)?.length;
  }

  /** Starts one more server on the same store, which must be Redis. */
  another(): Promise<Server> {
    return this.#startServer();
  }

  /** Ends the server, by a signal, and starts it again on its port. */
  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const { program, port } = this.#server;
    program.signal(signal);
    await program.ended(30_000);
    this.#server = await this.#startServer({ SERVER_PORT: `${port}` });
  }

  usage(): Usage {
    return {
      server: cpuSeconds(this.#server.program.pid),
      redis: this.#redis && cpuSeconds(this.#redis.pid),
      generator: cpuSeconds(Deno.pid),
    };
  }

  /** The server's memory, in KB. */
  memory(): number | undefined {
    return residentKb(this.#server.program.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this);
    await this.#parts.disposeAsync();
  }

  #startServer(settings: Record<string, string> = {}): Promise<Server> {
    return this.#own(async () => {
      const program = runServer(this.#folder, { ...this.#settings, ...settings });
      try {
        const ready = await program.logged("server_ready");
        if (!ready) throw new Error(`The server ended instead of getting ready: ${program.text}`);
        // Read once: Deno reads no file for seconds after a thousand connections were cut off.
        this.#ca ??= await Deno.readTextFile(join(this.#folder, "certs", "ca.pem"));
        const { port } = ready.properties as { port: number };
        return { program, port, ca: this.#ca, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
      } catch (error) {
        await program[Symbol.asyncDispose]();
        throw error;
      }
    });
  }

  /** Starts something and owns it from the first moment: an interruption while it starts must stop it too. */
  async #own<T extends AsyncDisposable>(start: () => Promise<T>): Promise<T> {
    if (stopping || this.#parts.disposed) throw new Error("Stopped before everything was started");
    const starting = start();
    this.#parts.defer(async () => {
      const started = await starting.catch(() => undefined);
      await started?.[Symbol.asyncDispose]();
    });
    return await starting;
  }
}
