/** Servers that the same talk is measured on: ours, the least one, and InspIRCd where it is installed. */

import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { type Endpoint, eventually } from "../../tests/support/client.ts";
import { Program, temporaryFolder } from "../../tests/support/process.ts";
import { cpuSeconds } from "../proc.ts";
import { enter, Wire } from "../wire.ts";
import { type StoreName, type Usage, World } from "../world.ts";

/** A server, and how one talks on it. */
export interface Peer extends AsyncDisposable {
  /** Whether who says something hears it as well. */
  readonly echoes: boolean;
  /** How many may come in at a time. */
  readonly atOnce: number;
  /** Connects somebody, into a room. */
  enter(user: string, room: string): Promise<Wire>;
  /** The line that says a text. */
  say(room: string, text: string): string;
  /** Where in a line the text begins, and how many bytes end it. */
  frame(user: string, room: string): { readonly offset: number; readonly ending: 1 | 2 };
  usage(): Usage;
}

/** Ours. */
export async function ours(store: StoreName): Promise<Peer> {
  const world = await World.start(store);
  return {
    ...text(world.server),
    usage: () => world.usage(),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** The least server, see {@linkcode ./bare_server.ts}. */
export async function bare(): Promise<Peer> {
  await using parts = new AsyncDisposableStack();
  const { folder, ca, cert, key } = await certified(parts);
  const program = new Program(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-net", "--allow-read", "--v8-flags=--max-semi-space-size=4"],
      ...[join(import.meta.dirname!, "bare_server.ts"), cert, key],
    ],
    cwd: folder,
  });
  parts.use(program);
  const ready = await program.logged("server_ready");
  if (!ready) throw new Error(`The least server does not start: ${program.text}`);
  const { port } = ready.properties as { port: number };
  const owned = parts.move();
  return { ...text({ port, ca }), usage: usageOf(program), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** @returns undefined where it is not installed */
export async function inspircd(): Promise<Peer | undefined> {
  const found = await new Deno.Command("inspircd", { args: ["--version"], stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false);
  if (!found) return undefined;
  await using parts = new AsyncDisposableStack();
  const { folder, ca, cert, key } = await certified(parts);
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const config = join(folder, "inspircd.conf");
  await Deno.writeTextFile(config, ircConfig(port, cert, key));
  const program = new Program("inspircd", {
    args: ["--config", config, "--nofork", "--nopid", "--runasroot"],
    cwd: folder,
  });
  parts.use(program);
  await eventually(() => program.text.includes("is now running"), "InspIRCd runs");
  const owned = parts.move();
  return {
    echoes: false,
    atOnce: 500, // logins are finished once a second
    async enter(user, room) {
      const wire = await Wire.dial({ port, ca });
      await wire.ask(`NICK ${user}\r\nUSER ${user} 0 * :${user}\r`, ":irc.bench 001");
      await wire.ask(`JOIN #${room}\r`, ":irc.bench 366");
      return wire;
    },
    say: (room, said) => `PRIVMSG #${room} :${said}\r`,
    frame: (user, room) => ({ offset: `:${user}!${user}@127.0.0.1 PRIVMSG #${room} :`.length, ending: 2 }),
    usage: usageOf(program),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function text(at: Endpoint): Omit<Peer, "usage" | typeof Symbol.asyncDispose> {
  return {
    echoes: true,
    atOnce: 16,
    enter: (user, room) => enter(at, "REGISTER", user, room),
    say: (_, said) => said,
    frame: (user) => ({ offset: `${user}: `.length, ending: 1 }),
  };
}

function usageOf(program: Program): () => Usage {
  return () => ({ server: cpuSeconds(program.pid), redis: undefined, generator: cpuSeconds(Deno.pid) });
}

async function certified(parts: AsyncDisposableStack) {
  const folder = parts.use(await temporaryFolder()).path;
  const made = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await Deno.writeTextFile(cert, made.cert);
  await Deno.writeTextFile(key, made.key, { mode: 0o600 });
  return { folder, ca: made.ca, cert, key };
}

/** No limits: what is measured is the work. */
function ircConfig(port: number, cert: string, key: string): string {
  return `<server name="irc.bench" description="bench" network="bench">
<admin name="bench" nick="bench" email="bench@localhost">
<module name="ssl_gnutls">
<sslprofile name="bench" provider="gnutls" certfile="${cert}" keyfile="${key}" priority="NORMAL">
<bind address="127.0.0.1" port="${port}" type="clients" sslprofile="bench">
<connect name="bench" allow="*" timeout="60" pingfreq="600" hardsendq="100000000" softsendq="100000000" recvq="1000000"
 threshold="1000000000" commandrate="100000000" fakelag="no" localmax="20000" globalmax="20000" limit="20000"
 useident="no" resolvehostnames="no">
<performance somaxconn="1024" softlimit="20000" quietbursts="yes">
<options defaultmodes="n">
`;
}
