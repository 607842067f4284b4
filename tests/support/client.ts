/**
 * Clients for tests: a person's lines and a program's JSON, over real TLS that verifies the server's certificate.
 *
 * 1. Nothing waits longer than a deadline, and what fails then says what was waited for and what came instead.
 * 2. A client reads all the time, unless it is told not to: what it is sent does not depend on what the test looks at.
 * 3. Disposing of a client closes its connection, as a client that is killed would.
 *
 * They know nothing of the project's own client, which has tests of its own.
 */

import assert from "node:assert/strict";

/** Where a server listens, and the authority (PEM) that its certificate is verified against. */
export interface Endpoint {
  readonly port: number;
  readonly ca: string;
  /** The address that is connected to; 127.0.0.1 unless it is named. */
  readonly host?: string;
}

/** How long anything may take that a test waits for, in milliseconds; what is right takes some milliseconds. */
export const patienceMs = 15_000;

/** The first line to everybody who connects. */
export const greeting = "[SERVER] Login using: LOGIN <username> <password>";

/** The last line of a connection whose user logged in elsewhere. */
export const forcedOut = "[SYSTEM] FORCED_LOGOUT: Logged in from another location.";

/**
 * Waits for a promise, at most so long.
 *
 * @param what what was waited for, told when it did not come
 */
export async function within<T>(promise: Promise<T>, what: () => string, ms = patienceMs): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is yes, for conditions that nobody tells of. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Waited ${patienceMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What came and was not looked at yet, in order. */
class Arrivals<T> {
  readonly #items: T[] = [];
  #news = Promise.withResolvers<void>();
  #over = false;

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** The next one, or undefined after the last; without `what` it may take as long as it likes. */
  async next(what?: () => string): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#over) {
      await (what ? within(this.#news.promise, what) : this.#news.promise);
    }
    return this.#items.shift();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

const encoder = new TextEncoder();

/** A connection that is cut into lines: what both clients share. */
export class LineClient implements AsyncDisposable {
  readonly #conn: Deno.TlsConn;
  readonly #arrived = new Arrivals<string>();
  readonly #reading: Promise<void>;
  readonly #recent: string[] = [];
  #gate = Promise.withResolvers<void>();
  #writing: Promise<unknown> = Promise.resolve();
  #ended: "eof" | "broken" | undefined;

  protected constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    this.#gate.resolve();
    this.#reading = this.#read();
  }

  /** Connects; nothing is read by the test yet, not even the greeting. */
  static async dial({ port, ca }: Endpoint): Promise<LineClient> {
    return new LineClient(await connect({ port, ca }));
  }

  /** Sends lines, an LF behind each, in one write. */
  send(...lines: readonly string[]): Promise<void> {
    return this.sendBytes(encoder.encode(lines.map((line) => `${line}\n`).join("")));
  }

  /** Sends bytes as they are; a connection that the server closed takes them as well. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    const writing = this.#writing.then(async () => {
      try {
        for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
      } catch {
        // The end shows where the test reads on.
      }
    });
    this.#writing = writing;
    return writing;
  }

  /** The next line. */
  async line(what = "a line"): Promise<string> {
    const line = await this.#arrived.next(() => `${what}; so far: ${JSON.stringify(this.#recent.slice(-10))}`);
    assert.ok(line !== undefined, `The connection ended (${this.#ended}) instead of ${what}`);
    return line;
  }

  /** The next line, or undefined where the connection ended instead. */
  lineOrEnd(): Promise<string | undefined> {
    return this.#arrived.next(() => "a line or the end");
  }

  /** As many lines as that. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.line(`line ${lines.length + 1} of ${count}`));
    return lines;
  }

  /** The next lines must be these. */
  async expect(...expected: readonly string[]): Promise<void> {
    for (const line of expected) assert.equal(await this.line(JSON.stringify(line)), line);
  }

  /** Sends a line and gives the next one that comes. */
  async ask(line: string): Promise<string> {
    await this.send(line);
    return await this.line(`an answer to ${JSON.stringify(line)}`);
  }

  /** Reads until a line matches, and gives it with those before it. */
  async until(wanted: RegExp | string): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line(`a line like ${wanted}`);
      lines.push(line);
      if (typeof wanted === "string" ? line === wanted : wanted.test(line)) return lines;
    }
  }

  /** All lines until the connection ends. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line; (line = await this.lineOrEnd()) !== undefined;) lines.push(line);
    return lines;
  }

  /** The server must end the connection now, in an orderly way and without a further line. */
  async expectEnd(): Promise<void> {
    assert.deepEqual(await this.rest(), []);
    assert.equal(this.#ended, "eof");
  }

  /** Hands every line to a listener, however long that takes, until the connection ends. */
  async each(take: (line: string) => void): Promise<void> {
    for (let line; (line = await this.#arrived.next()) !== undefined;) take(line);
  }

  /** Reads no more off the connection, after what is being read, until {@linkcode readOn}. */
  stopReading(): void {
    this.#gate = Promise.withResolvers();
  }

  /** Undoes {@linkcode stopReading}. */
  readOn(): void {
    this.#gate.resolve();
  }

  /** Cuts the connection without a word. */
  drop(): void {
    try {
      this.#conn.close();
    } catch {
      // Cut already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.readOn();
    await this.#writing;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const buffer = new Uint8Array(65_536);
    let partial = "";
    try {
      for (let count; (count = await this.#conn.read(buffer)) !== null;) {
        const lines = (partial + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
        partial = lines.pop()!;
        for (const line of lines) {
          this.#recent.push(line.slice(0, 200));
          if (this.#recent.length > 100) this.#recent.splice(0, 50);
          this.#arrived.push(line);
        }
        await this.#gate.promise;
      }
      this.#ended = "eof";
    } catch {
      this.#ended = "broken";
    }
    this.drop(); // as a client does that is told that this was all
    if (partial !== "") this.#arrived.push(`${partial} [unfinished]`);
    this.#arrived.end();
  }
}

/** A connection to the server, its certificate verified. */
export async function connect({ port, ca, host = "127.0.0.1" }: Endpoint): Promise<Deno.TlsConn> {
  const tcp = await Deno.connect({ hostname: host, port });
  tcp.setNoDelay(true); // else a line may wait 40 ms for an acknowledgement of the one before it
  const conn = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [ca] });
  try {
    await within(conn.handshake(), () => "the TLS handshake");
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** A person at `openssl s_client`. */
export class TextClient extends LineClient {
  /** Connects and reads the greeting. */
  static async open(at: Endpoint): Promise<TextClient> {
    const client = new TextClient(await connect(at));
    await client.expect(greeting);
    assert.match(await client.line(), /^\[SERVER\] .*REGISTER/);
    return client;
  }

  /** Connects and logs in. */
  static async login(at: Endpoint, user: string, password = "1"): Promise<TextClient> {
    const client = await TextClient.open(at);
    assert.equal(await client.ask(`LOGIN ${user} ${password}`), "Login successful. Room: lobby");
    return client;
  }
}

// deno-lint-ignore no-explicit-any -- tests look into what they get, and fail where it is not there
export type Json = Record<string, any>;

/** A program that speaks JSON lines: replies and events, apart. */
export class JsonClient extends LineClient {
  readonly #replies: Json[] = [];
  readonly #events: Json[] = [];
  #id = 0;

  /** Connects, chooses the format, and reads the answer. */
  static async open(at: Endpoint, fields: Json = {}): Promise<JsonClient> {
    const client = new JsonClient(await connect(at));
    await client.lines(2);
    await client.send(`HELLO ${JSON.stringify({ format: "json", version: 1, client: "test/1.0", ...fields })}`);
    const hello = await client.next();
    assert.equal(hello.type, "hello");
    assert.equal(hello.rooms, fields.rooms);
    return client;
  }

  /** Connects as a client that may be in many rooms, and logs in. */
  static async many(at: Endpoint, user: string, fields: Json = {}): Promise<JsonClient> {
    const client = await JsonClient.open(at, { rooms: "many" });
    client.session = await client.ok("login", { user, password: "1", ...fields });
    return client;
  }

  /** Connects and logs in; the answer is in {@linkcode session}. */
  static async login(at: Endpoint, user: string, fields: Json = {}): Promise<JsonClient> {
    const client = await JsonClient.open(at);
    client.session = await client.ok("login", { user, password: "1", ...fields });
    return client;
  }

  /** What a login or a resume answered. */
  session: Json = {};

  /** The next line, whatever it is. */
  async next(): Promise<Json> {
    return JSON.parse(await this.line()) as Json;
  }

  /** Sends a request without waiting; gives its id. */
  post(cmd: string, fields: Json = {}): number {
    void this.send(JSON.stringify({ id: ++this.#id, cmd, ...fields }));
    return this.#id;
  }

  /** The next reply. */
  async reply(): Promise<Json> {
    while (this.#replies.length === 0) await this.#sort();
    return this.#replies.shift()!;
  }

  /** Sends a request; the next reply must be its. */
  async request(cmd: string, fields: Json = {}): Promise<Json> {
    const id = this.post(cmd, fields);
    const reply = await this.reply();
    assert.equal(reply.id, id, `the reply to ${cmd} is ${JSON.stringify(reply)}`);
    return reply;
  }

  /** Sends a request that must succeed. */
  async ok(cmd: string, fields: Json = {}): Promise<Json> {
    const reply = await this.request(cmd, fields);
    assert.equal(reply.type, "ok", `${cmd} is answered ${JSON.stringify(reply)}`);
    return reply;
  }

  /** Sends a request that must be refused with this code. */
  async refused(cmd: string, fields: Json, code: string): Promise<Json> {
    const reply = await this.request(cmd, fields);
    assert.deepEqual([reply.type, reply.code], ["error", code], `${cmd} is answered ${JSON.stringify(reply)}`);
    assert.equal(typeof reply.message, "string");
    return reply;
  }

  /** The next event. */
  async event(): Promise<Json> {
    while (this.#events.length === 0) await this.#sort();
    return this.#events.shift()!;
  }

  /** As many events as that. */
  async events(count: number): Promise<Json[]> {
    const events: Json[] = [];
    while (events.length < count) events.push(await this.event());
    return events;
  }

  /** The events that have come by now and were not looked at. */
  async heard(): Promise<Json[]> {
    await this.ok("whoami");
    return this.#events.splice(0);
  }

  async #sort(): Promise<void> {
    const message = await this.next();
    (isReply(message) ? this.#replies : this.#events).push(message);
  }
}

/** Only answers are `ok` or `hello`, and errors that end a connection carry no id: those count as events. */
function isReply({ type, id }: Json): boolean {
  return type === "ok" || type === "hello" || (type === "error" && id !== undefined);
}
