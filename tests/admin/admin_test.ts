/** The operator's commands against real servers on both stores. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { admin, adminProcess, list } from "../support/admin.ts";
import { JsonClient, type LineClient, TextClient } from "../support/client.ts";
import { every, need } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";
import { codeOf } from "../support/totp.ts";

/** A server in a process, and the settings that its operator has. */
interface Operated {
  readonly server: ServerProcess;
  readonly settings: Settings;
  readonly folder: string;
}

/** Starts a server on SQLite, or on a Redis. */
async function operate(isRedis: boolean, more: Settings = {}): Promise<Operated & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const place = isRedis ? stack.use(sharedRedis.place()) : undefined;
  const redis: Settings = place ? { REDIS_URL: place.url, REDIS_PREFIX: place.prefix } : {};
  const server = stack.use(await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on", ...redis, ...more }));
  const settings = {
    ...redis,
    DATA_DIR: join(folder.path, "data"),
    CERT_FILE: join(folder.path, "certs", "cert.pem"),
    KEY_FILE: join(folder.path, "certs", "key.pem"),
    SERVER_HOST: "127.0.0.1",
  };
  const owned = stack.move();
  return { server, settings, folder: folder.path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Declares a test with a server of its own on each store. */
function onEach(
  name: string,
  fn: (operated: Operated, t: Deno.TestContext) => Promise<void>,
  more: Settings = {},
): void {
  const run = async (isRedis: boolean, t: Deno.TestContext) => {
    await using operated = await operate(isRedis, more);
    await fn(operated, t);
  };
  test(`${name} (SQLite)`, (t) => run(false, t), every(processes, need()));
  test(`${name} (Redis)`, (t) => run(true, t), processes, sharedRedis);
}

/** What is done with a server that the cases before it have used as well, by name. */
const cases: [name: string, fn: (operated: Operated) => Promise<void>][] = [];

/** Declares what is done, in this order, with one server on each store. */
function onShared(name: string, fn: (operated: Operated) => Promise<void>): void {
  cases.push([name, fn]);
}

/** The last line before the connection's end. */
async function lastLine(client: LineClient): Promise<string | undefined> {
  return (await client.rest()).at(-1);
}

async function done(settings: Settings, args: readonly string[], input?: string): Promise<string> {
  const { code, out, error } = await admin(settings, args, input);
  assert.equal(code, 0, error);
  return out;
}

onShared("admin sessions, servers and rooms: listed, kicked and purged", async ({ server, settings }) => {
  await using a = await server.jsonLogin("a");
  await using b = await server.login("b");
  await b.ask("hello");
  assert.equal(await b.ask("/join ops"), "Joined room ops");
  for (const text of ["one", "two", "three"]) await b.ask(text);
  const sessions = (await list(settings, "sessions", "list")).map(({ user, server, room, attached }) =>
    [user, server, room, attached].join(" ")
  );
  assert.deepEqual(sessions.sort(), ["a server1 lobby true", "b server1 ops true"]);
  const [state] = await list(settings, "servers", "list");
  assert.deepEqual([state!.server, state!.sessions], ["server1", 2]);
  assert.deepEqual(
    (await list(settings, "rooms", "list")).map(({ room, members, messages }) => [room, members, messages]).sort(),
    [["lobby", 1, 1], ["ops", 1, 3]],
  );
  assert.equal(await done(settings, ["rooms", "purge", "ops", "--keep=1"]), "forgot 2 messages of ops");
  await b.send("/history");
  assert.match(await b.line(), /b: three$/);
  assert.equal(await b.ask("four"), "b: four");
  assert.match(await done(settings, ["sessions", "kick", "b"]), /server1 closed 1 of b's connections/);
  assert.equal(await lastLine(b), "[SYSTEM] FORCED_LOGOUT: An operator ended your session.");
  assert.deepEqual((await list(settings, "sessions", "list")).map(({ user }) => user), ["a"]);
  assert.match(await done(settings, ["sessions", "kick", "b"]), /^b is not logged in/);
  assert.equal((await a.request("whoami")).user, "a");
});

onShared("admin users: made, given a role and a password; who has the old one is sent away", async (operated) => {
  const { server, settings } = operated;
  const create = ["users", "create", "Eve", "--role", "moderator"];
  const created = await adminProcess(settings, create, "correct horse\n");
  assert.deepEqual([created.code, created.out, created.error], [0, "created Eve", ""]);
  await using eve = await server.login("eve", "correct horse");
  await using side = await JsonClient.open(server);
  assert.equal((await side.request("login", { user: "eve", password: "correct horse", side: true })).type, "ok");
  const rows = await list(settings, "users", "list");
  const row = rows.find(({ user }) => user === "Eve")!;
  assert.deepEqual([row.role, row.disabled, row.server, rows.length], ["moderator", false, "server1", 12]);
  assert.equal(await done(settings, ["users", "role", "eve", "admin"]), "Eve is admin now");
  assert.match(
    await done(settings, ["users", "password", "eve"], "battery staple"),
    /^changed the password of Eve\n.*2 of/,
  );
  assert.equal(
    await lastLine(eve),
    "[SYSTEM] FORCED_LOGOUT: An operator gave you a new password; log in with it.",
  );
  assert.match((await lastLine(side))!, /"forced_logout"/);
  await using again = await TextClient.open(server);
  assert.match(await again.ask("LOGIN eve correct horse"), /^\[ERROR\] invalid_credentials/);
  assert.equal(await again.ask("LOGIN eve battery staple"), "Login successful. Room: lobby");
});

onEach("admin users disable: neither a password nor a resume token lets the user in until enable", async (operated) => {
  const { server, settings } = operated;
  await using watcher = await server.login("b");
  await using client = await JsonClient.open(server);
  const { resume } = await client.request("login", { user: "a", password: "1" });
  assert.match(await done(settings, ["users", "disable", "A"]), /^disabled a\nserver1 closed 1 of a's connections$/);
  assert.match((await lastLine(client))!, /"code":"forced_logout","message":"An operator disabled your account\."/);
  assert.deepEqual(await watcher.lines(2), ["a joined lobby", "a left lobby"]);
  await using back = await JsonClient.open(server);
  assert.equal((await back.request("resume", { token: resume })).code, "banned");
  assert.equal((await back.request("login", { user: "a", password: "1" })).code, "banned");
  assert.equal((await back.request("login", { user: "a", password: "2" })).code, "invalid_credentials");
  assert.equal((await back.request("login", { user: "a", password: "1", side: true })).code, "banned");
  assert.equal(await done(settings, ["users", "enable", "a"]), "enabled a");
  assert.equal((await back.request("resume", { token: resume })).code, "invalid_credentials");
  assert.equal((await back.request("login", { user: "a", password: "1" })).type, "ok");
});

onShared(
  "admin says in one line what it cannot do, with exit code 1, and what it does not know with 2",
  async ({ settings }) => {
    const asked: [string[], number, RegExp, string?][] = [
      [["users", "create", "a"], 1, /^The name a is taken$/, "correct horse"],
      [["users", "create", "no name"], 1, /^"no name" is no username; 1–32/, "correct horse"],
      [["users", "create", "eve"], 1, /^The password is 1 bytes; 8 to 72/, "x"],
      [["users", "create", "eve"], 1, /^The password is one of the most common/, "Password1"],
      [["users", "password", "a"], 1, /^The password must be more than the username/, "a1234567"],
      [
        ["users", "create", "eve", "--role=king"],
        1,
        /^There is no role "king"; user, moderator, admin$/,
        "correct horse",
      ],
      [["users", "disable", "nobody"], 1, /^There is no account "nobody"$/],
      [["rooms", "purge", "nowhere"], 1, /^There is no room "nowhere"$/],
      [["users", "bake"], 2, /^There is no command "users bake"; --help lists them$/],
      [["users", "role", "a"], 2, /^users role needs <user> <role>/],
      [["users", "list", "--merge"], 2, /^--merge does not go with users list; --help says more$/],
      [["rooms", "purge", "r", "--keep"], 1, /^--keep is given without a value; allowed: <n>$/],
      [["--log-level", "debug", "users", "role", "a"], 2, /^users role needs <user> <role>/],
      [["users", "list", "--no-such-flag"], 1, /^Unknown flag "--no-such-flag"/],
      [["import", "/nowhere/at/all"], 1, /^\/nowhere\/at\/all cannot be read: /],
    ];
    const runs = asked.map(([args, , , input]) => admin(settings, args, input));
    const processes = [1, 8].map((index) => adminProcess(settings, asked[index]![0], asked[index]![3]));
    for (const [index, result] of (await Promise.all([...runs, ...processes])).entries()) {
      const [, code, line] = [...asked, asked[1]!, asked[8]!][index]!;
      assert.match(result.error, line);
      assert.deepEqual([result.code, result.error.split("\n").length], [code, 1], result.error);
    }
  },
);

onEach("admin reload has the server take a new certificate; a bad one is refused and said so", async (operated) => {
  const { server, settings, folder } = operated;
  await using person = await server.login("a");
  assert.match(await done(settings, ["reload"]), /^server1: the certificate is the same$/m);
  const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder, "certs", name));
  const cert = await Deno.readTextFile(certFile!);
  await Deno.writeTextFile(certFile!, "nonsense");
  const bad = await admin(settings, ["reload"]);
  assert.match(bad.error, /^server1: .*holds no certificate/);
  assert.deepEqual([bad.code, bad.error.split("\n").length], [1, 1]);
  await Deno.writeTextFile(certFile!, cert);
  await using still = await server.login("b");
  assert.equal(await still.ask("/whoami"), "b in lobby on server1");
  const made = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
  await Deno.writeTextFile(keyFile!, made.key);
  await Deno.writeTextFile(certFile!, made.cert);
  assert.match(await done(settings, ["reload"]), /^server1: .*certificate/m);
  await using renewed = await TextClient.login({ port: server.port, ca: made.ca }, "c");
  assert.equal(await renewed.ask("/whoami"), "c in lobby on server1");
  await person.until("c joined lobby");
});

onShared(
  "admin doctor finds a server that is well, and its port answered with a verified certificate",
  async (operated) => {
    const { server, settings } = operated;
    const { code, rows, error } = await admin({ ...settings, SERVER_PORT: `${server.port}` }, ["doctor", "--json"]);
    assert.deepEqual(rows.filter(({ state }) => state === "fail"), [], error);
    assert.equal(code, 0);
    const port = rows.find(({ subject }) => subject === "port")!;
    assert.match(port.text, /a chat server answers at \d+, and its certificate is verified/);
    assert.equal(rows.find(({ subject }) => subject === "certificate")!.state, "ok");
  },
);

test("admin does not speak to what a killed server left, but opens the file itself", async () => {
  await using folder = await temporaryFolder();
  const settings = { DATA_DIR: join(folder.path, "data") };
  {
    await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on" });
    const socket = join(folder.path, "data", "admin.sock");
    assert.equal((await Deno.stat(socket)).mode! & 0o777, 0o600);
    assert.equal((await list(settings, "servers", "list")).length, 1);
    await server.kill();
    assert.ok(await Deno.stat(socket), "it is still there");
  }
  assert.deepEqual(await list(settings, "servers", "list"), []);
  assert.equal((await list(settings, "users", "list")).length, 11);
  assert.equal(await done(settings, ["users", "disable", "a"]), "disabled a");
  await using again = await ServerProcess.start(folder.path);
  await using person = await TextClient.open(again);
  assert.match(await person.ask("LOGIN a 1"), /^\[ERROR\] banned/);
  assert.equal((await list(settings, "servers", "list")).length, 1);
  assert.equal((await again.stop()).code, 0);
  await assert.rejects(Deno.stat(join(folder.path, "data", "admin.sock")), Deno.errors.NotFound);
}, processes);

test("admin doctor says what is wrong, and what to do", async () => {
  await using folder = await temporaryFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = (async () => {
    for await (const conn of taken) conn.close();
  })();
  const certs = join(folder.path, "certs");
  await Deno.mkdir(certs);
  await Deno.writeTextFile(join(certs, "cert.pem"), "nonsense");
  await Deno.writeTextFile(join(certs, "key.pem"), "nonsense");
  const settings = {
    SERVER_HOST: "127.0.0.1",
    SERVER_PORT: `${taken.addr.port}`,
    CERT_FILE: join(certs, "cert.pem"),
    KEY_FILE: join(certs, "key.pem"),
    REDIS_URL: "redis://127.0.0.1:1",
  };
  const { code, rows } = await admin(settings, ["doctor", "--json"]);
  assert.equal(code, 1);
  const failed = rows.filter(({ state }) => state === "fail").map(({ subject, text }) => `${subject}: ${text}`);
  assert.match(failed[0]!, /^certificate: .*cert\.pem holds no certificate/);
  assert.match(failed[1]!, /^Redis: Cannot use Redis/);
  assert.match(failed[2]!, /^port: \d+ is taken/);
  taken.close();
  await closed;
  const bad = await admin({ SERVER_PORT: "many" }, ["doctor"]);
  assert.match(bad.out, /^fail {2}configuration: SERVER_PORT is "many"; allowed:/);
  assert.equal(bad.code, 1);
}, processes);

onEach("admin invitations: made, listed, used, taken back, and exported", async ({ server, settings, folder }) => {
  const [one, two] = await Promise.all([
    list(settings, "invitations", "new"),
    list(settings, "invitations", "new", "--days", "2"),
  ]).then((made) => made.flat());
  assert.match(one!.code as string, /^[a-z2-7]{20}$/);
  const days = (Date.parse(two!.expires as string) - Date.now()) / 86_400_000;
  assert.ok(days > 1.9 && days <= 2, `${days}`);
  await using eve = await TextClient.open(server);
  assert.match(await eve.ask("REGISTER eve long enough"), /^\[ERROR\] invitation_required/);
  assert.equal(await eve.ask(`INVITATION ${one!.code}`), "Invitation accepted");
  await eve.send("REGISTER eve long enough");
  await eve.expect("Registered eve", "Login successful. Room: lobby");
  assert.equal(
    await done(settings, ["invitations", "revoke", two!.code as string]),
    `revoked the invitation ${two!.id}`,
  );
  const { code, error } = await admin(settings, ["invitations", "revoke", one!.id as string]);
  assert.deepEqual([code, error], [1, `The invitation ${one!.id} is used`]);
  const rows = await list(settings, "invitations", "list");
  assert.deepEqual(rows.map(({ id, state, user }) => ({ id, state, user })), [{
    id: one!.id,
    state: "used",
    user: "eve",
  }]);
  const file = join(folder, "export.jsonl");
  await done(settings, ["export", file]);
  const exported = await Deno.readTextFile(file);
  assert.ok(!exported.includes(one!.code as string), "codes are kept as hashes");
  const target = { DATA_DIR: join(folder, "other"), SERVER_HOST: "127.0.0.1" };
  await done(target, ["import", file]);
  assert.deepEqual(await list(target, "invitations", "list"), rows);
}, { REGISTRATION: "invite" });

onEach("admin users totp-off lets somebody in who has lost the authenticator", async ({ server, settings }) => {
  await using a = await server.login("a");
  const uri = await a.ask("/totp on");
  await a.send(`/totp confirm ${codeOf(uri)}`);
  await a.expect("Two-factor login is on");
  await a.line();
  await using client = await TextClient.open(server);
  assert.equal(await client.ask("LOGIN a 1"), "[SYSTEM] CODE_REQUIRED: Send CODE <digits>");
  assert.equal(
    await done(settings, ["users", "totp-off", "a"]),
    "a logs in without a code from now on",
  );
  assert.match(await client.ask(`CODE ${codeOf(uri, 1)}`), /^\[ERROR\] invalid_code/);
  assert.match(await client.ask("LOGIN a 1"), /^Login successful/);
  assert.equal(await done(settings, ["users", "totp-off", "A"]), "a has no two-factor login");
});

onEach("admin limits: shows who has to wait for what, and lets them wait no longer", async (operated) => {
  const { server, settings } = operated;
  assert.equal(await done(settings, ["limits", "show"]), "none");
  await using guesser = await TextClient.open(server);
  for (let i = 0; i < 3; i++) assert.match(await guesser.ask("LOGIN a guess"), /^\[ERROR\] invalid_credentials/);
  assert.match(await guesser.ask("LOGIN a guess"), /^\[ERROR\] too_many_attempts/);
  const rows = await list(settings, "limits", "show");
  assert.deepEqual(rows.map(({ server, limit, key }) => ({ server, limit, key })), [
    { server: "server1", limit: "login_failures_account", key: "a 127.0.0.1" },
  ]);
  const { wait_seconds: wait } = rows[0];
  assert.ok(typeof wait === "number" && wait > 10 && wait <= 20, `${wait}`);
  assert.equal(await done(settings, ["limits", "clear", "b"]), "b has to wait for no limit");
  assert.equal(await done(settings, ["limits", "clear", "A"]), "server1 cleared 1 limit");
  assert.match(await guesser.ask("LOGIN a 1"), /^Login successful/);
  assert.equal(await done(settings, ["limits", "clear"]), "nobody has to wait for any limit");
}, { LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });

test("admin says that a DATA_DIR is too deep for a socket, the server does, and a link to it will do", async () => {
  await using folder = await temporaryFolder();
  const deep = join(folder.path, ...Array.from({ length: 6 }, () => "a-folder-of-twenty-5"));
  await Deno.mkdir(deep, { recursive: true });
  const settings = { SERVER_HOST: "127.0.0.1", DATA_DIR: deep };
  {
    await using server = await ServerProcess.start(folder.path, settings);
    const told = await server.program.logged("admin_socket_failed");
    assert.match(
      JSON.stringify(told?.properties),
      /admin\.sock is \d+ bytes long, and a socket's path has at most 10\d here/,
    );
    const { code, error } = await admin(settings, ["users", "list"]);
    assert.equal(code, 1);
    assert.match(error, /admin\.sock is \d+ bytes long/);
  }
  await Deno.symlink(deep, join(folder.path, "d"));
  const linked = { ...settings, DATA_DIR: join(folder.path, "d") };
  await using _server = await ServerProcess.start(folder.path, linked);
  assert.equal(await done(linked, ["servers", "list"]).then((text) => /server1/.test(text)), true);
}, every(processes, need()));

onEach(
  "admin bans: connections from a banned network end and say why, until it is banned no more",
  async (operated) => {
    const { server, settings } = operated;
    await using person = await server.login("a");
    await using program = await JsonClient.open(server);
    const banned = await done(settings, ["bans", "add", "127.0.0.1/8", "--for", "2h", "--reason", "too much noise"]);
    assert.equal(banned, "banned 127.0.0.0/8 for 2h\nserver1 closed 2 connections");
    const why = /^\[SYSTEM\] FORCED_LOGOUT: Your address is banned until \d{4}-\d\d-\d\dT\S+Z: too much noise$/;
    assert.match((await lastLine(person))!, why);
    assert.match((await lastLine(program))!, /forced_logout.*too much noise/);
    await using late = await TextClient.open(server);
    assert.match((await lastLine(late))!, why, "nobody comes in from there");
    const [row] = await list(settings, "bans", "list");
    assert.deepEqual([row.network, row.reason, typeof row.until], ["127.0.0.0/8", "too much noise", "string"]);
    const bad = await admin(settings, ["bans", "add", "127.0.0.1/0"]);
    assert.deepEqual([bad.code, bad.error.split(";")[0]], [1, '"127.0.0.1/0" is no network']);
    assert.equal(await done(settings, ["bans", "remove", "127.0.0.1/8"]), "127.0.0.0/8 is not banned any more");
    await using back = await server.login("a");
    assert.equal(await back.ask("/who"), "Members of lobby: a");
  },
);

onEach("admin against one server, in turn", async (operated, t) => {
  for (const [name, fn] of cases) {
    // The server's own reading goes on behind a step; what a step leaves behind shows at the test's end.
    await t.step({ name, fn: () => fn(operated), sanitizeOps: false, sanitizeResources: false });
  }
});
