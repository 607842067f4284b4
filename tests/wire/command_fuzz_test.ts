/** Whatever a line holds, the command parser gives values of the declared kinds or an error that a client can be told. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError } from "../../lib/common/errors.ts";
import { allCommands } from "../../lib/server/commands/all.ts";
import { Registry } from "../../lib/server/registry/registry.ts";
import { type Argument, bindFields, bindTyped, maxCount, parseTyped } from "../../lib/wire/command.ts";
import { parseRequest } from "../../lib/wire/request.ts";
import { test } from "../support/declare.ts";

const limits = { maxMessageBytes: 200 };
const registry = new Registry(allCommands, limits);

// deno-lint-ignore no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

/** Runs a parser: its value, or undefined where it refused as it may. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert(error instanceof ChatError, `threw ${(error as Error)?.stack}`);
    assert.doesNotMatch(error.message, control);
    assert(error.message.isWellFormed() && error.message.length < 300, error.message);
    return undefined;
  }
}

const words = [
  ...allCommands.flatMap(({ name, aliases }) => [name, ...aliases]),
  "__proto__",
  "constructor",
  "toString",
];

/** A line that is often nearly a command. */
const line = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.tuple(
    fc.constantFrom("/", "//", "", " /"),
    fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })),
    fc.array(
      fc.oneof(
        fc.constantFrom(
          " ",
          "  ",
          "\t",
          '"',
          '\\"',
          "@",
          "@b",
          "b",
          "5",
          "0",
          "-1",
          "general",
          "#x",
          "\u0007",
          "\u00a0",
        ),
        fc.string({ unit: "binary", maxLength: 8 }),
      ),
      { maxLength: 8 },
    ),
  ).map(([slash, verb, rest]) => `${slash}${verb} ${rest.join("")}`),
);

test("parseTyped() and Registry.admit() throw nothing but a ChatError for any typed line", () => {
  fc.assert(
    fc.property(line, (line) => {
      const parsed = attempt(() => parseTyped(line));
      assert(parsed);
      const given = parsed.kind === "say" ? { name: "say", rest: parsed.text } : parsed;
      // Nobody is logged in: the gate may refuse; what it lets through is bound. The rest is bound directly.
      attempt(() => registry.admit(given.name, { rest: given.rest }, undefined));
      const command = registry.find(given.name);
      if (command) checkValues(command.arguments, attempt(() => bind(command.name, command.arguments, given.rest)));
    }),
    { numRuns: 2000 },
  );
});

test("parseRequest() and bindFields() throw nothing but a ChatError for any JSON, and any line that is none", () => {
  const names = [...new Set(allCommands.flatMap((command) => command.arguments.map(({ name }) => name)))];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ unit: "binary" }),
    fc.constantFrom(1e999, -0, 2 ** 53),
  );
  const request = fc.record({
    id: fc.option(value, { nil: undefined }),
    cmd: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: value }),
    fields: fc.dictionary(fc.oneof(fc.constantFrom(...names, "__proto__", "constructor"), fc.string()), value),
  }).map(({ id, cmd, fields }) => JSON.stringify({ ...fields, id, cmd }));
  fc.assert(
    fc.property(fc.oneof(request, line, fc.json()), (line) => {
      const parsed = attempt(() => parseRequest(line));
      const command = parsed && registry.find(parsed.cmd);
      if (!command) return;
      const values = attempt(() => bindFields(command.name, command.arguments, parsed.fields, limits));
      checkValues(command.arguments, values);
    }),
    { numRuns: 2000 },
  );
});

test("bindTyped() and bindFields() give the same values for a typed line and its JSON form", () => {
  const user = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
  const room = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9_.#-]{0,63}$/);
  const said = fc.string({ unit: "binary", maxLength: 100 });
  const pick = {
    user,
    room,
    text: said,
    secret: said,
    count: fc.integer({ min: 1, max: maxCount }),
    command: fc.stringMatching(/^[a-z?]{1,10}$/),
    word: fc.stringMatching(/^[a-z]{1,10}$/),
    device: fc.stringMatching(/^[A-Za-z0-9_.-]{1,32}$/),
  };
  for (const { name, arguments: declared } of allCommands.filter(({ typed }) => typed)) {
    // A text takes the rest of a typed line: what is declared behind it is for JSON.
    const text = declared.findIndex(({ kind }) => kind === "text");
    const arguments_ = declared.filter((argument, index): argument is Argument & { kind: keyof typeof pick } =>
      Object.hasOwn(pick, argument.kind) && argument.typed !== false && (text < 0 || index <= text)
    );
    const values = fc.tuple(...arguments_.map(({ kind }) => pick[kind] as fc.Arbitrary<string | number>));
    fc.assert(fc.property(values, (values) => {
      const parts = arguments_.map(({ kind, optional }, index) => {
        if (optional && kind === "user") return `@${values[index]}`;
        if (kind === "secret" && name === "passwd") return `"${String(values[index]).replace(/["\\]/g, "\\$&")}"`;
        return values[index];
      });
      const fields = Object.fromEntries(arguments_.map(({ name }, index) => [name, values[index]]));
      const fromFields = attempt(() => bindFields(name, declared, fields, limits));
      const fromTyped = attempt(() => bind(name, declared, parts.join(" ")));
      // What is nothing but spaces counts as left out when it is typed.
      if (values.some((value) => String(value).trim() === "")) return;
      assert.deepEqual(fromTyped, fromFields);
    }));
  }
});

function bind(name: string, declared: readonly Argument[], rest: string): Record<string, unknown> {
  return bindTyped(name, declared, rest, limits);
}

/** Kinds that cannot be typed. */
const jsonOnly = ["topic", "seq", "id", "token", "flag", "fields", "filename", "hash", "key", "data"];

/** What a handler may rely on. */
function checkValues(declared: readonly Argument[], values: Record<string, unknown> | undefined): void {
  if (!values) return;
  assert.equal(Object.getPrototypeOf(values), Object.prototype);
  for (const { name, kind, optional } of declared) {
    const value: unknown = values[name];
    if (!Object.hasOwn(values, name)) {
      // What exists in JSON only, or stands behind a text, cannot be typed.
      assert(optional || jsonOnly.includes(kind), `${name} is missing`);
      continue;
    }
    if (kind === "user") assert.match(value as string, /^[A-Za-z0-9_-]{1,32}$/);
    if (kind === "room") assert.match(value as string, /^[a-z0-9_-][a-z0-9_.#-]{0,63}$/);
    if (kind === "device") assert.match(value as string, /^[A-Za-z0-9_.-]{1,32}$/);
    if (kind === "text" || kind === "id" || kind === "token") {
      assert.doesNotMatch(value as string, control);
      assert((value as string).isWellFormed());
      assert.notEqual(kind === "text" ? (value as string).trim() : value, "");
    }
    if (kind === "text") assert(new TextEncoder().encode(value as string).length <= limits.maxMessageBytes);
    if (kind === "filename") assert.doesNotMatch(value as string, /[/\\]|^\.{0,2}$/);
    if (kind === "filename") assert.doesNotMatch(value as string, control);
    if (kind === "hash") assert.match(value as string, /^[0-9a-f]{64}$/);
    if (kind === "key") assert.equal(Uint8Array.fromBase64(value as string, { alphabet: "base64url" }).length, 32);
    if (kind === "data") assert.notEqual(Uint8Array.fromBase64(value as string).length, 0);
    if (kind === "count") assert((value as number) >= 1 && (value as number) <= maxCount);
  }
  assert(Object.keys(values).every((name) => declared.some((argument) => argument.name === name)));
}
