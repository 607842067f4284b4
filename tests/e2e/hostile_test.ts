/**
 * What strangers send: whatever it is, it gets a clear error or a closed connection, and the next client is served.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { errorCodes } from "../../lib/common/errors.ts";
import { allCommands } from "../../lib/server/commands/all.ts";
import { cleanText } from "../../lib/wire/clean.ts";
import { eventually, type Json, LineClient, TextClient, within } from "../support/client.ts";
import { permitted } from "../support/needs.ts";
import { onSqlite, type TestServer } from "../support/server.ts";

const encoder = new TextEncoder();

/** Closing a half-open connection takes the system's help. */
const ffi = await permitted("ffi");

/** A connection without TLS. */
function dialPlainly(server: TestServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: server.port });
}

/** All that comes on a connection until it ends. */
async function readToEnd(conn: Deno.Conn): Promise<Uint8Array> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(4096);
  const reading = async () => {
    try {
      for (let count; (count = await conn.read(buffer)) !== null;) bytes.push(...buffer.subarray(0, count));
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  };
  await within(reading(), () => "the end of the connection");
  return new Uint8Array(bytes);
}

/** Somebody new must be served as if nothing was. */
async function nextIsServed(server: TestServer): Promise<void> {
  await using next = await server.login("h");
  assert.equal(await next.ask("/whoami"), "h in lobby on server1");
  assert.equal(await next.ask("/quit"), "Goodbye");
}

onSqlite("plain text on the port gets the connection closed, and reaches no command", async (start) => {
  await using server = await start();
  for (const text of ["LOGIN a 1\n", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\n".repeat(5000), "\x16\x03\x01"]) {
    using conn = await dialPlainly(server);
    await conn.write(encoder.encode(text));
    if (text.startsWith("\x16")) await conn.closeWrite();
    const answer = await readToEnd(conn);
    assert.ok(answer.length <= 7 && (answer[0] ?? 0x15) === 0x15, `${answer}`); // a TLS alert, or nothing
    await nextIsServed(server);
  }
});

onSqlite("half-open connections hold up nobody", async (start) => {
  await using server = await start({ MAX_HANDSHAKES: "4" });
  await using open = new AsyncDisposableStack();
  for (let n = 0; n < 12; n++) {
    const conn = await dialPlainly(server);
    open.defer(() => conn.close());
    if (n % 2 === 0) await conn.write(new Uint8Array([0x16]));
  }
  await nextIsServed(server);
});

onSqlite("half-open connections are closed when the handshake's time is over, or there are too many", async (start) => {
  await using server = await start({ HANDSHAKE_TIMEOUT_SECONDS: "0.3", MAX_HANDSHAKES: "2" });
  using silent = await dialPlainly(server);
  using oneByte = await dialPlainly(server);
  await oneByte.write(new Uint8Array([0x16]));
  await Promise.all([readToEnd(silent), readToEnd(oneByte)]);
  await using slow = await start({ HANDSHAKE_TIMEOUT_SECONDS: "600", MAX_HANDSHAKES: "2" });
  using oldest = await dialPlainly(slow);
  using _second = await dialPlainly(slow);
  using _third = await dialPlainly(slow);
  await readToEnd(oldest);
  await nextIsServed(slow);
}, ffi);

onSqlite("a line of 1 MB is skipped and answered once, in both formats", async (start) => {
  await using server = await start();
  const megabyte = new Uint8Array(1 << 20).fill(0x78);
  for (const json of [false, true]) {
    for (const loggedIn of [false, true]) {
      await using client = json ? await server.json() : await server.text();
      if (loggedIn) await client.send(json ? '{"cmd":"login","user":"a","password":"1"}' : "LOGIN a 1");
      if (loggedIn) await client.line();
      await client.sendBytes(megabyte);
      assert.match(await client.line(), /line_too_long/); // before its end has come
      await client.sendBytes(encoder.encode("xx\n"));
      assert.match(await client.ask(json ? '{"cmd":"help","command":"x"}' : "/help x"), /unknown_command/);
    }
  }
});

onSqlite("bytes that are not UTF-8 are answered, and the connection goes on", async (start) => {
  await using server = await start();
  const wrong = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80], [0x80, 0x41]];
  await using text = await server.login("a");
  await using json = await server.json();
  for (const client of [text, json]) {
    for (const bytes of wrong) {
      await client.sendBytes(new Uint8Array([...bytes, 0x0a]));
      assert.match(await client.line(), /invalid_utf8/);
    }
  }
  assert.equal(await text.ask("/whoami"), "a in lobby on server1");
});

onSqlite("every command answers to missing and absurd arguments in JSON", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  const absurd = [
    undefined, // missing
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    "",
    " ",
    "\0",
    "x".repeat(1000), // as all of its arguments, on one line
    "\ud800",
    "💥'; DROP TABLE accounts; --",
    "__proto__",
    [],
    ["a"],
    {},
    { a: { b: [null] } },
  ];
  let client = await server.jsonLogin("a");
  for (const { name, arguments: declared } of allCommands) {
    const good: Json = { user: "b", room: "general", text: "hi", to: "b", password: "1", n: 1, topic: "room:general" };
    const each = declared.flatMap((argument) => absurd.map((value) => ({ ...good, [argument.name]: value })));
    const all = absurd.map((value) => Object.fromEntries(declared.map((argument) => [argument.name, value])));
    for (const fields of [...each, ...all]) {
      // A request of the test's own goes before the fields: some of them are called as its parts are.
      const id = client.post(name, fields);
      const reply = await client.reply();
      const context = `${name} ${JSON.stringify(fields).slice(0, 200)} → ${JSON.stringify(reply)}`;
      assert.equal(reply.id, id, context);
      assert.ok(reply.type === "ok" || (reply.code in errorCodes && reply.code !== "internal"), context);
      if (reply.type !== "ok" || !["quit", "logout", "login", "register"].includes(name)) continue;
      await client[Symbol.asyncDispose]();
      client = await server.jsonLogin("a");
    }
  }
  await client[Symbol.asyncDispose]();
  await nextIsServed(server);
});

onSqlite("every command answers to missing and absurd arguments when typed", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  const absurd = ["", " ", "\t", "x".repeat(5000), "-1", "0", "1e309", "@", "@@", "@b -1", "@ 1", '"', '""', '"" ""'];
  absurd.push(
    "\0",
    "\x1b[2J",
    "%s%n",
    "../..",
    "💥",
    "null",
    "' OR 1=1 --",
    "__proto__",
    "constructor",
    "{}",
    "a b c d",
  );
  for (const loggedIn of [false, true]) {
    let marks = 0;
    let client = loggedIn ? await server.login("a") : await server.text();
    for (const { name, typed } of allCommands) {
      if (!typed && !loggedIn) continue;
      for (const rest of absurd) {
        const mark = `mark-${++marks}`;
        await client.send(`/${name} ${rest}`, `/help ${mark}`);
        const lines: string[] = [];
        for (let line; (line = await client.lineOrEnd()) !== undefined && !line.includes(mark);) lines.push(line);
        assert.ok(lines.length > 0, `/${name} ${rest.slice(0, 40)} was not answered`);
        assert.doesNotMatch(lines.join("\n"), /internal/);
        if (!["quit", "logout", "login", "register", "hello"].includes(name)) continue;
        await client[Symbol.asyncDispose]();
        client = loggedIn ? await server.login("a") : await server.text();
      }
    }
    await client[Symbol.asyncDispose]();
  }
  await nextIsServed(server);
});

/** Lines that nobody means: any bytes, any text, and JSON that is no request. */
const garbage = fc.sample(
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 100 }).map((text) => encoder.encode(text)),
    fc.string({ unit: "grapheme", minLength: 1 }).map((text) => encoder.encode(`/${text}`)),
    fc.json().map((text) => encoder.encode(text)),
    fc.json().map((text) => encoder.encode(`{"id":1,"cmd":${text}`)),
  ).map((bytes) => bytes.filter((byte) => byte !== 0x0a && byte !== 0x0d)).filter((bytes) => bytes.length > 0),
  { seed: 20_260_101, numRuns: 200 },
);

onSqlite("200 lines of garbage are answered one by one in JSON", async (start) => {
  await using server = await start();
  for (const client of [await server.json(), await server.jsonLogin("a")]) {
    await using _ = client;
    for (const line of garbage) void client.sendBytes(new Uint8Array([...line, 0x0a]));
    for (const line of garbage) {
      const { type, code } = await client.next();
      assert.ok(type === "error" && code in errorCodes && code !== "internal", `${line} → ${code}`);
    }
    assert.equal((await client.request("help")).type, "ok");
  }
  await nextIsServed(server);
});

onSqlite("200 lines of garbage are answered, or said, when they are typed", async (start) => {
  await using server = await start();
  for (const client of [await server.text(), await server.login("a")]) {
    await using _ = client;
    for (const [index, line] of garbage.entries()) {
      void client.sendBytes(new Uint8Array([...line, 0x0a, ...encoder.encode(`/help mark-${index}\n`)]));
    }
    for (const [index, line] of garbage.entries()) {
      const answers = (await client.until(new RegExp(`mark-${index}"`))).slice(0, -1);
      const blank = cleanText(new TextDecoder("utf-8", { ignoreBOM: true }).decode(line)).trim() === "";
      assert.ok(blank ? answers.length === 0 : answers.length === 1, `${line} → ${JSON.stringify(answers)}`);
      assert.doesNotMatch(answers.join("\n"), /internal/);
    }
  }
  await nextIsServed(server);
});

onSqlite("connections over the limits are closed without a word, and taken again when others went", async (start) => {
  for (const limit of ["MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_IP"]) {
    await using server = await start({ [limit]: "3" });
    await using clients = new AsyncDisposableStack();
    const crowd = await Promise.all(Array.from({ length: 20 }, () => LineClient.dial(server).catch(() => undefined)));
    const greeted: LineClient[] = [];
    for (const client of crowd) {
      if (!client) continue;
      clients.use(client);
      if (await client.lineOrEnd() !== undefined) greeted.push(client);
    }
    assert.equal(greeted.length, 3, limit); // also of those who came at the same time
    await assert.rejects(TextClient.open(server));
    greeted[0].drop();
    await eventually(() => nextIsServed(server).then(() => true, () => false), "the next is taken in");
  }
});

onSqlite("connections over the limits that are silent are closed too", async (start) => {
  await using server = await start({ MAX_CONNECTIONS_PER_IP: "1", HANDSHAKE_TIMEOUT_SECONDS: "0.3" });
  await using _ = await server.text();
  using silent = await dialPlainly(server);
  await readToEnd(silent);
}, ffi);

onSqlite("guessing passwords is throttled by account, registering by address", async (start) => {
  await using server = await start({
    LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3",
    REGISTRATIONS_PER_HOUR_PER_ADDRESS: "1",
  });
  await using client = await server.text();
  await using json = await server.json();
  for (let n = 0; n < 3; n++) assert.match(await client.ask(`LOGIN a guess${n}`), /^\[ERROR\] invalid_credentials/);
  assert.match(await client.ask("LOGIN A 1"), /^\[ERROR\] too_many_attempts: .*\d+ s/);
  const { retry_after_ms } = await json.refused("login", { user: "a", password: "1" }, "too_many_attempts");
  assert.ok(retry_after_ms > 0 && retry_after_ms <= 20_000, `${retry_after_ms}`);
  assert.equal(await client.ask("LOGIN b 1"), "Login successful. Room: lobby"); // others are not held up
  await json.ok("register", { user: "eve", password: "long enough" });
  await json.ok("logout");
  await json.refused("register", { user: "eve2", password: "long enough" }, "too_many_attempts");
});

onSqlite("guessing passwords is throttled by address as well", async (start) => {
  await using server = await start({ LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "3" });
  await using client = await server.text();
  for (const user of ["a", "b", "nobody"]) {
    assert.match(await client.ask(`LOGIN ${user} guess`), /^\[ERROR\] invalid_credentials/);
  }
  await using other = await server.text();
  assert.match(await other.ask("LOGIN c 1"), /^\[ERROR\] too_many_attempts/);
});

onSqlite("a fault of the server's is answered with a reference, and nothing else of it", async (start) => {
  await using server = await start();
  await using person = await server.login("a");
  await using program = await server.jsonLogin("b");
  await person.expect("b joined lobby");
  server.store.accounts.follows = () => Promise.reject(new Error("a secret of the server's"));
  const answer = await person.ask("/subs");
  assert.match(answer, /^\[ERROR\] internal: Something went wrong; its reference is [a-z2-7]{8}$/);
  const reply = await program.refused("subs", {}, "internal");
  assert.deepEqual(Object.keys(reply).sort(), ["code", "id", "message", "type"]);
  assert.doesNotMatch(JSON.stringify(reply), /secret/);
  assert.notEqual(reply.message, answer.slice("[ERROR] internal: ".length)); // each has its own
  await person.send("/whoami");
  await person.until("a in lobby on server1");
});
