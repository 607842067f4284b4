import { ChatError } from "../../common/errors.ts";
import { tracing } from "../../observability/tracing.ts";
import { encodeReply } from "../../wire/format.ts";
import type { RequestId } from "../../wire/request.ts";
import type { Caller, CommandSpec, Outcome } from "../registry/command.ts";
import type { AnswerShare } from "./answer_share.ts";
import type { ConnectionLog } from "./connection_log.ts";
import { codeOf, isAway } from "./failures.ts";
import type { ConnectionHost } from "./host.ts";
import type { LinePace } from "./pace.ts";
import type { QueuedReply, ReplyQueue } from "./reply_queue.ts";
import type { Admitted, SendOrder } from "./send_order.ts";

const nothing = new Uint8Array(0);

/** A command that the gate let through, on its way. */
export interface Call {
  readonly command: CommandSpec;
  readonly values: Record<string, unknown>;
  readonly id: RequestId | undefined;
  /** Where it publishes: its turn among the connection's messages. */
  message: Admitted | undefined;
}

/** What running a command asks of its connection. */
export interface RunnerParts {
  readonly answers: ReplyQueue;
  readonly order: SendOrder;
  readonly pace: LinePace;
  readonly share: AnswerShare;
  readonly log: ConnectionLog;
  /** Applies what a command changes. @param before who was logged in before it */
  apply(command: CommandSpec, outcome: Outcome, before: string | undefined): void;
  /** An error as the client is told it. */
  encodeError(error: unknown, id: RequestId | undefined): Uint8Array;
}

/** Runs one connection's commands: each is answered in its turn, measured and written to the log. */
export class CommandRunner {
  readonly #caller: Caller;
  readonly #host: Pick<ConnectionHost, "services" | "meter">;
  readonly #parts: RunnerParts;

  constructor(caller: Caller, host: Pick<ConnectionHost, "services" | "meter">, parts: RunnerParts) {
    this.#caller = caller;
    this.#host = host;
    this.#parts = parts;
  }

  /** Runs a command, applies what it changes, and sends its answer when all before it are sent. Rejects for our faults. */
  run(call: Call): Promise<void> {
    const { answerBytes } = call.command;
    return answerBytes === 0 ? this.#perform(call) : this.#parts.share.make(answerBytes, () => this.#perform(call));
  }

  async #perform(call: Call): Promise<void> {
    const { answers, order, log } = this.#parts;
    const { command, values, id, message } = call;
    const answer = answers.add();
    try {
      const since = performance.now();
      const { session, pending } = this.#caller;
      const before = session?.user;
      let failure: unknown;
      try {
        const outcome = await this.#outcomeOf(call);
        this.#parts.apply(command, outcome, before);
        this.#fill(answer, outcome, id);
      } catch (error) {
        failure = error;
        answer.bytes = this.#parts.encodeError(error, id);
        if (message && this.#caller.format === "json" && isAway(error)) order.failed(message);
      }
      this.#measure(call, answer.bytes!.length, since, failure);
      const shown = values.user === undefined ? pending.login?.account.name : undefined;
      log.ran(command, values, this.#caller.session?.user ?? before ?? shown, failure);
    } finally {
      answer.bytes ??= nothing; // our own code failed: what waits for this answer must not wait for ever
      answers.emit();
    }
  }

  #outcomeOf({ command, values }: Call): Promise<Outcome> {
    const { services } = this.#host;
    const caller = this.#caller;
    if (!tracing) return command.run(caller, values, services);
    return tracing.run(`command ${command.name}`, { connection: caller.id }, () => {
      return command.run(caller, values, services);
    });
  }

  #fill(answer: QueuedReply, { reply, after, close }: Outcome, id: RequestId | undefined): void {
    if (reply instanceof ChatError) throw reply;
    answer.bytes = encodeReply(reply, this.#caller.format, id);
    answer.after = after;
    answer.last = close;
    this.#host.meter.commands.replied(reply);
  }

  #measure({ command, values }: Call, bytes: number, since: number, failure: unknown): void {
    const outcome = failure === undefined ? "ok" : codeOf(failure);
    this.#parts.pace.ran(command, bytes, failure === undefined ? undefined : outcome);
    const seconds = (performance.now() - since) / 1000;
    this.#host.meter.commands.answered(command.name, seconds, outcome, values.side === true);
  }
}
