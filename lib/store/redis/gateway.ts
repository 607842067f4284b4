/**
 * The way to Redis: two connections, commands and scripts that never hang, and sharded subscriptions that come back.
 *
 * Promises:
 * 1. a command is answered, or fails with `store_unavailable` within the time limit, also when Redis hangs; nothing is
 *    queued for later while the connection is away, since it would arrive when nobody waits for it any more;
 * 2. commands take effect in the order in which they are given; a script that Redis has forgotten is loaded again, and
 *    the calls that found it missing are sent again in their order, before any newer;
 * 3. nothing that may have taken effect is sent twice;
 * 4. after a subscription was interrupted, its listener is told so before it hears anything else.
 *
 * It knows no session and no topic.
 */

import { createClient, ErrorReply } from "redis";
import { createHash } from "node:crypto";
import { ChatError } from "../../errors.ts";
import { type ScriptName, scripts } from "./scripts.ts";

/** Where Redis is. */
export interface RedisAddress {
  /** `redis://` or `rediss://`, with password and database; goes before the others. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: number;
}

/** What the gateway is made from. */
export interface GatewayOptions extends RedisAddress {
  /** How long any call may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of connections that broke, for the log. */
  readonly onFault?: (error: unknown) => void;
}

/** What Redis answers, in RESP 2. */
export type Answer = string | number | null | Answer[];

/** Told what a channel carries, or that something may have been missed. */
export interface ChannelListener {
  hear(message: string): void;
  interrupted(): void;
}

interface Call {
  readonly args: string[];
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** How often waiting calls are compared with their time limit, in milliseconds. */
const patrolMs = 100;

/** Error replies that mean that Redis cannot serve now, rather than that the command was wrong. */
const awayReplies = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|BUSY)\b/;

const hashes = Object.fromEntries(
  Object.entries(scripts).map(([name, source]) => [name, createHash("sha1").update(source).digest("hex")]),
) as Record<ScriptName, string>;

function makeClient(options: GatewayOptions) {
  const { url, host, port, database, timeoutMs } = options;
  return createClient({
    RESP: 2,
    ...(url === undefined ? {} : { url }),
    ...(database === undefined ? {} : { database }),
    // Without these two, a command on a Redis that hangs waits for ever.
    pingInterval: Math.max(100, timeoutMs / 2),
    socket: {
      ...(url === undefined ? { host: host ?? "127.0.0.1", port: port ?? 6379 } : {}),
      socketTimeout: Math.max(500, timeoutMs * 1.5),
      connectTimeout: timeoutMs,
      reconnectStrategy: (tries: number) => Math.min(1_000, 25 * 2 ** Math.min(tries, 6)) * (0.75 + Math.random() / 2),
    },
    disableOfflineQueue: true,
    maintNotifications: "disabled", // it asks for permissions beyond the network
  });
}

type Client = ReturnType<typeof makeClient>;

/** See the file's promises. */
export class RedisGateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  readonly #commands: Client;
  readonly #subscriber: Client;
  readonly #listeners = new Map<string, ChannelListener>();
  readonly #pending = new Map<Call, number>();
  readonly #patrol: ReturnType<typeof setInterval>;
  /** Calls that found their script missing, while it is loaded; newer calls line up behind them. */
  #missing: Call[] | undefined;

  private constructor(options: GatewayOptions) {
    this.#options = options;
    this.#commands = makeClient(options);
    this.#subscriber = makeClient(options);
    for (const client of [this.#commands, this.#subscriber]) {
      client.on("error", (error) => options.onFault?.(error));
    }
    let ready = 0;
    this.#subscriber.on("ready", () => {
      if (ready++ === 0) return;
      for (const listener of this.#listeners.values()) listener.interrupted();
    });
    this.#patrol = setInterval(() => this.#giveUpLate(), patrolMs);
  }

  /**
   * Connects.
   *
   * @throws {Error} where Redis cannot be reached within the time limit, or refuses the password
   */
  static async connect(options: GatewayOptions): Promise<RedisGateway> {
    const gateway = new RedisGateway(options);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not answer in time")), options.timeoutMs + 1_000);
    });
    let last: unknown;
    gateway.#commands.on("error", (error) => last = error);
    try {
      await Promise.race([Promise.all([gateway.#commands.connect(), gateway.#subscriber.connect()]), late]);
      return gateway;
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      const cause = last ?? error;
      throw new Error(`Cannot use Redis: ${(cause as Error).message || String(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether both connections are up. */
  get available(): boolean {
    return this.#commands.isReady && this.#subscriber.isReady;
  }

  /** Gives a command. @throws {ChatError} `store_unavailable` */
  command(...args: string[]): Promise<Answer> {
    return this.#call(args);
  }

  /** Runs a script. @throws {ChatError} `store_unavailable` */
  run(name: ScriptName, keys: string[], args: (string | number)[]): Promise<Answer> {
    return this.#call(["EVALSHA", hashes[name], String(keys.length), ...keys, ...args.map(String)]);
  }

  /** Listens to a sharded channel; one listener each. @throws {ChatError} `store_unavailable` */
  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    this.#listeners.set(channel, listener);
    try {
      await this.#inTime(this.#subscriber.sSubscribe(channel, (message) => {
        this.#listeners.get(channel)?.hear(message);
      }));
    } catch (error) {
      this.#listeners.delete(channel);
      throw unavailable(error);
    }
  }

  /** Listens no longer. */
  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    try {
      await this.#inTime(this.#subscriber.sUnsubscribe(channel));
    } catch {
      // The connection is away, and the subscription with it.
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#patrol);
    for (const call of this.#pending.keys()) call.reject(unavailable(new Error("the store is closing")));
    this.#pending.clear();
    for (const client of [this.#commands, this.#subscriber]) {
      if (client.isOpen) client.destroy();
    }
    return Promise.resolve();
  }

  #call(args: string[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call: Call = { args, resolve, reject };
      this.#pending.set(call, performance.now() + this.#options.timeoutMs);
      if (this.#missing) this.#missing.push(call);
      else this.#send(call);
    });
  }

  #send(call: Call): void {
    this.#commands.sendCommand<Answer>(call.args).then((answer) => {
      this.#pending.delete(call);
      call.resolve(answer);
    }, (error) => {
      if (error instanceof ErrorReply && error.message.startsWith("NOSCRIPT")) return this.#reload(call);
      this.#pending.delete(call);
      call.reject(error instanceof ErrorReply && !awayReplies.test(error.message) ? error : unavailable(error));
    });
  }

  #reload(call: Call): void {
    if (this.#missing) {
      this.#missing.push(call);
      return;
    }
    const missing = this.#missing = [call];
    // Whatever was sent before these loads is answered before they are: all that found no script stand in line by then.
    Promise.all(Object.values(scripts).map((source) => this.#commands.sendCommand(["SCRIPT", "LOAD", source]))).then(
      () => {
        this.#missing = undefined;
        for (const call of missing) if (this.#pending.has(call)) this.#send(call);
      },
      (error) => {
        this.#missing = undefined;
        for (const call of missing) {
          this.#pending.delete(call);
          call.reject(unavailable(error));
        }
      },
    );
  }

  #giveUpLate(): void {
    const now = performance.now();
    for (const [call, deadline] of this.#pending) {
      if (deadline > now) return; // in the order of their deadlines
      this.#pending.delete(call);
      call.reject(unavailable(new Error("it did not answer in time")));
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not answer in time")), this.#options.timeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unavailable(cause: unknown): ChatError {
  if (cause instanceof ChatError) return cause;
  return new ChatError("store_unavailable", "The store cannot be reached at the moment; try again", {}, { cause });
}
