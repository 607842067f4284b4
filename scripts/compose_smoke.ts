/** Brings the system of `compose.yaml` up from nothing, uses it from outside, and takes it down. */

import { randomInt } from "node:crypto";

const project = `chat-smoke-${randomInt(1e9)}`;

/** The servers that are tried, by their services. */
const services = ["server", "server-2", "server-3"];

/** Their ports, which are not those that people use. */
const ports = [18_000, 18_001, 18_002];

/** With the profile, what goes for all servers goes for those too that a plain `up` does not start. */
const environment = {
  COMPOSE_PROFILES: "servers",
  SERVER_PORT: String(ports[0]),
  SERVER_2_PORT: String(ports[1]),
  SERVER_3_PORT: String(ports[2]),
};

/** How long building and starting may take, and how long a line may. */
const upTimeoutMs = 10 * 60_000;
const healthyTimeoutMs = 2 * 60_000;
const lineTimeoutMs = 10_000;

/** How long all may take to go down. */
const downTimeoutMs = 30_000;

/** How many messages are said in each chapter. */
const messages = 100;

/** Runs a program and returns what it printed; @throws {Error} with what it said where it fails. */
async function run(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: environment,
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

  /** Connects, logs in with the demo accounts' password, and goes to the room. */
  static async login(port: number, ca: string, user: string): Promise<Client> {
    const client = await Client.connect(port, ca);
    await client.expect("[SERVER]");
    await client.send(`LOGIN ${user} 1`);
    await client.expect("Login successful. Room: lobby");
    await client.send("/join smoke");
    await client.expect("Joined room smoke");
    return client;
  }

  async send(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Reads on until a line is this one; others (who joined, when) are passed over. */
  async expect(line: string): Promise<void> {
    await this.expectOneOf(line);
  }

  /** The last messages of the room must be these, in this order; others may stand between them. */
  async expectHistory(said: readonly string[]): Promise<void> {
    await this.send("/history 500");
    for (const line of said) await this.expectOneOf(line);
  }

  /** Reads on until a line begins with one of these, after the time in a history. @returns which */
  async expectOneOf(...wanted: readonly string[]): Promise<number> {
    const seen: string[] = [];
    const timer = setTimeout(() => this.#conn.close(), lineTimeoutMs);
    try {
      for (;;) {
        const next = await this.#line();
        const found = wanted.findIndex((line) => next.replace(/^\[\d{4}-\S+Z\] /, "").startsWith(line));
        if (found >= 0) return found;
        seen.push(next);
      }
    } catch (cause) {
      throw new Error(`Waited for ${JSON.stringify(wanted)}; saw ${JSON.stringify(seen.slice(-20))}`, { cause });
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

/** At which port of this machine a container is. */
async function publishedPort(id: string): Promise<number> {
  const published = await run("docker", ["port", id, "8000/tcp"]);
  const port = /^127\.0\.0\.1:(\d+)$/.exec(published.trim())?.[1];
  if (!port) throw new Error(`A server is published at ${published.trim()}, not at one port of 127.0.0.1`);
  return Number(port);
}

/** The containers of the servers, in the order of `services`. */
async function serverIds(): Promise<string[]> {
  return await Promise.all(services.map(async (service) => {
    const id = (await compose(["ps", "-q", service])).trim();
    if (!/^[0-9a-f]+$/.test(id)) throw new Error(`${service} is not one container: ${JSON.stringify(id)}`);
    return id;
  }));
}

/** @throws {Error} where a server is not at its port, or answers under another name */
async function keepNamesAndPorts(ca: string): Promise<void> {
  const ids = await serverIds();
  await allHealthy(ids);
  for (const [index, id] of ids.entries()) {
    const port = await publishedPort(id);
    if (port !== ports[index]) throw new Error(`${services[index]} is at ${port} instead of ${ports[index]}`);
    using client = await Client.login(port, ca, "e");
    await client.send("/whoami");
    await client.expect(`e in smoke on server-${index + 1}`);
  }
}

/** Restarts the servers one after the other, as docs/operate.md says, and then makes their containers anew. */
async function roll(ca: string): Promise<void> {
  for (const how of [["restart", "--timeout", "15"], ["up", "--detach", "--no-deps", "--force-recreate"]]) {
    for (const [index, service] of services.entries()) {
      await compose([...how, service]);
      await allHealthy([(await serverIds())[index]]);
    }
    await keepNamesAndPorts(ca);
  }
  console.log(`All servers were restarted and then made anew; they are at ports ${ports.join(", ")} as before.`);
}

async function useFromOutside(): Promise<void> {
  const ids = await serverIds();
  await allHealthy(ids);
  for (const id of ids) {
    const [user, readOnly] = (await inspect(id, "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}")).split(" ");
    if (/^(0|root)?(:|$)/.test(user)) throw new Error("A server runs as root");
    if (readOnly !== "true") throw new Error("A server can write to its root file system");
  }
  const ca = await Deno.readTextFile("certs/ca.pem");
  await refusedWithoutCa(ports[0]);
  const users = ["a", "b", "c"];
  using stack = new DisposableStack();
  const clients: Client[] = [];
  for (const [index, port] of ports.entries()) {
    clients.push(stack.use(await Client.login(port, ca, users[index])));
  }
  for (const user of users) {
    await clients[users.indexOf(user)].send(`hello from ${user}`);
    await Promise.all(clients.map((client) => client.expect(`${user}: hello from ${user}`)));
  }
  await clients[0].send("/users");
  await clients[0].expect("Users online: a, b, c");
  for (const index of ids.keys()) {
    await clients[index].send("/whoami");
    await clients[index].expect(`${users[index]} in smoke on server-${index + 1}`);
  }
  console.log(`Three servers on ports ${ports.join(", ")}, one room across them, certificates verified.`);

  const said: string[] = [];
  await talk(clients[1], "b", "before", said);
  await run("docker", ["kill", ids[0]]);
  await talk(clients[1], "b", "while a server is gone", said);
  await run("docker", ["start", ids[0]]);
  await allHealthy([ids[0]]);
  const back = stack.use(await Client.login(ports[0], ca, "a"));
  await back.expectHistory(said);
  console.log("A server was killed and is back; nothing that was said is lost.");

  const [redis] = (await compose(["ps", "-q", "redis"])).trim().split("\n");
  await run("docker", ["kill", redis]);
  await clients[1].send("into the void");
  await clients[1].expect("[ERROR] store_unavailable");
  await run("docker", ["start", redis]);
  await allHealthy([redis, ...ids]);
  await talk(clients[1], "b", "after", said);
  await back.expectHistory(said);
  const stranger = stack.use(await Client.login(ports[2], ca, "d"));
  await stranger.expectHistory(said);
  console.log("Redis was killed and is back; nobody was disconnected, and nothing that was said is lost.");
  await roll(ca);
}

/** Says messages one after the other, each once the one before has come back; what has is added to `said`. */
async function talk(client: Client, user: string, chapter: string, said: string[]): Promise<void> {
  const until = Date.now() + lineTimeoutMs;
  for (let index = 0; index < messages; index++) {
    const text = `${chapter}: ${index}`;
    await client.send(text);
    // Until a store that was away has all its connections again, it may refuse.
    while (await client.expectOneOf(`${user}: ${text}`, "[ERROR] store_unavailable") !== 0) {
      if (Date.now() > until) throw new Error(`Refused until the time was over: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await client.send(text);
    }
    said.push(`${user}: ${text}`);
  }
}

async function inspect(id: string, format: string): Promise<string> {
  return (await run("docker", ["inspect", "--format", format, id])).trim();
}

/** That verification means something: who does not know the authority gets no connection. */
async function refusedWithoutCa(port: number): Promise<void> {
  using conn = await Deno.connectTls({ hostname: "localhost", port });
  const refusal = await conn.handshake().then(() => undefined, (error: Error) => error);
  if (!refusal || !/certificate|issuer/i.test(refusal.message)) {
    throw new Error(`A client without the authority was not refused for it: ${refusal?.message ?? "it got in"}`);
  }
}

// 1. Every server gets healthy, runs as non-root on a file system that it cannot write to, goes by its service's
//    number, and presents a certificate that `certs/ca.pem` verifies; without that authority it is refused.
// 2. A demo account on each server, all in one room: what one says, all see.
// 3. A server is killed, and then Redis, and both are started again: what a client was shown as said is there.
// 4. All servers are restarted one after the other, and then made anew: each has its name and its port as before.
// 5. It goes down within 30 seconds, with nobody killed. What it started is gone afterwards, volumes included, whatever
//    happened; it has a project name and ports of its own, and so touches no other.
const [program, ...first] = await composeProgram();
const compose = (args: readonly string[], timeoutMs?: number) =>
  run(program, [...first, "--project-name", project, ...args], timeoutMs);
try {
  await compose(["up", "--build", "--detach", ...services], upTimeoutMs);
  await useFromOutside();
  const ids = await serverIds();
  const since = performance.now();
  await compose(["stop", "--timeout", "15"], 2 * 60_000);
  const codes = await Promise.all(ids.map((id) => inspect(id, "{{.State.ExitCode}}")));
  if (codes.some((code) => code !== "0")) throw new Error(`The servers ended with ${codes.join(", ")}`);
  await compose(["down", "--volumes", "--remove-orphans"], 2 * 60_000);
  const took = Math.round(performance.now() - since);
  if (took > downTimeoutMs) throw new Error(`Going down took ${took} ms`);
  console.log(`Down in ${(took / 1000).toFixed(1)} s.`);
} catch (error) {
  console.error(error);
  console.error(await compose(["logs", "--tail", "50"]).catch(() => "(no logs)"));
  Deno.exitCode = 1;
} finally {
  await compose(["down", "--volumes", "--remove-orphans", "--timeout", "15"], 2 * 60_000);
}
