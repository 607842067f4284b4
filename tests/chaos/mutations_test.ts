import assert from "node:assert/strict";
import { join } from "node:path";
import { permitted } from "../support/needs.ts";
import { mutations } from "./mutations.ts";
import { applyPatch, copyTree } from "./tree.ts";

const files = await permitted("read", "write");
const root = join(import.meta.dirname!, "..", "..");

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
  name: files.named("each mutation fits the source as it is"),
  ignore: files.ignored,
  fn: () =>
    withCopy(async (copy) => {
      for (const { patches } of mutations) {
        for (const patch of patches) await applyPatch(copy, patch);
      }
    }),
});

Deno.test({
  name: files.named("applyPatch() refuses what is not there exactly once"),
  ignore: files.ignored,
  fn: () =>
    withCopy(async (copy) => {
      const missing = { file: "server.ts", from: "nobody wrote this", to: "" };
      await assert.rejects(applyPatch(copy, missing), /has 0 times/);
      await assert.rejects(applyPatch(copy, { file: "server.ts", from: "\n", to: "" }), /has \d+ times/);
    }),
});
