/**
 * A server that speaks the protocol and cleans nothing: whatever a test has it say reaches the client as it is.
 */

import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";

const encoder = new TextEncoder();
const argument = (name: string, kind: string, optional = false) => ({ name, kind, optional });
const command = (name: string, ...declared: unknown[]) => ({
  name,
  aliases: [],
  arguments: declared,
  help: `does ${name}`,
  typed: true,
});
const commands = [
  command("say", argument("text", "text"), argument("cid", "id", true)),
  command("who", argument("room", "room", true)),
  command("history", argument("n", "count", true), argument("before", "seq", true)),
  command("rooms"),
  command("users"),
  command("quit"),
];

/** See the file's first lines. It has one client at a time. */
export class HostileServer implements AsyncDisposable {
  readonly port: number;
  readonly caFile: string;
  /** What it answers instead; undefined for the usual. */
  answers: (request: Record<string, unknown>) => Record<string, unknown> | undefined = () => undefined;
  readonly #listener: Deno.TlsListener;
  readonly #serving: Promise<void>;
  #conn: Deno.TlsConn | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #seq = 0;

  private constructor(listener: Deno.TlsListener, caFile: string) {
    this.#listener = listener;
    this.port = listener.addr.port;
    this.caFile = caFile;
    this.#serving = this.#serve();
  }

  /** Starts one. @param folder where its authority's certificate is put */
  static async start(folder: string): Promise<HostileServer> {
    const { cert, key, ca } = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
    const caFile = join(folder, "hostile.pem");
    await Deno.writeTextFile(caFile, ca);
    return new HostileServer(Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }), caFile);
  }

  /** Sends an object as a line of JSON. */
  send(line: Record<string, unknown>): void {
    const bytes = encoder.encode(JSON.stringify(line) + "\n");
    this.#writing = this.#writing.then(async () => {
      try {
        for (let sent = 0; sent < bytes.length;) sent += await this.#conn!.write(bytes.subarray(sent));
      } catch {
        // it has gone
      }
    });
  }

  /** The fields of a message. */
  logged(from: string, text: string): Record<string, unknown> {
    const seq = ++this.#seq;
    return { from, text, seq, topic: "room:lobby", time: new Date().toISOString(), pos: `e.${seq}` };
  }

  /** Somebody says something in the lobby. */
  say(from: string, text: string): void {
    this.send({ type: "message", ...this.logged(from, text) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#hangUp();
    await this.#serving;
    await this.#writing;
  }

  async #serve(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        this.#conn = conn;
        await this.#listen(conn).catch(() => {});
        this.#hangUp();
      }
    } catch {
      // closed
    }
  }

  async #listen(conn: Deno.TlsConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const decoder = new TextDecoder();
    let partial = "";
    for (let count; (count = await conn.read(buffer)) !== null;) {
      const lines = (partial + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
      partial = lines.pop()!;
      for (const line of lines) this.#answer(line);
    }
  }

  #answer(line: string): void {
    if (line.startsWith("HELLO")) {
      return this.send({ type: "hello", version: 1, server: "evil\x1b[2J\u202e", formats: ["json"], limits: {} });
    }
    const request = JSON.parse(line);
    const { id, cmd, user } = request;
    const answers: Record<string, unknown> = {
      help: { commands },
      login: { user, room: "lobby", resume: "t", positions: {} },
      who: { room: "lobby", members: ["a", "b\x1b[2J", "\u202ec"] },
      users: { users: ["a", "\x1b]0;pwned\x07"] },
      rooms: { rooms: [{ room: "lobby\x1b[2J", members: 3 }] },
      history: { messages: [{ type: "message", ...this.logged("b\x1b[2J", "\x1b]0;pwned\x07old") }] },
    };
    this.send({ type: "ok", id, ...(this.answers(request) ?? answers[cmd] as Record<string, unknown>) });
    if (cmd === "quit") this.#hangUp();
  }

  #hangUp(): void {
    try {
      this.#conn?.close();
    } catch {
      // closed already
    }
  }
}
