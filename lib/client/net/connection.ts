import { ChatError, type ErrorCode, messageOf } from "../../common/errors.ts";
import { type CommandHelp, protocolVersion, type Reply, type ServerEvent } from "../../wire/event.ts";
import { formatServer, type ServerAddress } from "../base/address.ts";
import { LineChannel } from "./channel.ts";
import { cleanLine } from "../../wire/clean.ts";
import { type Clock, systemClock, TimeLimitError, within } from "../../common/time.ts";
import { DialError, type Transport } from "./dial.ts";
import type { ConnectionLost } from "../base/exit.ts";
import { isObject, type JsonObject, toCommands, toEvent, toMessages } from "../base/shape.ts";

/** A request: a command's name and its arguments as fields. */
export interface Request {
  readonly cmd: string;
  readonly [field: string]: unknown;
}

/** What comes in, in the order of the wire. */
export type Incoming =
  | { readonly kind: "event"; readonly event: ServerEvent }
  /** Of a type, or a state, that this client does not know. */
  | { readonly kind: "unknown"; readonly event: JsonObject }
  | { readonly kind: "reply"; readonly request: Request; readonly reply: Reply }
  | { readonly kind: "refused"; readonly request: Request; readonly error: ChatError };

/** What answers a request. */
export type Answer = Exclude<Incoming, { kind: "event" | "unknown" }>;

/**
 * Whether nobody is logged in after an answer. A server that cannot reach its store to end the resume token refuses a
 * `logout`, and logs the connection out all the same.
 */
export function logsOut(answer: Answer): boolean {
  if (answer.kind === "reply") return answer.reply.of === "logout";
  return answer.request.cmd === "logout" && answer.error.code === "store_unavailable";
}

/** How a connection is kept. */
export interface ConnectionOptions {
  /** Name and version for `HELLO`, as `chat/1.0.0`. */
  readonly client: string;
  /**
   * Asks to be in many rooms. `wanted` puts up with one where the server cannot do with many; `needed` does not, and such
   * a server counts as one that is not there.
   */
  readonly manyRooms?: "wanted" | "needed";
  /** How long the server may take to answer `HELLO`, in milliseconds; 10,000 by default. */
  readonly helloMs?: number;
  /** After how many milliseconds of silence the server is asked for a sign of life; 25,000 by default. */
  readonly quietMs?: number;
  /** How long it may take to give one, in milliseconds; 10,000 by default. */
  readonly answerMs?: number;
  readonly clock?: Clock;
}

/** How many lines of greeting may come before the answer to `HELLO`. */
const maxGreeting = 20;

/** Codes of errors that cannot name the request they answer, for it could not be read. */
const unreadable: ReadonlySet<string> = new Set<ErrorCode>(["line_too_long", "invalid_utf8", "invalid_json"]);

interface Pending {
  readonly id: number;
  readonly request: Request;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection that speaks the JSON lines format, from `HELLO` to its end; iterate it to make it read.
 *
 * 1. Replies are matched with requests in order, and a server that breaks the order is left.
 * 2. Nothing is read from the socket while nobody iterates, so that a flood waits in the network, not in memory.
 * 3. `ping` is answered, and a server that is silent for long is asked for a sign of life and, without one, left.
 * 4. When it ends, every request that has no answer yet is rejected with {@linkcode ConnectionLost}.
 *
 * It knows neither logins nor topics.
 */
export class Connection implements AsyncIterable<Incoming> {
  /** Where the server is. */
  readonly server: ServerAddress;
  readonly #channel: LineChannel;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #incoming: AsyncGenerator<Incoming, void, void>;
  readonly #early: Incoming[] = [];
  readonly #pending: Pending[] = [];
  #lastId = 0;
  #name = "";
  #manyRooms = false;
  #limits: JsonObject = {};
  #commands: readonly CommandHelp[] = [];

  private constructor(transport: Transport, server: ServerAddress, options: ConnectionOptions) {
    this.server = server;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#channel = new LineChannel(transport, this.#clock);
    this.#channel.signal.addEventListener("abort", () => {
      for (const { reject } of this.#pending.splice(0)) reject(this.#channel.ended!);
    });
    this.#incoming = this.#receive();
  }

  /**
   * Says `HELLO` over a fresh transport and asks for the command table.
   *
   * @throws {DialError} when the answer does not come, or is not this protocol's
   */
  static async open(transport: Transport, server: ServerAddress, options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(transport, server, options);
    const introduced = connection.#greet().then(() => connection.#learn());
    try {
      await within(options.helloMs ?? 10_000, introduced, connection.#clock);
    } catch (cause) {
      connection.close();
      const why = cause instanceof TimeLimitError ? "no answer in time" : messageOf(cause);
      throw new DialError("protocol", cleanLine(`No chat at ${formatServer(server)}: ${why}`), { cause });
    }
    if (options.manyRooms === "needed" && !connection.manyRooms) {
      connection.close();
      throw new DialError("protocol", `${formatServer(server)} cannot do with many rooms: it is of an earlier release`);
    }
    connection.#watch();
    return connection;
  }

  /** The server's own name, as it answered `HELLO`. */
  get name(): string {
    return this.#name;
  }

  /** Whether one may be in many rooms: it was asked for, and the server can do with it. */
  get manyRooms(): boolean {
    return this.#manyRooms;
  }

  /** The limits that the server told in its answer to `HELLO`. */
  get limits(): JsonObject {
    return this.#limits;
  }

  /** The commands that the server has, as it told before any login. */
  get commands(): readonly CommandHelp[] {
    return this.#commands;
  }

  /** Why the connection ended; undefined while it has not. */
  get ended(): ConnectionLost | undefined {
    return this.#channel.ended;
  }

  /**
   * Sends a request.
   *
   * The promise settles while the connection is iterated, right before the same reply is yielded.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ConnectionLost} when the connection ends before the answer
   */
  request(request: Request): Promise<Reply> {
    const answer = new Promise<Reply>((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const id = ++this.#lastId;
      this.#pending.push({ id, request, resolve, reject });
      // What is private goes inside what is encrypted, or nowhere.
      this.#channel.send(JSON.stringify({ ...request, private: undefined, id }));
    });
    answer.catch(() => {}); // a refusal is yielded as well, so nobody has to await it
    return answer;
  }

  /** Waits until all requests are written, or the connection has ended. */
  flushed(): Promise<void> {
    return this.#channel.flushed();
  }

  /** Ends the connection; requests without an answer are rejected. */
  close(reason = "closed"): void {
    this.#channel.end(reason);
  }

  [Symbol.asyncIterator](): AsyncIterator<Incoming> {
    return this.#incoming;
  }

  async #greet(): Promise<void> {
    const { client, manyRooms } = this.#options;
    const rooms = manyRooms === undefined ? {} : { rooms: "many" };
    this.#channel.send(`HELLO ${JSON.stringify({ format: "json", version: protocolVersion, client, ...rooms })}`);
    for (let line = 0; line < maxGreeting; line++) {
      const text = await this.#next();
      const refusal = /^\[ERROR\] [a-z_]+: (.*)$/.exec(text);
      if (refusal) throw new Error(refusal[1]);
      if (!text.startsWith("{")) continue; // the greeting for people
      const hello = parseObject(text);
      if (hello?.type === "error") throw new Error(String(hello.message));
      if (hello?.type !== "hello") continue;
      this.#name = typeof hello.server === "string" ? cleanLine(hello.server) : "";
      if (isObject(hello.limits)) this.#limits = hello.limits;
      this.#manyRooms = manyRooms !== undefined && hello.rooms === "many";
      return;
    }
    throw new Error("it does not speak this protocol");
  }

  async #learn(): Promise<void> {
    const help = { cmd: "help" };
    this.request(help);
    for (;;) {
      const incoming = this.#understand(await this.#next());
      if (incoming?.kind === "event" || incoming?.kind === "unknown") this.#early.push(incoming);
      else if (incoming?.kind === "reply" && incoming.reply.of === "help") {
        this.#commands = toCommands(incoming.reply.commands);
        return;
      } else if (incoming?.kind === "refused") throw incoming.error;
    }
  }

  async #next(): Promise<string> {
    const line = await this.#channel.next();
    if (line === undefined) throw this.ended;
    return line;
  }

  async *#receive(): AsyncGenerator<Incoming, void, void> {
    try {
      yield* this.#early.splice(0);
      for (;;) {
        const line = await this.#channel.next();
        if (line === undefined) return;
        const incoming = this.#understand(line);
        if (incoming) yield incoming;
      }
    } finally {
      this.close();
    }
  }

  #understand(line: string): Incoming | undefined {
    if (line === "") return undefined;
    const value = parseObject(line);
    if (!value) return this.#leave("the server does not keep to the protocol");
    if (value.type === "ok" || (value.type === "error" && value.id !== undefined)) return this.#answer(value);
    try {
      const event = toEvent(value);
      if (event?.type === "ping") this.#channel.send('{"cmd":"pong"}');
      if (event?.type === "error" && unreadable.has(event.code) && this.#pending.length > 0) {
        return this.#answer({ ...value, id: this.#pending[0].id });
      }
      if (event) return { kind: "event", event };
      return typeof value.type === "string" ? { kind: "unknown", event: value } : undefined;
    } catch (cause) {
      return this.#leave("the server does not keep to the protocol", cause);
    }
  }

  #answer(value: JsonObject): Incoming | undefined {
    const { id, type, ...fields } = value;
    if (id === undefined) return undefined; // to a `pong` that named none
    if (this.#pending[0]?.id !== id) return this.#leave("the server answered out of order");
    const { request, resolve, reject } = this.#pending.shift()!;
    if (type === "error") {
      const { code, message, ...extra } = fields;
      const error = new ChatError(String(code) as ErrorCode, String(message), extra);
      reject(error);
      return { kind: "refused", request, error };
    }
    const read = request.cmd === "history" ? { messages: toMessages(fields.messages) } : {};
    const reply = { ...fields, ...read, of: request.cmd } as unknown as Reply;
    resolve(reply);
    return { kind: "reply", request, reply };
  }

  #leave(reason: string, cause?: unknown): undefined {
    this.#channel.end(reason, cause);
    return undefined;
  }

  /** Asks for a sign of life after a long silence, and ends the connection if none comes. */
  async #watch(): Promise<void> {
    const { quietMs = 25_000, answerMs = 10_000 } = this.#options;
    const { signal } = this.#channel;
    try {
      for (;;) {
        const silent = this.#clock.now() - this.#channel.heard;
        if (silent < quietMs) {
          await this.#clock.sleep(quietMs - silent, signal);
          continue;
        }
        const before = this.#channel.heard;
        this.request({ cmd: "pong" });
        await this.#clock.sleep(answerMs, signal);
        if (this.#channel.heard === before) return this.#leave("the server has fallen silent");
      }
    } catch {
      // the connection ended first
    }
  }
}

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
