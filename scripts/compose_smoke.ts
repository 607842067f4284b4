/**
 * Brings the system of `compose.yaml` up from nothing with three servers, uses it from outside, and takes it down.
 *
 * 1. Every server gets healthy, runs as non-root, and presents a certificate that `certs/ca.pem` verifies; without
 *    that authority it is refused.
 * 2. A demo account on each server, all in one room: what one says, all see.
 * 3. What it started is gone afterwards, volumes included, whatever happened; it has a project name and ports of its
 *    own, and so touches no other.
 */

import { randomInt } from "node:crypto";

const servers = 3;
const project = `chat-smoke-${randomInt(1e9)}`;

/** Not the ports that people use: the engine goes on from the port that it gave last, and would start theirs later. */
const ports = "18000-18050";

/** How long building and starting may take, and how long a line may. */
const upTimeoutMs = 10 * 60_000;
const healthyTimeoutMs = 2 * 60_000;
const lineTimeoutMs = 10_000;

/** Runs a program and returns what it printed; @throws {Error} with what it said where it fails. */
async function run(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { SERVER_PORTS: ports },
    stdin: "null",
    signal: AbortSignal.timeout(timeoutMs),
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${`${out}\n${err}`.trim().slice(-4000)}`);
  return out;
}

/** `docker compose`, or the older `docker-compose`. */
async function composeProgram(): Promise<readonly [string, ...string[]]> {
  try {
    await run("docker", ["compose", "version"]);
    return ["docker", "compose"];
  } catch {
    await run("docker-compose", ["version"]);
    return ["docker-compose"];
  }
}

/** A text connection that is asked for lines one after the other. */
class Client implements Disposable {
  readonly #conn: Deno.TlsConn;
  readonly #decoder = new TextDecoder();
  #text = "";

  private constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
  }

  static async connect(port: number, ca: string): Promise<Client> {
    const conn = await Deno.connectTls({ hostname: "localhost", port, caCerts: [ca] });
    await conn.handshake();
    return new Client(conn);
  }

  async send(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Reads on until a line is this one; others (who joined, when) are passed over. */
  async expect(line: string): Promise<void> {
    const seen: string[] = [];
    const timer = setTimeout(() => this.#conn.close(), lineTimeoutMs);
    try {
      for (;;) {
        const next = await this.#line();
        if (next.startsWith(line)) return;
        seen.push(next);
      }
    } catch (cause) {
      throw new Error(`Waited for ${JSON.stringify(line)}; saw ${JSON.stringify(seen)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  async #line(): Promise<string> {
    const chunk = new Uint8Array(4096);
    while (!this.#text.includes("\n")) {
      const count = await this.#conn.read(chunk);
      if (count === null) throw new Error("The server closed the connection");
      this.#text += this.#decoder.decode(chunk.subarray(0, count), { stream: true });
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  [Symbol.dispose](): void {
    this.#conn[Symbol.dispose]();
  }
}

/** Waits until every container says that it is healthy. */
async function allHealthy(ids: readonly string[]): Promise<void> {
  const deadline = Date.now() + healthyTimeoutMs;
  for (let pauseMs = 100;; pauseMs = Math.min(2 * pauseMs, 2000)) {
    const states = (await run("docker", ["inspect", "--format", "{{.State.Health.Status}}", ...ids])).trim().split(
      "\n",
    );
    if (states.every((state) => state === "healthy")) return;
    if (Date.now() > deadline) throw new Error(`Not healthy within ${healthyTimeoutMs} ms: ${states.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function publishedPort(id: string): Promise<number> {
  const published = await run("docker", ["port", id, "8000/tcp"]);
  const port = /^127\.0\.0\.1:(\d+)$/.exec(published.trim())?.[1];
  if (!port) throw new Error(`A server is published at ${published.trim()}, not at one port of 127.0.0.1`);
  return Number(port);
}

async function useFromOutside(ids: readonly string[]): Promise<void> {
  if (ids.length !== servers) throw new Error(`${ids.length} servers instead of ${servers}`);
  await allHealthy(ids);
  for (const id of ids) {
    const user = (await run("docker", ["exec", id, "id", "-u"])).trim();
    if (user === "0") throw new Error("A server runs as root");
  }
  const published = await Promise.all(ids.map(publishedPort));
  const ca = await Deno.readTextFile("certs/ca.pem");
  await refusedWithoutCa(published[0]);
  const users = ["a", "b", "c"];
  using stack = new DisposableStack();
  const clients: Client[] = [];
  for (const [index, port] of published.entries()) {
    const client = stack.use(await Client.connect(port, ca));
    await client.expect("[SERVER]");
    await client.send(`LOGIN ${users[index]} 1`);
    await client.expect("Login successful. Room: lobby");
    await client.send("/join smoke");
    await client.expect("Joined room smoke");
    clients.push(client);
  }
  for (const user of users) {
    await clients[users.indexOf(user)].send(`hello from ${user}`);
    await Promise.all(clients.map((client) => client.expect(`${user}: hello from ${user}`)));
  }
  await clients[0].send("/users");
  await clients[0].expect("Users online: a, b, c");
  console.log(`Three servers on ports ${published.join(", ")}, one room across them, certificates verified.`);
}

/** That verification means something: who does not know the authority gets no connection. */
async function refusedWithoutCa(port: number): Promise<void> {
  using conn = await Deno.connectTls({ hostname: "localhost", port });
  const refusal = await conn.handshake().then(() => undefined, (error: Error) => error);
  if (!refusal || !/certificate|issuer/i.test(refusal.message)) {
    throw new Error(`A client without the authority was not refused for it: ${refusal?.message ?? "it got in"}`);
  }
}

const [program, ...first] = await composeProgram();
const compose = (args: readonly string[], timeoutMs?: number) =>
  run(program, [...first, "--project-name", project, ...args], timeoutMs);
try {
  await compose(["up", "--build", "--detach", "--scale", `server=${servers}`], upTimeoutMs);
  await useFromOutside((await compose(["ps", "-q", "server"])).trim().split("\n"));
} catch (error) {
  console.error(error);
  console.error(await compose(["logs", "--tail", "50"]).catch(() => "(no logs)"));
  Deno.exitCode = 1;
} finally {
  await compose(["down", "--volumes", "--remove-orphans", "--timeout", "15"], 2 * 60_000);
}
