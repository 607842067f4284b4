/**
 * The terminal client: arguments → parts → run → exit code. What it does is in `lib/client`.
 */

import { Additions } from "./lib/client/additions.ts";
import { formatServer } from "./lib/client/address.ts";
import { runHistory, runSend, runTail } from "./lib/client/beside.ts";
import { completions } from "./lib/client/completions.ts";
import { runDiscover } from "./lib/client/discovery.ts";
import { ClientError, type Exit, exits } from "./lib/client/exit.ts";
import { environment, inputLines, readProfiles } from "./lib/client/files.ts";
import { runInteractive } from "./lib/client/interactive.ts";
import { runJson } from "./lib/client/json.ts";
import { KeptSession } from "./lib/client/kept_session.ts";
import { helpText, type Options, readOptions } from "./lib/client/options.ts";
import { openScreen } from "./lib/client/open_screen.ts";
import { stateFolder } from "./lib/client/places.ts";
import { dialerOf, givenPassword, insecureNote, knownServers, openBot, scriptGiveUpMs } from "./lib/client/reach.ts";
import { errorLine, note } from "./lib/client/render.ts";
import { Session } from "./lib/client/resume.ts";
import { runScript } from "./lib/client/script.ts";
import { sealCommands } from "./lib/client/seal/commands.ts";
import { Sealing } from "./lib/client/seal/sealing.ts";
import { SideSession } from "./lib/client/side.ts";
import { runGet, runSendFile } from "./lib/client/transfer/beside.ts";
import { downloadFolder } from "./lib/client/transfer/local.ts";
import { writeBytes, writeLines } from "./lib/client/tty.ts";
import type { Login } from "./lib/client/update.ts";
import { version } from "./lib/client/version.ts";

const out = (lines: readonly string[]) => writeLines(Deno.stdout, lines);
const err = (lines: readonly string[]) => writeLines(Deno.stderr, lines);

async function main(args: readonly string[]): Promise<Exit> {
  const options = readOptions(args, environment, readProfiles);
  switch (options.kind) {
    case "help":
      return await say(helpText());
    case "version":
      return await say(`chat ${version} (Deno ${Deno.version.deno})`);
    case "completions":
      if (options.shell !== "profiles") return await say(completions(options.shell));
      return await say([...readProfiles().byName.keys()].join("\n"));
    case "forget": {
      const known = knownServers();
      const forgotten = options.servers.filter((server) => known.forget(server));
      if (forgotten.length > 0) return await say(`Forgotten: ${forgotten.map(formatServer).join(", ")}`);
      throw new ClientError("usage", `Nothing is remembered of ${options.servers.map(formatServer).join(", ")}`);
    }
    case "discover":
      return await runDiscover({ out, err });
    case "send": {
      await using bot = await openBot(options, scriptGiveUpMs);
      const { destination, file, text } = options;
      if (file !== undefined && destination.cmd !== "publish") {
        const { cmd: _, ...where } = destination;
        return await runSendFile(bot, { where, path: file, ...(text === undefined ? {} : { text }) }, { out, err });
      }
      return await runSend(bot, options.destination, options.text === undefined ? inputLines() : one(options.text), {
        out,
        err,
      });
    }
    case "tail": {
      await using bot = await openBot(options);
      return await runTail(bot, options, { out, err });
    }
    case "history": {
      await using bot = await openBot(options, scriptGiveUpMs);
      return await runHistory(bot, options, { out, err });
    }
    case "get": {
      await using bot = await openBot(options, scriptGiveUpMs);
      return await runGet(bot, options, { out, err, write: (bytes) => writeBytes(Deno.stdout, bytes) });
    }
    case "chat":
      return await chat(options);
  }
}

async function say(text: string): Promise<Exit> {
  await out(text === "" ? [] : [text]);
  return "ok";
}

async function* one(text: string): AsyncGenerator<string, void, void> {
  yield await Promise.resolve(text);
}

async function chat(options: Options & { kind: "chat" }): Promise<Exit> {
  const { servers, user, register, remember, insecure, json } = options;
  const script = json || !Deno.stdin.isTerminal();
  const password = givenPassword(options);
  const kept = remember && user !== undefined && new KeptSession(stateFolder(environment), user, servers[0]);
  const token = kept && password === undefined && !register ? kept.read() : undefined;
  if (script && user !== undefined && password === undefined && token === undefined) {
    throw new ClientError("usage", "--user needs a password here: CHAT_PASSWORD or --password-file <file>");
  }
  const { dial, stopAsking } = dialerOf(options);
  // Whoever speaks JSON gets what the server says, as it is.
  const sealing = json || options.side
    ? undefined
    : new Sealing({ folder: stateFolder(environment), server: servers[0] });
  const session = new (options.side ? SideSession : Session)({
    servers,
    dial,
    client: `chat/${version}`,
    insecure,
    ...(sealing ? { sealing } : {}),
    ...(kept ? { keep: (token) => kept.keep(token) } : {}),
    ...(script ? { giveUpMs: scriptGiveUpMs } : {}),
  });
  await session.connect();
  stopAsking();
  if (script && insecure) await err([note(insecureNote)]);
  const login: Login | undefined = token !== undefined
    ? { cmd: "resume", token }
    : user === undefined || password === undefined
    ? undefined
    : { cmd: register ? "register" : "login", user, password };
  const given = { lines: inputLines(), out, ...(login ? { login } : {}) };
  if (json || session instanceof SideSession) return await runJson(session, given);
  const additions = new Additions(session, { downloads: () => downloadFolder(options.downloads) });
  if (sealing) additions.own.add(...sealCommands(sealing, session));
  if (script) return await runScript(session, { ...given, err, additions });
  const screen = openScreen(session, additions, {
    ...options.screen,
    stateFolder: stateFolder(environment),
    ...(insecure ? { warning: "NOT SECURE" } : {}),
  });
  try {
    const { address, name } = session.server!;
    screen.print(note(`Connected to ${formatServer(address)}${name === "" ? "" : ` (${name})`}`));
    if (insecure) screen.print(note(insecureNote));
    return await runInteractive(
      session,
      screen,
      user === undefined ? {} : { user, register, password, token },
      additions,
    );
  } finally {
    await screen.close();
  }
}

try {
  Deno.exit(exits[await main(Deno.args)].code);
} catch (error) {
  if (!(error instanceof ClientError)) throw error;
  await writeLines(Deno.stderr, [errorLine(error)]);
  Deno.exit(exits[error.exit].code);
}
