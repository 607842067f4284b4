/**
 * Files from client to client: the real programs, a real server, and connections that are cut.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Bot } from "../../lib/client/mod.ts";
import { Proxy } from "../client/cli/proxy.ts";
import { allowed, chat } from "../support/chat.ts";
import { permitted } from "../support/needs.ts";
import { ServerProcess, temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

const processes = await permitted("read", "write", "run", "env", "net");
const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };
const permissions = [...allowed, "--allow-write"];

interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly server: ServerProcess;
  /** Runs a script as a user; the user's files are in a folder of that name. */
  run(user: string, lines: readonly string[], port?: number, ...args: string[]): ReturnType<typeof chat>;
  path(user: string, ...names: string[]): string;
}

async function scene(more: Record<string, string> = {}): Promise<Scene> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder()).path;
  const server = parts.use(await ServerProcess.start(folder, { ...settings, ...more }));
  const path = (user: string, ...names: string[]) => join(folder, user, ...names);
  for (const user of ["a", "b", "c"]) await Deno.mkdir(path(user, "in"), { recursive: true });
  const owned = parts.move();
  return {
    folder,
    server,
    path,
    run: (user, lines, port = server.port, ...args) =>
      chat([`127.0.0.1:${port}`, "--ca", server.caFile, "--user", user, "--downloads", path(user, "in"), ...args], {
        input: lines.map((line) => line + "\n").join(""),
        env: { CHAT_PASSWORD: "1", HOME: path(user) },
        permissions,
        cwd: path(user),
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function random(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** Cuts a proxy's connections whenever so many bytes have gone by in one direction, a few times. */
function cutting(proxy: Proxy, every: number, times: number, direction: "server" | "client"): () => number {
  let passed = 0;
  let cuts = 0;
  proxy.onBytes = (count, towards) => {
    if (towards !== direction) return;
    passed += count;
    if (cuts >= times || passed < every * (cuts + 1)) return;
    cuts++;
    proxy.cut();
  };
  return () => cuts;
}

test("a file of 10 MB arrives whole through connections that are cut three times each", async () => {
  await using s = await scene();
  const file = random(10_000_000);
  await Deno.writeFile(s.path("a", "big file.bin"), file);
  await using up = new Proxy(s.server.port);
  const cutUp = cutting(up, 3_000_000, 3, "server");
  const began = performance.now();
  const sent = await s.run("a", ["/send @b big file.bin"], up.port);
  const sentAfter = performance.now();
  assert.deepEqual([sent.code, cutUp(), up.connections], [0, 3, 4], sent.err.join("\n"));
  await using down = new Proxy(s.server.port);
  const cutDown = cutting(down, 3_000_000, 3, "client");
  const got = await s.run("b", ["/history @a", "/get 1"], down.port);
  const end = performance.now();
  assert.deepEqual([got.code, cutDown(), down.connections], [0, 3, 4], got.err.join("\n"));
  assert.deepEqual(await Deno.readFile(s.path("b", "in", "big file.bin")), file);
  assert.deepEqual([...Deno.readDirSync(s.path("b", "in"))].length, 1);
  console.log(`10 MB: sent in ${Math.round(sentAfter - began)} ms, fetched in ${Math.round(end - sentAfter)} ms`);
  assert.ok(
    got.out.includes(
      `big file.bin (10 MB, ${got.out.at(-1)!.split(", ")[1]}, SHA-256 compared) is in ${
        s.path("b", "in", "big file.bin")
      }`,
    ),
  );
}, processes);

test("files are offered in rooms and to users, listed, fetched under free names, and withdrawn", async () => {
  await using s = await scene();
  await Deno.writeTextFile(s.path("a", "notes.txt"), "what was said");
  await Deno.writeTextFile(s.path("b", "in", "notes.txt"), "precious");
  const sent = await s.run("a", ["/join ops", "/send ops ~/notes.txt", "/send #lobby notes.txt", "not reached"]);
  assert.deepEqual([sent.code, sent.out.slice(1)], [1, ["Joined room ops", "a: offers notes.txt (13 bytes): /get 1"]]);
  assert.equal(sent.err.at(-1), "[ERROR] A file is offered in the room that one is in: /join lobby first");
  const got = await s.run("b", ["/join ops", "/history", "/get 1", "/get 1 mine.txt", "/files", "/get 2"]);
  assert.equal(got.code, 1, got.err.join("\n"));
  assert.match(got.out[2], /^\[.*\] a: offers notes\.txt \(13 bytes\): \/get 1$/);
  assert.match(got.out.at(-1)!, /^1: notes\.txt \(13 bytes\) from a in ops, until \d{4}-/);
  assert.equal(got.err.at(-1), "[ERROR] No file has the number 2; /files lists them");
  assert.equal(await Deno.readTextFile(s.path("b", "in", "notes.txt")), "precious");
  assert.equal(await Deno.readTextFile(s.path("b", "in", "notes (2).txt")), "what was said");
  assert.equal(await Deno.readTextFile(s.path("b", "mine.txt")), "what was said");
  const outsider = await s.run("c", ["/history", "/get 1"]);
  assert.equal(outsider.code, 1);
  const back = await s.run("a", ["/join ops", "/history", "/withdraw 1", "/get 1"]);
  assert.equal(back.err.at(-2), "[CLIENT] notes.txt was withdrawn");
  const late = await s.run("b", ["/join ops", "/history", "/get 1"]);
  assert.match(late.err.at(-1)!, /^\[ERROR\] notes\.txt was not fetched: it was withdrawn, or has expired/);
}, processes);

test("a file that is too large is refused in one line, and nothing of it is sent", async () => {
  await using s = await scene({ MAX_FILE_BYTES: "100000" });
  await Deno.writeFile(s.path("a", "large"), random(100_001));
  const { code, err, out } = await s.run("a", ["/send @b large", "not reached"]);
  assert.deepEqual([code, out.length], [2, 1]);
  const path = s.path("a", "large");
  assert.deepEqual(err, [`[ERROR] ${path} cannot be sent: it has 100001 bytes, and the server takes at most 100000`]);
}, processes);

test("files with hostile names land in the folder for downloads, under names that do no harm", async () => {
  await using s = await scene();
  await using evil = await s.server.jsonLogin("a");
  const bytes = new TextEncoder().encode("#!/bin/sh\n");
  const names = ["..~..~x", "CON", ".bashrc", "\u202etxt.exe", "-rf", "x:y", "...", "~evil", "a ".repeat(120)];
  for (const name of names) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const { file } = await evil.ok("upload", { name, size: bytes.length, sha256: hash, to: "b" });
    await evil.ok("chunk", { file, n: 0, data: bytes.toBase64() });
    await evil.ok("msg", { to: "b", text: "offers ../../holiday.jpg (1 byte)", file });
  }
  await evil.refused("upload", { name: "..\\..\\x", size: 1, sha256: "0".repeat(64), to: "b" }, "usage");
  const got = await s.run("b", ["/history @a", ...names.map((_, index) => `/get ${index + 1}`)]);
  assert.equal(got.code, 0, got.err.join("\n"));
  const found = [...Deno.readDirSync(s.path("b", "in"))].map(({ name }) => name).sort();
  const safe = ["~..~x", "_CON", "bashrc", "exe.txt", "rf", "x_y", "file", "~evil", "a ".repeat(120).trim()];
  assert.equal(found.length, names.length, found.join());
  for (const name of safe.filter((name) => name !== "exe.txt" && name !== "~..~x")) {
    assert.ok(found.includes(name), name);
  }
  for (const name of found) assert.equal(Deno.statSync(s.path("b", "in", name)).mode! & 0o777, 0o600);
  assert.deepEqual(
    [...Deno.readDirSync(s.path("b"))].map(({ name }) => name).filter((name) => /x|bash|CON/.test(name)),
    [],
  );
  // What is shown is what is fetched, whatever the message says.
  assert.ok(
    got.out.some((line) => line.endsWith("offers ../../holiday.jpg (1 byte) · offers _CON (10 bytes): /get 2")),
  );
}, processes);

test("a client that is killed in the middle of a file goes on with it when it is back", async () => {
  await using s = await scene();
  const file = random(3_000_000);
  await Deno.writeFile(s.path("a", "x.bin"), file);
  assert.equal((await s.run("a", ["/send @b x.bin"])).code, 0);
  await using slow = new Proxy(s.server.port);
  const half = Promise.withResolvers<void>();
  let passed = 0;
  slow.onBytes = (count, towards) => {
    if (towards === "client" && (passed += count) > 2_000_000) half.resolve();
  };
  const stop = new AbortController();
  void half.promise.then(() => stop.abort());
  const killed = await chat(
    [`127.0.0.1:${slow.port}`, "--ca", s.server.caFile, "--user", "b", "--downloads", s.path("b", "in")],
    {
      input: "/history @a\n/get 1\n",
      env: { CHAT_PASSWORD: "1", HOME: s.path("b") },
      permissions,
      cwd: s.path("b"),
      kill: stop.signal,
    },
  );
  assert.notEqual(killed.code, 0);
  const [part] = [...Deno.readDirSync(s.path("b", "in"))];
  assert.match(part.name, /^\.\w+\.part$/);
  const { size, mode } = await Deno.stat(s.path("b", "in", part.name));
  assert.equal(mode! & 0o777, 0o600);
  passed = 0;
  const got = await s.run("b", ["/history @a", "/get 1"], slow.port);
  assert.equal(got.code, 0, got.err.join("\n"));
  assert.ok(passed < (file.length - size) * 1.4 + 100_000, `${passed} bytes came for ${file.length - size}`);
  assert.deepEqual([...Deno.readDirSync(s.path("b", "in"))].map(({ name }) => name), ["x.bin"]);
  assert.deepEqual(await Deno.readFile(s.path("b", "in", "x.bin")), file);
}, processes);

test("chat send --file and chat get move files beside whoever is logged in", async () => {
  await using s = await scene();
  const file = random(200_000);
  await Deno.writeFile(s.path("a", "build.log"), file);
  const at = ["-s", `127.0.0.1:${s.server.port}`, "--ca", s.server.caFile];
  const run = (user: string, ...args: string[]) =>
    chat([...args, ...at, "--user", user], {
      env: { CHAT_PASSWORD: "1", HOME: s.path(user) },
      permissions,
      cwd: s.path(user),
    });
  const sent = await run("a", "send", "--room", "ops", "--file", "build.log", "see", "here");
  assert.deepEqual([sent.code, sent.out, sent.err], [0, [], []]);
  assert.equal((await run("a", "send", "--to", "b", "-f", "build.log")).code, 0);
  const list = await run("b", "get", "--room", "ops");
  assert.match(list.out.join(), /^[a-z0-9]+ {2}\d{4}-\d\d-\d\d {2}a {2}build\.log \(200 kB\)$/);
  const [event] = (await run("b", "get", "--room", "ops", "--json")).out.map((line) => JSON.parse(line));
  assert.deepEqual([event.text, event.file.name, event.file.size], ["see here", "build.log", 200_000]);
  const got = await run("b", "get", "--room", "ops", event.file.id, "-o", "in");
  assert.deepEqual([got.code, got.out], [0, [s.path("b", "in", "build.log")]]);
  assert.deepEqual(await Deno.readFile(s.path("b", "in", "build.log")), file);
  const again = await run("b", "get", "--to", "a", "build.log", "--downloads", "in");
  assert.deepEqual(again.out, [s.path("b", "in", "build (2).log")]);
  const taken = await run("b", "get", "--room", "ops", "build.log", "-o", "in/build.log");
  assert.deepEqual([taken.code, taken.err], [2, [
    `[ERROR] ${s.path("b", "in", "build.log")} cannot be written: it is there already`,
  ]]);
  const none = await run("b", "get", "--room", "ops", "other");
  assert.deepEqual([none.code, none.err], [1, ['[ERROR] No file "other" was offered there']]);
}, processes);

test("a file whose offer is refused is withdrawn, whoever sends it", async () => {
  await using s = await scene({ MAX_INBOX: "1", MAX_USER_FILES_BYTES: "100000" });
  await Deno.writeFile(s.path("a", "x.bin"), random(60_000));
  const options = { servers: `127.0.0.1:${s.server.port}`, ca: s.server.ca, password: "1" };
  await using a = await Bot.connect({ ...options, user: "a" });
  await a.msg("b", "you have a message already");
  const bytes = random(90_000);
  await assert.rejects(a.offer({ to: "b" }, { name: "y", bytes }), /too many unread messages/);
  const at = ["-s", `127.0.0.1:${s.server.port}`, "--ca", s.server.caFile, "--user", "a"];
  const environment = { env: { CHAT_PASSWORD: "1", HOME: s.path("a") }, permissions, cwd: s.path("a") };
  const piped = await chat(["send", ...at, "--to", "b", "--file", "x.bin"], environment);
  assert.match(piped.err.join(), /\[ERROR\] inbox_full/);
  const typed = await s.run("a", ["/send b x.bin"]);
  assert.match(typed.err.join("\n"), /inbox_full/);
  await a.offer({ room: "ops" }, { name: "z", bytes: random(95_000) }); // there is room for it
}, processes);

test("a file that is fetched twice at once is whole, and whoever is second is told", async () => {
  await using s = await scene();
  const file = random(2_000_000);
  await Deno.writeFile(s.path("a", "x.bin"), file);
  assert.equal((await s.run("a", ["/send @b x.bin"])).code, 0);
  await using slow = new Proxy(s.server.port);
  const half = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let passed = 0;
  slow.onBytes = (count, towards) => {
    if (towards === "client" && (passed += count) > 1_000_000) {
      half.resolve();
      return go.promise;
    }
  };
  const first = s.run("b", ["/history @a", "/get 1"], slow.port);
  await half.promise;
  const get = ["get", "-s", `127.0.0.1:${s.server.port}`, "--ca", s.server.caFile, "--user", "b", "--to", "a", "x.bin"];
  const second = await chat([...get, "-o", "in"], {
    env: { CHAT_PASSWORD: "1", HOME: s.path("b") },
    permissions,
    cwd: s.path("b"),
  });
  const folder = s.path("b", "in");
  assert.deepEqual([second.code, second.err], [2, [`[ERROR] x.bin is being fetched into ${folder} already`]]);
  go.resolve();
  assert.equal((await first).code, 0);
  assert.deepEqual(await Deno.readFile(s.path("b", "in", "x.bin")), file);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["x.bin"]);
}, processes);

test("chat get -o - writes the file to the output, and Bot sends and fetches the same bytes", async () => {
  await using s = await scene();
  const options = { servers: `127.0.0.1:${s.server.port}`, ca: s.server.ca, password: "1" };
  await using a = await Bot.connect({ ...options, user: "a" });
  const bytes = new TextEncoder().encode("line 1\nline 2\n".repeat(10_000));
  await a.offer({ room: "ops" }, { name: "lines.txt", bytes });
  await using b = await Bot.connect({ ...options, user: "b" });
  const [event] = await b.history({ room: "ops" }, 1);
  assert.equal(event.text, "offers lines.txt (140 kB)");
  assert.deepEqual(await b.fetch(event.file!), bytes);
  await a.offer({ room: "ops" }, { name: "empty", bytes: new Uint8Array(0) });
  const [empty] = await b.history({ room: "ops" }, 1);
  assert.deepEqual([empty.text, (await b.fetch(empty.file!)).length], ["offers empty (0 bytes)", 0]);
  await assert.rejects(b.fetch({ ...event.file!, sha256: "0".repeat(64) }), /what came is not what was offered/);
  await assert.rejects(b.fetch({ ...event.file!, id: "../x" }), /offers no file/);
  const at = ["-s", `127.0.0.1:${s.server.port}`, "--ca", s.server.caFile, "--user", "b", "--room", "ops"];
  const { out } = await chat(["get", ...at, "lines.txt", "-o", "-"], { env: { CHAT_PASSWORD: "1" }, permissions });
  assert.deepEqual([out.length, out[0], out[19_999]], [20_000, "line 1", "line 2"]);
}, processes);

test("a file for somebody who can decrypt is encrypted, its name too", async () => {
  await using s = await scene();
  const secret = "what nobody else is to read ".repeat(1_000);
  await Deno.writeTextFile(s.path("a", "secret plan.txt"), secret);
  await s.run("b", ["/whoami"]); // b's device has a key from here on
  const sent = await s.run("a", ["/send b secret plan.txt", "/history @b", "/get 1"]);
  assert.equal(sent.code, 0, sent.err.join("\n"));
  assert.ok(sent.err.includes("[CLIENT] secret plan.txt is offered to b, encrypted; /withdraw 1 takes it back"));
  const got = await s.run("b", ["/history @a", "/get 1"]);
  assert.equal(got.code, 0, got.err.join("\n"));
  assert.ok(got.out.some((line) => /offers secret plan\.txt \(28 kB\): \/get 1$/.test(line)), got.out.join("\n"));
  assert.equal(await Deno.readTextFile(s.path("b", "in", "secret plan.txt")), secret);
  assert.equal(await Deno.readTextFile(s.path("a", "in", "secret plan.txt")), secret);
  await using reader = await s.server.jsonLogin("b", { side: true });
  const { messages } = await reader.ok("history", { user: "a" });
  assert.equal(messages[0].file.name, "encrypted");
  await s.server.stop();
  for (const { name } of Deno.readDirSync(join(s.folder, "data"))) {
    const stored = await Deno.readFile(join(s.folder, "data", name));
    const text = new TextDecoder("latin1").decode(stored);
    for (const word of ["secret plan", "what nobody", btoa("what nobody")]) assert.ok(!text.includes(word), name);
  }
}, processes);
