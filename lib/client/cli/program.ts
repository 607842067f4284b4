/** The client as a program: arguments in, an exit code out. */

import { isSystemError, reasonOf } from "../../common/errors.ts";
import { formatServer } from "../base/address.ts";
import { environment } from "../base/environment.ts";
import { ClientError, type Exit, exits, withHint } from "../base/exit.ts";
import { version } from "../base/version.ts";
import { errorLine } from "../terminal/render.ts";
import { PlainScreen } from "../terminal/plain.ts";
import { processTty } from "../terminal/tty.ts";
import { runChat } from "./chat.ts";
import { completions } from "./options/completions.ts";
import { dialerOf, knownServers, openBot, scriptGiveUpMs } from "./connect.ts";
import { findServer } from "./find_server.ts";
import { readProfiles } from "./files.ts";
import { inputLines } from "./input_lines.ts";
import { helpText } from "./options/help.ts";
import type { DiscoverOptions, Options } from "./options/options.ts";
import { readOptions } from "./options/read_options.ts";
import { type ByteOutput, type Output, processOutput } from "./output.ts";
import { runHistory, runSend, runTail } from "./pipe.ts";
import { runGet, runSendFile } from "./pipe_files.ts";

/** How wide the help is where it goes to no terminal. */
const pipeColumns = 120;

/**
 * Does what the arguments say.
 *
 * @returns the exit code; what went wrong was said in one line, unless it is a fault of the program's
 */
export async function runProgram(args: readonly string[], output: ByteOutput = processOutput): Promise<number> {
  try {
    return exits[await run(readOptions(args, environment, readProfiles), output)].code;
  } catch (error) {
    // The reader of the output has seen enough: that is no fault.
    if (error instanceof Deno.errors.BrokenPipe) return exits.ok.code;
    const told = isSystemError(error) ? new ClientError("usage", `The system refused: ${reasonOf(error)}`) : error;
    if (!(told instanceof ClientError)) throw error;
    await output.err([errorLine(told)]);
    return exits[told.exit].code;
  } finally {
    await output.err([]); // what was told on the way is not lost with the process
  }
}

async function run(options: Options, output: ByteOutput): Promise<Exit> {
  const say = async (text: string): Promise<Exit> => {
    await output.out(text === "" ? [] : [text]);
    return "ok";
  };
  switch (options.kind) {
    case "help":
      return await say(helpText(Deno.stdout.isTerminal() ? processTty.columns() : pipeColumns));
    case "version":
      return await say(`chat ${version} (Deno ${Deno.version.deno})`);
    case "completions":
      if (options.shell !== "profiles") return await say(completions(options.shell));
      return await say([...readProfiles().byName.keys()].join("\n"));
    case "forget":
      return await say(forget(options));
    case "discover":
      return await find(options, output);
    case "send":
      return await send(options, output);
    case "tail": {
      // One room is for every server; several need one that can do with many.
      await using bot = await openBot(options, output, undefined, options.rooms.length > 1 ? options.rooms : undefined);
      return await runTail(bot, options, output);
    }
    case "history": {
      await using bot = await openBot(options, output, scriptGiveUpMs);
      return await runHistory(bot, options, output);
    }
    case "get": {
      await using bot = await openBot(options, output, scriptGiveUpMs);
      return await runGet(bot, options, output);
    }
    case "chat":
      return await runChat(options, output);
  }
}

function forget({ servers, noProfile }: Options & { kind: "forget" }): string {
  const known = knownServers();
  const forgotten = servers.filter((server) => known.forget(server));
  if (forgotten.length > 0) return `Forgotten: ${forgotten.map(formatServer).join(", ")}`;
  const unknown = new ClientError("usage", `Nothing is remembered of ${servers.map(formatServer).join(", ")}`);
  throw withHint(unknown, noProfile);
}

async function find({ chat, json, join, places }: DiscoverOptions, output: Output): Promise<Exit> {
  const someoneIsThere = !json && Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const screen = someoneIsThere ? new PlainScreen(processTty) : undefined;
  const { dial, stopAsking } = dialerOf(chat);
  const goal = await findServer({ output, json, join, screen, ca: chat.ca, dial, discovery: { places } });
  stopAsking();
  if (!goal) await screen?.close();
  return goal ? await runChat({ ...chat, servers: [goal.server], join: goal.room }, output) : "ok";
}

async function send(options: Options & { kind: "send" }, output: Output): Promise<Exit> {
  await using bot = await openBot(options, output, scriptGiveUpMs);
  const { destination, file, text } = options;
  if (file !== undefined && destination.cmd !== "publish") {
    const { cmd: _, ...where } = destination;
    return await runSendFile(bot, { where, path: file, ...(text === undefined ? {} : { text }) }, output);
  }
  return await runSend(bot, destination, text === undefined ? inputLines() : one(text), output);
}

async function* one(text: string): AsyncGenerator<string, void, void> {
  yield await Promise.resolve(text);
}
