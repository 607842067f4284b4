/**
 * `chat --json`: the protocol's JSON lines on standard input and output, with everything in between taken care of: TLS
 * and its verification, `HELLO`, `ping`, lost connections, messages that have to be sent again.
 *
 * In: requests, `{"id":7,"cmd":"say","text":"hi"}`. Out, a line each: the requests' answers (`ok`, `error`, with their
 * `id`), events, and `{"type":"status","state":"lost",…}` for what becomes of the connection. It ends when the input
 * does and everything is answered, or the session is over.
 */

import { ChatError } from "../../common/errors.ts";
import type { Reply } from "../../wire/event.ts";
import type { Request } from "../net/connection.ts";
import { ClientError, type Exit } from "../base/exit.ts";
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

/** Runs it to its end; there is a connection already. @returns the way it ended */
export async function runJson(talker: Talker, { lines, out, login }: JsonOptions): Promise<Exit> {
  let exit: Exit = "ok";
  let leaving = false;
  let deaf = false;

  async function show(): Promise<void> {
    try {
      for await (const update of talker.updates()) {
        if (leaving && update.kind === "reply" && update.reply.of === "quit") continue;
        const value = toJson(update);
        if (value) await out([JSON.stringify(value)]);
        if (update.kind !== "status" || update.status.state !== "login_needed") continue;
        exit = "login";
        talker.close();
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      deaf = true;
    } finally {
      talker.close();
    }
  }

  const showing = show();
  const over = showing.then(() => undefined, () => undefined);
  try {
    const answers = new Set<Promise<void>>();
    if (login) await talker.login(login);
    for (;;) {
      const next = await Promise.race([lines.next(), over]);
      if (!next || next.done || talker.ending) break;
      if (next.value.trim() === "") continue;
      const request = readRequest(next.value);
      if (request instanceof ChatError) {
        const { code, message } = request;
        await out([JSON.stringify({ type: "error", code, message })]);
        continue;
      }
      if (request.cmd === "quit") break;
      // The answer is shown where it comes.
      const answer = give(talker, request).then(() => {}, () => {}).finally(() => answers.delete(answer));
      answers.add(answer);
      if (logins.has(request.cmd)) await answer;
    }
    await Promise.race([Promise.all(answers), over]);
    leaving = true;
    await talker.quit(farewellMs);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) deaf = true;
    else if (error instanceof ChatError) exit = "login"; // shown where it came
    else if (error instanceof ClientError) exit = error.exit;
    else throw error;
  } finally {
    talker.close();
    await showing;
  }
  if (deaf) return "ok";
  return exit !== "ok" ? exit : talker.ending?.exit ?? "ok";
}

function give(talker: Talker, request: Request): Promise<Reply> {
  return logins.has(request.cmd) ? talker.login(request as unknown as Login) : talker.send(request);
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
  return value as Request;
}

function toJson(update: Update): JsonObject | undefined {
  switch (update.kind) {
    case "event":
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
