/** `chat` without another word: a person at a screen, a script in a pipe, or a program that speaks JSON. */

import { formatServer } from "../base/address.ts";
import { environment } from "../base/environment.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { stateFolder } from "../base/user_dirs.ts";
import { version } from "../base/version.ts";
import { sealCommands } from "../e2ee/commands.ts";
import { sealer } from "../e2ee/sealer.ts";
import { Sealing } from "../e2ee/sealing.ts";
import type { Dial } from "../net/dial.ts";
import { Session, type SessionOptions } from "../session/session.ts";
import { SideSession } from "../session/side.ts";
import type { Login } from "../session/update.ts";
import { Additions } from "../terminal/additions.ts";
import { PlainScreen } from "../terminal/plain.ts";
import { errorLine, note } from "../terminal/render.ts";
import { processTty } from "../terminal/tty.ts";
import { downloadFolder } from "../transfer/local.ts";
import { dialerOf, givenPassword, insecureNote, scriptGiveUpMs } from "./connect.ts";
import { inputLines } from "./input_lines.ts";
import { runInteractive } from "./interactive.ts";
import { runJson } from "./json.ts";
import { KeptSession } from "./kept_session.ts";
import { openScreen } from "./open_screen.ts";
import type { ChatOptions } from "./options/options.ts";
import type { Output } from "./output.ts";
import { runScript } from "./script.ts";

/** What a person or a script can log in with. */
interface Credentials {
  /** Where the session is kept; undefined without `--remember`. */
  readonly kept: KeptSession | undefined;
  /** Of the kept session. */
  readonly token: string | undefined;
  readonly password: string | undefined;
}

/**
 * Connects, and hands over to the screen, the script or the program on the other side of the pipe.
 *
 * @throws {ClientError} `usage` where a password is needed and nobody can be asked, `unreachable` where no server is
 */
export async function runChat(options: ChatOptions, { out, err }: Output): Promise<Exit> {
  const script = options.json || !Deno.stdin.isTerminal();
  const credentials = credentialsOf(options, script);
  const { dial, stopAsking } = dialerOf(options);
  // A program that speaks JSON gets what the server says, as it is.
  const sealing = options.json || options.side
    ? undefined
    : new Sealing({ folder: stateFolder(environment), server: options.servers[0] });
  const { kept } = credentials;
  const settings: SessionOptions = {
    ...wireSettings(options, dial, script),
    ...(sealing ? { sealing: sealer(sealing) } : {}),
    ...(kept ? { keep: (token) => kept.keep(token) } : {}),
  };
  const session = options.side ? new SideSession(settings) : new Session(settings);
  await connect(session, script);
  stopAsking();
  if (script && options.insecure) await err([note(insecureNote)]);
  const login = scriptedLogin(options, credentials);
  const given = { lines: inputLines(), out, ...(login ? { login } : {}) };
  const join = options.join === undefined ? {} : { join: options.join };
  if (options.json || session instanceof SideSession) return await runJson(session, given);
  const additions = new Additions(session, { downloads: () => downloadFolder(options.downloads) });
  if (sealing) additions.own.add(...sealCommands(sealing, session));
  if (script) return await runScript(session, { ...given, ...join, err, additions });
  return await runOnScreen(options, session, additions, credentials);
}

/** How servers are reached and spoken to. */
function wireSettings(
  { servers, insecure, device, manyRooms }: ChatOptions,
  dial: Dial,
  script: boolean,
): SessionOptions {
  return {
    servers,
    dial,
    client: `chat/${version}`,
    insecure,
    ...(device === undefined ? {} : { device }),
    ...(script ? { giveUpMs: scriptGiveUpMs } : {}),
    // A program that relies on many rooms would misread a server that has one for it.
    ...(manyRooms ? { manyRooms: "needed" } : {}),
  };
}

/** Connects; where that fails, what a person has typed for the talk meanwhile is not left to the shell. */
async function connect(session: Session | SideSession, script: boolean): Promise<void> {
  try {
    await session.connect();
  } catch (error) {
    if (!script) await new PlainScreen(processTty).close();
    throw error;
  }
}

function credentialsOf(options: ChatOptions, script: boolean): Credentials {
  const { servers, user, device, register, remember } = options;
  const password = givenPassword(options);
  const kept = remember && user !== undefined
    ? new KeptSession(stateFolder(environment), user, servers[0], device)
    : undefined;
  const token = password === undefined && !register ? kept?.read() : undefined;
  if (script && user !== undefined && password === undefined && token === undefined) {
    throw new ClientError("usage", "--user needs a password here: CHAT_PASSWORD or --password-file <file>");
  }
  return { kept, token, password };
}

/** How a script or a program is logged in before its first line; undefined where its own lines do it. */
function scriptedLogin({ user, register, code }: ChatOptions, { token, password }: Credentials): Login | undefined {
  if (token !== undefined) return { cmd: "resume", token };
  if (user === undefined || password === undefined) return undefined;
  if (register) return { cmd: "register", user, password };
  return { cmd: "login", user, password, ...(code === undefined ? {} : { code }) };
}

async function runOnScreen(
  { screen: chosen, servers, insecure, user, register, code, join }: ChatOptions,
  session: Session,
  additions: Additions,
  { password, token }: Credentials,
): Promise<Exit> {
  const screen = openScreen(session, additions, {
    ...chosen,
    stateFolder: stateFolder(environment),
    server: formatServer(servers[0]),
    ...(insecure ? { warning: "NOT SECURE" } : {}),
  });
  try {
    const { address, name } = session.server!;
    screen.print(note(`Connected to ${formatServer(address)}${name === "" ? "" : ` (${name})`}`));
    if (insecure) screen.print(note(insecureNote));
    const choice = user === undefined ? {} : { user, register, password, code, token };
    const exit = await runInteractive(session, screen, choice, { additions, join });
    if (session.ending?.reason !== "left") await screen.dismissed();
    return exit;
  } catch (error) {
    screen.print(errorLine(error));
    await screen.dismissed();
    throw error;
  } finally {
    await screen.close();
  }
}
