/** The doctor's look at the port: free, or answered by a chat server whose certificate a client would accept. */

import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Certificates } from "../tls/certificates.ts";
import type { Finding } from "./finding.ts";

/** How long a server may take to greet, in milliseconds. */
const greetingMs = 5_000;

const subject = "port";

/**
 * Examines the port that the configuration names.
 *
 * @param certificate the one in the files, if there is one
 */
export async function* examinePort(config: Config, certificate: Certificates | undefined): AsyncIterable<Finding> {
  const { serverHost, serverPort: port } = config;
  if (port === 0) return yield { subject, state: "ok", text: "any that is free" };
  const failure = tryToListen(serverHost, port);
  if (failure === undefined) return yield { subject, state: "ok", text: `${port} is free: no server runs there` };
  if (!(failure instanceof Deno.errors.AddrInUse)) {
    const advice = port < 1024 ? "ports below 1024 need the right to them (CAP_NET_BIND_SERVICE)" : "see SERVER_HOST";
    return yield { subject, state: "fail", text: `${port} cannot be listened on: ${failure.message}`, advice };
  }
  const host = serverHost === "0.0.0.0" ? "127.0.0.1" : serverHost === "::" ? "::1" : serverHost;
  yield await greeted(host, port, certificate);
}

function tryToListen(hostname: string, port: number): Error | undefined {
  try {
    Deno.listen({ hostname, port }).close();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function greeted(host: string, port: number, certificate: Certificates | undefined): Promise<Finding> {
  const names = certificate
    ? new X509Certificate(certificate.cert).subjectAltName?.split(", ").map((name) =>
      name.replace(/^(DNS|IP Address):/, "")
    )
    : undefined;
  const servername = names?.find((name) => !/^[\d.]+$|:/.test(name))?.replace("*", "doctor") ?? "localhost";
  const ca = certificate?.caFile ? [readFileSync(certificate.caFile, "utf8")] : undefined;
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const socket: TLSSocket = connect({ host, port, servername, ...(ca ? { ca } : {}) });
  const fail = (text: string, advice: string) => resolve({ subject, state: "fail", text, advice });
  socket.setTimeout(
    greetingMs,
    () => fail(`${port} is taken by something that says nothing`, "see which process that is"),
  );
  socket.on(
    "error",
    (error) => fail(`${port} is taken, and its TLS is not as it should be: ${error.message}`, adviceFor()),
  );
  socket.on("end", () => fail(`${port} is taken by something that closes connections`, "see which process that is"));
  socket.on("data", (bytes) => {
    if (!`${bytes}`.startsWith("[SERVER] ")) {
      return fail(
        `${port} is taken by something that is no chat server`,
        "see which process that is, or set SERVER_PORT",
      );
    }
    const served = socket.getPeerCertificate().fingerprint256;
    if (certificate && served !== undefined && served !== certificate.fingerprint) {
      const advice = "run reload, or look whether CERT_FILE is the server's";
      return resolve({
        subject,
        state: "warn",
        text: `the server at ${port} has another certificate than the file`,
        advice,
      });
    }
    resolve({ subject, state: "ok", text: `a chat server answers at ${port}, and its certificate is verified` });
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function adviceFor(): string {
  return "see which process that is (ss -ltnp); if it is the server, see its certificate's names and authority";
}
