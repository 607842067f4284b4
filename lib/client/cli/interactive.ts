/**
 * The client as a person uses it: log in, read, type, until they leave or are made to.
 */

import type { Additions } from "../terminal/additions.ts";
import { cleanLine } from "../../wire/clean.ts";
import { ChatError } from "../../common/errors.ts";
import { parseTyped } from "../../wire/command.ts";
import type { Exit } from "../base/exit.ts";
import { isSecret, readLine } from "../terminal/input.ts";
import { type Asking, askNewPassword, askYesNo } from "./ask.ts";
import { logIn, type LoginChoice } from "./login.ts";
import { helpCommand } from "../session/help.ts";
import { AlreadyTold, type LocalCall } from "../session/local_commands.ts";
import { errorLine, note, render } from "../terminal/render.ts";
import type { Session } from "../session/session.ts";
import type { Screen } from "../terminal/screen.ts";
import type { Status } from "../net/status.ts";
import type { Update } from "../session/update.ts";

/** How long leaving may take, in milliseconds: what was typed is sent first. */
const farewellMs = 2_000;

/**
 * Runs a session on a screen, from its login to its end; the session is connected already.
 *
 * @param options `join`: the room that is joined after the first login
 * @returns the way it ended
 */
export async function runInteractive(
  session: Session,
  screen: Screen,
  choice: LoginChoice,
  { additions, join }: { readonly additions?: Additions | undefined; readonly join?: string | undefined } = {},
): Promise<Exit> {
  const conversation = new Conversation(session, screen, additions);
  const shown = conversation.show();
  shown.catch(() => {}); // it is awaited in the end, and may fail before
  try {
    let next: LoginChoice | undefined = choice;
    let room = join;
    while (next && await logIn(session, screen, next)) {
      // Once: a later login comes back to where its person was.
      if (room !== undefined) void session.send({ cmd: "join", room });
      room = undefined;
      next = await conversation.talk();
    }
    await session.quit(farewellMs);
  } finally {
    session.close();
    await shown;
    for (const sentence of session.givenUp) screen.farewell(note(sentence));
    await conversation.settled();
  }
  return session.ending!.exit;
}

/** Whether the server asks for a code: the question for it says so. */
function isCodeAsked(update: Update): boolean {
  return update.kind === "refused" && update.error instanceof ChatError && update.error.code === "code_required";
}

/** One person in front of a screen. */
class Conversation {
  readonly #session: Session;
  readonly #screen: Screen;
  readonly #additions: Additions | undefined;
  readonly #performing = new Set<Promise<void>>();
  #user: string | undefined;
  #again: LoginChoice | undefined;
  #interrupt = new AbortController();
  #lastNote = "";

  constructor(session: Session, screen: Screen, additions: Additions | undefined) {
    this.#session = session;
    this.#screen = screen;
    this.#additions = additions;
    additions?.own.add(helpCommand(additions.own, () => session.commands));
  }

  /** Waits until all of the client's own commands are done, which they are soon when the session has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#performing);
  }

  /** Shows what the session tells, until it ends. */
  async show(): Promise<void> {
    try {
      for await (const each of this.#session.updates()) {
        const told = this.#session.shown(each);
        if (!told || isCodeAsked(told)) continue;
        const { update, lines } = this.#additions?.explain(told) ?? { update: told, lines: [] };
        // What is given up at the end is still to be read when the screen is gone.
        if (update.kind === "refused" && this.#session.ending) this.#screen.farewell(errorLine(update.error));
        else if (this.#screen.show) this.#screen.show(update);
        else this.#print(update);
        for (const line of lines) this.#screen.print(line);
        if (update.kind === "status") this.#follow(update.status);
        if (this.#session.user !== undefined) this.#screen.setPrompt(this.#prompt());
      }
    } finally {
      this.#interrupt.abort();
    }
  }

  #print(update: Update): void {
    const { kind, lines } = render(update);
    for (const line of lines) {
      // A server that stays unreachable is told of once, not at every attempt.
      if (kind === "note" && line === this.#lastNote) continue;
      if (kind === "note") this.#lastNote = line;
      this.#screen.print(line);
    }
  }

  /** Reads and sends lines. @returns who is to log in next; undefined when the person leaves or the session ended */
  async talk(): Promise<LoginChoice | undefined> {
    this.#again = undefined;
    this.#user = this.#session.user;
    this.#interrupt = new AbortController();
    const { signal } = this.#interrupt;
    while (!this.#session.ending && !this.#again) {
      try {
        const line = await this.#screen.read({ prompt: this.#prompt(), signal });
        if (line === undefined || !await this.#send(line, signal)) return undefined;
      } catch (error) {
        if (signal.aborted) break;
        this.#screen.print(errorLine(error));
      }
    }
    return this.#session.ending ? undefined : this.#again;
  }

  /** @returns false when the person wants to leave */
  async #send(line: string, signal: AbortSignal): Promise<boolean> {
    const { commands, maxMessageBytes, user } = this.#session;
    const own = this.#additions?.own.call(line);
    if (own) {
      const done = this.#perform(own).finally(() => this.#performing.delete(done));
      this.#performing.add(done);
      return true;
    }
    const secret = isSecret(line, commands, user);
    if (secret) this.#screen.forget(line);
    const typed = readLine(line, commands, maxMessageBytes, this.#additions?.own.names);
    switch (typed.kind) {
      case "nothing":
        this.#session.retry();
        return true;
      case "request":
        if (typed.request.cmd === "quit") return false;
        if (secret && parseTyped(line).kind === "say" && !await this.#isMeant(signal)) return true;
        void this.#session.send(typed.request);
        return true;
      case "secrets": {
        const secrets = await this.#askSecrets(typed.names, signal);
        if (secrets) void this.#session.send({ ...secrets, cmd: typed.command.name });
        return true;
      }
    }
  }

  /** @returns undefined when the person gives them up */
  async #askSecrets(names: readonly string[], signal: AbortSignal): Promise<Record<string, string> | undefined> {
    const asking: Asking = {
      ask: (prompt, options) =>
        this.#screen.read({ prompt, keep: true, expected: true, cancellable: true, signal, ...options }),
      tell: (sentence) => this.#screen.print(note(sentence)),
    };
    const secrets: Record<string, string> = {};
    for (const name of names) {
      const prompt = `${name[0].toUpperCase()}${name.slice(1)} password: `;
      const secret = name === "new"
        ? await askNewPassword(asking, this.#session.user ?? "", prompt)
        : await asking.ask(prompt, { secret: true });
      if (secret === undefined) return undefined;
      secrets[name] = secret;
    }
    return secrets;
  }

  /** Asks whether a line that looks like a login is to be said. */
  async #isMeant(signal: AbortSignal): Promise<boolean> {
    this.#screen.print(
      note(`This looks like a login, and everybody in ${this.#session.room ?? "the room"} would read it`),
    );
    const answer = await askYesNo(this.#screen, "Say it all the same? [no] ", signal);
    if (!answer) this.#screen.print(note("It was not said"));
    return answer;
  }

  /** Does one of the client's own commands, while the person goes on typing. */
  async #perform({ command, rest }: LocalCall): Promise<void> {
    const screen = this.#screen;
    try {
      await command.run(rest, {
        answer: (line) => screen.print(cleanLine(line)),
        note: (sentence) => screen.print(note(sentence)),
      });
    } catch (error) {
      if (error instanceof AlreadyTold) return;
      if (this.#session.ending) screen.farewell(errorLine(error));
      else screen.print(errorLine(error));
    }
  }

  #follow(status: Status): void {
    if (status.state === "resumed") this.#lastNote = "";
    if (status.state === "login_needed") this.#again = { user: this.#user };
    if (status.state === "logged_out") this.#again = {};
    if (this.#again) this.#interrupt.abort();
  }

  #prompt(): string {
    const { room, server } = this.#session;
    return `${server ? "" : "(offline) "}${room ?? ""}> `;
  }
}
