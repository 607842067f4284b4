/**
 * The client as a script uses it: one line a command, in order, each after the answer to the one before.
 *
 * Promises:
 * 1. the script stops at the first command that is refused, so that nothing is said in the wrong room;
 * 2. it ends when every message is acknowledged, and its own messages in rooms have come back, or so long that they
 *    will not;
 * 3. what came and what was asked for goes to the output, errors and notes about the connection go beside it.
 */

import { ChatError } from "../errors.ts";
import { usageOf } from "../wire/command.ts";
import type { Reply } from "../wire/event.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ClientError, type Exit } from "./exit.ts";
import { readLine, readLogin } from "./input.ts";
import { errorLine, render } from "./render.ts";
import type { Session } from "./resume.ts";
import type { Login, Update } from "./update.ts";

/** What a script is run with. */
export interface ScriptOptions {
  readonly lines: AsyncIterator<string>;
  /** Writes lines to the output; nothing more is read from the server until it has. */
  out(lines: readonly string[]): Promise<void>;
  /** Writes lines beside the output. */
  err(lines: readonly string[]): Promise<void>;
  /** Who logs in before the first line; without it, the first line is the login. */
  readonly login?: Login;
  readonly clock?: Clock;
}

/** How long a message of one's own may take to come back, and a farewell to be answered, in milliseconds. */
const patienceMs = 5_000;

/**
 * Runs a script to its end; the session is connected already.
 *
 * @returns the way it ended
 */
export async function runScript(session: Session, options: ScriptOptions): Promise<Exit> {
  return await new Script(session, options).run();
}

class Script {
  readonly #session: Session;
  readonly #options: ScriptOptions;
  readonly #shown = new Map<string, number>();
  #said: { topic: string; seq: number } | undefined;
  #seen = () => {};
  #exit: Exit = "ok";

  constructor(session: Session, options: ScriptOptions) {
    this.#session = session;
    this.#options = options;
  }

  async run(): Promise<Exit> {
    const showing = this.#show();
    try {
      await this.#perform(showing);
      await this.#echo();
      await this.#session.quit(patienceMs);
    } finally {
      this.#session.close();
      await showing;
    }
    return this.#exit === "ok" ? this.#session.ending!.exit : this.#exit;
  }

  /** Shows what the session tells, until it ends. */
  async #show(): Promise<void> {
    try {
      for await (const update of this.#session.updates()) {
        const { kind, lines } = render(update);
        if (lines.length > 0) await (kind === "text" ? this.#options.out(lines) : this.#options.err(lines));
        this.#follow(update);
      }
    } catch (error) {
      // Whoever reads the output has seen enough: that is no fault.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    } finally {
      this.#session.close();
      this.#seen();
    }
  }

  #follow(update: Update): void {
    if (update.kind === "status" && update.status.state === "login_needed") {
      this.#exit = "login";
      this.#session.close();
    } else if (update.kind === "event" && update.event.type === "message") {
      this.#shown.set(update.event.topic, update.event.seq);
      this.#seen();
    }
  }

  async #perform(showing: Promise<void>): Promise<void> {
    const { lines, login } = this.#options;
    const over = showing.then(() => undefined, () => undefined);
    if (login && !await this.#attempt(() => this.#session.login(login), "login")) return;
    for (;;) {
      const next = await Promise.race([lines.next(), over]);
      if (!next || next.done || this.#session.ending) return;
      const line = next.value;
      if (line.trim() === "") continue;
      if (!await (this.#session.user === undefined ? this.#logIn(line) : this.#command(line))) return;
    }
  }

  async #logIn(line: string): Promise<boolean> {
    let login: Login | undefined;
    const read = await this.#attempt(async () => {
      login = readLogin(line);
      if (!login) throw new ClientError("usage", "The first line must be LOGIN <user> <password> or REGISTER <user> <password>");
      await Promise.resolve();
    }, "usage", true);
    return read && await this.#attempt(() => this.#session.login(login!), "login");
  }

  async #command(line: string): Promise<boolean> {
    const { commands, maxMessageBytes } = this.#session;
    return await this.#attempt(async () => {
    }, "refused");
  }
}
