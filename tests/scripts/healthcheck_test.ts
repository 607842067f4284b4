import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { checkHealth } from "../../scripts/healthcheck.ts";
import { permitted } from "../support/needs.ts";

const files = await permitted("net", "read", "write");

/** A server that greets with `greeting`, or stays silent, under a certificate for `names`; and its folder. */
async function server(greeting: string | undefined, names: readonly string[] = ["localhost"]) {
  const { ca, cert, key } = await makeCertificates({ names });
  const dir = await Deno.makeTempDir({ prefix: "chat-test-" });
  const certFile = join(dir, "cert.pem");
  await Deno.writeTextFile(join(dir, "ca.pem"), ca);
  await Deno.writeTextFile(certFile, cert);
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const open = new Set<Deno.Conn>();
  const served = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      if (greeting) await conn.write(new TextEncoder().encode(greeting)).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    certFile,
    dir,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      for (const conn of open) conn.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: files.named(name), ignore: files.ignored, fn, sanitizeOps: true, sanitizeResources: true });
}

const greeting = "[SERVER] Login using: LOGIN <username> <password>\n";

test("checkHealth() accepts a verified server that greets, whatever name its certificate holds", async () => {
  await using local = await server(greeting);
  await checkHealth(local);
  await using named = await server(greeting, ["chat.example.org", "10.0.0.1"]);
  await checkHealth(named);
});

test("checkHealth() refuses a server with another authority's certificate", async () => {
  await using one = await server(greeting);
  await using other = await server(greeting);
  await assert.rejects(checkHealth({ port: one.port, certFile: other.certFile }), /certificate|issuer/i);
});

test("checkHealth() refuses a server that says something else, or nothing in time", async () => {
  await using other = await server("220 mail.example.org ESMTP\n");
  await assert.rejects(checkHealth(other), /Not the greeting: "220 mail/);
  await using silent = await server(undefined);
  await assert.rejects(checkHealth({ ...silent, timeoutMs: 50 }));
});

test("checkHealth() refuses a port that nobody listens on", async () => {
  const closed = await server(greeting);
  await using own = await server(greeting);
  await closed[Symbol.asyncDispose]();
  await assert.rejects(checkHealth({ port: closed.port, certFile: own.certFile }), Deno.errors.ConnectionRefused);
});
