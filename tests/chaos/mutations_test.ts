import assert from "node:assert/strict";
import { join } from "node:path";
import { every, permitted } from "../support/needs.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { mutations } from "./mutations.ts";
import { applyReplacement, copyTree, type FunctionReplacement, type LineReplacement, replaceLine } from "./tree.ts";

const files = await permitted("read", "write");
const programs = every(files, await permitted("run"));
const redis = every(programs, await permitted("net", "env"), ownRedis);
const root = join(import.meta.dirname!, "..", "..");

const replacements = mutations.flatMap((mutation) => mutation.replacements);
const functions = replacements.filter((each): each is FunctionReplacement => "function" in each);
const lines = replacements.filter((each): each is LineReplacement => "line" in each);

async function withCopy(work: (copy: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "chat-chaos-" });
  try {
    await copyTree(root, join(folder, "tree"));
    await work(join(folder, "tree"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: files.named("each mutation replaces functions and lines that are there exactly once, by what parses"),
  ignore: files.ignored,
  fn: () =>
    withCopy(async (copy) => {
      for (const replacement of replacements) await applyReplacement(copy, replacement);
    }),
});

Deno.test({
  name: programs.named("the types of the mutated functions fit the source around them"),
  ignore: programs.ignored,
  fn: () =>
    withCopy(async (copy) => {
      // All at once, since a check takes seconds: that no function is in two mutations makes it possible.
      assert.equal(new Set(functions.map(({ file, function: name }) => `${file} ${name}`)).size, functions.length);
      for (const replacement of functions) await applyReplacement(copy, replacement);
      // What they import is checked with them; the rest of the server would double the time.
      const files = [...new Set(functions.map(({ file }) => join(copy, file)))];
      const args = ["check", "--quiet", "--config", join(copy, "deno.json"), ...files];
      const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
      assert(success, new TextDecoder().decode(stderr));
    }),
});

Deno.test({
  name: redis.named("Redis takes each mutation's script"),
  ignore: redis.ignored,
  fn: async () => {
    await using server = await startRedis();
    for (const { file, line, by } of lines) {
      const script = replaceLine(await Deno.readTextFile(join(root, file)), line, by);
      assert.match(String(await server.call("SCRIPT", "LOAD", script)), /^[0-9a-f]{40}$/);
    }
  },
});

Deno.test({
  name: files.named("applyReplacement() refuses a function, or a line, that is not there exactly once"),
  ignore: files.ignored,
  fn: () =>
    withCopy(async (copy) => {
      const file = "lib/server/delivery/relay.ts";
      await Deno.writeTextFile(join(copy, "twice.ts"), "class A { get f() { return 1; } set f(x) {} }");
      await Deno.writeTextFile(join(copy, "two.lua"), "if a then\n  return 1\nend\nreturn 1\nreturn 2");
      for (
        const [replacement, message] of [
          [{ file, function: "Relay.#gone", source: "#gone() {}" }, `${file}: There is no function Relay.#gone`],
          [{ file: "twice.ts", function: "A.f", source: "f() {}" }, "twice.ts: There are 2 functions A.f"],
          [{ file: "two.lua", line: "return 1", by: "" }, "two.lua: There are 2 lines return 1"],
          [{ file: "two.lua", line: "return", by: "" }, "two.lua: There are 0 lines return"],
          [{ file: "two.lua", line: "return 2", by: "return 2" }, "two.lua: What takes its place is the same"],
        ] as const
      ) await assert.rejects(applyReplacement(copy, replacement), { message });
      await assert.rejects(
        applyReplacement(copy, { file: "gone.lua", line: "return 1", by: "" }),
        /^Error: gone\.lua: /,
      );
    }),
});
