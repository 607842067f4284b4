import { ChatError } from "../../common/errors.ts";
import { readId } from "../../wire/request.ts";
import type { Reply } from "../../wire/event.ts";
import type { Request } from "../net/connection.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { readUntil } from "./input_lines.ts";
import { isObject, type JsonObject } from "../base/shape.ts";
import type { Ending, Login, Update } from "../session/update.ts";

/** What the lines are for: a session, or a side connection. */
export interface Talker {
  readonly ending: Ending | undefined;
  login(login: Login): Promise<Reply>;
  send(request: Request): Promise<Reply>;
  quit(ms: number): Promise<void>;
  close(): void;
  updates(): AsyncIterable<Update>;
}

/** How it is run. */
export interface JsonOptions {
  readonly lines: AsyncIterator<string>;
  /** Writes lines; nothing more is read from the server until it has. */
  out(lines: readonly string[]): Promise<void>;
  /** Who logs in before the first line; without it, a line does: `login`, `register` or `resume`. */
  readonly login?: Login;
}

/** How long leaving may take, in milliseconds. */
const farewellMs = 5_000;

const logins: ReadonlySet<unknown> = new Set(["login", "register", "resume"]);

/**
 * How many requests may be unanswered before the next line is read. It is twice what a session sends without waiting, so
 * that the wire is never idle, and a program that writes faster than its server answers is held up by its own pipe.
 */
export const maxUnanswered = 64;

/**
 * `chat --json`: the protocol's JSON lines on standard input and output. The session takes care of everything in between:
 * TLS, `HELLO`, `ping`, lost connections, messages that have to be sent again. There is a connection already.
 *
 * In: requests, `{"id":7,"cmd":"say","text":"hi"}`. Out, a line each: the requests' answers (`ok`, `error`, with their
 * `id`), events, and `{"type":"status","state":"lost",…}` for what becomes of the connection. It ends when the input has
 * ended and everything is answered, or the session is over.
 *
 * @returns the way it ended
 */
export async function runJson(talker: Talker, options: JsonOptions): Promise<Exit> {
  return await new JsonRun(talker, options).run();
}

class JsonRun {
  readonly #talker: Talker;
  readonly #options: JsonOptions;
  #exit: Exit = "ok";
  #leaving = false;
  /** Nobody reads the output any more. */
  #unread = false;
  #unanswered = 0;
  /** The newest login: a code goes with it. */
  #login: Request | undefined;
  /** Called when an answer has come. */
  #answered = () => {};

  constructor(talker: Talker, options: JsonOptions) {
    this.#talker = talker;
    this.#options = options;
  }

  async run(): Promise<Exit> {
    const showing = this.#show();
    try {
      await this.#read(showing.then(() => {}, () => {}));
      this.#leaving = true;
      await this.#talker.quit(farewellMs);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) this.#unread = true;
      else if (error instanceof ChatError) this.#exit = "login"; // shown where it came
      else if (error instanceof ClientError && error.exit !== "usage") this.#exit = error.exit; // as a status
      else throw error;
    } finally {
      this.#talker.close();
      await showing;
    }
    if (this.#unread) return "ok";
    return this.#exit !== "ok" ? this.#exit : this.#talker.ending?.exit ?? "ok";
  }

  /** Writes what the session tells, until it ends. */
  async #show(): Promise<void> {
    const { out } = this.#options;
    try {
      for await (const update of this.#talker.updates()) {
        if (this.#leaving && update.kind === "reply" && update.reply.of === "quit") continue;
        const value = toJson(update);
        if (value) await out([JSON.stringify(value)]);
        if (update.kind !== "status" || update.status.state !== "login_needed") continue;
        this.#exit = "login";
        this.#talker.close();
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.#unread = true;
    } finally {
      this.#talker.close();
      this.#answered();
    }
  }

  /** Sends what the lines ask for, until they end or ask to quit, and waits for the answers. */
  async #read(over: Promise<void>): Promise<void> {
    const { lines, out, login } = this.#options;
    const next = readUntil(lines, over);
    if (login) await this.#logIn(login);
    for (;;) {
      const line = await next();
      if (line === undefined || this.#talker.ending) break;
      if (line.trim() === "") continue;
      const request = readRequest(line);
      if (request instanceof ChatError) {
        const { code, message } = request;
        await out([JSON.stringify({ type: "error", code, message })]);
      } else if (request.cmd === "quit") break;
      else {
        this.#give(request);
        await this.#atMost(logins.has(request.cmd) || request.cmd === "code" ? 0 : maxUnanswered - 1);
      }
    }
    await this.#atMost(0);
  }

  /** Logs in before the first line; where a code is wanted, a line has it. */
  async #logIn(login: Login): Promise<void> {
    this.#login = { ...login };
    await this.#talker.login(login).catch((error) => {
      if (!(error instanceof ChatError) || error.code !== "code_required") throw error;
    });
  }

  /** Hands a request over; its answer is shown where it comes. */
  #give(given: Request): void {
    if (given.cmd === "login") this.#login = given;
    // A code is the second half of a login, which the session asks for as one.
    const { id: _, ...login } = this.#login ?? given;
    const half = given.cmd === "code" && this.#login !== undefined;
    const request: Request = half ? { ...login, ...given, cmd: login.cmd } : given;
    const answer = logins.has(request.cmd)
      ? this.#talker.login(request as unknown as Login)
      : this.#talker.send(request);
    this.#unanswered++;
    answer.then(() => {}, () => {}).finally(() => {
      this.#unanswered--;
      this.#answered();
    });
  }

  /** Resolves when no more than so many requests are unanswered, or the session is over. */
  async #atMost(count: number): Promise<void> {
    while (this.#unanswered > count && !this.#talker.ending) {
      await new Promise<void>((resolve) => this.#answered = resolve);
    }
  }
}

function readRequest(line: string): Request | ChatError {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return new ChatError("invalid_json", "The line is not JSON");
  }
  if (!isObject(value) || typeof value.cmd !== "string") {
    return new ChatError("invalid_json", 'The line is not an object with a "cmd"');
  }
  try {
    const { id: given, ...rest } = value;
    const id = readId(given, line);
    return { ...rest, ...(id === undefined ? {} : { id }) } as Request;
  } catch (error) {
    return error as ChatError;
  }
}

function toJson(update: Update): JsonObject | undefined {
  switch (update.kind) {
    case "event":
    case "unknown":
      return { ...update.event };
    case "status":
      return { type: "status", ...update.status };
    case "reply": {
      const { of: _, ...fields } = update.reply;
      return { type: "ok", ...idOf(update.request), ...fields };
    }
    case "refused": {
      const { error } = update;
      const [code, extra] = error instanceof ChatError ? [error.code, error.extra] : ["connection_lost", {}];
      return { type: "error", ...idOf(update.request), code, message: error.message, ...extra };
    }
  }
}

function idOf({ id }: Request): JsonObject {
  return id === undefined ? {} : { id };
}
