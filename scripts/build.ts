/**
 * Compiles the client into programs that need neither Deno nor Node, for this machine or for others.
 *
 * Which systems there are stands in one table. What runs the compiler comes in from outside, so that all but the
 * compiler itself can be tested where its downloads cannot be reached.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

/** Rust's name of a system, as `deno compile --target` takes it → ours. */
export const targets = {
  "x86_64-unknown-linux-gnu": "linux-x64",
  "aarch64-unknown-linux-gnu": "linux-arm64",
  "x86_64-apple-darwin": "macos-x64",
  "aarch64-apple-darwin": "macos-arm64",
  "x86_64-pc-windows-msvc": "windows-x64",
} as const;

/** One of the systems. */
export type Target = keyof typeof targets;

/** What is compiled, and into which file. */
export interface Build {
  /** This machine's where it is left out. */
  readonly target?: Target;
  readonly output: string;
  /** Files to bake in, such as `certs/ca.pem`: that one is trusted by the program in place of the system's. */
  readonly include?: readonly string[];
}

/** The arguments for `deno`. */
export function compileArguments({ target, output, include = [] }: Build): string[] {
  return [
    "compile",
    "-P=client",
    "--exclude-unused-npm",
    ...(target === undefined ? [] : ["--target", target]),
    ...include.flatMap((file) => ["--include", file]),
    "--output",
    output,
    "client.ts",
  ];
}

/** The programs of a release, one for each system. */
export function releaseBuilds(folder: string, include: readonly string[] = []): readonly Required<Build>[] {
  return (Object.keys(targets) as Target[]).map((target) => ({
    target,
    output: join(folder, `chat-${targets[target]}${target.includes("windows") ? ".exe" : ""}`),
    include,
  }));
}

/** Runs the compiler with these arguments; fails where it does. */
export type Compiler = (args: readonly string[]) => Promise<void>;

/** Deno itself. */
export const denoCompiler: Compiler = async (args) => {
  const { success } = await new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn().status;
  if (!success) throw new Error(`deno ${args.join(" ")} failed`);
};

/**
 * Compiles all programs of a release, and writes their checksums as `sha256sum --check` reads them.
 *
 * The checksums come last: a folder that holds `SHA256SUMS` is complete.
 *
 * @returns the files, the checksums' last
 */
export async function release(
  folder: string,
  include: readonly string[],
  compile: Compiler,
): Promise<readonly string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const sums = join(folder, "SHA256SUMS");
  await Deno.remove(sums).catch(() => {});
  const builds = releaseBuilds(folder, include);
  let text = "";
  for (const build of builds) {
    await compile(compileArguments(build));
    const hash = createHash("sha256");
    using file = await Deno.open(build.output);
    for await (const chunk of file.readable) hash.update(chunk);
    text += `${hash.digest("hex")}  ${build.output.slice(folder.length).replace(/^[/\\]/, "")}\n`;
  }
  await Deno.writeTextFile(sums, text);
  return [...builds.map(({ output }) => output), sums];
}
