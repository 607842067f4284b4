/**
 * The shells' completions, read by the shells themselves where they are installed.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { completions } from "../../../../lib/client/cli/options/completions.ts";
import { optionTable, type Shell, shells, words } from "../../../../lib/client/cli/options/option_table.ts";
import { type Need, need, permitted } from "../../../support/needs.ts";
import { temporaryFolder } from "../../../support/process.ts";
import { test as testWith } from "../../../support/server.ts";
import { test } from "../../fakes.ts";

const allowed = await permitted("run", "read", "write", "env");

async function installed(shell: Shell): Promise<Need> {
  if (allowed.ignored) return allowed;
  try {
    await new Deno.Command(shell, { args: ["-c", "exit 0"], stdout: "null", stderr: "null" }).output();
    return need(undefined, "all");
  } catch {
    return need(`needs ${shell} on the PATH`);
  }
}

const needs = Object.fromEntries(await Promise.all(shells.map(async (shell) => [shell, await installed(shell)])));

/** Runs a script in a shell that finds a `chat` which knows the profiles "work" and "home". */
async function run(shell: Shell, script: (folder: string) => string): Promise<string[]> {
  await using folder = await temporaryFolder();
  const chat = join(folder.path, "chat");
  await Deno.writeTextFile(chat, "#!/bin/sh\n[ \"$1 $2\" = 'completions profiles' ] && printf 'work\\nhome\\n'\n");
  await Deno.chmod(chat, 0o755);
  await Deno.writeTextFile(join(folder.path, `completion.${shell}`), completions(shell));
  await Deno.writeTextFile(join(folder.path, "here.pem"), "");
  const { code, stdout, stderr } = await new Deno.Command(shell, {
    args: ["-c", script(folder.path)],
    cwd: folder.path,
    env: { PATH: `${folder.path}:${Deno.env.get("PATH")}`, HOME: folder.path, TERM: "dumb" },
  }).output();
  const error = new TextDecoder().decode(stderr);
  assert.equal(error, "");
  assert.equal(code, 0);
  return new TextDecoder().decode(stdout).split("\n").map((line) => line.split("\t")[0].trim())
    .filter((line) => line !== "").sort();
}

/** What each shell offers after a line; the last word is what is being typed. */
const offers: Record<"bash" | "fish", (line: readonly string[]) => Promise<string[]>> = {
  bash: (line) =>
    run(
      "bash",
      (folder) =>
        `source '${folder}/completion.bash'; COMP_WORDS=(${line.map((word) => `'${word}'`).join(" ")}); ` +
        `COMP_CWORD=${line.length - 1}; _chat; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ),
  fish: (line) => run("fish", (folder) => `source '${folder}/completion.fish'; complete -C '${line.join(" ")}'`),
};

function optionsOf(word: keyof typeof words): string[] {
  return Object.entries(optionTable).filter(([, spec]) => (spec.words as readonly string[]).includes(word))
    .map(([name]) => `--${name}`).sort();
}

for (const shell of ["bash", "fish"] as const) {
  testWith(`completions() for ${shell} offers a word's own options`, async () => {
    for (const word of ["chat", "send", "history"] as const) {
      const offered = await offers[shell](["chat", ...(word === "chat" ? [] : [word]), "--"]);
      assert.deepEqual(offered, optionsOf(word));
    }
  }, needs[shell]);

  testWith(`completions() for ${shell} offers words and profiles first, and profiles for --server`, async () => {
    const others = Object.keys(words).filter((word) => word !== "chat");
    assert.deepEqual(await offers[shell](["chat", ""]), [...others, "home", "work"].sort());
    assert.deepEqual(await offers[shell](["chat", "send", "--server", "w"]), ["work"]);
    assert.deepEqual(await offers[shell](["chat", "completions", ""]), [...shells].sort());
  }, needs[shell]);

  testWith(`completions() for ${shell} offers files for --ca, and nothing for a name`, async () => {
    assert.ok((await offers[shell](["chat", "--ca", "he"])).includes("here.pem"));
    assert.deepEqual(await offers[shell](["chat", "send", "--to", "x"]), []);
  }, needs[shell]);
}

testWith("completions() for zsh is read by zsh, and describes every option", async () => {
  // Outside of its line editor zsh completes nothing; so what it would hand to _arguments is looked at.
  const offered = await run(
    "zsh",
    (folder) =>
      `compdef() { :; }; _arguments() { print -rl -- "$@"; }; source '${folder}/completion.zsh'; ` +
      `words=(chat send --); CURRENT=3; _chat`,
  );
  const found = offered.filter((line) => line.startsWith("--")).map((line) => line.replace(/[=[].*/, ""));
  assert.deepEqual(found.sort(), optionsOf("send"));
}, needs.zsh);

test("completions() name every option and word, for every shell", () => {
  for (const shell of shells) {
    const script = completions(shell);
    for (const name of Object.keys(optionTable)) {
      assert.ok(script.includes(shell === "fish" ? `-l ${name}` : `--${name}`));
    }
    for (const word of Object.keys(words)) assert.ok(script.includes(word));
  }
});
