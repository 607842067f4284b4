/**
 * Encrypted private messages as two people have them: the real client, a real server, and what is left on its disk.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { sealedNote } from "../../lib/wire/sealed.ts";
import { allowed, chat, type ChatResult } from "../support/chat.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";
import { terminals, Tmux } from "../support/tmux.ts";

const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };

interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly server: ServerProcess;
  /** Runs a script of lines as a user, on one of their machines; it must end well unless a code is named. */
  script(user: string, lines: readonly string[], machine?: string, code?: number): Promise<ChatResult>;
  /** Runs a word of the command line, such as `send`. */
  word(user: string, args: readonly string[], machine?: string, input?: string): Promise<ChatResult>;
}

async function scene(more: Settings = {}): Promise<Scene> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const server = parts.use(await ServerProcess.start(folder.path, { ...settings, ...more }));
  const owned = parts.move();
  async function run(user: string, args: readonly string[], machine: string, input: string): Promise<ChatResult> {
    const env = { CHAT_PASSWORD: "1", XDG_STATE_HOME: join(folder.path, `${user}-${machine}`) };
    const permissions = [...allowed, "--allow-write"];
    const where = [...args, "--ca", server.caFile, "--user", user];
    return await chat(where, { input, env, permissions, cwd: folder.path });
  }
  return {
    folder: folder.path,
    server,
    async script(user, lines, machine = "laptop", code = 0) {
      const result = await run(user, [`localhost:${server.port}`], machine, lines.map((line) => line + "\n").join(""));
      assert.equal(result.code, code, JSON.stringify(result));
      return result;
    },
    async word(user, args, machine = "laptop", input = "") {
      return await run(user, [...args, "--server", `localhost:${server.port}`], machine, input);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What a history's lines say; what comes by itself, and may come late, is left out. */
function talkIn({ out }: ChatResult): string[] {
  return out.flatMap((line) => /^\[\d[^\]]*\] (.*)$/.exec(line)?.[1] ?? []);
}

/** The two lines of a safety number. */
function numberIn({ out }: ChatResult): string {
  const at = out.findIndex((line) => line.startsWith("Safety number of "));
  return out.slice(at + 1, at + 3).join(" ").trim().replace(/\s+/g, " ");
}

/** The texts of what is in a folder's files, with those below it. */
async function filesIn(folder: string): Promise<string> {
  let all = "";
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) all += await filesIn(path);
    if (isFile) all += new TextDecoder("latin1").decode(await Deno.readFile(path));
  }
  return all;
}

test("private messages are encrypted from client to client, live, offline and in the history", async () => {
  await using s = await scene();
  const first = await s.script("a", ["/msg b too early"]);
  assert.deepEqual(first.out.slice(1), ["DM to b: too early"]);
  assert.deepEqual(first.err, [
    "[CLIENT] b has no device that can decrypt: private messages to b can be read by the server",
  ]);
  await s.script("b", []);
  const sent = await s.script("a", ["/msg b the plan is green", "/msg B tomorrow at nine", "/history @b"]);
  assert.deepEqual(sent.err, []);
  assert.deepEqual(sent.out.slice(1, 3), [
    "DM to b (encrypted): the plan is green",
    "DM to b (encrypted): tomorrow at nine",
  ]);
  assert.deepEqual(talkIn(sent), [
    "a: too early",
    "a (encrypted): the plan is green",
    "a (encrypted): tomorrow at nine",
  ]);
  const answered = await s.script("b", ["/msg a agreed, purple", "/history @a 2"]);
  assert.ok(answered.out.includes("DM to a (encrypted): agreed, purple"));
  assert.deepEqual(talkIn(answered), ["a (encrypted): tomorrow at nine", "b (encrypted): agreed, purple"]);
  // Beside whoever is logged in, with the same key.
  assert.equal((await s.word("b", ["send", "--to", "a", "by", "pipe"])).code, 0);
  const history = await s.word("a", ["history", "--to", "b", "-n", "2"]);
  assert.deepEqual(talkIn(history), ["b (encrypted): agreed, purple", "b (encrypted): by pipe"]);
  // A machine without the key can read none of it, and neither can a person at a text connection.
  const elsewhere = await s.word("a", ["history", "--to", "b", "-n", "1"], "server");
  assert.match(elsewhere.out.join(), /b \(unreadable\): \[cannot be read: this machine has no key of yours/);
  const warned = await s.word("a", ["send", "--to", "b", "from", "a", "cron", "job"], "server");
  assert.deepEqual(warned.err, [
    "[CLIENT] you have no key on this machine: private messages to b can be read by the server",
  ]);
  await using text = await s.server.login("b");
  await text.until("DM from a: from a cron job");
  assert.match(await text.ask("/history @a 3"), /b: \[encrypted: it can be read with the chat program/);
  await using raw = await s.server.jsonLogin("a");
  const { text: note, sealed } = await raw.event();
  assert.equal(note, sealedNote);
  assert.ok(sealed.length > 200);
  // What the server has kept.
  await s.server.kill();
  const kept = await filesIn(join(s.folder, "data"));
  assert.ok(kept.includes("too early") && kept.includes("from a cron job"), "the files are those of the messages");
  for (const secret of ["the plan is green", "tomorrow at nine", "agreed, purple", "by pipe"]) {
    assert.ok(!kept.includes(secret), secret);
  }
}, processes);

test("chat encrypts from the moment on at which the recipient has a device, also while it runs", async () => {
  await using s = await scene();
  await using tmux = await Tmux.start(s.folder);
  const at = { port: s.server.port, caFile: s.server.caFile, state: join(s.folder, "a-laptop") };
  const a = await tmux.client({ ...at, user: "a", columns: 100, rows: 24, flags: ["--plain"] });
  await a.untilText("lobby>", 30_000);
  await a.enter("/msg b too early");
  await a.untilText("DM to b: too early");
  await s.script("b", []);
  await a.enter("/msg b in time");
  await a.untilText("DM to b (encrypted): in time");
  assert.deepEqual(talkIn(await s.script("b", ["/history @a"])), ["a: too early", "a (encrypted): in time"]);
}, terminals);

test("a second device is announced, reads what is sent from then on, and can be removed", async () => {
  await using s = await scene();
  await s.script("b", []);
  await s.script("a", ["/msg b for the first"]);
  await s.script("b", [], "phone");
  const sent = await s.script("a", ["/msg b for both"]);
  assert.deepEqual(sent.err, [
    "[CLIENT] b's devices have changed: a device was added. /verify b compares the safety number",
  ]);
  const phone = await s.script("b", ["/history @a", "/msg a from the phone"], "phone");
  assert.deepEqual(talkIn(phone), [
    "a (unreadable): [cannot be read: it was not encrypted for this device]",
    "a (encrypted): for both",
  ]);
  const laptop = await s.script("b", ["/history @a", "/keys", "/keys remove 2"]);
  assert.deepEqual(laptop.err.slice(0, 1), [
    "[CLIENT] Your devices have changed: a device was added. /keys lists them",
  ]);
  assert.deepEqual(talkIn(laptop), [
    "a (encrypted): for the first",
    "a (encrypted): for both",
    "b (encrypted): from the phone",
  ]);
  const listed = laptop.out.filter((line) => /^\d: /.test(line));
  assert.deepEqual(listed.map((line) => line.includes("(this device)")), [true, false, true]);
  const after = await s.script("a", ["/msg b not for the phone"]);
  assert.ok(after.out.includes("DM to b (encrypted): not for the phone"));
  assert.match(after.err.join(), /b's devices have changed: a device was removed/);
  await using there = await s.server.jsonLogin("b", { side: true });
  assert.equal((await there.ok("keys", { user: "b" })).keys.length, 1);
}, processes);

test(
  "both are shown the same safety number, and nothing is sent when a verified user's devices have changed",
  async () => {
    await using s = await scene();
    await s.script("b", []);
    const [a, b] = [await s.script("a", ["/verify b", "/verify b yes"]), await s.script("b", ["/verify a"])];
    assert.match(numberIn(a), /^\d{5}( \d{5}){11}$/);
    assert.equal(numberIn(a), numberIn(b));
    assert.deepEqual((await s.script("a", ["/msg b hello"])).out.slice(1), ["DM to b (verified): hello"]);
    assert.deepEqual(talkIn(await s.script("b", ["/history @a", "/msg a hello too"])), ["a (encrypted): hello"]);
    assert.deepEqual(talkIn(await s.script("a", ["/history @b"])), ["a (verified): hello", "b (verified): hello too"]);

    await s.script("b", [], "phone");
    const refused = await s.script("a", ["/msg b secret", "never said"], "laptop", 1);
    assert.ok(!refused.out.join().includes("secret") && !refused.out.join().includes("never said"));
    assert.deepEqual(refused.err, [
      "[CLIENT] b's devices have changed: a device was added. /verify b compares the safety number",
      "[ERROR] keys_changed: b's devices have changed since you verified b, so nothing is sent. " +
      "/verify b shows the new safety number; /verify b accept goes on without comparing it",
    ]);
    assert.equal((await s.word("a", ["send", "--to", "b", "secret"])).code, 1);
    const again = await s.script("a", ["/verify b"]);
    assert.notEqual(numberIn(again), numberIn(a));
    assert.equal(numberIn(await s.script("b", ["/verify a"], "phone")), numberIn(again));
    const compared = await s.script("a", ["/verify b yes", "/msg b compared"]);
    assert.ok(compared.out.includes("DM to b (verified): compared"));
    const history = await s.script("b", ["/history @a"], "phone");
    assert.ok(!history.out.join().includes("secret"));

    // The account loses all its devices, by the server's word.
    await using admin = await s.server.jsonLogin("b", { side: true });
    const { keys } = await admin.ok("keys", { user: "b" });
    for (const { public: key } of keys) await admin.ok("unkey", { public: key });
    const gone = await s.script("a", ["/msg b secret"], "laptop", 1);
    assert.match(
      gone.err.join(),
      /b has no device any more that can decrypt, by the server's word, so nothing is sent/,
    );
    const accepted = await s.script("a", ["/verify b accept", "/msg b in the open"]);
    assert.ok(accepted.out.includes("DM to b: in the open"));
  },
  processes,
);

test("a client that cannot remember anything has a key for its run, and leaves none behind", async () => {
  await using s = await scene();
  await s.script("b", []);
  const where = [`localhost:${s.server.port}`, "--ca", s.server.caFile, "--user", "a"];
  const env = { CHAT_PASSWORD: "1", XDG_STATE_HOME: "", HOME: "" };
  const run = await chat(where, { input: "/msg b hello\n/keys\n", env, cwd: s.folder });
  assert.equal(run.code, 0, JSON.stringify(run));
  assert.deepEqual(run.err, [
    "[CLIENT] Your key for private messages is known for this run only: nothing can be remembered here",
  ]);
  assert.ok(run.out.some((line) => /^1: .*\(this device\)$/.test(line)));
  // Whose device it was, nobody can tell any more.
  assert.deepEqual(talkIn(await s.script("b", ["/history @a"])), ["a (encrypted on an unknown device): hello"]);
  await using b = await s.server.jsonLogin("b", { side: true });
  assert.deepEqual((await b.ok("keys", { user: "a" })).keys, []);
}, processes);

test(
  "Redis has nothing of what an encrypted message says",
  async () => {
    await using redis = await startRedis();
    await using s = await scene({ REDIS_URL: redis.url });
    await s.script("b", []);
    await s.script("a", ["/msg b the plan is green", "/publish the plan is public"]);
    assert.deepEqual(talkIn(await s.script("b", ["/history @a"])), ["a (encrypted): the plan is green"]);
    const reads: Record<string, readonly string[]> = {
      string: ["GET"],
      hash: ["HGETALL"],
      list: ["LRANGE", "0", "-1"],
      set: ["SMEMBERS"],
      zset: ["ZRANGE", "0", "-1"],
      stream: ["XRANGE", "-", "+"],
    };
    let all = "";
    for (const key of await redis.call("KEYS", "*") as string[]) {
      const [command, ...rest] = reads[await redis.call("TYPE", key) as string];
      all += JSON.stringify(await redis.call(command, key, ...rest));
    }
    assert.ok(all.includes("the plan is public") && all.includes(sealedNote));
    assert.ok(!all.includes("the plan is green"));
  },
  processes,
  ownRedis,
);

test("chat encrypts on a terminal: completion, the talk, the number, and over a server that was killed", async () => {
  await using s = await scene();
  await using tmux = await Tmux.start(s.folder);
  const start = async (user: string, ...flags: string[]) => {
    const at = { port: s.server.port, caFile: s.server.caFile, state: join(s.folder, `${user}-laptop`) };
    const terminal = await tmux.client({ ...at, user, columns: 100, rows: 24, flags });
    await terminal.untilText("lobby>", 30_000);
    return terminal;
  };
  const a = await start("a", "--plain");
  await s.script("b", []);
  await a.enter("/msg b while you were away");
  await a.untilText("DM to b (encrypted): while you were away");
  const b = await start("b");
  await b.untilText("DM from a (encrypted): while you were away");
  await a.enter("/msg b psst");
  await a.untilText("DM to b (encrypted): psst");
  await b.untilText("DM from a (encrypted): psst");
  await b.enter("/msg a what is it?");
  await a.untilText("DM from b (encrypted): what is it?");
  await b.type("/veri");
  await b.press("Tab");
  await b.type("a");
  await b.press("Tab");
  await b.press("Enter");
  await b.untilText("Safety number of b and a:");
  await b.untilText("Not verified.");
  await a.enter("/verify b");
  const numbers = await Promise.all([a, b].map(async (terminal) => {
    const { rows } = await terminal.until(
      ({ rows }) => rows.filter((row) => /\d{5}( \d{5}){5}/.test(row)).length === 2,
      "it",
    );
    return rows.filter((row) => /\d{5}( \d{5}){5}/.test(row)).map((row) => /\d{5}( \d{5}){5}/.exec(row)![0]).join(" ");
  }));
  assert.equal(numbers[0], numbers[1]);
  await b.enter("/verify a yes");
  await b.untilText("a is verified");
  await b.enter("/keys");
  await b.untilText("(this device)");
  await a.enter("/msg b one more");
  await b.untilText("DM from a (verified): one more");

  await s.server.kill();
  await b.until(({ rows }) => /reconnecting|connecting/.test(rows[22]), "the lost connection on the status line");
  for (const text of ["one", "two", "three"]) {
    // Several lines at once would be a paste: each is seen to be typed, and to be gone.
    await b.type(`/msg a typed offline ${text}`);
    await b.until(({ rows }) => rows[23].endsWith(text), "the typed line");
    await b.press("Enter");
    await b.until(({ rows }) => rows[23].endsWith("lobby>"), "an empty line");
  }
  await using again = await ServerProcess.start(s.folder, { ...settings, SERVER_PORT: `${s.server.port}` });
  assert.ok(again.port === s.server.port);
  await a.untilText("DM from b (encrypted): typed offline three", 60_000);
  const { rows } = await a.shown();
  const typed = rows.flatMap((row) => /DM from b \(encrypted\): typed offline (\w+)/.exec(row)?.[1] ?? []);
  assert.deepEqual(typed, ["one", "two", "three"]);
  await b.untilText("DM to a (verified): typed offline three");
}, terminals);
