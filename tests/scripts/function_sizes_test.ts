import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin, { maxBranches, maxLines } from "../../scripts/function_sizes.ts";

/** What the plugin says of a file of the project with this text. */
function lint(source: string, file = "lib/wire/lines.ts"): string[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return Deno.lint.runPlugin(plugin, path, source).map(({ message }) => message);
}

const test = (name: string, fn: () => void) => Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("size counts each kind of branch, those of functions within included", () => {
  const kinds = [
    "if (a) b();",
    "a ? b : c;",
    "a && b;",
    "a ?? b;",
    "for (;;) b();",
    "for (const x of a) b();",
    "for (const x in a) b();",
    "while (a) b();",
    "do b(); while (a);",
    "try { b(); } catch { c(); }",
    "switch (a) { case 1: case 2: case 3: b(); }",
    "a.map(() => { if (a) b(); });",
  ];
  for (const kind of kinds) {
    const wholly = (times: number) => `function f() { ${kind.repeat(times)} }`;
    assert.deepEqual(lint(wholly(maxBranches)), [], kind);
    assert.deepEqual(lint(wholly(maxBranches + 1)), [`${maxBranches + 1} branches: at most 15 are allowed`], kind);
  }
});

test("size counts the lines of functions, methods and arrow functions", () => {
  const body = (lines: number) => "a();\n".repeat(lines - 2);
  for (const head of ["function f() {\n", "const f = () => {\n"]) {
    assert.deepEqual(lint(`${head}${body(maxLines)}}`), []);
    assert.deepEqual(lint(`${head}${body(maxLines + 1)}}`), ["61 lines: at most 60 are allowed"]);
  }
  assert.equal(lint(`class A { f() {\n${body(maxLines + 1)}} }`).length, 1);
  assert.deepEqual(lint(`function f() {\n${body(maxLines + 1)}}`, "tests/wire/lines_test.ts"), []);
});
