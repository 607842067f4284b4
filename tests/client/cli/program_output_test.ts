/**
 * The client as a program: its output, its exit codes, and what it does without permissions.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { version } from "../../../lib/client/base/version.ts";
import { makeCertificates } from "../../../lib/tls/authority.ts";
import { permitted } from "../../support/needs.ts";
import { allowed, chat } from "../../support/chat.ts";
import { processes, temporaryFolder } from "../../support/process.ts";
import { onSqlite, test as testWith } from "../../support/server.ts";

const root = join(import.meta.dirname!, "..", "..", "..");

onSqlite(
  "the client runs a script, with the authority's file named; a file that lies about is not trusted",
  async (start) => {
    await using server = await start();
    await using folder = await temporaryFolder();
    await Deno.mkdir(join(folder.path, "certs"));
    await Deno.writeTextFile(join(folder.path, "certs", "ca.pem"), server.ca);
    await Deno.writeTextFile(join(folder.path, "password"), "1\n");
    const where = `localhost:${server.port}`;
    const input = "LOGIN a 1\nhello\n/rooms\n/join general\n/whoami";
    const ca = ["--ca", join("certs", "ca.pem")];
    const lying = await chat([where], { input, cwd: folder.path });
    assert.deepEqual([lying.code, lying.out], [3, []], "nobody named that file, and it may be anybody's");
    const whole = await chat([...ca, where], { input, cwd: folder.path });
    assert.deepEqual(whole, {
      code: 0,
      out: [
        "Login successful. Room: lobby",
        "a: hello",
        "Available rooms: lobby(1)",
        "Joined room general",
        `a in general on ${server.service.id}`,
      ],
      err: [],
    });
    const byFile = await chat([...ca, "--user", "b", "--password-file", "password", where], {
      input: "/nosuch\nnot said",
      cwd: folder.path,
    });
    assert.equal(byFile.code, 1);
    assert.deepEqual(byFile.err, ['[ERROR] unknown_command: There is no command "/nosuch"; /help lists them']);
    const refused = await chat([...ca, "-u", "b", where], { env: { CHAT_PASSWORD: "2" }, cwd: folder.path });
    assert.equal(refused.code, 4);
    const eve = await chat([...ca, "--register", "-u", "eve", where], {
      env: { CHAT_PASSWORD: "eight bytes" },
      cwd: folder.path,
    });
    assert.deepEqual(eve, { code: 0, out: ["Registered eve", "Login successful. Room: lobby"], err: [] });
  },
  processes,
);

onSqlite("the client refuses a server that it cannot trust, whatever it is asked to do", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  const other = await makeCertificates({ names: ["localhost"] });
  await Deno.writeTextFile(join(folder.path, "other.pem"), other.ca);
  await Deno.writeTextFile(join(folder.path, "ca.pem"), server.ca);
  for (const args of [[], ["--ca", "other.pem"]]) {
    const { code, err } = await chat([...args, String(server.port)], { input: "LOGIN a 1\n", cwd: folder.path });
    assert.equal(code, 3);
    assert.equal(err.length, 1);
    assert.match(
      err[0],
      /Cannot trust localhost:\d+: its certificate is signed by an authority that is not trusted here/,
    );
  }
  const { code, out } = await chat(["--ca", "ca.pem", `1,localhost:${server.port}`], {
    input: "LOGIN a 1\n",
    cwd: folder.path,
  });
  assert.deepEqual([code, out], [0, ["Login successful. Room: lobby"]], "it goes to the next server");
}, processes);

onSqlite("the client ends a script that another login takes over", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(join(folder.path, "ca.pem"), server.ca);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--config=${join(root, "deno.json")}`,
      ...allowed,
      join(root, "client.ts"),
      "--ca=ca.pem",
      "--user=a",
      String(server.port),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    env: { CHAT_PASSWORD: "1" },
    cwd: folder.path,
  }).spawn();
  const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await out.read()).value!, /Login successful/);
  await using _second = await server.login("a");
  assert.equal((await out.read()).value, "[SYSTEM] FORCED_LOGOUT: Logged in from another location.\n");
  assert.equal((await child.status).code, 4);
  await out.cancel();
  await child.stdin.close().catch(() => {});
}, processes);

testWith("the client says in one line what is wrong with its command line", async () => {
  for (
    const [args, message] of [
      [["--bogus"], /Unknown flag "--bogus"; --help lists/],
      [["99999"], /"99999" is not a port; allowed: 1 to 65535/],
      [["--ca", "/nowhere/ca.pem"], /The CA file "\/nowhere\/ca\.pem" cannot be read: there is no such file/],
      [["--ca", join(root, "deno.json")], /holds no certificate in PEM form/],
      [["--user", "a"], /--user needs a password here: CHAT_PASSWORD or --password-file/],
    ] as const
  ) {
    const { code, err } = await chat(args);
    assert.equal(code, 2);
    assert.equal(err.length, 1);
    assert.match(err[0], message);
  }
}, processes);

testWith("the client needs neither the environment nor files, and asks for no permission", async () => {
  const { code, out, err } = await chat(["--version"], { permissions: [] });
  assert.equal(code, 0);
  assert.match(out.join(), new RegExp(`^chat ${version.replaceAll(".", "\\.")} `));
  assert.deepEqual(err, []);
  const refused = await chat(["localhost:1"], { permissions: ["--allow-net"] });
  assert.equal(refused.code, 3);
  assert.equal(refused.err.length, 1);
}, processes);

testWith("the client's version is the project's", async () => {
  assert.equal(JSON.parse(await Deno.readTextFile(join(root, "deno.json"))).version, version);
}, await permitted("read"));
