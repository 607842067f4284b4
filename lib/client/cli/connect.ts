/**
 * From what was asked for to a way in: who is trusted, what the password is, what is kept.
 */

import wrapAnsi from "wrap-ansi";
import { ChatError } from "../../common/errors.ts";
import { formatServer } from "../base/address.ts";
import { Bot, type BotOptions } from "../bot.ts";
import { type Dial, DialError, type DialFailure } from "../net/dial.ts";
import { ClientError, withHint } from "../base/exit.ts";
import { environment } from "../base/environment.ts";
import { ownCa, readCa, readPassword } from "./files.ts";
import { KnownServers } from "../net/known_servers.ts";
import type { Output } from "./output.ts";
import type { Target } from "./options/options.ts";
import type { PeerCertificate } from "../net/peer_certificate.ts";
import { stateFolder } from "../base/user_dirs.ts";
import { PlainScreen } from "../terminal/plain.ts";
import { note } from "../terminal/render.ts";
import type { Screen } from "../terminal/screen.ts";
import { sealer } from "../e2ee/sealer.ts";
import { Sealing } from "../e2ee/sealing.ts";
import { statusText } from "../net/status.ts";
import { type AskTrust, trustDialer } from "../net/trust.ts";
import { processTty } from "../terminal/tty.ts";
import { version } from "../base/version.ts";

/** A script does not wait for ever for a server to come back, in milliseconds. */
export const scriptGiveUpMs = 60_000;

/** What is said wherever servers are not verified. */
export const insecureNote = "NOT SECURE: nobody knows who this server is, and who reads along (--insecure)";

/** Where the servers are remembered that a person has agreed to. */
export function knownServers(): KnownServers {
  return new KnownServers(stateFolder(environment));
}

/** How servers are dialed; `stopAsking` when there is no longer a bare terminal to ask on. */
export function dialerOf({ ca, tofu, insecure, noProfile }: Target): { dial: Dial; stopAsking: () => void } {
  let asking = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  const ask: AskTrust = (server, certificate) => {
    return askTrust(new PlainScreen(processTty), formatServer(server), certificate, processTty.columns());
  };
  const dial = trustDialer({
    ca: insecure ? undefined : readCa(ca),
    named: ca !== undefined,
    publicAuthorities: ownCa(ca) === undefined,
    known: knownServers(),
    tofu,
    insecure,
    ask: () => asking ? ask : undefined,
  });
  return { dial: noProfile === undefined ? dial : hinting(dial, noProfile), stopAsking: () => asking = false };
}

/** Adds a hint to what is said of a server that is not there. */
function hinting(dial: Dial, hint: string): Dial {
  return async (server, signal) => {
    try {
      return await dial(server, signal);
    } catch (error) {
      if (!(error instanceof DialError) || !notThere.has(error.failure)) throw error;
      throw new DialError(error.failure, `${error.message}. ${hint}`, { cause: error });
    }
  };
}

const notThere: ReadonlySet<DialFailure> = new Set(["unknown_host", "refused", "timeout", "network"]);

/**
 * Shows a certificate and asks; only "yes", or the fingerprint itself, is one, and Enter alone is no.
 *
 * @param columns how wide the terminal is
 */
export async function askTrust(
  screen: Pick<Screen, "read">,
  server: string,
  { fingerprint, names, until }: PeerCertificate,
  columns: number,
): Promise<boolean> {
  const described = [
    ...(names.length === 0 ? [] : [`for ${names.slice(0, 5).join(", ")}`]),
    ...(until === undefined ? [] : [`valid until ${until}`]),
  ].join(", ");
  const lines = [
    `${server} is not known here. Its certificate${described === "" ? "" : ` (${described})`} is`,
    `SHA-256 ${fingerprint}`,
    "The server's log has the same line at each start. Trust this certificate from now on?",
  ];
  const choice = "yes, no or the fingerprint [no] ";
  const shown = lines.map((line) => wrapAnsi(note(line), columns, { hard: true })).join("\n");
  for (let prompt = `${shown}\n${choice}`;; prompt = `Answer ${choice}`) {
    const answer = (await screen.read({ prompt, keep: true }))?.trim() ?? "";
    if (answer.toLowerCase() === "yes" || answer.toUpperCase() === fingerprint) return true;
    if (/^(?:no?)?$/i.test(answer)) return false;
  }
}

/** The password as far as it is given. */
export function givenPassword({ password, passwordFile }: Target): string | undefined {
  return passwordFile === undefined ? password : readPassword(passwordFile);
}

/**
 * Logs in beside the user's session; asks for the password where somebody can be asked.
 *
 * @param output what is known of the connection, and of how private messages are, is told beside it
 * @param giveUpMs after how long without a server it ends; never where it is left out
 * @param rooms to be in all of these at once
 * @throws {ClientError} `usage` where user or password are missing, `login` where they are refused
 */
export async function openBot(
  target: Target,
  { err }: Output,
  giveUpMs?: number,
  rooms?: readonly string[],
): Promise<Bot> {
  const { servers, user, insecure } = target;
  if (user === undefined) {
    const missing = new ClientError("usage", "--user <name> is missing; a profile or CHAT_USER can name it");
    throw withHint(missing, target.noProfile);
  }
  const password = givenPassword(target) ?? await askPassword();
  const { dial, stopAsking } = dialerOf(target);
  const tell = (text: string) => void err([note(text)]);
  if (insecure) tell(insecureNote);
  const options: BotOptions = {
    servers,
    dial,
    user,
    password,
    client: `chat/${version}`,
    sealing: sealer(new Sealing({ folder: stateFolder(environment), server: servers[0], create: false })),
    ...(giveUpMs === undefined ? {} : { giveUpMs }),
    ...(rooms === undefined ? {} : { rooms }),
    onStatus: (status) => {
      const text = statusText(status);
      if (text !== undefined) tell(text);
    },
  };
  const bot = await connectBot(options, target.code).catch((error) => {
    if (!(error instanceof ChatError)) throw error;
    throw new ClientError("login", `${error.code}: ${error.message}`, { cause: error });
  });
  stopAsking();
  return bot;
}

/** Logs in, and asks for a code where the account needs one and somebody can be asked. @throws as {@linkcode Bot.connect} */
async function connectBot(options: BotOptions, code: string | undefined): Promise<Bot> {
  try {
    return await Bot.connect(code === undefined ? options : { ...options, code });
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "code_required") throw error;
    const asked = await askHidden("Code: ");
    if (asked) return await connectBot(options, asked);
    throw new ClientError("login", "code_required: the account has two-factor login: CHAT_CODE", { cause: error });
  }
}

async function askPassword(): Promise<string> {
  const asked = await askHidden("Password: ");
  if (asked) return asked;
  throw new ClientError("usage", "The password is missing: CHAT_PASSWORD or --password-file <file>");
}

/** @returns undefined where nobody can be asked, or nothing was answered */
async function askHidden(prompt: string): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) return undefined;
  return await new PlainScreen(processTty).read({ prompt, secret: true, keep: true }) || undefined;
}
