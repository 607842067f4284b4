import { ChatError } from "../../common/errors.ts";
import type { Config } from "../../config/config.ts";
import type { TokenBucket } from "../../common/rate_limit.ts";
import { randomWord } from "../../store/log_position.ts";
import type { ErrorEvent, Format, ServerEvent } from "../../wire/event.ts";
import { encodeError, encodeEvent, encodeReply } from "../../wire/format.ts";
import { parseRequest, parseTyped, splitVerb } from "../../wire/command.ts";
import { cleanText } from "../../wire/names.ts";
import type { Line } from "../../wire/lines.ts";
import { ReplyQueue } from "./reply_queue.ts";
import type { Caller, Services } from "../registry/caller.ts";
import { type ByteSource, LineReader } from "./line_reader.ts";
import type { UserSession } from "../sessions/user_session.ts";
import type { Turns } from "../delivery/flush_scheduler.ts";
import { noCommand } from "../metering/command_meter.ts";
import type { ConnectionMeter } from "../metering/instruments.ts";
import { tracing } from "../../observability/tracing.ts";
import type { ConnectionLog } from "./connection_log.ts";
import { Outbox } from "../delivery/outbox.ts";
import { type Given, loginRequired, type Registry } from "../registry/registry.ts";
import { SendOrder } from "./send_order.ts";

/** How long a reader may take for what is in flight before its queue's limit holds, in milliseconds. */
const patienceMs = 500;

/** How long a closing connection may take to read its last lines, in milliseconds. */
const farewellMs = 2_000;

/** A JSON client is asked for a sign of life after so long, and given up after so long without one, in milliseconds. */
const pingAfterMs = 30_000;
const deadAfterMs = 75_000;

/** The part of `Deno.TlsConn` that a session needs. */
export interface ClientSocket extends ByteSource {
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** What sessions of one server share. */
export interface ConnectionHost {
  readonly services: Services;
  readonly registry: Registry;
  readonly turns: Turns;
  readonly meter: ConnectionMeter;
  /** What the server runs with; it may change meanwhile, so that it is read at each use. */
  readonly config: Pick<Config, "maxLineBytes" | "maxQueueBytes" | "idleTimeoutSeconds">;
  /** A new allowance of lines; undefined where pace is not limited. */
  pace(): TokenBucket | undefined;
  now(): number;
  /** Closes a connection whose peer does not read, so that nothing of it stays. */
  abandon(conn: ClientSocket): void;
  /** What the logs are to say of a connection. */
  log(connection: string, address: string): ConnectionLog;
}

/**
 * One client's life: the loop over its lines, from the greeting to the last line.
 *
 * Promises:
 * 1. requests are handled in the order of their lines, and answered in that order, one answer each;
 * 2. a pipelined command (they all publish) does not hold up the next line, any other waits until all before it are
 *    answered; when one could not be stored, those behind it are refused until the client knows;
 * 3. a client that does not read what it asked for, or asks faster than it may, is read more slowly, not dropped;
 * 4. whatever a line holds, it ends in an answer or is ignored: no line ends the loop but `quit`;
 * 5. the last line that a client is told is written before its connection is closed, as far as it reads.
 */
export class Connection implements Caller {
  readonly id: string;
  readonly address: string;
  format: Format = "text";
  session: UserSession | undefined;
  readonly outbox: Outbox;
  readonly #conn: ClientSocket;
  readonly #host: ConnectionHost;
  readonly #reader: LineReader;
  readonly #log: ConnectionLog;
  #pace: TokenBucket | undefined;
  readonly #answers: ReplyQueue;
  readonly #order: SendOrder;
  #state: "open" | "ending" | "closed" = "open";
  #lastHeard: number;
  #lastAsked = 0;
  #farewell: ReturnType<typeof setTimeout> | undefined;
  /** Why it ends; until our side knows better, because the peer closed it. */
  #reason = "closed_by_client";
  /** Who it was that quit. */
  #lastUser: string | undefined;

  constructor(conn: ClientSocket, connection: string, address: string, host: ConnectionHost) {
    this.#conn = conn;
    this.id = connection;
    this.address = address;
    this.#host = host;
    this.outbox = new Outbox(conn, host.turns, host.config.maxQueueBytes, {
      patienceMs,
      onSlow: () => this.#endSlow(),
    });
    this.#reader = new LineReader(conn, host.config.maxLineBytes);
    this.#answers = new ReplyQueue({
      before: () => this.session?.topics.catchUp(),
      send: (bytes) => this.#state === "open" && this.outbox.answer(bytes),
      finish: (bytes) => this.#endWith(bytes),
    });
    this.#order = new SendOrder({
      ping: () => void this.outbox.push(encodeEvent({ type: "ping" }, "json")),
      told: () => this.answered(),
      now: host.now,
      deadAfterMs,
    });
    this.#pace = host.pace();
    this.#lastHeard = host.now();
    this.#log = host.log(connection, address);
  }

  get closed(): boolean {
    return this.#state !== "open";
  }

  /** Bytes that wait to be written. */
  get pending(): number {
    return this.outbox.pending;
  }

  /** Bytes that were written. */
  get sent(): number {
    return this.outbox.sent;
  }

  /** Serves the client until it goes, or is sent away. Never rejects. */
  async run(): Promise<void> {
    this.outbox.push(encodeEvent({ type: "greeting" }, "text"));
    try {
      for (let read; (read = await this.#reader.read());) {
        if (this.#state !== "open") continue; // reading on lets the last lines arrive: a reset would destroy them
        this.#lastHeard = this.#host.now();
        this.#host.meter.received.value += read.bytes;
        for (const line of read.lines) {
          await this.#take(line);
          if (this.#state !== "open") break;
        }
      }
    } catch {
      // Reset, or closed by our side: either way there is nobody to tell.
      if (this.#state === "open") this.#reason = "connection_broken";
    }
    await this.answered();
    this.#close();
    const { session } = this;
    this.#log.closed(this.#reason, session?.user ?? this.#lastUser);
    this.session = undefined;
    if (session) await this.#host.services.sessions.drop(session);
  }

  end(last: ServerEvent): void {
    if (this.#state === "open" && "code" in last) this.#reason = last.code;
    this.#endWith(encodeEvent(last, this.format));
  }

  /** Takes the limit on pace as it is now. */
  reconfigured(): void {
    this.#pace = this.#host.pace();
  }

  /** Looks after the time: called every second or so. */
  tick(): void {
    if (this.#state !== "open") return;
    const silent = this.#host.now() - this.#lastHeard;
    if (!this.session) {
      if (silent < this.#host.config.idleTimeoutSeconds * 1000 || !this.#answers.complete) return;
      this.end({ type: "error", code: "idle_timeout", message: "You did not log in in time" });
    } else if (this.format === "json") {
      if (silent >= deadAfterMs) {
        this.end({ type: "error", code: "idle_timeout", message: "You did not answer in time" });
      } else if (silent >= pingAfterMs && this.#host.now() - this.#lastAsked >= pingAfterMs) {
        this.#lastAsked = this.#host.now();
        this.#order.ping();
      }
    }
  }

  async #take(line: Line): Promise<void> {
    if (this.#pace && !this.#pace.take(1)) await this.#slowDown(this.#pace);
    const { maxQueueBytes } = this.#host.config;
    if (this.outbox.pending > maxQueueBytes / 2) await this.outbox.written(maxQueueBytes / 4);
    if (line.kind === "too_long") return this.#refuse(tooLong(this.#host.config.maxLineBytes));
    if (line.kind === "invalid_utf8") return this.#refuse(new ChatError("invalid_utf8", "The line is not UTF-8"));
    if (line.text === "") return;
    await this.#answers.admit(line.bytes);
    if (this.format === "json") await this.#takeJson(line.text, line.bytes);
    else await this.#takeText(line.text);
    const { config: { maxLineBytes }, registry } = this.#host;
    this.#reader.limit = this.format === "json"
      ? Math.max(maxLineBytes, registry.longestLine(this.session))
      : maxLineBytes;
  }

  async #takeText(line: string): Promise<void> {
    if (cleanText(line).trim() === "") return;
    if (this.session) {
      const typed = parseTyped(line);
      if (typed.kind === "command") return await this.#dispatch(typed.name, { rest: typed.rest });
      // A password must not be said aloud by somebody who believes that the connection is a new one.
      if (/^(LOGIN|REGISTER) \S+ \S/.test(line)) return await this.#dispatch(splitVerb(line).name, { rest: "" });
      return await this.#dispatch("say", { rest: typed.text });
    }
    const { name, rest } = splitVerb(line.startsWith("/") ? line.slice(1) : line);
    const greeting = name === "hello" && !rest.trimStart().startsWith("{"); // said too early, and no HELLO
    if (greeting || !this.#host.registry.find(name)?.typed) return this.#refuse(loginRequired());
    await this.#dispatch(name, { rest });
  }

  async #takeJson(line: string, bytes: number): Promise<void> {
    if (/^HELLO /i.test(line)) return await this.#dispatch("hello", { rest: splitVerb(line).rest });
    let request;
    try {
      request = parseRequest(line);
    } catch (error) {
      const { id } = (error as ChatError).extra;
      return this.#refuse(error, id as string | number | undefined);
    }
    const { cmd, id, fields } = request;
    const { config: { maxLineBytes }, registry } = this.#host;
    const allowed = Math.max(maxLineBytes, registry.find(cmd)?.lineBytes ?? 0);
    if (bytes > allowed) return this.#refuse(tooLong(allowed), id);
    await this.#dispatch(cmd, { fields }, id);
  }

  /** Runs a command, and sees to it that its answer stands in its place. */
  async #dispatch(name: string, given: Given, id?: string | number): Promise<void> {
    let admitted;
    try {
      admitted = this.#host.registry.admit(name, given, this.session);
    } catch (error) {
      return this.#refuse(error, id, this.#host.registry.find(name)?.name);
    }
    const { command, values } = admitted;
    const since = performance.now();
    const done = (outcome: string) => {
      const { commands } = this.#host.meter;
      commands.answered(command.name, (performance.now() - since) / 1000, outcome, values.side === true);
    };
    if (command.name === "pong") this.#order.pong();
    const alone = !command.pipelined || command.alone(values);
    if (alone) await this.answered();
    const cid = values.cid as string | undefined;
    const message = command.pipelined ? this.#order.admit(cid) : undefined;
    if (command.pipelined && !message) {
      return this.#refuse(
        new ChatError("store_unavailable", "A message before this one could not be stored"),
        id,
        command.name,
      );
    }
    if (this.#state !== "open") return;
    const answer = this.#answers.add();
    const before = this.session?.user;
    const note = (error?: unknown) => this.#log.ran(command, values, this.session?.user ?? before, error);
    const run = () => command.run(this, values, this.#host.services);
    const running = tracing ? tracing.run(`command ${command.name}`, { connection: this.id }, run) : run();
    const work = running.then((outcome) => {
      done("ok");
      this.#host.meter.commands.replied(outcome.reply);
      answer.bytes = encodeReply(outcome.reply, this.format, id);
      answer.after = outcome.after;
      answer.last = outcome.close;
      if (outcome.close) [this.#reason, this.#lastUser] = [command.name, before];
      note();
    }, (error) => {
      note(error);
      done(codeOf(error));
      answer.bytes = this.#encodeError(error, id);
      if (message && this.format === "json" && isAway(error)) this.#order.failed(message);
    }).then(() => this.#answers.emit());
    if (alone) await work;
  }

  /** Answers a line that no command was run for. */
  #refuse(error: unknown, id?: string | number, command: string = noCommand): void {
    this.#host.meter.commands.refused(command, codeOf(error));
    this.#answers.add({ bytes: this.#encodeError(error, id) });
  }

  answered(): Promise<void> {
    return this.#answers.settled();
  }

  #encodeError(error: unknown, id?: string | number): Uint8Array {
    let event: ErrorEvent;
    if (error instanceof ChatError) {
      const { id: _, ...extra } = error.extra;
      event = { type: "error", code: error.code, message: error.message, ...extra };
    } else {
      const reference = randomWord(8);
      this.#log.failed(reference, error);
      event = { type: "error", code: "internal", message: `Something went wrong; its reference is ${reference}` };
    }
    return encodeError(event, this.format, id);
  }

  async #slowDown(pace: TokenBucket): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pace.waitMs(1), 1_000)));
    } while (this.#state === "open" && !pace.take(1));
  }

  #endSlow(): void {
    this.#host.meter.slow.value++;
    this.end({ type: "error", code: "slow_consumer", message: "You did not read what was sent; connect again" });
  }

  #endWith(last: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#farewell = setTimeout(() => {
      this.#host.abandon(this.#conn);
      this.#close();
    }, farewellMs);
    // Half-closing tells the peer that this is all; the loop reads on until it goes, or the time is over.
    void this.outbox.finish(last).then(() => this.#conn.closeWrite()).catch(() => this.#close());
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#farewell);
    this.outbox.close();
    try {
      this.#conn.close();
    } catch {
      // Closed by the peer already.
    }
  }
}

function tooLong(maxLineBytes: number): ChatError {
  return new ChatError("line_too_long", `A line is at most ${maxLineBytes} bytes; this one was skipped`);
}

function codeOf(error: unknown): string {
  return error instanceof ChatError ? error.code : "internal";
}

function isAway(error: unknown): boolean {
  return error instanceof ChatError && error.code === "store_unavailable";
}
