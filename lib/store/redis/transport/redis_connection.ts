import { createClient, ErrorReply } from "redis";
import { backoff, pause } from "../../../common/time.ts";
import type { HostPort, RedisAddress } from "./redis_transport.ts";

/** Options that every connection has, so that nothing waits for ever and nothing is kept for later. */
export function clientOptions({ username, password }: RedisAddress, timeoutMs: number) {
  return {
    RESP: 2 as const,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // Without this and the socket's timeout, a command on a Redis that hangs waits for ever.
    pingInterval: Math.max(100, timeoutMs / 2),
    disableOfflineQueue: true,
    maintNotifications: "disabled" as const, // it asks for permissions beyond the network
    // The gateway has one clock for the limits of all calls; else there would be a timer and a signal for each.
    commandOptions: { timeout: 0 },
  };
}

/** Socket options that go with them. */
export function socketOptions({ tls }: RedisAddress, timeoutMs: number) {
  const trust = tls && { tls: true as const, ...(tls.ca === undefined ? {} : { ca: tls.ca }) };
  return { socketTimeout: Math.max(500, timeoutMs * 1.5), connectTimeout: timeoutMs, ...trust };
}

/** A connection, made by the official client. */
export type Client = ReturnType<typeof makeClient>;

let pattern: ReturnType<typeof makePattern> | undefined;

/** How long the server that is gone is waited for between two attempts. */
const reconnecting = { firstMs: 30, maxMs: 1_200, jitter: 0.4 };

/** A connection that is given up sooner than this was of no use: the wait for the next one grows on, in milliseconds. */
const usefulMs = 5_000;

/** A client that never connects. Making one from options takes 50 ms, since it gets a class of its own; a copy takes none. */
function makePattern() {
  return createClient({ RESP: 2 });
}

function makeClient(address: RedisAddress, at: HostPort | undefined, timeoutMs: number) {
  const { url, host = "127.0.0.1", port = 6379, database } = address;
  pattern ??= makePattern();
  return pattern.duplicate({
    ...clientOptions(address, timeoutMs),
    ...(url === undefined || at ? {} : { url }),
    ...(database === undefined ? {} : { database }),
    socket: {
      ...(at ?? (url === undefined ? { host, port } : {})),
      ...socketOptions(address, timeoutMs),
      reconnectStrategy: false, // the line does that, since the master may be elsewhere by then
    },
  });
}

/**
 * Connects once, asking the sentinels first where there are any.
 *
 * @throws {Error} where no connection, or none to a master, can be made
 */
async function dial(
  address: RedisAddress,
  timeoutMs: number,
  onError: (error: unknown, client: Client) => void,
  onRest: (rest: Promise<unknown>) => void,
): Promise<Client> {
  const at = address.sentinels ? await findMaster(address, timeoutMs, onRest) : undefined;
  const client = makeClient(address, at, timeoutMs);
  client.on("error", (error) => onError(error, client));
  try {
    await client.connect();
    await client.ping(); // a password that is wanted and not given shows here only
    return client;
  } catch (error) {
    discard(client);
    throw error;
  }
}

/**
 * Makes sure that a connection leads to a master. Where the user may ask for neither of the two that tell, it is taken
 * for one: a replica shows itself by what it refuses.
 *
 * @throws {Error} where it is a replica
 */
export async function checkMaster(client: Client): Promise<void> {
  const role = await client.sendCommand<string[]>(["ROLE"]).then(([role]) => role, unanswered) ??
    await client.sendCommand<string>(["INFO", "replication"]).then(
      (info) => /^role:(\w+)/m.exec(info)?.[1],
      unanswered,
    );
  if (role === undefined || role === "master") return;
  const { host, port } = client.options?.socket as HostPort;
  throw new Error(`${host}:${port} is a replica, not the master`);
}

/** Whether a server is known to be no node of a cluster; one that does not tell may be. */
export async function isSingle(client: Client): Promise<boolean> {
  const info = await client.sendCommand<string>(["INFO", "cluster"]).catch(unanswered);
  return /^cluster_enabled:0/m.test(info ?? "");
}

/** A command that is not permitted, or renamed, tells nothing; a broken connection is a fault. */
function unanswered(error: unknown): undefined {
  if (!(error instanceof ErrorReply)) throw error;
}

/**
 * Asks all sentinels which server is the master now, since the first may be away; the first answer is taken.
 *
 * @param onRest given what resolves when nothing is under way any more: a connection that is being made cannot be ended
 */
async function findMaster(
  address: RedisAddress,
  timeoutMs: number,
  onRest: (rest: Promise<unknown>) => void,
): Promise<HostPort> {
  const { sentinels = [], masterName = "", sentinelLogin, tls } = address;
  const clients = sentinels.map((at) => makeClient({ ...at, ...sentinelLogin, tls }, undefined, timeoutMs));
  const answers = clients.map((client, index) =>
    askSentinel(client, sentinels[index], masterName).finally(() => discard(client))
  );
  onRest(Promise.allSettled(answers));
  try {
    return await Promise.any(answers);
  } catch (error) {
    const [first] = (error as AggregateError).errors;
    const reason = first instanceof Error ? first.message : "there is none";
    throw new Error(`No sentinel names a master: ${reason}`, { cause: error });
  }
}

async function askSentinel(sentinel: Client, { host, port }: HostPort, masterName: string): Promise<HostPort> {
  let fault: unknown;
  sentinel.on("error", (error) => fault = error);
  try {
    await sentinel.connect();
    const found = await sentinel.sendCommand<string[] | null>(["SENTINEL", "get-master-addr-by-name", masterName]);
    if (found) return { host: found[0], port: Number(found[1]) };
  } catch (error) {
    throw fault ?? error;
  }
  throw new Error(`the sentinel ${host}:${port} knows no master called ${masterName}`);
}

/** What a line tells its owner. */
export interface RedisConnectionEvents {
  /** Does what a new connection is to do before anybody uses it. */
  prepare?(client: Client): Promise<unknown>;
  /** The connection works again after it did not. */
  back(): void;
  fault(error: unknown): void;
}

/** One connection to Redis that comes back: made, watched, and made anew when it breaks, wherever the master is by then. */
export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #timeoutMs: number;
  readonly #events: RedisConnectionEvents;
  readonly #closed = new AbortController();
  #client: Client | undefined;
  #ready = false;
  #readyAt = -Infinity;
  #tries = 0;
  /** Sentinels that have not answered yet, behind one that has. */
  readonly #rest = new Set<Promise<unknown>>();

  /** @param timeoutMs how long a connection may be silent, and how long making one may take */
  constructor(address: RedisAddress, timeoutMs: number, events: RedisConnectionEvents) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  /** The connection, where there is one that works. */
  get client(): Client | undefined {
    return this.#ready && this.#client?.isReady ? this.#client : undefined;
  }

  /** Makes the first connection. @throws {Error} where that cannot be done */
  open(): Promise<void> {
    return this.#connect(false);
  }

  /** Connects in the background, however often it takes; for a line that could not be opened. */
  retry(): void {
    discard(this.#client);
    void this.#comeBack();
  }

  /** Gives the connection up for a new one. */
  reset(): void {
    this.#lose(this.#client);
  }

  /** @returns resolves when nothing is under way any more */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#ready = false;
    discard(this.#client);
    await Promise.all(this.#rest);
  }

  async #connect(again: boolean): Promise<void> {
    const client = await dial(this.#address, this.#timeoutMs, (error, client) => {
      if (this.#closed.signal.aborted) return;
      this.#events.fault(error);
      this.#lose(client);
    }, (rest) => {
      this.#rest.add(rest);
      void rest.then(() => this.#rest.delete(rest));
    });
    if (this.#closed.signal.aborted) return client.destroy();
    this.#client = client;
    client.on("end", () => this.#lose(client));
    await this.#events.prepare?.(client);
    if (!client.isReady) throw new Error("the connection broke at once");
    this.#ready = true;
    this.#readyAt = performance.now();
    if (again) this.#events.back();
  }

  /** The connection does not work any more; a line that was never ready is its opener's to see to. */
  #lose(client: Client | undefined): void {
    if (!client || client !== this.#client || !this.#ready) return;
    this.#ready = false;
    discard(client);
    if (!this.#closed.signal.aborted) void this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#closed;
    if (performance.now() - this.#readyAt > usefulMs) this.#tries = 0;
    else if (this.#tries++ > 0) await pause(backoff(this.#tries, reconnecting), signal);
    for (; !signal.aborted && !this.#ready; this.#tries++) {
      try {
        await this.#connect(true);
        return;
      } catch (error) {
        if (!this.#ready) discard(this.#client);
        if (signal.aborted) return;
        this.#events.fault(error);
      }
      await pause(backoff(this.#tries, reconnecting), signal);
    }
  }
}

/** Ends a connection and its timer, in any state. */
function discard(client: Client | undefined): void {
  try {
    client?.destroy();
  } catch {
    // It was closed already: by now its timer is gone too.
  }
}
