import { existsSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../common/time.ts";
import { getLog } from "../observability/log.ts";
import type { Store } from "../store/store.ts";
import { linesOf } from "./lines.ts";
import { AdminError, type Given } from "./given.ts";
import { operations } from "./operations.ts";

/** How much is gathered before it is written, in bytes. */
const chunkBytes = 65_536;

/** The longest rest between two chunks, in milliseconds: a client may read slowly. */
const maxRestMs = 100;

const log = getLog("admin");
const encoder = new TextEncoder();

/** The longest path of a Unix socket, in bytes: `sun_path` has a byte more for the end. */
const maxPathBytes = Deno.build.os === "linux" ? 107 : 103;

/**
 * Where the socket of a data folder is.
 *
 * @throws {AdminError} where its path would be longer than the system takes
 */
export function socketPath(dataDir: string): string {
  const path = join(dataDir, "admin.sock");
  const { length } = encoder.encode(path);
  if (length <= maxPathBytes) return path;
  throw new AdminError(
    `${path} is ${length} bytes long, and a socket's path has at most ${maxPathBytes} here; ` +
      "give DATA_DIR a shorter path, such as a link to the folder",
  );
}

/**
 * Opens the Unix socket on which a server that has a SQLite file to itself does what an operator asks; the caller has the
 * folder's database.
 *
 * 1. Nobody but the server's user can connect, at no moment: it is made in a folder that is closed to others, and then
 *    put in its place, which also takes the place of what a killed server left there.
 * 2. The file never tells whether a server runs: a socket that nobody listens to refuses, and the database's lock dies
 *    with its process.
 * 3. One connection is one request: `{"op":…,"given":{…}}`, answered by `{"item":…}` lines and then `{"end":true}` or
 *    `{"error":…}`. Lines are JSON.
 *
 * @returns undefined where the system has none such, or the path is too long for one: the log says so
 */
export function openSocket(dataDir: string, store: Store): AsyncDisposable | undefined {
  let listener: Deno.UnixListener;
  try {
    listener = listen(dataDir);
  } catch (error) {
    const reason = error instanceof AdminError ? { reason: error.message } : { error };
    log.warn("admin_socket_failed", { folder: dataDir, ...reason });
    return undefined;
  }
  const open = new Set<Deno.Conn>();
  const serving = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      const served: Promise<void> = serve(conn, store).finally(() => {
        open.delete(conn);
        serving.delete(served);
      });
      serving.add(served);
    }
  })().catch((error) => log.warn("admin_socket_failed", { folder: dataDir, error }));
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) close(conn);
      await accepting;
      await Promise.all(serving);
      await Deno.remove(socketPath(dataDir)).catch(() => {}); // gone already
    },
  };
}

function listen(dataDir: string): Deno.UnixListener {
  const target = socketPath(dataDir);
  const folder = join(dataDir, ".new"); // its name and the socket's in it are shorter than the socket's at last
  if (existsSync(folder)) Deno.removeSync(folder, { recursive: true }); // of a server that was killed just then
  Deno.mkdirSync(folder, { mode: 0o700 });
  try {
    const path = join(folder, "s");
    const listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, 0o600);
    Deno.renameSync(path, target);
    return listener;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function serve(conn: Deno.Conn, store: Store): Promise<void> {
  try {
    for await (const line of linesOf(conn.readable, { preventCancel: true })) {
      await answer(conn, store, line);
      break;
    }
  } catch (error) {
    log.debug("admin_request_broken", { error }); // the client is gone
  } finally {
    close(conn);
  }
}

async function answer(conn: Deno.Conn, store: Store, line: string): Promise<void> {
  let waiting = "";
  let since = performance.now();
  const write = async (value: unknown, flush: boolean) => {
    waiting += `${JSON.stringify(value)}\n`;
    if (!flush && waiting.length < chunkBytes) return;
    const bytes = encoder.encode(waiting);
    waiting = "";
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    // Rests as long as it worked: what is long leaves clients at least half of the time.
    if (!flush) await pause(Math.min(performance.now() - since, maxRestMs));
    since = performance.now();
  };
  let op = "";
  try {
    const request = JSON.parse(line) as { op: string; given: Given };
    op = `${request.op}`;
    if (!Object.hasOwn(operations, op)) {
      throw new AdminError(`The server does not know ${op}: it is of another release`);
    }
    for await (const item of operations[op]!(store, request.given)) await write({ item }, false);
    await write({ end: true }, true);
    log.info("admin_request", { op, outcome: "ok", ...subject(request.given) });
  } catch (error) {
    log.info("admin_request", { op, outcome: (error as Error).message });
    await write({ error: (error as Error).message }, true);
  }
}

/** What of a request may be logged. */
function subject({ user, room, role }: Given): Given {
  return Object.fromEntries(Object.entries({ user, room, role }).filter(([, value]) => value !== undefined));
}

/**
 * Asks a running server.
 *
 * @returns undefined where none runs; else what it yields
 * @throws {AdminError} where the socket cannot be used, or the server says why it did not do it
 */
export async function askServer(
  dataDir: string,
  op: string,
  given: Given,
): Promise<AsyncIterable<unknown> | undefined> {
  let conn: Deno.Conn;
  const path = socketPath(dataDir);
  try {
    conn = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
    throw new AdminError(`${path} cannot be used: ${(error as Error).message}`, { cause: error });
  }
  return items(conn, encoder.encode(`${JSON.stringify({ op, given })}\n`));
}

async function* items(conn: Deno.Conn, request: Uint8Array): AsyncIterable<unknown> {
  try {
    for (let sent = 0; sent < request.length;) sent += await conn.write(request.subarray(sent));
    for await (const line of linesOf(conn.readable, { preventCancel: true })) {
      const answer = JSON.parse(line) as { item?: unknown; error?: string; end?: true };
      if (answer.error !== undefined) throw new AdminError(answer.error);
      if (answer.end) return;
      yield answer.item;
    }
    throw new AdminError("The server went away in the middle of it");
  } finally {
    close(conn);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
