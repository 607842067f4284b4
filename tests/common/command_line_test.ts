import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandLineError, type FlagSpec, readCommandLine } from "../../lib/common/command_line.ts";

const table: Record<string, FlagSpec> = {
  name: { type: "string", short: "n", allowed: "a name" },
  loud: { type: "boolean", short: "l" },
  trace: { type: "boolean", accepts: (text) => ["on", "off"].includes(text) },
  help: { type: "boolean", short: "h" },
};

const read = (...args: string[]) => {
  const { flags, positionals } = readCommandLine(args, table);
  return [Object.fromEntries(flags), positionals];
};

const refusal = (...args: string[]): CommandLineError => {
  try {
    readCommandLine(args, table);
  } catch (error) {
    assert(error instanceof CommandLineError, String(error));
    return error;
  }
  throw new Error(`${JSON.stringify(args)} was taken`);
};

test("readCommandLine() tells flags, their values and the rest apart", () => {
  assert.deepEqual(read("a", "--name", "x", "b", "--loud", "c"), [{ name: "x", loud: true }, ["a", "b", "c"]]);
  assert.deepEqual(read("--name=x=y", "-l"), [{ name: "x=y", loud: true }, []]);
  assert.deepEqual(read("-nx", "--", "--loud", "-n"), [{ name: "x" }, ["--loud", "-n"]]);
  assert.deepEqual(read("--name", "x", "--name", "y"), [{ name: "y" }, []]);
  assert.deepEqual(read("--name", "-1", "-"), [{ name: "-1" }, ["-"]]);
  assert.deepEqual(read("--name", "-"), [{ name: "-" }, []]);
  assert.deepEqual(read("--name="), [{ name: "" }, []]);
});

test("readCommandLine() takes what follows a flag that may stand alone as its value only where it is one", () => {
  assert.deepEqual(read("--trace", "off", "a"), [{ trace: "off" }, ["a"]]);
  assert.deepEqual(read("--trace", "a"), [{ trace: true }, ["a"]]);
  assert.deepEqual(read("--trace=maybe"), [{ trace: "maybe" }, []]);
});

test("readCommandLine() says which flag is wrong, and what is allowed", () => {
  assert.equal(refusal("--nmae=x").message, 'Unknown flag "--nmae"; did you mean --name?');
  assert.equal(refusal("--bogus").message, 'Unknown flag "--bogus"; --help lists those that there are');
  for (const flag of ["-x", "-lx", "--n", "--no-loud", "--toString", "--__proto__"]) {
    assert.match(refusal(flag).message, /^Unknown flag /, flag);
  }
  for (const args of [["--name"], ["-n"], ["--name", "--loud"], ["--name", "-l"], ["--name", "--"]]) {
    assert.match(refusal(...args).message, /^(--name|-n) is given without a value; allowed: a name$/, args.join(" "));
  }
  assert.equal(refusal("--loud=yes").message, "--loud takes no value; allowed: --loud");
  assert.equal(refusal(`--${"x".repeat(1000)}`).message.length < 150, true);
  assert.doesNotMatch(refusal("--redis://u:secret@h").message, /secret/);
});

test("readCommandLine() answers --help before anything that is wrong", () => {
  assert.deepEqual(read("--bogus", "--name=x", "-h"), [{ help: true }, []]);
  assert.deepEqual(read("--", "--help"), [{}, ["--help"]]);
});

test("readCommandLine() takes or refuses any arguments, in one line", () => {
  const arg = fc.oneof(
    fc.string(),
    fc.constantFrom("--name", "-n", "--loud", "--trace", "on", "--", "-", "-h", "--name="),
  );
  fc.assert(fc.property(fc.array(arg), (args) => {
    try {
      const { positionals } = readCommandLine(args, table);
      assert(positionals.every((positional) => args.includes(positional)));
    } catch (error) {
      assert(error instanceof CommandLineError, String(error));
      assert.doesNotMatch(error.message, /\p{Cc}/u);
    }
  }));
});
