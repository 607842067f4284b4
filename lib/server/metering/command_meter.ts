import type { Count, Distribution, Metrics } from "../../observability/metrics.ts";
import type { Reply } from "../../wire/event.ts";

/** The way of a login, also of one that failed. */
type Method = "login" | "side" | "register" | "resume";

/** The command that a line counts as that names none. */
export const noCommand = "none";

/** Counts lines and commands by command and outcome, and measures how long commands take. */
export class CommandMeter {
  readonly #metrics: Metrics;
  readonly #commands = new Map<string, { readonly duration: Distribution; readonly outcomes: Map<string, Count> }>();
  readonly #missed: Count;

  /** @param commands the names of all commands: their counters begin at zero */
  constructor(metrics: Metrics, commands: readonly string[]) {
    this.#metrics = metrics;
    this.#missed = metrics.counter("chat_resume_missed_messages_total");
    for (const command of commands) for (const outcome of ["ok", "internal"]) this.#cell(command, outcome);
  }

  /**
   * A command was answered.
   *
   * @param seconds from its line on
   * @param side whether a login was to be a side connection's
   */
  answered(command: string, seconds: number, outcome: string, side = false): void {
    this.#cell(command, outcome).value++;
    this.#commands.get(command)!.duration.observe(seconds);
    if (command === "login") this.#login(side ? "side" : "login", outcome);
    else if (command === "code") this.#login("login", outcome);
    else if (command === "register" || command === "resume") this.#login(command, outcome);
  }

  /** A line was refused before a command ran for it. */
  refused(command: string, outcome: string): void {
    this.#cell(command, outcome).value++;
  }

  /** A reply was made; that to a resume says how many messages the client had missed. */
  replied(reply: Reply): void {
    if (reply.of === "resume") this.#missed.value += reply.missed ?? 0;
  }

  #login(method: Method, outcome: string): void {
    this.#metrics.counter("chat_logins_total", { method, outcome }).value++;
  }

  #cell(command: string, outcome: string): Count {
    let known = this.#commands.get(command);
    if (!known) {
      const duration = this.#metrics.histogram("chat_command_duration_seconds", { command });
      this.#commands.set(command, known = { duration, outcomes: new Map() });
    }
    let cell = known.outcomes.get(outcome);
    if (!cell) {
      known.outcomes.set(outcome, cell = this.#metrics.counter("chat_commands_total", { command, outcome }));
    }
    return cell;
  }
}
