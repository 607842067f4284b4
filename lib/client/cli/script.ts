/**
 * The client as a script uses it: one line a command, in order, each after the answer to the one before.
 *
 * Promises:
 * 1. the script stops at the first command that is refused, so that nothing is said in the wrong room;
 * 2. it ends when every message is acknowledged, and its own messages in rooms have come back, or so long that they
 *    will not;
 * 3. what came and what was asked for goes to the output, errors and notes about the connection go beside it.
 */

import { ChatError } from "../../common/errors.ts";
import type { Additions } from "../terminal/additions.ts";
import { cleanLine } from "../../wire/clean.ts";
import { parseTyped } from "../../wire/command.ts";
import { type Clock, pause, systemClock } from "../../common/time.ts";
import type { Request } from "../net/connection.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { readUntil } from "./input_lines.ts";
import { isSecret, readLine, readLogin } from "../terminal/input.ts";
import { AlreadyTold, type LocalCall } from "../session/local_commands.ts";
import { errorLine, note, render } from "../terminal/render.ts";
import type { Session } from "../session/session.ts";
import type { Login, Update } from "../session/update.ts";

/** Settings and ports of a script. */
export interface ScriptOptions {
  readonly lines: AsyncIterator<string>;
  /** Writes lines to the output; nothing more is read from the server until it has. */
  out(lines: readonly string[]): Promise<void>;
  /** Writes lines beside the output. */
  err(lines: readonly string[]): Promise<void>;
  /** Who logs in before the first line; without it, the first line is the login. */
  readonly login?: Login;
  /** The room that is joined after the login. */
  readonly join?: string;
  /** Local commands, beside the server's. */
  readonly additions?: Additions;
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
  #leaving = false;
  #deaf = false;
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
      this.#leaving = true;
      await this.#session.quit(patienceMs);
    } finally {
      this.#session.close();
      await showing;
    }
    if (this.#deaf) return "ok";
    const { exit } = this.#session.ending!;
    return exit === "ok" ? this.#exit : exit;
  }

  /** Shows what the session tells, until it ends. */
  async #show(): Promise<void> {
    try {
      for await (const update of this.#session.updates()) {
        // The farewell at the input's end is the client's, not the script's.
        if (this.#leaving && update.kind === "reply" && update.reply.of === "quit") continue;
        const shown = this.#session.shown(update);
        if (!shown) {
          this.#follow(update);
          continue;
        }
        const explained = this.#options.additions?.explain(shown) ?? { update: shown, lines: [] };
        const { kind, lines } = render(explained.update);
        if (lines.length > 0) await (kind === "text" ? this.#options.out(lines) : this.#options.err(lines));
        if (explained.lines.length > 0) await this.#options.out(explained.lines);
        this.#follow(update);
      }
    } catch (error) {
      // The reader of the output has seen enough: that is no fault.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.#deaf = true;
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
    const { login, err } = this.#options;
    const next = readUntil(this.#options.lines, showing.then(() => {}, () => {}));
    try {
      if (login) await this.#logIn(login, next);
      for (;;) {
        const line = await next();
        if (line === undefined || this.#session.ending) return;
        if (line.trim() === "") continue;
        if (this.#session.user === undefined) await this.#logIn(firstLine(line), next);
        else await this.#command(line);
      }
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      if (this.#exit === "ok") this.#exit = error.exit;
      // Where its own output broke, that is the one fault to tell.
      const told = this.#session.ending?.reason === "left";
      if (error.cause !== undefined && !told) await err([errorLine(error.cause)]);
    }
  }

  /** Logs in; where the server wants a code, the next line may have it: `CODE 123456`. */
  async #logIn(login: Login, next: () => Promise<string | undefined>): Promise<void> {
    try {
      await this.#session.login(login);
    } catch (error) {
      if (login.cmd === "login" && login.code === undefined && isCodeWanted(error)) {
        const [, code] = /^\/?code[ \t]+(\S.*)$/i.exec(await next() ?? "") ?? [];
        if (code !== undefined) return await this.#logIn({ ...login, code }, next);
      }
      throw error instanceof ClientError ? new Stop(error.exit, error) : new Stop("login");
    }
    const { join } = this.#options;
    if (join !== undefined) await this.#send({ cmd: "join", room: join });
  }

  async #command(line: string): Promise<void> {
    const own = this.#options.additions?.own.call(line);
    if (own) return await this.#own(own);
    const { commands, maxMessageBytes, user } = this.#session;
    let request: Request;
    try {
      if (parseTyped(line).kind === "say" && isSecret(line, commands, user)) {
        throw new ChatError("usage", "This line looks like a login and was not said; /say says whatever follows it");
      }
      const typed = readLine(line, commands, maxMessageBytes, this.#options.additions?.own.names);
      if (typed.kind === "nothing") return;
      if (typed.kind === "secrets") throw new ChatError("usage", `Usage: ${commands.usage(typed.command)}`);
      request = typed.request;
    } catch (error) {
      throw new Stop("refused", error);
    }
    // A question or a change of room waits until what was said before it has come back.
    if (commands.repetition(request.cmd) !== "message") await this.#echo();
    await this.#send(request);
  }

  async #send(request: Request): Promise<void> {
    try {
      const reply = await this.#session.send(request);
      if (reply.of === "say" || reply.of === "me") this.#said = reply;
    } catch (error) {
      throw new Stop(error instanceof ClientError ? error.exit : "refused");
    }
  }

  /** Does one of the client's own commands, to its end. */
  async #own({ command, rest }: LocalCall): Promise<void> {
    await this.#echo();
    const { out, err } = this.#options;
    let writing = Promise.resolve();
    const write = (to: typeof out, line: string) => void (writing = writing.then(() => to([line])));
    try {
      await command.run(rest, {
        answer: (line) => write(out, cleanLine(line)),
        note: (sentence) => write(err, note(sentence)),
      });
    } catch (error) {
      const told = error instanceof AlreadyTold;
      const why = told ? error.cause : error;
      throw new Stop(why instanceof ClientError ? why.exit : "refused", told ? undefined : why);
    } finally {
      await writing;
    }
  }

  /** Waits until the last message that was said has come back. */
  async #echo(): Promise<void> {
    const said = this.#said;
    this.#said = undefined;
    if (!said) return;
    const { clock = systemClock } = this.#options;
    const seen = new AbortController();
    this.#seen = () => {
      if (this.#session.ending || (this.#shown.get(said.topic) ?? 0) >= said.seq) seen.abort();
    };
    this.#seen();
    await pause(patienceMs, seen.signal, clock);
  }
}

/** The script does not go on; without a cause, what stopped it was shown already. */
class Stop extends Error {
  constructor(readonly exit: Exit, cause?: unknown) {
    super("The script has stopped", { cause });
  }
}

function isCodeWanted(error: unknown): boolean {
  return error instanceof ChatError && error.code === "code_required";
}

function firstLine(line: string): Login {
  let login: Login | undefined;
  try {
    login = readLogin(line);
  } catch (error) {
    throw new Stop("usage", error);
  }
  if (login) return login;
  const rule = "The script must begin with LOGIN <user> <password> or REGISTER <user> <password>, or be given --user";
  throw new Stop("usage", new ClientError("usage", rule));
}
