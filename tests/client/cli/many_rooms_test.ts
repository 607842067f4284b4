/**
 * The client as a program in many rooms: `chat tail` of several, and `chat --json --many-rooms`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "../../../lib/client/cli/program.ts";
import { chat } from "../../support/chat.ts";
import { HostileServer } from "../../support/hostile_server.ts";
import { every, permitted } from "../../support/needs.ts";
import { processes, temporaryFolder } from "../../support/process.ts";
import { onEachStore, onSqlite, type TestServer } from "../../support/server.ts";
import { type Json, soon } from "../fakes.ts";
import { Proxy } from "./proxy.ts";

const files = every(await permitted("read", "write", "env"));
const password = { CHAT_PASSWORD: "1" };

async function home({ ca }: Pick<TestServer, "ca">) {
  const folder = await temporaryFolder();
  await Deno.writeTextFile(join(folder.path, "ca.pem"), ca);
  await Deno.writeTextFile(join(folder.path, "password"), "1\n");
  return folder;
}

/** An output whose lines a test waits for; it has seen enough after so many. */
function output(enough: number) {
  const lines: string[] = [];
  const err: string[] = [];
  let news = Promise.withResolvers<void>();
  return {
    lines,
    err,
    async until(count: number): Promise<void> {
      while (lines.length < count) await soon(news.promise, `line ${count}, behind ${JSON.stringify([lines, err])}`);
    },
    output: {
      out(given: readonly string[]): Promise<void> {
        lines.push(...given);
        news.resolve();
        news = Promise.withResolvers();
        return lines.length >= enough ? Promise.reject(new Deno.errors.BrokenPipe()) : Promise.resolve();
      },
      err: (given: readonly string[]) => Promise.resolve(void err.push(...given)),
      write: () => Promise.resolve(),
    },
  };
}

onEachStore("chat tail hears several rooms, and what it missed in each while it was away", async (start) => {
  await using server = await start();
  await using folder = await home(server);
  await using proxy = new Proxy(server.port);
  await using lobby = await server.jsonLogin("b");
  await using ops = await server.jsonLogin("c");
  await ops.ok("join", { room: "ops" });
  await lobby.ok("say", { text: "of before" });
  const io = output(5);
  const file = (name: string) => join(folder.path, name);
  const login = [
    "-s",
    `localhost:${proxy.port}`,
    "--ca",
    file("ca.pem"),
    "-u",
    "a",
    "--password-file",
    file("password"),
  ];
  const exit = runProgram(["tail", ...login, "-n", "1", "lobby", "#ops"], io.output);
  await io.until(1);
  await ops.ok("say", { text: "first" });
  await io.until(2);
  const away = Promise.withResolvers<void>();
  proxy.onBytes = () => away.promise;
  proxy.cut();
  await lobby.ok("say", { text: "meanwhile" });
  await ops.ok("say", { text: "meanwhile too" });
  away.resolve();
  await io.until(4);
  await ops.ok("say", { text: "live" });
  assert.equal(await soon(exit, "the end of a pipe that nobody reads"), 0);
  const said = io.lines.map((line) => line.replace(/ \[\S+\] /, " "));
  assert.deepEqual([said[0], said[1], said[4]], ["#lobby b: of before", "#ops c: first", "#ops c: live"]);
  assert.deepEqual(said.slice(2, 4).sort(), ["#lobby b: meanwhile", "#ops c: meanwhile too"]);
}, files);

onSqlite(
  "chat tail says in one line why it is refused a room, and that an earlier server has one only",
  async (start) => {
    await using server = await start({ MAX_ROOMS_PER_USER: "2" });
    await using folder = await home(server);
    const cwd = folder.path;
    const options = { env: password, cwd };
    const tail = ["tail", "-u", "a", "lobby", "ops", "general"];
    const full = await chat([...tail, "--ca", "ca.pem", "-s", `localhost:${server.port}`], options);
    assert.deepEqual([full.code, full.out], [1, []]);
    assert.match(full.err.join("\n"), /^\[ERROR\] room_limit: .*2 rooms/);

    await using earlier = await HostileServer.start(cwd); // it does not know what "rooms" in HELLO is
    const at = `localhost:${earlier.port}`;
    const line = [`[ERROR] ${at} cannot do with many rooms: it is of an earlier release`];
    const one = await chat([...tail, "--ca", earlier.caFile, "-s", at], options);
    assert.deepEqual(one, { code: 3, out: [], err: line });
    const json = await chat(["--json", "--many-rooms", "-u", "a", "--ca", earlier.caFile, at], options);
    assert.deepEqual(json, { code: 3, out: [], err: line });
  },
  processes,
);

onSqlite("chat --json is in many rooms where it is asked to, in the session or beside it", async (start) => {
  await using server = await start();
  await using folder = await home(server);
  const args = ["--json", "--many-rooms", "-u", "a", "--ca", "ca.pem", `localhost:${server.port}`];
  const options = { env: password, cwd: folder.path };
  const input = [
    { id: 1, cmd: "join", room: "ops" },
    { id: 2, cmd: "say", room: "ops", text: "hi" },
    { id: 3, cmd: "say", text: "where?" },
    { id: 4, cmd: "leave", room: "lobby" },
    { id: 5, cmd: "whoami" },
  ].map((request) => JSON.stringify(request)).join("\n");
  const own = await chat(args, { ...options, input });
  assert.deepEqual([own.code, own.err], [0, []]);
  const [entered, ...lines] = own.out.map((line) => JSON.parse(line) as Json);
  assert.deepEqual([entered.rooms, "room" in entered], [["lobby"], false]);
  const answers = lines.filter(({ id }) => id !== undefined);
  assert.deepEqual(answers.map(({ type, id }) => `${type} ${id}`), ["ok 1", "ok 2", "error 3", "ok 4", "ok 5"]);
  assert.deepEqual([answers[2].code, answers[4].rooms], ["usage", ["ops"]]);
  assert.equal(lines.find(({ type }) => type === "message").topic, "room:ops");

  const side = await chat(["--side", ...args], { ...options, input });
  assert.deepEqual([side.code, side.err], [0, []]);
  assert.deepEqual((JSON.parse(side.out[0]) as Json).rooms, []);
  assert.deepEqual((JSON.parse(side.out.at(-1)!) as Json).rooms, ["ops"]);
  const later = await chat(args, { ...options, input: "" });
  assert.deepEqual((JSON.parse(later.out[0]) as Json).rooms, ["ops"], "the rooms are the account's");
}, processes);
