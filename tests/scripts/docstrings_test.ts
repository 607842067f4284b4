import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin, { docstringFault, headFault, maxHeadLines } from "../../scripts/docstrings.ts";

/** What the plugin says of a file of the project with this text. */
function lint(file: string, source: string): string[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return Deno.lint.runPlugin(plugin, path, source).map(({ message }) => message);
}

const test = (name: string, fn: () => void) => Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("on-the-symbol wants a docstring on each kind of exported symbol", () => {
  for (
    const declaration of [
      "export class Hub {}",
      "export interface Hub {}",
      "export type Hub = string;",
      "export function Hub() {}",
      "export async function Hub() {}",
      "export const Hub = 1;",
    ]
  ) {
    assert.match(lint("lib/wire/lines.ts", declaration)[0], /^Hub is exported and has no docstring/, declaration);
    assert.deepEqual(lint("lib/wire/lines.ts", `/** Passes messages on. */\n${declaration}`), [], declaration);
    assert.equal(lint("lib/wire/lines.ts", `// Passes messages on.\n${declaration}`).length, 1, declaration);
  }
});

test("on-the-symbol leaves alone what is not exported, comes from elsewhere, or lies in tests", () => {
  assert.deepEqual(lint("lib/wire/lines.ts", 'class Hub {}\nexport { Hub };\nexport * from "./names.ts";'), []);
  assert.deepEqual(lint("tests/wire/lines_test.ts", "export class Hub {}"), []);
});

test("on-the-symbol takes one docstring for all overloads", () => {
  const source = "/** Reads a line. */\nexport function read(): string;\nexport function read(): string {}";
  assert.deepEqual(lint("lib/wire/lines.ts", source), []);
});

test("docstringFault() refuses what points elsewhere and what only repeats the name", () => {
  assert.match(docstringFault("Hub", "* See the file's first lines. ")!, /points at the file/);
  assert.match(docstringFault("Hub", "* See the file's promises. ")!, /points at the file/);
  assert.match(docstringFault("HubOptions", "* The options of the hub. ")!, /only repeats/);
  assert.match(docstringFault("FoundServer", "* A found server ")!, /only repeats/);
  assert.match(docstringFault("Hub", "* ")!, /empty/);
  assert.equal(docstringFault("HubOptions", "* What a hub is made from. "), undefined);
  assert.equal(docstringFault("decode", "* @returns the position, or undefined where the string is none "), undefined);
});

test("headFault() counts lines with words in them, and the rule looks at heads above imports only", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, at) => ` * line ${at}`).join("\n *\n");
  assert.equal(headFault(lines(maxHeadLines)), undefined);
  assert.match(headFault(lines(maxHeadLines + 1))!, /at most 6 lines, this one 7/);
  const long = `/**\n${lines(9)}\n */\n`;
  assert.equal(lint("lib/wire/lines.ts", `${long}\nimport "./names.ts";`).length, 1);
  assert.equal(lint("lib/wire/lines.ts", `${long}export class Hub {}`).length, 0);
});
