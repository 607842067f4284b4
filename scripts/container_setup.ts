/**
 * What is made once, before the other containers start: the certificate, and the password for Redis. Run as root.
 *
 * The password is `REDIS_PASSWORD`, or what is there already, or a random one that nobody needs to know: Redis is
 * reached by the servers only. It is given to Redis in its configuration and to the servers in a file of theirs.
 */

import { join } from "node:path";
import { giveCertificates, put } from "./container_certs.ts";

/** Redis keeps what it acknowledged in an append-only file, and writes that down each second. */
const redisConfig = (password: string) =>
  [
    "# Written by the service setup, each time that it runs.",
    "appendonly yes",
    `requirepass "${password.replace(/[\\"]/g, "\\$&")}"`,
    "",
  ].join("\n");

/**
 * Sees to it that Redis and the servers have a password.
 *
 * @param secrets the folder that both see; it belongs to the servers' user
 * @param wanted instead of the one that is there, or of a random one
 * @throws {Error} where the wanted one cannot be written into a line
 */
export async function givePassword(secrets: string, wanted: string | undefined): Promise<void> {
  const file = join(secrets, "redis-password");
  const kept = await Deno.readTextFile(file).catch(() => "");
  const password = wanted || kept.trim() || crypto.getRandomValues(new Uint8Array(24)).toHex();
  if (/\p{Cc}/u.test(password)) throw new Error("REDIS_PASSWORD must not have control characters in it");
  await put(secrets, "redis-password", `${password}\n`, 0o400);
  // Redis runs as a user of its own, whose number differs from image to image; nobody else sees this folder.
  await put(secrets, "redis.conf", redisConfig(password), 0o444);
}

if (import.meta.main) {
  const [clone, servers, secrets, ...names] = Deno.args;
  if (clone === undefined || servers === undefined || secrets === undefined || names.length === 0) {
    console.error(
      "Usage: container_setup.ts <the clone's folder> <the servers' folder> <the secrets' folder> <names…>",
    );
    Deno.exit(2);
  }
  const { uid, gid } = await Deno.stat(servers);
  await Deno.chown(secrets, uid, gid);
  await givePassword(secrets, Deno.env.get("REDIS_PASSWORD"));
  const { made, fingerprint } = await giveCertificates({ clone, servers, names });
  console.log(`${made ? "Made" : "Found"} the certificate ${fingerprint} in ${clone}`);
}
