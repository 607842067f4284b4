/** What the system refuses, as a full disk or a path that cannot be: one line, a code of the table, and no stack. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { pause } from "../../../lib/common/time.ts";
import { ClientError, exits } from "../../../lib/client/base/exit.ts";
import { readPrivate, writePrivate } from "../../../lib/client/base/private_file.ts";
import { KeptSession } from "../../../lib/client/cli/kept_session.ts";
import { outputTo } from "../../../lib/client/cli/output.ts";
import { runProgram } from "../../../lib/client/cli/program.ts";
import { PlainScreen } from "../../../lib/client/terminal/plain.ts";
import { goalOf } from "../../../lib/client/transfer/local.ts";
import { every, permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { onSqlite, test as testWith } from "../../support/server.ts";
import { soon } from "../fakes.ts";

const files = every(await permitted("read", "write"));

/** As Deno tells of them. */
const faults = {
  full: () => new Error("No space left on device (os error 28)"),
  closed: () => new Deno.errors.BrokenPipe("Broken pipe (os error 32)"),
} as const;

/** Runs the program with an output that takes nothing. @returns the exit code and what stood beside the output */
async function run(args: readonly string[], fault: keyof typeof faults, err?: keyof typeof faults) {
  const beside: string[] = [];
  const write = (bytes: Uint8Array) => {
    if (err !== undefined) return Promise.reject(faults[err]());
    beside.push(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  };
  const out = { write: () => Promise.reject(faults[fault]()) };
  return [await soon(runProgram(args, outputTo(out, { write }))), beside.join("")];
}

const told = "[ERROR] The output cannot be written: no space left on device\n";

testWith(
  "runProgram() tells of an output that is full in one line, and leaves quietly where nobody reads",
  async () => {
    for (const args of [["--help"], ["--version"], ["completions", "bash"]]) {
      assert.deepEqual(await run(args, "full"), [exits.usage.code, told]);
      assert.deepEqual(await run(args, "closed"), [exits.ok.code, ""]);
    }
    assert.deepEqual(await run(["--bogus"], "full", "full"), [exits.usage.code, ""]);
  },
  await permitted("env", "read"),
);

onSqlite("chat history, tail and get tell of an output that is full in one line", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  const inFolder = (name: string) => join(folder.path, name);
  await Deno.writeTextFile(inFolder("ca.pem"), server.ca);
  await Deno.writeTextFile(inFolder("password"), "1\r\n");
  await Deno.writeTextFile(inFolder("report.txt"), "all well");
  const options = ["-s", `localhost:${server.port}`, "-u", "a", "--room", "lobby"].concat(
    ["--ca", inFolder("ca.pem"), "--password-file", inFolder("password")],
  );
  assert.deepEqual(await run(["send", ...options, "--file", inFolder("report.txt")], "full"), [exits.ok.code, ""]);
  for (
    const args of [["history"], ["history", "--json"], ["tail", "-n", "1"], ["get"], ["get", "report.txt", "-o", "-"]]
  ) {
    assert.deepEqual(await run([...args, ...options], "full"), [exits.usage.code, told], args.join(" "));
    assert.deepEqual(await run([...args, ...options], "closed"), [exits.ok.code, ""], args.join(" "));
  }
}, files);

onSqlite("runProgram() ends when all that it was told to tell is written, in its order", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  const password = join(folder.path, "password");
  await Deno.writeTextFile(password, "1");
  const written: string[] = [];
  const slow = {
    async write(bytes: Uint8Array) {
      await pause(written.length === 0 ? 1_000 : 0);
      written.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  };
  const where = ["-s", `localhost:${server.port}`, "-u", "a", "--password-file", password, "--insecure"];
  const output = outputTo({ write: ({ length }) => Promise.resolve(length) }, slow);
  assert.equal(await soon(runProgram(["history", ...where, "--room", "lobby"], output)), exits.ok.code);
  assert.match(written.join(""), /^\[CLIENT\] NOT SECURE: .*\n$/);
  written.length = 0;
  assert.equal(await soon(runProgram(["send", ...where, "--room", "lobby", "x".repeat(9_000)], output)), 1);
  assert.match(written.join(""), /^\[CLIENT\] NOT SECURE: .*\n\[ERROR\] line_too_long: .*\n$/);
}, files);

testWith("PlainScreen.print() tells of an output that cannot be written, and writes a line in pieces", () => {
  const written: string[] = [];
  const tty = { read: () => Promise.resolve(null), typed: () => Promise.resolve(true), ask: () => 0, setRaw() {} };
  new PlainScreen({ ...tty, writeSync: (bytes) => written.push(String.fromCharCode(bytes[0]!)) && 1 }).print("hi");
  assert.equal(written.join(""), "hi\n");
  const full = new PlainScreen({
    ...tty,
    writeSync: () => {
      throw faults.full();
    },
  });
  assert.throws(() => full.print("hi"), { name: "ClientError", exit: "usage", message: told.slice(8, -1) });
});

testWith("a folder that is none is named in one line, and leaves nothing behind", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await Deno.writeTextFile(file, "");
  for (const place of [file, "/dev/null"]) {
    if (place !== file && Deno.build.os === "windows") continue;
    const path = join(place, "chat", "known_servers");
    const cannot = (error: unknown) =>
      error instanceof ClientError && error.exit === "usage" && error.message.startsWith(place) &&
      /(cannot be|may not be) (read|written|made): (not a directory|this program is not permitted to)$/.test(
        error.message,
      );
    assert.throws(() => readPrivate(path), cannot);
    assert.throws(() => writePrivate(path, "x"), cannot);
    await assert.rejects(goalOf(undefined, "x", () => join(place, "downloads")), cannot);
    // What is only remembered is no reason to end: the client says so once, and goes on.
    const kept = new KeptSession(place, "a", { host: "localhost", port: 1 });
    assert.equal(kept.read(), undefined);
    assert.match(kept.keep("token")!, /^You will be asked for the password again: .* cannot be written: [^()]+$/);
    assert.equal(kept.keep("token2"), undefined);
  }
  // The name is taken by a folder: the last step fails.
  await Deno.mkdir(join(folder.path, "taken"));
  assert.throws(() => writePrivate(join(folder.path, "taken"), "x"), { exit: "usage" });
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["file", "taken"]);
}, files);
