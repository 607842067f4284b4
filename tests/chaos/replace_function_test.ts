import assert from "node:assert/strict";
import { findFunction, replaceFunction } from "./replace_function.ts";

function found(source: string, name: string): string {
  const { start, end } = findFunction(source, name);
  return source.slice(start, end);
}

/** Finds a function between two others, whose texts are none of its own. */
function assertFound(name: string, declaration: string, inClass: boolean): void {
  const [before, after] = inClass
    ? ["class Relay {\n  #last = '}'; before() { return `{`; }\n  ", "\n  after() {}\n}\nfunction check() {}"]
    : ["/** A { comment } of function readOn() {} */\n", "\nclass Other { readOn() {} }"];
  assert.equal(found(before + declaration + after, name), declaration);
}

Deno.test("findFunction() is not misled by braces in strings, templates, regular expressions and comments", () => {
  const body = [
    `const text = "}" + '{' + "\\"}";`,
    'const made = `}${[1].map((x) => `{${x}}`).join("}")}{`;',
    "const half = 4 / 2; const regex = /[}/]\\}/.test('{') || half / 2;",
    "// }",
    "/* } function readOn() {} */",
    "if (half) { for (;;) { break; } }",
  ].join("\n");
  assertFound("readOn", `function readOn() {\n${body}\n}`, false);
  assertFound("Relay.#fill", `#fill() {\n${body}\n}`, true);
});

Deno.test("findFunction() takes a function with all that belongs to its declaration", () => {
  for (
    const declaration of [
      "export async function readOn(topics: Topics, { a = {} }: { a?: object } = {}): Promise<{ b: string }> { return f(); }",
      "export default function readOn() {}",
      "function* readOn<T extends { id: string }, U = Map<T, { c: 1 }>>(x: T): Generator<U> {}",
      "function readOn(x: string): { s: 1 };\nfunction readOn(x: number): { n: 1 };\nfunction readOn(x: unknown): unknown { return x; }",
      "export const readOn = (x: number): { n: number } => ({ n: x });",
      "const readOn = async <T>(x: T) => await x;",
      "const readOn = function () {};",
    ]
  ) assertFound("readOn", declaration, false);
});

Deno.test("findFunction() takes methods, private ones, accessors and arrow functions of a class", () => {
  for (
    const [name, declaration] of [
      ["Relay.check", "async check<T>(x: T): Promise<void> { await x; }"],
      ["Relay.check", "static check(): void {}"],
      ["Relay.check", "check(x: 1): 1;\n  check(x: 2): 2;\n  check(x: number): number { return x; }"],
      ["Relay.check", "readonly check = (x: number) => ({ x });"],
      ["Relay.#check", "#check({ x }: { x: number }): asserts x is 1 {}"],
      ["Relay.#check", "readonly #check = async () => {};"],
      ["Relay.size", "get size(): number { return 1; }"],
      ["Relay.constructor", "constructor(readonly x: number) {}"],
      ["Relay.[Symbol.dispose]", "[Symbol.dispose](): void {}"],
    ]
  ) assertFound(name, declaration, true);
});

Deno.test("findFunction() tells a class's method from another's, and from a private one", () => {
  const source = "class A { f() {} } class B { f() { return 1; } #f() {} } function f() {}";
  assert.equal(found(source, "B.f"), "f() { return 1; }");
  assert.equal(found(source, "B.#f"), "#f() {}");
  assert.equal(found(source, "f"), "function f() {}");
});

Deno.test("findFunction() refuses a name that no function has, or more than one", () => {
  const none = "interface A { f(): void } abstract class B { abstract f(): void } const f = 1; const o = { f() {} };";
  for (const name of ["f", "A.f", "B.f", "o.f"]) {
    assert.throws(() => findFunction(none, name), { message: `There is no function ${name}` });
  }
  const two = "class A { get f() { return 1; } set f(x) {} }";
  assert.throws(() => findFunction(two, "A.f"), { message: "There are 2 functions A.f" });
});

Deno.test("replaceFunction() replaces a whole declaration, and nothing else", () => {
  const source = "/** Says so. */\nexport function f(): 1;\nexport function f() { return 1; }\nf();\n";
  assert.equal(
    replaceFunction(source, "f", "\n  export function f() { return '$&'; }\n"),
    "/** Says so. */\nexport function f() { return '$&'; }\nf();\n",
  );
});

Deno.test("replaceFunction() refuses what does not parse, or is not a declaration of the same name alone", () => {
  const source = "class A { #x = 1; f() { return this.#x; } }";
  for (const broken of ["f() {", "f() {} }", "f() { return this.#y; }", "function f() {}"]) {
    assert.throws(() => replaceFunction(source, "A.f", broken), /^Error: What replaces A\.f does not parse: /);
  }
  for (const other of ["", "g() {}", "f() {} g() {}", "f() {} f() {}"]) {
    assert.throws(
      () => replaceFunction(source, "A.f", other),
      /^Error: What replaces A\.f is not a declaration of A\.f/,
    );
  }
});
