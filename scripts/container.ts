/**
 * The server as it runs in a container: `server.ts`, under a name that people know from `docker compose ps`.
 *
 * Without a `SERVER_ID`, the second container of the service `server` is `server-2`, and a container that starts again
 * takes over from its earlier self at once. Compose tells a container nothing of its number, but Docker's name server
 * knows all of a project's containers: how Redis is called tells how this one's name begins, and one of the names that
 * begin so is this one's own address. Where that does not hold, the store gives a name.
 */

import { lookup } from "node:dns/promises";

/** As many as have a port each. */
const mostServers = 51;

/** How long the name server may take, in milliseconds. */
const patienceMs = 1_500;

/**
 * The names that a project's servers may have, from the full name of another of its containers.
 *
 * @param sibling such as `chat-redis-1.chat_default`
 * @param service what the sibling's service is called, such as `redis`
 * @returns number → name, such as `chat-server-2`; undefined where compose did not give the sibling's name
 */
export function namesLike(sibling: string, service: string): ((number: number) => string) | undefined {
  const [, project, separator] = new RegExp(`^([a-z0-9_-]+)([_-])${service}\\2\\d+(?:\\.|$)`).exec(sibling) ?? [];
  return project === undefined ? undefined : (number) => [project, "server", number].join(separator);
}

/** This container's own address, as Docker writes it for its host's name. */
async function ownAddress(): Promise<string | undefined> {
  const [hosts, name] = await Promise.all([Deno.readTextFile("/etc/hosts"), Deno.readTextFile("/etc/hostname")]);
  return hosts.split("\n").map((line) => line.trim().split(/\s+/)).find((words) => words.includes(name.trim(), 1))?.[0];
}

/** @throws {Error} where it cannot be found out */
async function findServerId(redis: string): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  const own = await ownAddress();
  const [address] = await Deno.resolveDns(redis, "A", { signal });
  const [sibling] = await Deno.resolveDns(`${address.split(".").reverse().join(".")}.in-addr.arpa`, "PTR", { signal });
  const nameOf = namesLike(sibling, redis);
  if (!nameOf || own === undefined) throw new Error("not in a project of compose");
  const numbers = Array.from({ length: mostServers }, (_, index) => index + 1);
  const late = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const mine = Promise.any(numbers.map(async (number) => {
    const { address } = await lookup(nameOf(number), 4); // unlike resolveDns(), it takes names with an underscore
    if (address !== own) throw new Error("another one");
    return number;
  }));
  return `server-${await Promise.race([mine, late])}`;
}

if (import.meta.main) {
  const redis = Deno.env.get("REDIS_HOST");
  if (redis && !Deno.env.get("SERVER_ID") && !Deno.args.includes("--help")) {
    const id = await findServerId(redis).catch(() => undefined);
    if (id !== undefined) Deno.env.set("SERVER_ID", id);
  }
  await import("../server.ts");
}
