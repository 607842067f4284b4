/**
 * A Redis that is reached over TLS and by a user who may do the least that a server needs. Tests themselves ask it as its
 * owner, on the port without TLS.
 */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { join } from "node:path";
import { aclRules } from "../../lib/store/redis/transport/permissions.ts";
import type { RedisAddress } from "../../lib/store/redis/transport/redis_transport.ts";
import type { TestRedis } from "./redis.ts";

/** The owner's password, which is also the one between the servers. */
const ownerPassword = "owner-secret";

/** Who the store logs in as. */
export const login = { username: "chat", password: "store-secret" };

/** What the sentinels ask for. */
export const sentinelLogin = { username: "watcher", password: "sentinel-secret" };

/** How a secured Redis is started; disposing of it removes its certificate. */
export interface Secured extends AsyncDisposable {
  /** The authority, PEM. */
  readonly ca: string;
  /** The authority's file. */
  readonly caFile: string;
  /** Arguments that name the certificate. */
  readonly tlsArgs: readonly string[];
  /** Arguments of one that has data: the certificate, and the owner's password. */
  readonly args: readonly string[];
  /** What its owner says behind `AUTH`. */
  readonly auth: readonly string[];
  /** How the store finds and enters it. */
  readonly address: Pick<RedisAddress, "username" | "password" | "tls">;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** An authority and a certificate for 127.0.0.1 and localhost; nodes of a cluster are each other's clients with it. */
async function makeCertificate(): Promise<{ ca: string; cert: string; key: string }> {
  const [authority, server] = await Promise.all(
    [1, 2].map(() => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])),
  );
  const common = { notBefore: new Date(Date.now() - 3_600_000), signingAlgorithm: algorithm };
  const issuer = `CN=Redis CA ${crypto.randomUUID()}`;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: issuer,
    keys: authority,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const cert = await x509.X509CertificateGenerator.create({
    ...common,
    subject: "CN=Redis",
    issuer,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: "ip", value: "127.0.0.1" },
        { type: "dns", value: "localhost" },
      ]),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", server.privateKey), "PRIVATE KEY");
  return { ca: ca.toString("pem"), cert: cert.toString("pem"), key };
}

/** Makes the certificate. */
export async function secured(): Promise<Secured> {
  const { ca, cert, key } = await makeCertificate();
  const folder = await Deno.makeTempDir({ prefix: "chat-redis-tls-" });
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name));
  await Promise.all([
    Deno.writeTextFile(caFile, ca),
    Deno.writeTextFile(certFile, cert),
    Deno.writeTextFile(keyFile, key, { mode: 0o600 }),
  ]);
  // deno-fmt-ignore
  const tlsArgs = [
    "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", caFile, "--tls-auth-clients", "no",
  ];
  return {
    ca,
    caFile,
    tlsArgs,
    args: [...tlsArgs, "--requirepass", ownerPassword, "--masterauth", ownerPassword],
    auth: [ownerPassword],
    address: { ...login, tls: { ca } },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Makes the store's user, who may do what a server needs with what begins with the prefix, and nothing else. */
export async function letIn(redis: TestRedis, prefix: string): Promise<void> {
  await redis.call("ACL", "SETUSER", login.username, "on", `>${login.password}`, ...aclRules(prefix));
}
