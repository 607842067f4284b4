import { ErrorReply } from "redis";
import { createHash } from "node:crypto";
import { TimeLimitError, within } from "../../common/time.ts";
import { ClusterTransport } from "./transport/cluster_transport.ts";
import { awayReplies, named, unavailable, wrongServerReplies } from "./transport/failures.ts";
import type { Answer, Master, RedisAddress, RedisTransport } from "./transport/redis_transport.ts";
import { MasterTransport } from "./transport/master_transport.ts";
import { type ScriptName, scripts } from "./scripts/scripts.ts";

/** Settings and ports of the gateway. */
export interface GatewayOptions extends RedisAddress {
  /** How long any call may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of connections that broke, for the log. */
  readonly onFault?: (error: unknown) => void;
}

/** Told what a channel carries, or that something may have been missed. */
export interface ChannelListener {
  hear(message: string): void;
  interrupted(): void;
}

interface Call {
  readonly key: string;
  readonly server: string;
  readonly args: readonly string[];
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** How often waiting calls are compared with their time limit, in milliseconds. */
const patrolMs = 100;

/** How many keys a server looks at before it answers others. */
const scanned = "1000";

const hashes = Object.fromEntries(
  Object.entries(scripts).map(([name, source]) => [name, createHash("sha1").update(source).digest("hex")]),
) as Record<ScriptName, string>;

/**
 * The gateway to Redis: commands and scripts that never hang, and sharded subscriptions that come back.
 *
 * Promises:
 * 1. a command is answered, or fails with `store_unavailable` within the time limit, also when Redis hangs; once it is
 *    known to hang, every command fails at once, until something is answered again. Nothing is
 *    queued for later while the connection is away, since it would arrive when nobody waits for it any more;
 * 2. commands take effect in the order in which they are given; a script that Redis has forgotten is loaded again, and
 *    the calls that found it missing are sent again in their order, before any newer;
 * 3. nothing that may have taken effect is sent twice;
 * 4. after a subscription was interrupted, its listener is told so before it hears anything else;
 * 5. a server that turns out to be the wrong one is left, and the right one looked for;
 * 6. after Redis was away, those who registered to check its data do so before {@linkcode checkSettled} lets
 *    anything be published.
 *
 * It knows no session and no topic.
 */
export class RedisGateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  readonly #link: RedisTransport;
  readonly #listeners = new Map<string, ChannelListener>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #pending = new Map<Call, number>();
  readonly #patrol: ReturnType<typeof setInterval>;
  /** Calls that found their script missing, while it is loaded; newer calls line up behind them. */
  #missing: Call[] | undefined;
  #settling: Promise<unknown> | undefined;
  #fault: unknown;
  /** The servers of which the last that is known is that they did not answer in time. */
  readonly #hanging = new Set<string>();
  #settle: () => Promise<void> = () => Promise.resolve();
  #beforeCalls = () => {};

  private constructor(options: GatewayOptions) {
    this.#options = options;
    const events = {
      back: () => {
        this.#hanging.clear();
        this.#returned();
      },
      interrupted: () => {
        for (const listener of this.#listeners.values()) listener.interrupted();
      },
      fault: (error: unknown) => {
        this.#fault = error;
        options.onFault?.(error);
      },
    };
    const Topology = options.clusterNodes ? ClusterTransport : MasterTransport;
    this.#link = new Topology(options, options.timeoutMs, events);
    this.#patrol = setInterval(() => this.#giveUpLate(), patrolMs);
  }

  /**
   * Connects.
   *
   * @throws {Error} where Redis cannot be reached within the time limit, or refuses the password
   */
  static async connect(options: GatewayOptions): Promise<RedisGateway> {
    const gateway = new RedisGateway(options);
    try {
      await within(options.timeoutMs, gateway.#link.open());
      return gateway;
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      const cause = gateway.#fault ?? error;
      throw new Error(`Cannot use Redis: ${(cause as Error).message || String(cause)}`, { cause });
    }
  }

  /** Whether Redis can be used and heard. */
  get available(): boolean {
    return this.#link.ready && this.#hanging.size === 0;
  }

  /** Has the listener called each time Redis is back after it was away. */
  onReturn(listener: () => Promise<void>): void {
    this.#settle = listener;
  }

  /** @throws {ChatError} `store_unavailable` while it is not yet known what became of the data */
  checkSettled(): void {
    if (this.#settling) throw unavailable(new Error("it is just back"));
  }

  /** Gives a command whose first argument is its key. @throws {ChatError} `store_unavailable` */
  command(name: string, key: string, ...args: string[]): Promise<Answer> {
    return this.#call(key, [name, key, ...args]);
  }

  /** Whether one script may have keys of several slots. */
  get spansSlots(): boolean {
    return this.#link.spansSlots;
  }

  /** Has `flush` give what waits to be given, before any other command. */
  beforeCalls(flush: () => void): void {
    this.#beforeCalls = flush;
  }

  /** Runs a script. @throws {ChatError} `store_unavailable` */
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<Answer> {
    return this.#call(keys[0], ["EVALSHA", hashes[name], String(keys.length), ...keys, ...args.map(String)]);
  }

  /** The clock of Redis, in milliseconds since 1970; in a cluster, of the node that has that key. */
  async time(key = ""): Promise<number> {
    const [seconds, microseconds] = await this.#call(key, ["TIME"]) as [string, string];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }

  /** The servers that have keys, each to be asked by itself, in time. @throws {ChatError} `store_unavailable` */
  async masters(): Promise<readonly Master[]> {
    const timed = <T>(work: Promise<T>) =>
      within(this.#options.timeoutMs, work).catch((error) => {
        throw error instanceof ErrorReply ? error : unavailable(error);
      });
    const masters = await timed(this.#link.masters());
    return masters.map(({ name, send }) => ({ name, send: (args) => timed(send(args)) }));
  }

  /** Goes through all keys like a pattern; one may come twice. @throws {ChatError} `store_unavailable` */
  async *keys(pattern: string): AsyncIterable<string[]> {
    for (const { send } of await this.masters()) {
      let cursor = "0";
      do {
        const [next, keys] = await send(["SCAN", cursor, "MATCH", pattern, "COUNT", scanned]) as [string, string[]];
        if (keys.length > 0) yield keys;
        cursor = next;
      } while (cursor !== "0");
    }
  }

  /** Listens to a sharded channel; one listener each, the last. @throws {ChatError} `store_unavailable` */
  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    return this.#inTurn(channel, () => this.#subscribe(channel, listener));
  }

  /** Lets a listener listen no longer; another that has taken its place stays. */
  unsubscribe(channel: string, listener: ChannelListener): Promise<void> {
    return this.#inTurn(channel, () => this.#unsubscribe(channel, listener));
  }

  async #subscribe(channel: string, listener: ChannelListener): Promise<void> {
    if (this.#hanging.has(this.#link.whereIs(channel))) throw unavailable(new Error("it does not answer"));
    this.#listeners.set(channel, listener);
    try {
      await this.#answered(
        channel,
        this.#link.listen(channel, (message) => this.#listeners.get(channel)?.hear(message)),
      );
    } catch (error) {
      this.#listeners.delete(channel);
      throw unavailable(named(error, "SSUBSCRIBE", channel));
    }
  }

  async #unsubscribe(channel: string, listener: ChannelListener): Promise<void> {
    if (this.#listeners.get(channel) !== listener) return;
    this.#listeners.delete(channel);
    const hangs = this.#hanging.has(this.#link.whereIs(channel));
    // The connection may be away, and the subscription with it.
    const ignored = this.#answered(channel, this.#link.ignore(channel)).catch(() => {});
    if (!hangs) await ignored; // else the next listener would wait in vain
  }

  /** Waits for what was asked of a channel's server. If that is late, the server counts as hanging until it is done. */
  async #answered(channel: string, work: Promise<void>): Promise<void> {
    const server = this.#link.whereIs(channel);
    try {
      await within(this.#options.timeoutMs, work);
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error; // not connected: what is under way elsewhere may be answered
      this.#giveUp(server);
      void work.catch(() => {}).then(() => this.#hanging.delete(server));
      throw error;
    }
  }

  /** Makes the subscriptions anew, on another connection. */
  async resubscribe(): Promise<void> {
    await within(this.#options.timeoutMs, this.#link.relisten());
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#patrol);
    for (const call of this.#pending.keys()) call.reject(unavailable(new Error("the store is closing")));
    this.#pending.clear();
    return this.#link.close();
  }

  /** Does one thing at a time to a channel's subscription. */
  #inTurn(channel: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(channel) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {}).then(() => {
      if (this.#turns.get(channel) === settled) this.#turns.delete(channel);
    });
    this.#turns.set(channel, settled);
    return turn;
  }

  #returned(): void {
    const settling = within(this.#options.timeoutMs, this.#settle()).catch((error) => this.#options.onFault?.(error))
      .finally(() => {
        if (this.#settling === settling) this.#settling = undefined;
      });
    this.#settling = settling;
  }

  #call(key: string, args: string[]): Promise<Answer> {
    this.#beforeCalls();
    return new Promise((resolve, reject) => {
      const server = this.#link.whereIs(key);
      if (this.#hanging.has(server)) return reject(unavailable(new Error("it does not answer")));
      const call: Call = { key, server, args, resolve, reject };
      this.#pending.set(call, performance.now() + this.#options.timeoutMs);
      if (this.#missing) this.#missing.push(call);
      else this.#send(call);
    });
  }

  #send(call: Call): void {
    this.#link.send(call.key, call.args).then((answer) => {
      this.#hanging.delete(call.server);
      this.#pending.delete(call);
      call.resolve(answer);
    }, (error) => {
      if (error instanceof ErrorReply) this.#hanging.delete(call.server);
      if (error instanceof ErrorReply && error.message.startsWith("NOSCRIPT")) return this.#reload(call);
      this.#pending.delete(call);
      call.reject(this.#failure(error, call.args[0], call.key));
    });
  }

  /** What a command fails with, of which the script that gave it says what Redis answered. */
  refusal(answer: string, command: string, key: string): unknown {
    return this.#failure(new ErrorReply(answer), command, key);
  }

  #failure(error: unknown, command: string, key: string): unknown {
    if (error instanceof ErrorReply && wrongServerReplies.test(error.message) && this.#link.reconnect()) {
      this.#options.onFault?.(error);
    }
    if (error instanceof ErrorReply && !awayReplies.test(error.message)) return error;
    return unavailable(named(error, command, key));
  }

  #reload(call: Call): void {
    if (this.#missing) {
      this.#missing.push(call);
      return;
    }
    const missing = this.#missing = [call];
    // What was sent there before these loads is answered before they are: all that found no script stand in line by
    // then. Another server of the cluster is found to have forgotten them by the first call to it.
    Promise.all(Object.values(scripts).map((source) => this.#link.load(call.key, source))).then(
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
      this.#giveUp(call.server);
    }
  }

  /** A server hangs: every command that waits for it fails, however short a time it has waited. */
  #giveUp(server: string): void {
    this.#hanging.add(server);
    for (const call of this.#pending.keys()) {
      if (call.server !== server) continue;
      this.#pending.delete(call);
      call.reject(unavailable(new TimeLimitError()));
    }
  }
}
