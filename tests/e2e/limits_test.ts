/** Limits as those feel them who come from outside: who harms is slowed down, and nobody else is. */

import assert from "node:assert/strict";
import { JsonClient, TextClient } from "../support/client.ts";
import { permitted } from "../support/needs.ts";
import { onEachStore } from "../support/server.ts";

/** Listens to IPv4 and IPv6, so that a test can come from two networks: IPv4 comes mapped into IPv6. */
const bothFamilies = { SERVER_HOST: "::" };

onEachStore("guesses from one address keep nobody out but the guesser", async (start) => {
  await using server = await start(bothFamilies);
  const { port, ca } = server;
  await using guesser = await TextClient.open({ port, ca, host: "::1" });
  const answers: string[] = [];
  for (let i = 0; i < 31; i++) {
    if (i < 15) answers.push(await guesser.ask("LOGIN a guess")); // from then on it is slow
    await using owner = await TextClient.login({ port, ca }, "a");
    assert.equal(await owner.ask("/logout"), "Logged out");
  }
  const guessed = answers.filter((answer) => /invalid_credentials/.test(answer));
  const refused = answers.filter((answer) => /too_many_attempts/.test(answer));
  assert.equal(guessed.length + refused.length, 15, answers.join("\n"));
  assert.ok(guessed.length <= 12, "ten, and one for each six seconds that the guesser is held back");
});

onEachStore(
  "refused resumes and tries of names are limited by address, before anything is looked up",
  async (start) => {
    await using server = await start({
      ...bothFamilies,
      LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "5",
      REGISTRATIONS_PER_HOUR_PER_ADDRESS: "5",
    });
    const { port, ca } = server;
    await using guesser = await JsonClient.open({ port, ca, host: "::1" });
    for (let i = 0; i < 5; i++) await guesser.refused("resume", { token: `a.${i}` }, "invalid_credentials");
    await guesser.refused("resume", { token: "a.x" }, "too_many_attempts");
    for (let i = 0; i < 5; i++) {
      await guesser.refused(
        "register",
        { user: "a", password: "long enough" },
        "username_taken",
      );
    }
    await guesser.refused("register", { user: "a", password: "long enough" }, "too_many_attempts");
    await guesser.refused("register", { user: "nobody-yet", password: "long enough" }, "too_many_attempts");
    await using other = await JsonClient.open({ port, ca });
    await other.refused("resume", { token: "a.x" }, "invalid_credentials");
    await other.ok("register", { user: "eve", password: "long enough" });
  },
);

onEachStore("an account that logs in again and again waits, and no other does", async (start) => {
  await using server = await start({ LOGINS_PER_MINUTE_PER_ACCOUNT: "5" });
  await using client = await server.text();
  for (let i = 0; i < 5; i++) {
    assert.match(await client.ask("LOGIN a 1"), /^Login successful/);
    await client.ask("/logout");
  }
  assert.match(
    await client.ask("LOGIN a 1"),
    /^\[ERROR\] too_many_attempts: Too many logins as a; try again in \d+ s$/,
  );
  assert.match(await client.ask("LOGIN b 1"), /^Login successful/);
});

onEachStore("the bytes that one user's messages take in a day are bounded, by every way to send one", async (start) => {
  // Ten messages of 244 bytes.
  await using server = await start({ MESSAGE_BYTES_PER_DAY_PER_USER: "5000", FOLLOW_ROOM_MESSAGES: "on" });
  await using a = await server.jsonLogin("a");
  await using side = await server.jsonLogin("A", { side: true });
  await using b = await server.jsonLogin("b");
  const text = "é".repeat(122);
  await a.ok("say", { text, cid: "x" }); // in the room and in the feed
  await a.ok("say", { text, cid: "x" });
  await a.ok("publish", { text });
  await side.ok("publish", { text });
  await side.ok("say", { room: "general", text });
  await a.ok("msg", { to: "b", text });
  await side.ok("msg", { to: "b", text: "(sealed)", sealed: "AAAA".repeat(59), keys: await versions(side) });
  await a.refused("msg", { to: "nobody", text }, "unknown_user");
  await a.ok("msg", { to: "b", text });
  await side.ok("msg", { to: "a", text });
  for (
    const [client, cmd, fields] of [
      [a, "say", {}],
      [a, "publish", {}],
      [a, "msg", { to: "b" }],
      [side, "say", { room: "lobby" }],
    ] as const
  ) {
    const { message, retry_after_ms } = await client.refused(cmd, { text, ...fields }, "rate_limited");
    assert.match(message, /^Too many bytes of messages in a day; try again in \d+ s$/);
    assert.ok(retry_after_ms > 1_000_000 && retry_after_ms < 86_400_000, `${retry_after_ms}`);
  }
  await b.ok("say", { text });
});

onEachStore("ten connections of one user say no more than one, and another user notices nothing", async (start) => {
  await using server = await start({ MESSAGES_PER_SECOND: "20" }); // 200 at once
  await using open = new AsyncDisposableStack();
  await using b = await server.jsonLogin("b");
  const sides: JsonClient[] = [];
  for (let i = 0; i < 10; i++) sides.push(open.use(await server.jsonLogin("a", { side: true })));
  const since = performance.now();
  for (const side of sides) for (let i = 0; i < 26; i++) side.post("say", { room: "general", text: `${i}` });
  const asked = performance.now();
  await b.ok("whoami");
  assert.ok(performance.now() - asked < 1_000);
  for (const side of sides) {
    for (let i = 0; i < 26; i++) assert.equal((await side.reply()).type, "ok");
  }
  const took = performance.now() - since;
  assert.ok(took > 2_500, `60 lines over the limit of all ten took ${took} ms`);
});

onEachStore(
  "a resume of 244 KB comes in, and unfinished lines of guests are bounded for each network",
  async (start) => {
    await using server = await start(bothFamilies);
    const { port, ca } = server;
    await using open = new AsyncDisposableStack();
    const { resume: token } = (await server.jsonLogin("a")).session;
    const beginning = `{"cmd":"resume","token":"x","positions":{"x":"${"x".repeat(250_000)}`;
    const guests: JsonClient[] = [];
    for (let i = 0; i < 6; i++) {
      const guest = open.use(await JsonClient.open({ port, ca, host: "::1" }));
      await guest.sendBytes(new TextEncoder().encode(beginning));
      guests.push(guest);
    }
    const refused = await Promise.race(guests.map((guest) => guest.event()));
    assert.deepEqual([refused.type, refused.code], ["error", "rate_limited"]);
    assert.match(refused.message, /not logged in keep more than 1048576 bytes/);
    await using other = await JsonClient.open({ port, ca });
    const positions = Object.fromEntries(
      Array.from({ length: 4_200 }, (_, i) => [`room:room-number-${i}`, `abcdefgh.${i}.abcdefghijklmnop`]),
    );
    assert.ok(JSON.stringify(positions).length > 220_000);
    assert.equal((await other.ok("resume", { token, positions })).user, "a");
  },
);

onEachStore("a guest's line that begins as no resume is too long after MAX_LINE_BYTES", async (start) => {
  await using server = await start();
  await using guest = await server.json();
  await guest.send(JSON.stringify({ cmd: "login", user: "a", password: "x".repeat(8_192) }));
  assert.equal((await guest.event()).code, "line_too_long");
  await guest.send(JSON.stringify({ positions: { x: "x".repeat(200_000) }, token: "a.x", cmd: "resume" }));
  assert.equal((await guest.event()).code, "invalid_credentials");
});

onEachStore(
  "connections of one user are bounded: a side connection more is refused, a session never is",
  async (start) => {
    await using server = await start({ MAX_CONNECTIONS_PER_USER: "3" });
    await using open = new AsyncDisposableStack();
    const come = async () => open.use(await server.json());
    const login = { user: "A", password: "1", side: true };
    const [one, two, three, four] = [await come(), await come(), await come(), await come()];
    const answers = await Promise.all([one, two, three, four].map((client) => client.request("login", login)));
    assert.deepEqual(answers.map(({ code }) => code ?? "ok").sort(), ["ok", "ok", "ok", "rate_limited"]);
    const { message } = answers.find(({ code }) => code === "rate_limited")!;
    assert.match(message, /^You have 3 connections to this server, which is the most that one may$/);
    await using session = await server.jsonLogin("a");
    await (await come()).refused("login", login, "rate_limited");
    await (await come()).ok("login", { ...login, user: "b" });
    const inside = [one, two, three, four].filter((_, index) => answers[index].type === "ok");
    await inside[0].ok("logout");
    await inside[1].ok("quit");
    await (await come()).ok("login", login);
    await session.ok("logout");
    inside[2].drop();
    const last = await come();
    for (let code: unknown = "rate_limited"; code === "rate_limited";) code = (await last.request("login", login)).code;
  },
);

onEachStore("history gives no more than a MiB at once, and pages on", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a", { side: true });
  const text = "\u20ac".repeat(1_365); // 4,095 bytes
  for (let i = 0; i < 300; i++) a.post("say", { room: "big", text: `${i} ${text.slice(4)}` });
  for (let i = 0; i < 300; i++) assert.equal((await a.reply()).type, "ok");
  const seqs: number[] = [];
  while (seqs[0] !== 1) {
    const { messages } = await a.ok("history", { room: "big", n: 500, before: seqs[0] ?? null });
    assert.ok(JSON.stringify(messages).length <= 1_048_576 && messages.length > 0 && messages.length < 300);
    seqs.unshift(...messages.map(({ seq }: { seq: number }) => seq));
  }
  assert.deepEqual(seqs, Array.from({ length: 300 }, (_, index) => index + 1));
});

/** Closing a half-open connection takes the system's help. */
const closing = await permitted("ffi");

onEachStore("where handshakes are too many, the network with most of them gives up its oldest", async (start) => {
  await using server = await start({ ...bothFamilies, MAX_HANDSHAKES: "3" });
  const { port, ca } = server;
  using open = new DisposableStack();
  const dial = async (hostname: string) => {
    const conn = await Deno.connect({ hostname, port });
    open.defer(() => conn.close());
    return conn;
  };
  const older = await Deno.connect({ hostname: "127.0.0.1", port });
  const crowd = [await dial("::1"), await dial("::1"), await dial("::1")];
  const end = await crowd[0].read(new Uint8Array(1)).catch(() => null);
  assert.equal(end, null);
  const late = crowd[2].read(new Uint8Array(1)).catch(() => "over");
  using tls = await Deno.startTls(older, { hostname: "127.0.0.1", caCerts: [ca] });
  await tls.handshake(); // it has waited for longer than any of the crowd
  open.dispose();
  await late;
}, closing);

onEachStore("connections are bounded for each network, and an IPv4 address mapped into IPv6 is one", async (start) => {
  await using server = await start({ ...bothFamilies, MAX_CONNECTIONS_PER_IP: "1" });
  const { port, ca } = server;
  await using six = await TextClient.open({ port, ca, host: "::1" });
  await using four = await TextClient.open({ port, ca });
  await using refused = await TextClient.dial({ port, ca });
  assert.deepEqual(await refused.rest(), []);
  for (const client of [six, four]) assert.match(await client.ask("LOGIN a wrong"), /invalid_credentials/);
});

/** The versions of the keys of a and b, who have none. */
async function versions(client: JsonClient): Promise<Record<string, string>> {
  const of = async (user: string) => [user, (await client.ok("keys", { user })).version];
  return Object.fromEntries(await Promise.all(["a", "b"].map(of)));
}

onEachStore("no account makes rooms without bound, by whatever it does", async (start) => {
  await using server = await start({ ROOMS_PER_HOUR_PER_USER: "3", ROOMS: "lobby,tech" });
  await using a = await server.jsonLogin("a");
  await using side = await server.jsonLogin("A", { side: true });
  await using b = await server.jsonLogin("b");
  const hash = "0".repeat(64);
  for (let i = 0; i < 20; i++) {
    const room = `none${i}`;
    assert.deepEqual((await side.ok("history", { room })).messages, []);
    assert.deepEqual((await side.ok("history", { topic: `room:${room}` })).messages, []);
    await side.ok("who", { room });
    await side.ok("upload", { name: "x", size: 1, sha256: hash, room });
    assert.equal(await server.store.rooms.find(room), false, room);
  }
  await a.ok("join", { room: "one" });
  await side.ok("say", { room: "two", text: "hi" });
  await side.ok("join", { room: "three" });
  const { message, retry_after_ms } = await a.refused("join", { room: "four" }, "rate_limited");
  assert.match(message, /^Too many new rooms; try again in \d+ s$/);
  assert.ok(retry_after_ms > 1_000_000, `${retry_after_ms}`);
  await side.refused("say", { room: "four", text: "hi" }, "rate_limited");
  await side.refused("join", { room: "four" }, "rate_limited");
  assert.equal(await server.store.rooms.find("four"), false);
  for (const room of ["lobby", "tech", "one", "two"]) await a.ok("join", { room });
  for (const room of ["tech", "two", "TWO", "lobby"]) await side.ok("say", { room, text: "hi" });
  await b.ok("join", { room: "four" });
  await a.ok("join", { room: "four" });
});

onEachStore("rooms are bounded, and those that exist are nobody's to lose", async (start) => {
  await using server = await start({ MAX_ROOMS: "2", ROOMS: "tech" });
  await using a = await server.jsonLogin("a");
  await using side = await server.jsonLogin("b", { side: true });
  for (const room of ["one", "two", "tech"]) await a.ok("join", { room });
  const { message } = await a.refused("join", { room: "three" }, "room_limit");
  assert.match(message, /^There are 2 rooms, which is as many as there may be/);
  await side.refused("join", { room: "three" }, "room_limit");
  await side.refused("say", { room: "three", text: "hi" }, "room_limit");
  for (const room of ["one", "two", "lobby", "tech"]) await side.ok("say", { room, text: "hi" });
  for (const room of ["one", "two", "lobby", "tech"]) await side.ok("join", { room });
  assert.equal((await a.ok("whoami")).room, "tech");
});

onEachStore("a new room's first messages keep their order, sent without waiting", async (start) => {
  await using server = await start();
  await using side = await server.jsonLogin("a", { side: true });
  const texts = Array.from({ length: 60 }, (_, index) => `${index}`);
  await Promise.all(texts.map((text) => side.ok("say", { room: "general", text })));
  const { messages } = await side.ok("history", { room: "general", n: 100 });
  assert.deepEqual(messages.map(({ text }: { text: string }) => text), texts);
});
