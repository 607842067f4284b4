import assert from "node:assert/strict";
import { DialError, type DialFailure, explain, tlsDialer, type Transport } from "../../../lib/client/net/dial.ts";
import { makeCertificates } from "../../../lib/tls/authority.ts";
import { soon, test } from "../fakes.ts";

const never = new AbortController().signal;
const day = 86_400_000;

/** A TLS server on a port of its own. */
function listenTls({ cert, key }: { cert: string; key: string }): AsyncDisposable & { port: number } {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const connections: Deno.TlsConn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      connection.handshake().then(() => connection.write(new TextEncoder().encode("hi\n"))).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of connections) connection.close();
    },
  };
}

/** A server without TLS, which does this with each connection. */
function listenTcp(serve: (connection: Deno.TcpConn) => void): AsyncDisposable & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      serve(connection);
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of connections) {
        try {
          connection.close();
        } catch {
          // closed by the test
        }
      }
    },
  };
}

async function failure(dialing: Promise<Transport>): Promise<DialError> {
  const error = await soon(dialing.then(() => assert.fail("it connected"), (error) => error), "the dial's end");
  assert.ok(error instanceof DialError, String(error));
  assert.ok(!error.message.includes("\n"));
  return error;
}

test("tlsDialer() connects to a server whose certificate is signed by the given authority", async () => {
  const made = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
  await using server = listenTls(made);
  for (const host of ["localhost", "127.0.0.1"]) {
    const transport = await soon(tlsDialer({ ca: made.ca })({ host, port: server.port }, never));
    const buffer = new Uint8Array(16);
    assert.equal(await transport.read(buffer), 3);
    transport.close();
  }
});

test("tlsDialer() refuses a certificate of an authority that is not trusted", async () => {
  const [made, other] = await Promise.all([1, 2].map(() => makeCertificates({ names: ["localhost"] })));
  await using server = listenTls(made);
  for (const ca of [other.ca, undefined]) {
    const error = await failure(tlsDialer({ ca })({ host: "localhost", port: server.port }, never));
    assert.equal(error.failure, "unknown_ca");
    assert.match(error.message, /signed by an authority that is not trusted here; name that one with --ca/);
  }
});

test("explain() takes a certificate that has signed itself for one that no authority has", () => {
  const self = new Error("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"); // rustls, of openssl req -x509
  assert.equal(explain({ host: "localhost", port: 1 }, self).failure, "unknown_ca");
});

test("tlsDialer() refuses a certificate for another name, and says for which", async () => {
  const made = await makeCertificates({ names: ["chat.example"] });
  await using server = listenTls(made);
  const error = await failure(tlsDialer({ ca: made.ca })({ host: "localhost", port: server.port }, never));
  assert.equal(error.failure, "wrong_name");
  assert.match(error.message, /its certificate is not for "localhost" but for chat\.example/);
  const names = ["cafe", "127.0.0.2", "::1", "2001:db8::1", "fe80::"];
  const numbered = await makeCertificates({ names });
  await using other = listenTls(numbered);
  const { message } = await failure(tlsDialer({ ca: numbered.ca })({ host: "127.0.0.1", port: other.port }, never));
  assert.ok(message.endsWith(`its certificate is not for "127.0.0.1" but for ${names.join(", ")}`), message);
});

const dates: [DialFailure, number, RegExp][] = [
  ["expired", -400 * day, /its certificate expired on \d{4}-\d\d-\d\d$/],
  ["not_yet_valid", 400 * day, /its certificate is not valid until \d{4}-\d\d-\d\d, by this machine's clock$/],
];
for (const [expected, offset, message] of dates) {
  test(`tlsDialer() refuses a certificate that is ${expected}, and says since or until when`, async () => {
    const made = await makeCertificates({ names: ["localhost"], days: 30, now: new Date(Date.now() + offset) });
    await using server = listenTls(made);
    const error = await failure(tlsDialer({ ca: made.ca })({ host: "localhost", port: server.port }, never));
    assert.equal(error.failure, expected);
    assert.match(error.message, message);
  });
}

test("tlsDialer() tells a port where nothing listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await failure(tlsDialer({})({ host: "127.0.0.1", port }, never));
  assert.equal(error.failure, "refused");
  assert.equal(error.message, `Cannot connect to 127.0.0.1:${port}: nothing listens there (connection refused)`);
});

test("tlsDialer() tells a name that is no host", async () => {
  const error = await failure(tlsDialer({})({ host: "no-such-host.invalid", port: 8000 }, never));
  assert.equal(error.failure, "unknown_host");
});

test("tlsDialer() tells a server that does not speak TLS", async () => {
  await using server = listenTcp((connection) => {
    connection.write(new TextEncoder().encode("220 mail.example ESMTP ready and waiting\r\n")).catch(() => {});
  });
  const error = await failure(tlsDialer({})({ host: "127.0.0.1", port: server.port }, never));
  assert.equal(error.failure, "no_tls");
});

test("tlsDialer() tells a server that closes during the handshake", async () => {
  await using server = listenTcp((connection) => connection.close());
  const error = await failure(tlsDialer({})({ host: "127.0.0.1", port: server.port }, never));
  assert.equal(error.failure, "closed");
});

test("tlsDialer() gives up on a server that is silent, after its time or when it is told to", async () => {
  await using server = listenTcp(() => {});
  const address = { host: "127.0.0.1", port: server.port };
  assert.equal((await failure(tlsDialer({ timeoutMs: 20 })(address, never))).failure, "timeout");
  const stop = new AbortController();
  const dialing = failure(tlsDialer({})(address, stop.signal));
  stop.abort();
  assert.equal((await dialing).failure, "aborted");
});
