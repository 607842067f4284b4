import assert from "node:assert/strict";
import { permitted } from "../support/needs.ts";
import { eventually } from "../support/client.ts";
import { Proxy } from "./proxy.ts";

const net = await permitted("net");
const hostname = "127.0.0.1";

/** Somebody behind a proxy who keeps what comes and says what it is told to. */
class Behind implements AsyncDisposable {
  readonly proxy: Proxy;
  text = "";
  ended = false;
  conn: Deno.TcpConn | undefined;
  readonly #listener = Deno.listen({ hostname, port: 0 });
  readonly #serving = this.#serve();

  constructor() {
    this.proxy = new Proxy(() => this.#listener.addr.port, () => 0);
  }

  async #serve(): Promise<void> {
    const conn = this.conn = await this.#listener.accept();
    const buffer = new Uint8Array(1024);
    try {
      for (let read; (read = await conn.read(buffer)) !== null;) {
        this.text += new TextDecoder().decode(buffer.subarray(0, read));
      }
    } catch {
      // Reset: an end as well.
    }
    this.ended = true;
    conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.#serving;
    this.#listener.close();
  }
}

function test(name: string, fn: (behind: Behind, conn: Deno.TcpConn) => Promise<void>): void {
  Deno.test({
    name: net.named(name),
    ignore: net.ignored,
    fn: async () => {
      await using behind = new Behind();
      using conn = await Deno.connect({ hostname, port: behind.proxy.port });
      await eventually(() => behind.conn !== undefined && behind.proxy.links.length === 1, "the connection is there");
      await fn(behind, conn);
    },
  });
}

const encode = (text: string) => new TextEncoder().encode(text);

async function readAll(conn: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(1024);
  let text = "";
  try {
    for (let read; (read = await conn.read(buffer)) !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, read));
    }
  } catch {
    // Reset.
  }
  return text;
}

test("Proxy passes on what comes, both ways, and the end of it", async (behind, conn) => {
  await conn.write(encode("there"));
  await eventually(() => behind.text === "there", "it has come");
  await behind.conn!.write(encode("and back"));
  await behind.conn!.closeWrite();
  assert.equal(await readAll(conn), "and back");
});

test("Link.cut() ends a connection in the middle of what it carries", async (behind, conn) => {
  behind.proxy.links[0].cut(0.5);
  await conn.write(encode("0123456789"));
  assert.equal(await readAll(conn), "");
  await eventually(() => behind.ended, "it has ended");
  assert.equal(behind.text, "01234");
});

test("Link.cut() ends a connection that carries nothing", async (behind, conn) => {
  behind.proxy.links[0].cut(0.5);
  assert.equal(await readAll(conn), "");
  await eventually(() => behind.ended, "it has ended");
});

test("Link.weather holds up what is carried, and lets it pass later", async (behind, conn) => {
  const [link] = behind.proxy.links;
  link.weather = { kind: "held" };
  await conn.write(encode("held"));
  await eventually(() => link.taken === 4, "the proxy has it");
  assert.equal(behind.text, "");
  link.weather = { kind: "clear" };
  await eventually(() => behind.text === "held", "it has come");
});

test("Link.weather carries single bytes", async (behind, conn) => {
  behind.proxy.links[0].weather = { kind: "slow", bytes: 1, pauseMs: 1 };
  await conn.write(encode("trickled"));
  await eventually(() => behind.text === "trickled", "it has come");
});

test("Link.weather swallows what is carried, and then the connection cannot go on", async (behind, conn) => {
  const [link] = behind.proxy.links;
  link.weather = { kind: "swallowed" };
  await conn.write(encode("swallowed"));
  await eventually(() => link.taken === 9, "the proxy has it");
  link.weather = { kind: "clear" };
  await eventually(() => behind.ended, "it has ended");
  assert.equal(behind.text, "");
});

test("Proxy.weather meets connections that come later", async (behind, conn) => {
  assert.equal(behind.proxy.link((conn.localAddr as Deno.NetAddr).port), behind.proxy.links[0]);
  behind.proxy.weather = { kind: "held" };
  using later = await Deno.connect({ hostname, port: behind.proxy.port });
  await eventually(() => behind.proxy.links.length === 2, "it is there");
  assert.equal(behind.proxy.link((later.localAddr as Deno.NetAddr).port)?.weather.kind, "held");
});
