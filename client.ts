/**
 * The terminal client: arguments → parts → run → exit code. What it does is in `lib/client`.
 */

import { formatServer } from "./lib/client/address.ts";
import { tlsDialer } from "./lib/client/dial.ts";
import { ClientError, type Exit, exits } from "./lib/client/exit.ts";
import { environment, inputLines, readCa, readPassword } from "./lib/client/files.ts";
import { runInteractive } from "./lib/client/interactive.ts";
import { helpText, type Options, readOptions } from "./lib/client/options.ts";
import { PlainScreen } from "./lib/client/plain.ts";
import { errorLine, note } from "./lib/client/render.ts";
import { Session } from "./lib/client/resume.ts";
import { runScript } from "./lib/client/script.ts";
import { openTerminal, processTty, writeLines } from "./lib/client/tty.ts";
import { version } from "./lib/client/version.ts";

/** A script does not wait for ever for a server to come back, in milliseconds. */
const scriptGiveUpMs = 60_000;

async function main(args: readonly string[]): Promise<Exit> {
  const options = readOptions(args, environment);
  if (options.kind === "help") return await say(helpText());
  if (options.kind === "version") return await say(`chat ${version} (Deno ${Deno.version.deno})`);
  return await chat(options);
}

async function say(text: string): Promise<Exit> {
  await writeLines(Deno.stdout, [text]);
  return "ok";
}

async function chat(options: Options & { kind: "chat" }): Promise<Exit> {
  const { servers, user, register } = options;
  const password = options.passwordFile === undefined ? options.password : readPassword(options.passwordFile);
  const script = !Deno.stdin.isTerminal();
  if (script && user !== undefined && password === undefined) {
    throw new ClientError("usage", "--user needs a password here: CHAT_PASSWORD or --password-file <file>");
  }
  const session = new Session({
    servers,
    dial: tlsDialer({ ca: readCa(options.ca) }),
    client: `chat/${version}`,
    ...(script ? { giveUpMs: scriptGiveUpMs } : {}),
  });
  await session.connect();
  if (script) {
    return await runScript(session, {
      lines: inputLines(),
      out: (lines) => writeLines(Deno.stdout, lines),
      err: (lines) => writeLines(Deno.stderr, lines),
      ...(user === undefined ? {} : { login: { cmd: register ? "register" : "login", user, password: password! } }),
    });
  }
  const screen = Deno.stdout.isTerminal() && !options.dumb ? openTerminal() : new PlainScreen(processTty);
  try {
    const { address, name } = session.server!;
    screen.print(note(`Connected to ${formatServer(address)}${name === "" ? "" : ` (${name})`}`));
    return await runInteractive(session, screen, user === undefined ? {} : { user, register, password });
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
