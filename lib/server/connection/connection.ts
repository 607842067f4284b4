import { ChatError } from "../../common/errors.ts";
import type { Peer } from "../../limits/peer.ts";
import type { Format, ServerEvent } from "../../wire/event.ts";
import { encodeError, encodeEvent } from "../../wire/format.ts";
import type { Line } from "../../wire/lines.ts";
import type { RequestId } from "../../wire/request.ts";
import { ReplyQueue } from "./reply_queue.ts";
import type { Caller, CommandSpec, Outcome, Pending } from "../registry/command.ts";
import { AnswerShare } from "./answer_share.ts";
import { farewellMs, writeRest } from "./farewell.ts";
import type { ClientSocket, ConnectionHost } from "./host.ts";
import { type Guest, maxNetworkBytes } from "./guest_buffers.ts";
import { LineReader } from "./line_reader.ts";
import { tokenOver } from "../sessions/local_sessions.ts";
import type { UserSession } from "../sessions/user_session.ts";
import { noCommand } from "../metering/command_meter.ts";
import { type Call, CommandRunner } from "./command_runner.ts";
import type { ConnectionLog } from "./connection_log.ts";
import { codeOf, errorEvent } from "./failures.ts";
import { Outbox } from "../delivery/outbox.ts";
import { SendOrder } from "./send_order.ts";
import { LinePace } from "./pace.ts";
import { deadAfterMs, Silence } from "./silence.ts";
import { idOfBeginning, lineTooLong, readJson, readText, type Request } from "./requests.ts";

/** How long a reader may take for what is in flight before its queue's limit holds, in milliseconds. */
const patienceMs = 500;

/**
 * One client's life: the loop over its lines, from the greeting to the last line.
 *
 * Promises:
 * 1. requests are handled in the order of their lines, and answered in that order, one answer each;
 * 2. a pipelined command (they all publish) does not hold up the next line, any other waits until all before it are
 *    answered; when one could not be stored, those behind it are refused until the client knows;
 * 3. a client that does not read what it asked for, or asks faster than it may, is read more slowly, not dropped;
 * 4. every line is answered or ignored: no line ends the loop but `quit`;
 * 5. the last line that a client is told is written before its connection is closed, as far as it reads;
 * 6. a fault of our own code outside of a handler is logged once and told, and the session is dropped all the same.
 */
export class Connection implements Caller {
  readonly id: string;
  readonly peer: Peer;
  format: Format = "text";
  manyRooms = false;
  client = "";
  session: UserSession | undefined;
  pending: Pending = {};
  readonly outbox: Outbox;
  readonly #conn: ClientSocket;
  readonly #host: ConnectionHost;
  readonly #reader: LineReader;
  readonly #log: ConnectionLog;
  readonly #pace: LinePace;
  readonly #guest: Guest;
  readonly #share: AnswerShare;
  readonly #answers: ReplyQueue;
  readonly #order: SendOrder;
  readonly #runner: CommandRunner;
  #state: "open" | "ending" | "closed" = "open";
  readonly #silence: Silence;
  #farewell: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when the last line is written, or nobody is there to read it; undefined before there is one. */
  #lastWritten: Promise<void> | undefined;
  /** Why it ends; until our side knows better, because the peer closed it. */
  #reason = "closed_by_client";
  /** Who it was that quit. */
  #lastUser: string | undefined;

  constructor(conn: ClientSocket, connection: string, peer: Peer, host: ConnectionHost) {
    this.#conn = conn;
    this.id = connection;
    this.peer = peer;
    this.#host = host;
    this.outbox = new Outbox(conn, host.turns, host.config.maxQueueBytes, {
      patienceMs,
      onSlow: () => this.#endSlow(),
    });
    this.#share = new AnswerShare(this.outbox, peer, host);
    this.#reader = new LineReader({ bytes: host.config.maxLineBytes });
    this.#answers = new ReplyQueue({
      before: () => this.#state === "open" && this.session?.topics.catchUp(),
      send: (bytes) => this.#state === "open" && this.outbox.answer(bytes),
      finish: (bytes) => this.#endWith(bytes),
    });
    this.#order = new SendOrder({
      ping: () => void this.outbox.push(encodeEvent({ type: "ping" }, "json")),
      told: () => this.answered(),
      now: host.now,
      deadAfterMs,
    });
    this.#pace = new LinePace(host.pace, connection, peer);
    this.#guest = { network: peer.network, giveUp: () => this.#giveUpLine() };
    this.#silence = new Silence(host.now);
    this.#log = host.log(connection, peer);
    this.#runner = new CommandRunner(this, host, {
      answers: this.#answers,
      order: this.#order,
      pace: this.#pace,
      share: this.#share,
      log: this.#log,
      apply: (command, outcome, before) => this.#apply(command, outcome, before),
      encodeError: (error, id) => this.#encodeError(error, id),
    });
  }

  get closed(): boolean {
    return this.#state !== "open";
  }

  /** Serves the client until it goes, or is sent away. Never rejects. */
  async run(): Promise<void> {
    this.outbox.push(encodeEvent({ type: "greeting" }, "text"));
    for (let over = false; !over;) {
      over = await this.#serve().then(() => true, (error) => this.#fail(error));
    }
    await this.answered();
    const left = this.#state === "open" && this.#reason !== "connection_broken";
    if (left && !await writeRest(this.outbox, this.#conn)) this.#host.abandon(this.#conn);
    await this.#lastWritten; // a client that has closed its side still reads
    this.#close();
    const { session } = this;
    this.#log.closed(this.#reason, session?.user ?? this.#lastUser);
    this.session = undefined;
    if (session) await this.#host.services.sessions.drop(session);
  }

  /** Takes line after line, until no more can be read. */
  async #serve(): Promise<void> {
    for (;;) {
      let bytes;
      try {
        bytes = await this.#conn.read(this.#reader.buffer);
      } catch {
        // Reset, or closed by our side: either way there is nobody to tell.
        if (this.#state === "open") this.#reason = "connection_broken";
        return;
      }
      if (bytes === null) return;
      if (this.#state !== "open") continue; // reading on lets the last lines arrive: a reset would destroy them
      this.#silence.heard();
      this.#host.meter.received.value += bytes;
      this.#pace.received(bytes);
      for (const line of this.#reader.take(bytes)) {
        const taken = this.#take(line);
        if (taken) await taken;
        if (this.#state !== "open") break;
      }
      this.#host.guests.hold(this.#guest, this.session || this.#state !== "open" ? 0 : this.#reader.held);
      const paced = this.#pace.unfinished();
      if (paced) await paced;
    }
  }

  /**
   * Our own code failed outside of any handler: the client is told and sent away, with a reference to the log.
   *
   * @returns false: what the client still sends is read, so that it reads its last line
   */
  #fail(error: unknown): false {
    if (this.#state === "open") this.#reason = "internal";
    this.#endWith(this.#encodeError(error));
    return false;
  }

  end(last: ServerEvent): void {
    if (this.#state === "open" && "code" in last) this.#reason = last.code;
    this.#endWith(encodeEvent(last, this.format));
  }

  /** Looks after the time: called every second or so. */
  tick(): void {
    if (this.#state !== "open") return;
    this.#share.tick();
    if (!this.session) {
      const { idleTimeoutSeconds } = this.#host.config;
      if (this.#silence.ofGuest(idleTimeoutSeconds * 1000) === "end") void this.answered().then(() => this.#endGuest());
      return;
    }
    if (this.session.expired) return this.end(tokenOver);
    if (this.format !== "json") return;
    const verdict = this.#silence.ofProgram();
    if (verdict === "ping") this.#order.ping();
    if (verdict === "end") this.end({ type: "error", code: "idle_timeout", message: "You did not answer in time" });
  }

  /** The time to log in is over; a login whose answer was under way may have come in. */
  #endGuest(): void {
    if (!this.session) this.end({ type: "error", code: "idle_timeout", message: "You did not log in in time" });
  }

  /**
   * Takes a line. Here and in what follows there is a promise only where something has to be waited for: most lines wait
   * for nothing, and a promise for each step would cost more than the line.
   *
   * @returns resolves when the next line may be taken; undefined where that is now
   */
  #take(line: Line): Promise<void> | undefined {
    const wait = this.#pace.line() ?? this.#share.room();
    return wait ? this.#takeLater(line, wait) : this.#handle(line);
  }

  async #takeLater(line: Line, wait: Promise<unknown>): Promise<void> {
    await wait;
    await this.#share.room();
    await this.#handle(line);
  }

  #handle(line: Line): Promise<void> | undefined {
    if (line.kind === "too_long") {
      return this.#refuse(lineTooLong(this.#host.config.maxLineBytes), idOfBeginning(line.beginning));
    }
    if (line.kind === "invalid_utf8") return this.#refuse(new ChatError("invalid_utf8", "The line is not UTF-8"));
    if (line.text === "") return;
    const full = this.#answers.admit(line.bytes);
    return full ? full.then(() => this.#answer(line.text, line.bytes)) : this.#answer(line.text, line.bytes);
  }

  #answer(line: string, bytes: number): Promise<void> | undefined {
    const running = this.#start(this.#request(line, bytes), bytes);
    if (running) return running.then(() => this.#limitLines());
    this.#limitLines();
  }

  /** Who is logged in, and how the client is spoken to, may have changed: so may how long its lines may be. */
  #limitLines(): void {
    const { config: { maxLineBytes: bytes }, registry } = this.#host;
    this.#reader.limits = this.format === "json" ? registry.lineLimits(this.session, bytes) : { bytes };
  }

  #request(line: string, bytes: number): Request {
    const { registry, config } = this.#host;
    if (this.format === "json") return readJson(line, bytes, config.maxLineBytes, registry);
    return readText(line, this.session !== undefined, registry);
  }

  /** Queues a request's answer in its turn. @returns resolves when the next line may be taken; undefined where that is now */
  #start(request: Request, bytes: number): Promise<void> | undefined {
    if (request.kind === "nothing") return;
    if (request.kind === "refused") return this.#refuse(request.error, request.id);
    const { name, given, id } = request;
    const { registry } = this.#host;
    let admitted;
    try {
      admitted = registry.admit(name, given, this.session);
    } catch (error) {
      return this.#refuse(error, id, registry.find(name)?.name);
    }
    const { command, values } = admitted;
    if (command.name === "pong") this.#order.pong();
    if (command.carriesFile) this.#pace.refund(bytes);
    const call: Call = { command, values, id, message: undefined };
    if (!command.pipelined || command.alone(values)) return this.#runAlone(call);
    if (this.#isInOrder(call)) this.#runner.run(call).catch((error) => this.#fail(error));
  }

  /** Runs a command when everything before it is answered; resolves when it is answered too. */
  async #runAlone(call: Call): Promise<void> {
    await this.answered();
    if (this.#isInOrder(call)) await this.#runner.run(call);
  }

  /** Gives a message its turn among those of this connection. @returns whether the call is to be run */
  #isInOrder(call: Call): boolean {
    const { command, values, id } = call;
    if (command.pipelined) {
      call.message = this.#order.admit(values.cid as string | undefined);
      if (!call.message) {
        const error = new ChatError("store_unavailable", "A message before this one could not be stored");
        this.#refuse(error, id, command.name);
        return false;
      }
    }
    return this.#state === "open";
  }

  /** @param before who was logged in before the command */
  #apply(
    { name }: CommandSpec,
    { format, manyRooms, client, pending, session, close }: Outcome,
    before: string | undefined,
  ): void {
    if (close) [this.#reason, this.#lastUser] = [name, before];
    if (format !== undefined) this.format = format;
    if (manyRooms !== undefined) this.manyRooms = manyRooms;
    if (client !== undefined) this.client = client;
    if (pending !== undefined) this.pending = pending;
    if (session === undefined) return;
    this.session = session ?? undefined;
    this.#pace.user = this.#share.user = session?.user;
    if (!session) this.#silence.loggedOut();
  }

  /** Answers a line that no command was run for. */
  #refuse(error: unknown, id?: RequestId, command: string = noCommand): undefined {
    this.#host.meter.commands.refused(command, codeOf(error));
    this.#answers.add({ bytes: this.#encodeError(error, id) });
  }

  answered(): Promise<void> {
    return this.#answers.settled();
  }

  #encodeError(error: unknown, id?: RequestId): Uint8Array {
    return encodeError(errorEvent(error, (reference) => this.#log.failed(reference, error)), this.format, id);
  }

  /** The connection's network keeps too much of lines that are not complete. */
  #giveUpLine(): void {
    this.#reader.skip();
    this.#host.services.limits.refused("guest_buffers");
    const message = `Clients of your address that are not logged in keep more than ${maxNetworkBytes} bytes of lines`;
    this.end({ type: "error", code: "rate_limited", message });
  }

  #endSlow(): void {
    this.#host.meter.slow.value++;
    this.end({ type: "error", code: "slow_consumer", message: "You did not read what was sent; connect again" });
  }

  #endWith(last: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#pace.end();
    this.#share.leave();
    this.#farewell = setTimeout(() => {
      this.#host.abandon(this.#conn);
      this.#close();
    }, farewellMs);
    // Half-closing tells the peer that this is all; the loop reads on until it goes, or the time is over.
    this.#lastWritten = this.outbox.finish(last).then(() => this.#conn.closeWrite()).catch(() => this.#close());
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#pace.end();
    this.#share.leave();
    this.#host.guests.hold(this.#guest, 0);
    clearTimeout(this.#farewell);
    this.outbox.close();
    try {
      this.#conn.close();
    } catch {
      // Closed by the peer already.
    }
  }
}
