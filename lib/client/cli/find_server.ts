/**
 * `chat --discover`: lists the servers that answer, with their rooms, and goes to one of them.
 *
 * Answers are hints: where one leads, the certificate decides who is trusted, as it does for a server that is named.
 */

import { X509Certificate } from "node:crypto";
import { table } from "../../common/table.ts";
import { isRoom, lobby, roomRule } from "../../wire/names.ts";
import { formatServer, type ServerAddress } from "../base/address.ts";
import { ClientError } from "../base/exit.ts";
import { type Dial, DialError } from "../net/dial.ts";
import { errorLine, note } from "../terminal/render.ts";
import type { Screen } from "../terminal/screen.ts";
import { discover, type DiscoverOptions, type FoundServer } from "./discovery.ts";
import { readCa } from "./files.ts";
import type { Output } from "./output.ts";

/** Settings and ports of {@linkcode findServer}. */
export interface FindOptions {
  readonly output: Output;
  /** One JSON object a server, for programs. */
  readonly json?: boolean;
  /** Go to the first server that has this room; with `json`, list those that have it. */
  readonly join?: string | undefined;
  /** Asks a person which server and which room; undefined where nobody sits there. */
  readonly screen?: Pick<Screen, "read"> | undefined;
  /** The file of the authorities to trust; undefined for those that are trusted unless others are named. */
  readonly ca?: string | undefined;
  /** Connects to a server and verifies it. */
  readonly dial: Dial;
  /** How servers are looked for. */
  readonly discovery?: DiscoverOptions;
}

/** Where to go: a server that was verified, and a room. */
export interface Goal {
  readonly server: ServerAddress;
  readonly room: string;
}

/**
 * Lists the servers that answer, or finds one.
 *
 * @returns where to go; undefined where the list was all that was wanted
 * @throws {ClientError} `unreachable` where no server answers, none has the room, or none of them can be trusted
 */
export async function findServer(options: FindOptions): Promise<Goal | undefined> {
  const { output, json = false, join, screen, dial } = options;
  const found = await discover(options.discovery);
  if (found.length === 0) {
    throw new ClientError("unreachable", "No server answered; those answer that were started with DISCOVERY=on");
  }
  const servers = join === undefined ? found : found.filter((server) => hasRoom(server, join));
  if (servers.length === 0) {
    throw new ClientError(
      "unreachable",
      `None of the servers that answered has the room ${join}; they have ${roomsOf(found)}`,
    );
  }
  const trusted = fingerprintsOf(readCa(options.ca));
  if (json) {
    await output.out(servers.map((server) => JSON.stringify({ ...server, trusted: isTrusted(server, trusted) })));
    return undefined;
  }
  if (join !== undefined) return await firstVerified(servers, join, dial, output);
  await output.out(described(servers));
  await output.err([note("These are hints, which anybody can send: the certificate tells who a server is")]);
  if (!screen) return undefined;
  const server = await choose(screen, servers);
  if (!server) return undefined;
  const room = await chooseRoom(screen, server);
  return room === undefined ? undefined : await firstVerified([server], room, dial, output);
}

function hasRoom({ rooms }: FoundServer, room: string): boolean {
  return room === lobby || rooms.includes(room);
}

function roomsOf(servers: readonly FoundServer[]): string {
  return [...new Set([lobby, ...servers.flatMap(({ rooms }) => rooms)])].sort().join(", ");
}

/** Connects to one after the other, by its name and then by its address, until one can be trusted. */
async function firstVerified(
  servers: readonly FoundServer[],
  room: string,
  dial: Dial,
  { err }: Output,
): Promise<Goal> {
  for (const { host, address, port } of servers) {
    for (const name of new Set([host ?? address, address])) {
      const server = { host: name, port };
      try {
        (await dial(server, new AbortController().signal)).close();
        return { server, room };
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        await err([errorLine(error)]);
        // A person who has said no to its certificate is not asked again for its address.
        if (error instanceof DialError && error.failure === "unknown_certificate") break;
      }
    }
  }
  const which = servers.length === 1 ? "The server" : `None of the ${servers.length} servers`;
  const fault = servers.length === 1 ? "cannot be" : "can be";
  throw new ClientError(
    "unreachable",
    `${which} ${fault} reached and trusted; --ca <file> names whom to trust, and on a terminal you are asked`,
  );
}

function described(servers: readonly FoundServer[]): string[] {
  const [heading, ...rows] = table(servers.map((server, at) => {
    const { server: name, host, address, port, rooms } = server;
    const way = formatServer({ host: host ?? address, port });
    return {
      "#": at + 1,
      server: name,
      address: formatServer({ host: address, port }),
      rooms: rooms.length === 0 ? lobby : rooms.join(" "),
      "to connect": `chat ${way}`,
    };
  }));
  return [heading, ...rows.flatMap((row, at) => [row, `   SHA-256 ${servers[at].fingerprint}`])];
}

async function choose(
  screen: Pick<Screen, "read">,
  servers: readonly FoundServer[],
): Promise<FoundServer | undefined> {
  const allowed = servers.length === 1 ? "1" : `1–${servers.length}`;
  for (;;) {
    const answer = (await screen.read({ prompt: `Server (${allowed}; Enter leaves): `, keep: true }))?.trim();
    if (!answer) return undefined;
    const server = servers[Number(answer) - 1] ?? servers.find(({ server }) => server === answer);
    if (server) return server;
  }
}

async function chooseRoom(screen: Pick<Screen, "read">, { rooms }: FoundServer): Promise<string | undefined> {
  const named = rooms.length === 0 ? "" : `${rooms.join(", ")}; `;
  for (let hint = "";;) {
    const answer = await screen.read({ prompt: `${hint}Room (${named}Enter for ${lobby}): `, keep: true });
    if (answer === undefined) return undefined;
    const room = answer.trim().replace(/^#/, "").toLowerCase();
    if (room === "") return lobby;
    if (isRoom(room)) return room;
    hint = `Allowed: ${roomRule}. `;
  }
}

function isTrusted({ ca }: FoundServer, trusted: ReadonlySet<string>): boolean {
  return ca !== undefined && trusted.has(ca);
}

/** SHA-256 of each certificate in a PEM text. */
function fingerprintsOf(pem: string | undefined): Set<string> {
  const certificates = pem?.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  return new Set(certificates.flatMap((text) => {
    try {
      return [new X509Certificate(text).fingerprint256];
    } catch {
      return []; // one that cannot be read is not trusted either
    }
  }));
}
