/**
 * The client as a program that others call: pipes, bots, profiles, kept sessions.
 */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Json } from "../fakes.ts";
import { allowed, chat } from "../../support/chat.ts";
import { processes, temporaryFolder } from "../../support/process.ts";
import { onSqlite, type TestServer } from "../../support/server.ts";

const writing = [...allowed, "--allow-write"];

/** A text as Windows' editors save it. */
const windows = (text: string) => `\ufeff${text.replaceAll("\n", "\r\n")}`;

/** A folder where the client finds the authority and a profile of the server. */
async function home(server: TestServer, profile: Record<string, unknown> = {}) {
  const folder = await temporaryFolder();
  await Deno.mkdir(join(folder.path, "chat"));
  await Deno.writeTextFile(join(folder.path, "chat", "ca.pem"), windows(server.ca));
  const work = { server: `localhost:${server.port}`, user: "a", ca: "ca.pem", ...profile };
  await Deno.writeTextFile(
    join(folder.path, "chat", "config.json"),
    windows(JSON.stringify({ profiles: { work } }, null, 2)),
  );
  return folder;
}

const password = { CHAT_PASSWORD: "1" };

onSqlite("chat send, tail and history work beside whoever is logged in", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "reject" });
  await using folder = await home(server, { room: "ops" });
  await using person = await server.login("a");
  await person.ask("/join ops");
  const cwd = folder.path;
  const piped = await chat(["send", "-s", "work"], {
    input: windows("build green\n\nall well\n"),
    env: { CHAT_PASSWORD: "1\r" },
    cwd,
  });
  assert.deepEqual(piped, { code: 0, out: [], err: [] });
  await person.expect("a: build green");
  await person.expect("a: all well");
  const direct = await chat(["send", "-s", "work", "--to", "b", "see", "you"], { env: password, cwd });
  assert.equal(direct.code, 0);
  const history = await chat(["history", "-s", "work", "-n", "1"], { env: password, cwd });
  assert.equal(history.code, 0);
  assert.match(history.out.join(), /^\[\S+Z\] a: all well$/);
  const talk = await chat(["history", "-s", "work", "--to", "b", "--json"], { env: password, cwd });
  assert.equal((JSON.parse(talk.out[0]) as Json).text, "see you");
  const unknown = await chat(["send", "-s", "work", "--to", "nobody", "hi"], { env: password, cwd });
  assert.deepEqual([unknown.code, unknown.err.length], [1, 1]);
  const wrong = await chat(["send", "-s", "work", "hi"], { env: { CHAT_PASSWORD: "2" }, cwd });
  assert.deepEqual([wrong.code, wrong.err.length], [4, 1]);
  const silent = await chat(["send", "-s", "work", "hi"], { cwd });
  assert.equal(silent.code, 2);
  assert.match(silent.err.join(), /password is missing: CHAT_PASSWORD or --password-file/);
  assert.equal(await person.ask("/whoami"), "a in ops on server1");
}, processes);

onSqlite("chat --json is driven by a program, in a session or beside it", async (start) => {
  await using server = await start();
  await using folder = await home(server);
  const cwd = folder.path;
  const input = '{"id":1,"cmd":"whoami"}\n{"id":2,"cmd":"say","room":"ops","text":"hi"}\n';
  const side = await chat(["--json", "--side", "work"], { input, env: password, cwd });
  const lines = side.out.map((line) => JSON.parse(line) as Json);
  assert.deepEqual(lines.map(({ type, id }) => [type, id]), [["ok", undefined], ["ok", 1], ["ok", 2]]);
  assert.equal(lines[1].room, null);
  const own = await chat(["--json", "work"], { input: '{"id":1,"cmd":"whoami"}\n', env: password, cwd });
  assert.equal((JSON.parse(own.out[1]) as Json).room, "lobby");
  assert.deepEqual([side.code, side.err, own.code, own.err], [0, [], 0, []]);
}, processes);

onSqlite("chat --remember comes back without a password, until it logs out", async (start) => {
  await using server = await start();
  await using folder = await home(server, { remember: true });
  const options = { cwd: folder.path, permissions: writing };
  const first = await chat(["work"], { ...options, input: "/join ops\n", env: password });
  assert.equal(first.code, 0);
  const sessions = join(folder.path, "chat", "sessions");
  const [{ name }] = [...Deno.readDirSync(sessions)];
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(join(sessions, name)).mode! & 0o777, 0o600);
  for (let i = 0; i < 2; i++) {
    const again = await chat(["work"], { ...options, input: "/whoami\n" });
    assert.deepEqual(again, {
      code: 0,
      out: ["Login successful. Room: ops", "a in ops on server1"],
      err: [],
    });
  }
  const last = await chat(["work"], { ...options, input: "/logout\n" });
  assert.deepEqual(last.err, []);
  assert.deepEqual([...Deno.readDirSync(sessions)], []);
  assert.equal((await chat(["work"], options)).code, 2);
}, processes);

onSqlite("chat --device is one of a user's devices, lists them and revokes others", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "share" });
  await using folder = await home(server, { device: "laptop", remember: true });
  const options = { cwd: folder.path, permissions: writing };
  await using person = await server.login("a");
  const input = "/devices\n/revoke all\n/devices\n/revoke toaster\n";
  const first = await chat(["work"], { ...options, input, env: password });
  const since = "since 20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
  const laptop = `laptop \\(server1, ${since}\\)`;
  assert.match(first.out[1], new RegExp(`^Devices: ${laptop}, (text-\\w+) \\(server1, ${since}\\)$`));
  const [, other] = /, (text-\w+) /.exec(first.out[1])!;
  assert.equal(first.out[2], `Revoked ${other}`);
  assert.match(first.out[3], new RegExp(`^Devices: ${laptop}$`));
  assert.deepEqual([first.code, first.err.length], [1, 1]);
  assert.match(first.err[0], /^\[ERROR\] unknown_device: /);
  assert.match((await person.line())!, /^\[SYSTEM\] The key of a device was added/);
  assert.match((await person.line())!, /^\[SYSTEM\] FORCED_LOGOUT: /);
  // Another device of the same machine keeps a session of its own.
  const phone = await chat(["work", "--device", "phone"], { ...options, input: "/whoami\n", env: password });
  assert.deepEqual([phone.code, phone.err], [0, []]);
  const sessions = [...Deno.readDirSync(join(folder.path, "chat", "sessions"))].map(({ name }) => name).sort();
  const account = `a@localhost:${server.port}`;
  assert.deepEqual(sessions, [`${account} laptop`, `${account} phone`].map(encodeURIComponent));
  const again = await chat(["work"], { ...options, input: "/revoke phone\n" });
  assert.deepEqual(again, { code: 0, out: ["Login successful. Room: lobby", "Revoked phone"], err: [] });
  const late = await chat(["work", "--device", "phone"], { ...options, input: "/whoami\n" });
  assert.notEqual(late.code, 0);
}, processes);

onSqlite(
  "chat holds a known server to its certificate, forgets it when told, and says so with --insecure",
  async (start) => {
    await using server = await start();
    await using folder = await temporaryFolder();
    const where = `localhost:${server.port}`;
    const options = { cwd: folder.path, permissions: writing, input: "LOGIN a 1\n" };
    const unknown = await chat(["--tofu", where], options);
    assert.equal(unknown.code, 3);
    const fingerprint = /SHA-256 (\S+);/.exec(unknown.err.join())![1];
    await Deno.mkdir(join(folder.path, "chat"));
    const file = join(folder.path, "chat", "known_servers");
    await Deno.writeTextFile(file, `${where} ${fingerprint}\n`);
    assert.deepEqual(await chat([where], options), { code: 0, out: ["Login successful. Room: lobby"], err: [] });
    const other = new X509Certificate(server.ca).fingerprint256;
    await Deno.writeTextFile(file, `${where} ${other}\n`);
    const changed = await chat([where], options);
    assert.equal(changed.code, 3);
    assert.ok([fingerprint, other, `chat forget ${where}`].every((part) => changed.err.join().includes(part)));
    const insecure = await chat(["--insecure", where], options);
    assert.equal(insecure.code, 0);
    assert.match(insecure.err.join(), /NOT SECURE/);
    assert.deepEqual((await chat(["forget", where], options)).out, [`Forgotten: ${where}`]);
    assert.equal((await chat(["forget", where], options)).code, 2);
  },
  processes,
);

onSqlite("chat completions names the profiles, and config.json's faults are one line", async (start) => {
  await using server = await start();
  await using folder = await home(server);
  const cwd = folder.path;
  assert.deepEqual((await chat(["completions", "profiles"], { cwd })).out, ["work"]);
  await Deno.writeTextFile(join(cwd, "chat", "config.json"), '{"profiles":{"work":{"insecure":true}}}');
  const { code, err } = await chat(["work"], { cwd });
  assert.deepEqual([code, err.length], [2, 1]);
  assert.match(err[0], /"insecure" cannot be kept/);
}, processes);
