/**
 * Asks the server on this machine whether it serves: a verified TLS handshake and the greeting. Exits with 0 or 1.
 *
 * It reads `SERVER_PORT` and `CERT_FILE` as the server does. The certificate is verified for a name that it holds,
 * by `ca.pem` beside it; without that file, by itself or its signer, so that a certificate from elsewhere
 * passes too. It logs in nowhere.
 */

import { X509Certificate } from "node:crypto";
import { dirname, join } from "node:path";

/** Where a server listens, and by what it is known. */
export interface HealthTarget {
  readonly port: number;
  /** The server's certificate, PEM. */
  readonly certFile: string;
  /** From dialling to the greeting; a server that takes longer is not well. Default: 4000. */
  readonly timeoutMs?: number;
}

/**
 * Returns when the server has greeted.
 *
 * @throws {Error} when it does not answer, is not who its certificate says, or says something else
 */
export async function checkHealth({ port, certFile, timeoutMs = 4000 }: HealthTarget): Promise<void> {
  const certificate = await Deno.readTextFile(certFile);
  const authority = await Deno.readTextFile(join(dirname(certFile), "ca.pem")).catch(() => certificate);
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  let open: Deno.Conn = tcp;
  const timer = setTimeout(() => open.close(), timeoutMs);
  try {
    open = await Deno.startTls(tcp, { hostname: nameOf(certificate), caCerts: [authority] });
    const line = await firstLine(open);
    if (!line.startsWith("[SERVER]")) throw new Error(`Not the greeting: ${JSON.stringify(line.slice(0, 100))}`);
  } finally {
    clearTimeout(timer);
    try {
      open.close();
    } catch { /* the timer closed it */ }
  }
}

/** A name that the certificate holds: `localhost`, else the first. */
function nameOf(certificate: string): string {
  const names = new X509Certificate(certificate).subjectAltName ?? "";
  const dns = [...names.matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name.replace("*", "x"));
  return dns.includes("localhost") ? "localhost" : dns[0] ?? "localhost";
}

async function firstLine(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(1024);
  let text = "";
  while (!text.includes("\n")) {
    const count = await conn.read(chunk);
    if (count === null) break;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  return text.split("\n")[0];
}

if (import.meta.main) {
  const port = Number(Deno.env.get("SERVER_PORT") || 8000);
  const certFile = Deno.env.get("CERT_FILE") || "certs/cert.pem";
  try {
    await checkHealth({ port, certFile });
  } catch (error) {
    console.error(`Not healthy: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
