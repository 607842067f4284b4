/**
 * Sees to it that the tests have a `redis-server`: takes the one that is there, else fetches Debian's (or Ubuntu's)
 * packages into the project's cache and unpacks them there.
 *
 * 1. Nothing of the system changes and nobody needs to be root: apt works on lists and a cache of its own.
 * 2. The cache holds either a server that has answered `--version` here, or nothing.
 * 3. Where it cannot work it says so loudly, with the line that installs Redis, and fails only when
 *    `REDIS_TESTS=required` is set: without Redis the tests that need it are ignored.
 */

import { dirname, join } from "node:path";
import { findRedis, oldestRedis, redisCache, redisVersion } from "./redis_binary.ts";

/** What holds the server; what these need besides is asked of apt, since it differs from release to release. */
const packages = ["redis-server", "redis-tools"];

/** The whole of apt's work on a slow line. */
const timeoutMs = 5 * 60_000;

/**
 * Downloads and unpacks `redis-server` with the libraries that this system lacks, and returns its version.
 *
 * @param target the folder that is to hold it; its parent is made
 * @throws {Error} that says which step failed and what the tool printed
 */
export async function fetchRedis(target: string): Promise<string> {
  await Deno.mkdir(dirname(target), { recursive: true });
  const work = await Deno.makeTempDir({ dir: dirname(target), prefix: "redis-fetch-" });
  try {
    const apt = await privateApt(join(work, "apt"));
    const wanted = new Set([...packages, ...await apt.lacking(packages)]);
    const debs = await apt.download([...wanted], join(work, "packages"));
    const root = join(work, "redis");
    for (const deb of debs) await run("dpkg-deb", ["--extract", deb, root]);
    await keepOnly(root, ["usr", "lib"]);
    await keepOnly(join(root, "usr"), ["bin", "lib"]);
    await writeLauncher(root);
    const version = await redisVersion(join(root, "redis-server"));
    if (!version) throw new Error("The unpacked redis-server does not run on this system");
    if (parseInt(version) < oldestRedis) {
      throw new Error(`This system's package is Redis ${version}, ${oldestRedis} or later is needed`);
    }
    await Deno.remove(target, { recursive: true }).catch(() => {});
    await Deno.rename(root, target);
    return version;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** apt with the system's sources, keys and proxies, but with lists and cache in `dir`. */
async function privateApt(dir: string) {
  const lists = join(dir, "lists");
  const cache = join(dir, "cache");
  await Deno.mkdir(join(lists, "partial"), { recursive: true });
  await Deno.mkdir(join(cache, "archives", "partial"), { recursive: true });
  const options = {
    "Dir::State": dir,
    "Dir::State::lists": lists,
    "Dir::State::status": "/var/lib/dpkg/status",
    "Dir::Cache": cache,
    "Debug::NoLocking": "true",
    // As root, apt would hand downloads to a user that cannot write here.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
    "APT::Update::Error-Mode": "any",
  };
  const args = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  // A source that does not answer, or a hook of the system's that fails, matters only if the packages are not found.
  const update = await run("apt-get", [...args, "-q", "update"]).catch((error: Error) => error);
  return {
    /** The packages that installing `names` would bring to this system. */
    async lacking(names: readonly string[]): Promise<string[]> {
      const plan = await run("apt-get", [...args, "-q", "--simulate", "--no-install-recommends", "install", ...names])
        .catch((cause) => {
          throw update instanceof Error ? update : cause;
        });
      return [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
    },
    async download(names: readonly string[], to: string): Promise<string[]> {
      await Deno.mkdir(to);
      await run("apt-get", [...args, "-q", "download", ...names], to);
      return entries(to).map((name) => join(to, name));
    },
  };
}

/** Removes what else a package brings: services, documentation. */
async function keepOnly(dir: string, names: readonly string[]): Promise<void> {
  for (const name of entries(dir)) {
    if (!names.includes(name)) await Deno.remove(join(dir, name), { recursive: true });
  }
}

/** A `redis-server` at the top that finds its libraries wherever the folder stands; `exec` keeps the process id. */
async function writeLauncher(root: string): Promise<void> {
  const libraries = ["lib", "usr/lib"]
    .flatMap((lib) => [lib, ...entries(join(root, lib)).map((name) => `${lib}/${name}`)])
    .filter((dir) => entries(join(root, dir)).some((name) => name.includes(".so")));
  const script = [
    "#!/bin/sh",
    'here=$(cd "$(dirname "$0")" && pwd)',
    `export LD_LIBRARY_PATH="${libraries.map((dir) => `$here/${dir}:`).join("")}$LD_LIBRARY_PATH"`,
    'exec "$here/usr/bin/redis-server" "$@"',
    "",
  ];
  await Deno.writeTextFile(join(root, "redis-server"), script.join("\n"), { mode: 0o755 });
}

/** The names in a folder; none where it is no folder. */
function entries(dir: string): string[] {
  try {
    return Array.from(Deno.readDirSync(dir), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** Runs a program and returns what it printed. */
async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    signal: AbortSignal.timeout(timeoutMs),
  });
  let output: Deno.CommandOutput;
  try {
    output = await command.output();
  } catch (cause) {
    throw new Error(`Cannot run ${program}: is this Debian or Ubuntu?`, { cause });
  }
  const [out, err] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (output.success) return out;
  const verb = args.find((arg) => /^(update|install|download|--extract)$/.test(arg)) ?? "";
  const errors = err.trim().split("\n").filter((line) => !line.startsWith("W:")).slice(-6);
  throw new Error([`${program} ${verb} failed:`, ...errors].join("\n"));
}

async function main(): Promise<number> {
  const search = await findRedis();
  if (search.found) return 0;
  try {
    if (Deno.env.get("REDIS_SERVER")) throw new Error(search.reason);
    console.error(`Redis for the tests: ${search.reason}; fetching the system's package into ${redisCache} …`);
    const version = await fetchRedis(redisCache);
    console.error(`Redis ${version} is in ${redisCache}; the system is as it was.`);
    return 0;
  } catch (error) {
    const required = Deno.env.get("REDIS_TESTS") === "required";
    const bar = "!".repeat(100);
    console.error(`${bar}
There is no Redis for the tests. ${(error as Error).message}
${
      required
        ? "REDIS_TESTS=required, so this is where it ends."
        : "EVERY TEST THAT NEEDS REDIS IS IGNORED."
    } To install it:

    ${Deno.build.os === "darwin" ? "brew install redis" : "sudo apt-get install redis-server"}

${bar}`);
    return required ? 1 : 0;
  }
}

if (import.meta.main) Deno.exit(await main());
