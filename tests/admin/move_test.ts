/** Moving from one store to the other, and coming back from a backup: while everybody talks. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { admin, list } from "../support/admin.ts";
import { eventually, type Json, JsonClient } from "../support/client.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, sharedRedis, startRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";

/** Somebody who talks until told to stop, and remembers what was acknowledged. */
class Talker {
  readonly acknowledged: Json[] = [];
  readonly #client: JsonClient;
  #talking = true;
  readonly #work: Promise<void>;

  constructor(client: JsonClient, name: string) {
    this.#client = client;
    this.#work = this.#talk(name);
  }

  async #talk(name: string): Promise<void> {
    for (let i = 0; this.#talking; i++) {
      const requests: [string, Json][] = [
        ["say", { text: `${name} ${i}`, cid: `say${i}` }],
        ["publish", { text: `${name} feeds ${i}` }],
        ["msg", { to: "h", text: `${name} writes ${i}` }],
      ];
      for (const request of requests) this.#client.post(...request);
      for (const [, { text }] of requests) {
        const answer = await this.#client.reply();
        if (answer.type === "ok") this.acknowledged.push({ ...answer, text });
      }
    }
  }

  async stop(): Promise<void> {
    this.#talking = false;
    await this.#work;
  }
}

/** An account's line, with one field more. */
function accountWith(field: string): string {
  const fields = `"name":"eve","hash":"x","role":"user","created":1,"claims":0,"follows":[]`;
  return `{"account":{${fields},${field}}}`;
}

function marked(marks: string): string {
  return accountWith(`"marks":{${marks}}`);
}

function withDevice(device: string): string {
  return accountWith(`"devices":[${device}]`);
}

/** Everything that clients see, and what they must not lose. */
interface Busy {
  readonly before: Json[];
  readonly resume: string;
  readonly positions: Record<string, string>;
}

/** The public key of somebody's device. */
const key = "A".repeat(43);

/** Has people follow, talk and write to each other, and does something meanwhile. */
async function whileBusy(server: ServerProcess, work: () => Promise<void>): Promise<Busy> {
  const clients = await Promise.all(["a", "b", "c"].map((name) => server.jsonLogin(name)));
  const [a, b] = clients;
  await a!.request("subscribe", { user: "b" });
  await b!.request("join", { room: "ops" });
  await b!.request("key", { public: key });
  await using away = await JsonClient.open(server);
  const entered = await away.request("login", { user: "d", password: "1" });
  const talkers = clients.map((client, index) => new Talker(client, "abc"[index]!));
  await eventually(() => talkers.every(({ acknowledged }) => acknowledged.length >= 60), "everybody has talked");
  // Who is cut off now comes back to another store.
  away.drop();
  const before = talkers.flatMap(({ acknowledged }) => [...acknowledged]);
  await work();
  const after = talkers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  assert.ok(after > before.length, "the server went on meanwhile");
  await Promise.all(talkers.map((talker) => talker.stop()));
  for (const client of clients) client.drop();
  return { before, resume: entered.resume, positions: entered.positions };
}

/** Sees whether everything is there on another server. */
async function verify(server: ServerProcess, { before, resume, positions }: Busy): Promise<void> {
  await using a = await server.jsonLogin("a");
  assert.deepEqual((await a.request("subs")).subscriptions, ["b"]);
  assert.deepEqual((await a.request("keys", { user: "b" })).keys.map((one: Json) => one.public), [key]);
  for (const [room, topic] of [["lobby", "room:lobby"], ["ops", "room:ops"]]) {
    await a.request("join", { room });
    await expectLog(a, { room }, before.filter((one) => one.topic === topic));
  }
  await expectLog(a, { topic: "feed:b" }, before.filter((one) => one.topic === "feed:b"));

  await using h = await JsonClient.open(server);
  assert.equal((await h.request("login", { user: "h", password: "1" })).type, "ok");
  const unread = before.filter((one) => one.topic === "inbox:h");
  const found = new Map<number, Json>();
  while (unread.some(({ seq }) => !found.has(seq))) {
    const event = await h.event();
    if (event.type === "direct") found.set(event.seq, event);
  }
  for (const { seq, text } of unread) assert.equal(found.get(seq)!.text, text);

  // A position stays good: who was cut off resumes with its token, and misses nothing.
  await using d = await JsonClient.open(server);
  const resumed = await d.request("resume", { token: resume, positions });
  assert.equal(resumed.type, "ok", JSON.stringify(resumed));
  const said = before.filter((one) => one.topic === "room:lobby");
  const heard: Json[] = [];
  while (heard.length < said.length) {
    const event = await d.event();
    assert.notEqual(event.type, "gap", JSON.stringify(event));
    if (event.type === "message") heard.push(event);
  }
  assert.deepEqual(heard.map(({ seq }) => seq), heard.map((_, index) => heard[0]!.seq + index), "no hole");
}

/** Compares what was acknowledged with what history gives. */
async function expectLog(client: JsonClient, of: Json, acknowledged: readonly Json[]): Promise<void> {
  const found = new Map<number, Json>();
  let range: Json = {};
  do {
    const { messages } = await client.request("history", { ...of, n: 500, ...range });
    for (const message of messages) found.set(message.seq, message);
    range = { before: messages[0]?.seq };
  } while (range.before > 1);
  assert.ok(acknowledged.length > 0);
  for (const { seq, text, time } of acknowledged) {
    assert.deepEqual([found.get(seq)?.text, found.get(seq)?.time], [text, time], `${JSON.stringify(of)} ${seq}`);
  }
}

const calm: Settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };

test(
  "export from a busy SQLite server, import into Redis: accounts, follows, logs, unread messages, positions",
  async () => {
    await using folder = await temporaryFolder();
    await using place = sharedRedis.place();
    const [sqlite, redis] = [
      { DATA_DIR: join(folder.path, "data") },
      { REDIS_URL: place.url, REDIS_PREFIX: place.prefix },
    ];
    const file = join(folder.path, "all.jsonl");
    let busy: Busy;
    {
      await using server = await ServerProcess.start(folder.path, calm);
      busy = await whileBusy(server, async () => {
        const { code, out, error } = await admin(sqlite, ["export", file]);
        assert.equal(code, 0, error);
        assert.match(out, /: 11 accounts, \d+ topics, \d+ messages$/);
      });
      assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
      assert.match(
        (await admin(sqlite, ["import", file])).error,
        /^A server runs on .*; stop it, import, and start it again$/,
      );
    }
    const imported = await admin(redis, ["import", file]);
    assert.match(imported.out, /^imported 11 accounts, \d+ topics, \d+ messages$/, imported.error);
    const twice = await admin(redis, ["import", file]);
    assert.deepEqual([twice.code, /^The store is not empty; --merge/.test(twice.error)], [1, true], twice.error);
    await using server = await ServerProcess.start(folder.path, { ...redis, RATE_LIMIT: "off" });
    await verify(server, busy);

    // And back: into a fresh file, with nothing lost on the way.
    const back = join(folder.path, "back.jsonl");
    assert.equal((await admin(redis, ["export", back])).code, 0);
    const fresh = { DATA_DIR: join(folder.path, "fresh") };
    assert.equal((await admin(fresh, ["import", back])).code, 0);
    const users = async (settings: Settings) =>
      (await list(settings, "users", "list")).map(({ user, follows }) => [user, follows]).sort();
    assert.deepEqual(await users(fresh), await users(redis));
    const rooms = async (settings: Settings) =>
      (await list(settings, "rooms", "list")).map(({ room, messages, last }) => [room, messages, last]).sort();
    assert.deepEqual(await rooms(fresh), await rooms(redis));
  },
  processes,
  sharedRedis,
);

test(
  "import --merge adds what is not there and keeps what is, and says so; a file that was cut off is refused",
  async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "all.jsonl");
    const [one, other] = ["one", "other"].map((name) => ({ DATA_DIR: join(folder.path, name) }));
    await admin(one!, ["users", "create", "eve"], "correct horse");
    await admin(one!, ["users", "create", "bob"], "correct horse");
    await admin(other!, ["users", "create", "Eve", "--role=admin"], "battery staple");
    await admin(one!, ["export", file]);
    const refused = await admin(other!, ["import", file]);
    assert.match(refused.error, /^The store is not empty/);
    const merged = await admin(other!, ["import", file, "--merge"]);
    assert.equal(merged.out, "imported 1 accounts, 0 topics, 0 messages\nkept accounts that were there: eve");
    assert.deepEqual((await list(other!, "users", "list")).map(({ user, role }) => [user, role]), [
      ["bob", "user"],
      ["Eve", "admin"],
    ]);
    const whole = await Deno.readTextFile(file);
    const third = { DATA_DIR: join(folder.path, "third") };
    const cut = await admin(third, ["import"], whole.split("\n").slice(0, -2).join("\n"));
    assert.match(cut.error, /^The export was cut off/);
    const again = await admin(third, ["import", "--merge"], whole);
    assert.equal(again.code, 0, again.error);
    for (
      const [text, line] of [
        ["", /^This is no export/],
        ["{}\n", /^This is no export/],
        ['{"chat_export":99}\n', /^The export is version 99/],
        ['{"chat_export":1}\nnonsense\n', /^Line 2: it is not one JSON object/],
        ['{"chat_export":1}\n{"account":{"name":"../x"}}\n', /^Line 2: it is no account/],
        [`{"chat_export":1}\n${marked('"cellar:x":"a.1."')}\n`, /^Line 2: it is no account/],
        [`{"chat_export":1}\n${marked('"room:x":1')}\n`, /^Line 2: it is no account/],
        [`{"chat_export":1}\n${withDevice('{"device":"a b"}')}\n`, /^Line 2: it is no account/],
        [`{"chat_export":1}\n${withDevice("null")}\n`, /^Line 2: it is no account/],
        ['{"chat_export":1}\n{"topic":{"topic":"cellar:x"}}\n', /^Line 2: it is no topic/],
      ] as const
    ) {
      const bad = await admin({ DATA_DIR: join(folder.path, "bad") }, ["import"], text);
      assert.match(bad.error, line);
      assert.equal(bad.code, 1);
    }
  },
  processes,
);

test(
  "backup drill, SQLite: an export made while everybody talks is restored after the loss of the folder",
  async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, "data");
    const file = join(folder.path, "backup.jsonl");
    let busy: Busy;
    {
      await using server = await ServerProcess.start(folder.path, calm);
      busy = await whileBusy(server, async () => {
        assert.equal((await admin({ DATA_DIR: data }, ["export", file])).code, 0);
      });
      await server.kill();
    }
    await Deno.remove(data, { recursive: true });
    assert.equal((await admin({ DATA_DIR: data }, ["import", file])).code, 0);
    await using server = await ServerProcess.start(folder.path, { RATE_LIMIT: "off" });
    await verify(server, busy);
  },
  processes,
);

test("backup drill, SQLite: the files of a server that was stopped are a backup", async () => {
  await using folder = await temporaryFolder();
  const [data, copy] = ["data", "copy"].map((name) => join(folder.path, name));
  let busy: Busy;
  {
    await using server = await ServerProcess.start(folder.path, calm);
    busy = await whileBusy(server, async () => {
      await server.jsonLogin("e").then((client) => client.drop()); // some time passes
    });
    assert.equal((await server.stop()).code, 0);
    await Deno.mkdir(copy!);
    for await (const { name, isFile } of Deno.readDir(data!)) {
      if (isFile) await Deno.copyFile(join(data!, name), join(copy!, name));
    }
  }
  await using server = await ServerProcess.start(folder.path, { DATA_DIR: copy!, RATE_LIMIT: "off" });
  await verify(server, busy);
}, processes);

test(
  "backup drill, Redis: a copy of its data while everybody talks is restored in another Redis",
  async () => {
    await using folder = await temporaryFolder();
    await using redis = await startRedis({ appendonly: true });
    let busy: Busy;
    const restored = join(folder.path, "restored");
    {
      await using server = await ServerProcess.start(folder.path, { ...calm, REDIS_URL: redis.url });
      busy = await whileBusy(server, async () => {
        await redis.call("SAVE");
        const [, dir] = await redis.call("CONFIG", "GET", "dir") as [string, string];
        await Deno.mkdir(restored);
        await Deno.copyFile(join(dir, "dump.rdb"), join(restored, "dump.rdb"));
      });
    }
    await using other = await startRedis({ args: ["--dir", restored] });
    await using server = await ServerProcess.start(folder.path, { RATE_LIMIT: "off", REDIS_URL: other.url });
    await verify(server, busy);
  },
  processes,
  ownRedis,
);
