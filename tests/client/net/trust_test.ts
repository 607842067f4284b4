import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { DialError, type DialFailure, type Transport } from "../../../lib/client/net/dial.ts";
import { KnownServers } from "../../../lib/client/net/known_servers.ts";
import { trustDialer, type TrustOptions } from "../../../lib/client/net/trust.ts";
import { type MadeCertificates, makeCertificates } from "../../../lib/tls/authority.ts";
import { every, need, permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { test as testWith } from "../../support/server.ts";
import { soon } from "../fakes.ts";

const never = new AbortController().signal;
const files = every(await permitted("read", "write", "env"));

function fingerprintOf({ cert }: MadeCertificates): string {
  return new X509Certificate(cert).fingerprint256;
}

/** A TLS server that greets, and echoes one line. */
function listen({ cert, key }: MadeCertificates, port = 0): AsyncDisposable & { port: number } {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port, cert, key });
  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const connection of listener) all.push(serve(connection));
    await Promise.all(all);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function serve(connection: Deno.TlsConn): Promise<void> {
  using _ = connection;
  try {
    await connection.write(new TextEncoder().encode("hi\n"));
    const buffer = new Uint8Array(65536);
    for (let count; (count = await connection.read(buffer)) !== null;) {
      await connection.write(buffer.subarray(0, count));
    }
  } catch {
    // the client has gone
  }
}

/** A dialer whose questions the test answers. */
async function dialer(answer: boolean | undefined, options: Partial<TrustOptions> = {}) {
  const folder = await temporaryFolder();
  const known = new KnownServers(join(folder.path, "state"));
  const asked: string[] = [];
  const dial = trustDialer({
    named: false,
    publicAuthorities: true,
    known,
    tofu: true,
    insecure: false,
    ask: () =>
      answer === undefined ? undefined : (_server, { fingerprint }) => {
        asked.push(fingerprint);
        return Promise.resolve(answer);
      },
    ...options,
  });
  return { dial, known, asked, file: join(folder.path, "state", "known_servers"), folder };
}

async function failure(dialing: Promise<Transport>, expected: DialFailure): Promise<string> {
  const error = await soon(dialing.then(() => assert.fail("it connected"), (error) => error), "the dial's end");
  assert.ok(error instanceof DialError, String(error));
  assert.equal(error.failure, expected);
  assert.ok(!error.message.includes("\n"));
  return error.message;
}

async function greeted(transport: Transport): Promise<void> {
  const buffer = new Uint8Array(2);
  assert.equal(await soon(transport.read(buffer)), 2);
  assert.equal(new TextDecoder().decode(buffer), "hi");
  transport.close();
  await assert.rejects(transport.read(buffer));
}

testWith(
  "trustDialer() shows an unknown server's certificate once, remembers it for its owner alone, and asks no more",
  async () => {
    const made = await makeCertificates({ names: ["elsewhere.example"] });
    await using server = listen(made);
    const { dial, asked, file, folder } = await dialer(true);
    await using _ = folder;
    const address = { host: "localhost", port: server.port };
    for (let i = 0; i < 2; i++) await greeted(await soon(dial(address, never)));
    assert.deepEqual(asked, [fingerprintOf(made)]);
    assert.equal(await Deno.readTextFile(file), `localhost:${server.port} ${fingerprintOf(made)}\n`);
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  },
  files,
);

testWith(
  "trustDialer() holds a known server to its certificate without --tofu as well, and says how to forget it",
  async () => {
    const [made, other] = await Promise.all([1, 2].map(() => makeCertificates({ names: ["localhost"] })));
    const { dial, known, asked, folder } = await dialer(true, { tofu: false, ca: other.ca });
    await using _ = folder;
    let port = 0;
    {
      await using server = listen(made);
      port = server.port;
      known.remember({ host: "localhost", port }, fingerprintOf(made));
      await greeted(await soon(dial({ host: "LOCALHOST", port }, never)));
    }
    // Signed by an authority that is trusted, and yet not the one that was agreed to.
    await using _server = listen(other, port);
    const message = await failure(dial({ host: "localhost", port }, never), "changed_certificate");
    assert.ok(message.includes(fingerprintOf(made)) && message.includes(fingerprintOf(other)));
    assert.ok(message.includes(`chat forget localhost:${port}`));
    assert.equal(known.forget({ host: "localhost", port }), true);
    assert.equal(known.forget({ host: "localhost", port }), false);
    await greeted(await soon(dial({ host: "localhost", port }, never)));
    assert.deepEqual(asked, []);
  },
  files,
);

testWith("trustDialer() remembers nothing where the answer is no, or nobody can be asked", async () => {
  const made = await makeCertificates({ names: ["localhost"] });
  await using server = listen(made);
  for (const answer of [false, undefined]) {
    const { dial, known, folder } = await dialer(answer);
    await using _ = folder;
    const address = { host: "localhost", port: server.port };
    const message = await failure(dial(address, never), "unknown_certificate");
    assert.ok(message.includes(fingerprintOf(made)));
    assert.equal(message.includes(`chat localhost:${server.port}`), answer === undefined);
    assert.equal(known.find(address), undefined);
  }
}, files);

testWith(
  "trustDialer() asks about a certificate that no authority has signed, where somebody can be asked",
  async () => {
    const made = await makeCertificates({ names: ["localhost"] });
    await using server = listen(made);
    const address = { host: "localhost", port: server.port };
    for (const [answer, expected] of [[false, "unknown_certificate"], [undefined, "unknown_ca"]] as const) {
      const { dial, known, asked, folder } = await dialer(answer, { tofu: false });
      await using _ = folder;
      const message = await failure(dial(address, never), expected);
      assert.deepEqual([known.find(address), asked.length], [undefined, answer === undefined ? 0 : 1]);
      assert.equal(message.includes(`on a terminal: chat localhost:${server.port}`), answer === undefined);
    }
    const { dial, asked, file, folder } = await dialer(true, { tofu: false });
    await using _ = folder;
    for (let i = 0; i < 2; i++) await greeted(await soon(dial(address, never)));
    assert.deepEqual(asked, [fingerprintOf(made)]);
    assert.equal(await Deno.readTextFile(file), `localhost:${server.port} ${fingerprintOf(made)}\n`);
  },
  files,
);

testWith(
  "trustDialer() asks nobody about what is wrong with a certificate otherwise, nor beside a named authority",
  async () => {
    const [other, made] = await Promise.all([
      makeCertificates({ names: ["elsewhere.example"] }),
      makeCertificates({ names: ["localhost"] }),
    ]);
    await using server = listen(other);
    await using unsigned = listen(made);
    const { dial, asked, folder } = await dialer(true, { tofu: false, ca: other.ca });
    await using _ = folder;
    await failure(dial({ host: "localhost", port: server.port }, never), "wrong_name");
    const named = await dialer(true, { tofu: false, named: true, ca: other.ca });
    await using _named = named.folder;
    await failure(named.dial({ host: "localhost", port: unsigned.port }, never), "unknown_ca");
    assert.deepEqual([asked, named.asked], [[], []]);
  },
  files,
);

testWith(
  "trustDialer() asks nobody where an authority of everybody's has vouched before, and says how to go on",
  async () => {
    const [made, other] = await Promise.all([1, 2].map(() => makeCertificates({ names: ["localhost"] })));
    const { dial, known, asked, folder, file } = await dialer(true, { tofu: false, ca: made.ca });
    await using _ = folder;
    let port = 0;
    {
      await using server = listen(made);
      port = server.port;
      for (let i = 0; i < 2; i++) await greeted(await soon(dial({ host: "localhost", port }, never)));
      assert.equal(await Deno.readTextFile(file), `localhost:${port} vouched\n`);
    }
    await using _server = listen(other, port);
    const address = { host: "localhost", port };
    assert.match(await failure(dial(address, never), "changed_certificate"), /vouched .* chat forget localhost:\d+$/);
    assert.deepEqual([asked, known.forget(address)], [[], true]);
    await greeted(await soon(dial(address, never)));
    assert.deepEqual(asked, [fingerprintOf(other)]);
    // The server's own authority is at hand in one folder and not in the next.
    const own = await dialer(true, { tofu: false, ca: other.ca, publicAuthorities: false });
    await using _own = own.folder;
    await greeted(await soon(own.dial(address, never)));
    assert.equal(own.known.isVouchedFor(address), false);
  },
  files,
);

testWith("trustDialer() lets an authority that was named go before what is known", async () => {
  const [made, other] = await Promise.all([1, 2].map(() => makeCertificates({ names: ["localhost"] })));
  await using server = listen(made);
  const { dial, known, folder } = await dialer(true, { tofu: false, named: true, ca: made.ca });
  await using _ = folder;
  const address = { host: "localhost", port: server.port };
  known.remember(address, fingerprintOf(other));
  await greeted(await soon(dial(address, never)));
}, files);

testWith("trustDialer() refuses a known server's line that holds no fingerprint", async () => {
  const { dial, file, folder } = await dialer(true);
  await using _ = folder;
  await Deno.mkdir(join(folder.path, "state"));
  await Deno.writeTextFile(file, "# mine\nlocalhost:1 what?\n");
  await assert.rejects(dial({ host: "localhost", port: 1 }, never), /holds no SHA-256 fingerprint/);
}, files);

testWith("trustDialer() takes any certificate with --insecure, and remembers none", async () => {
  const made = await makeCertificates({ names: ["elsewhere.example"], now: new Date(0) });
  await using server = listen(made);
  const { dial, known, asked, folder } = await dialer(true, { insecure: true, tofu: false });
  await using _ = folder;
  const address = { host: "127.0.0.1", port: server.port };
  const transport = await soon(dial(address, never));
  // Much in one go: what does not fit into the buffer is not lost.
  const bytes = new Uint8Array(300_000).map((_, i) => i);
  const sending = (async () => {
    for (let sent = 0; sent < bytes.length;) sent += await transport.write(bytes.subarray(sent, sent + 50_000));
  })();
  const got: number[] = [];
  const buffer = new Uint8Array(1000);
  while (got.length < bytes.length + 3) got.push(...buffer.subarray(0, (await soon(transport.read(buffer)))!));
  assert.deepEqual(new Uint8Array(got.slice(3)), bytes);
  await sending;
  transport.close();
  assert.deepEqual([known.find(address), asked], [undefined, []]);
}, files);

testWith(
  "trustDialer() tells a port where nothing listens, and one without TLS, as the verified way does",
  async () => {
    const { dial, folder } = await dialer(true, { timeoutMs: 2_000 });
    await using _ = folder;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const serving = (async () => {
      for await (const connection of listener) {
        await connection.write(new TextEncoder().encode("220 mail.example ESMTP ready and waiting\r\n"));
        connection.close();
      }
    })();
    const error = await soon(dial({ host: "127.0.0.1", port }, never).catch((error) => error));
    assert.ok(error instanceof DialError && ["no_tls", "network", "closed"].includes(error.failure), String(error));
    listener.close();
    await serving;
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    free.close(); // nothing accepts there, so that it is closed at once
    await failure(dial({ host: "127.0.0.1", port: free.addr.port }, never), "refused");
  },
  files,
);

async function openssl() {
  const allowed = await permitted("run", "read", "write", "env");
  if (allowed.ignored) return allowed;
  try {
    await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output();
    return need(undefined, "all");
  } catch {
    return need("needs openssl on the PATH");
  }
}

/** A key that claims to be a certificate's, and is not: OpenSSL compares no more than the public halves. */
function forgedKey(certificate: string, key: string): string {
  const bytes = (text: string | undefined) => Uint8Array.fromBase64(text!, { alphabet: "base64url" });
  const { d } = createPrivateKey(key).export({ format: "jwk" });
  const { x, y } = new X509Certificate(certificate).publicKey.export({ format: "jwk" });
  // RFC 5915: version, the private key, the curve P-256, the public key.
  const curve = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
  const der = [0x30, 0x77, 2, 1, 1, 4, 32, ...bytes(d), ...curve, 0xa1, 0x44, 3, 0x42, 0, 4, ...bytes(x), ...bytes(y)];
  return `-----BEGIN EC PRIVATE KEY-----\n${new Uint8Array(der).toBase64()}\n-----END EC PRIVATE KEY-----\n`;
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  testWith(`trustDialer() is not fooled by a known certificate in other hands (${version.slice(1)})`, async () => {
    const [made, thief] = await Promise.all([1, 2].map(() => makeCertificates({ names: ["localhost"] })));
    const { dial, known, folder } = await dialer(true);
    await using _ = folder;
    const [cert, key] = ["cert.pem", "forged.pem"].map((name) => join(folder.path, name));
    await Deno.writeTextFile(cert, made.cert);
    await Deno.writeTextFile(key, forgedKey(made.cert, thief.key));
    const child = new Deno.Command("openssl", {
      args: ["s_server", version, "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-quiet"].filter((arg) =>
        arg !== "-quiet"
      ),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let output = "";
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!/ACCEPT \S+:(\d+)/.test(output)) output += (await soon(reader.read(), "the server's port")).value;
    const address = { host: "127.0.0.1", port: Number(/ACCEPT \S+:(\d+)/.exec(output)![1]) };
    known.remember(address, fingerprintOf(made));
    const message = await failure(dial(address, never), "bad_certificate");
    assert.match(message, /does not have the key of the certificate/);
    child.kill("SIGKILL");
    await reader.cancel();
    await child.stdin.abort().catch(() => {});
    await child.status;
  }, await openssl());
}
