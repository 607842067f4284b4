/** Access tokens: on both stores, from outside. */

import assert from "node:assert/strict";
import { JsonClient, TextClient } from "../support/client.ts";
import { onEachStore, type Start, type TestServer } from "../support/server.ts";

/** Two servers where the store is Redis, else the same one twice. */
async function pair(start: Start): Promise<AsyncDisposable & { one: TestServer; two: TestServer }> {
  const one = await start();
  const two = await start();
  // In memory each has its own accounts.
  const shared = one.store.constructor.name !== "SqliteStore";
  const [used, spare] = shared ? [two, undefined] : [one, two];
  await spare?.[Symbol.asyncDispose]();
  return {
    one,
    two: used,
    [Symbol.asyncDispose]: async () => {
      if (shared) await two[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
    },
  };
}

async function make(a: TextClient, line: string): Promise<string> {
  const answer = await a.ask(`/token new ${line}`);
  const [, token] = /^Token \w+: (\S+)$/.exec(answer) ?? assert.fail(answer);
  return token!;
}

async function side(server: TestServer, password: string): Promise<JsonClient> {
  const client = await JsonClient.open(server);
  await client.ok("login", { user: "a", password, side: true });
  return client;
}

onEachStore("a token does what its scopes say, where they say, and nothing else", async (start) => {
  await using servers = await pair(start);
  await using a = await servers.one.login("a");
  assert.equal(await a.ask("/tokens"), "Tokens: none");
  const token = await make(a, "ci say,history:room:ops 90d");
  const until = new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10);
  assert.equal(await a.ask("/tokens"), `Tokens: ci (say, history; room:ops; until ${until})`);
  await using ci = await side(servers.two, token);
  await ci.ok("say", { room: "ops", text: "deployed" });
  await ci.ok("say", { room: "OPS", text: "twice" });
  assert.deepEqual((await ci.ok("history", { room: "ops" })).messages.length, 2);
  await ci.ok("whoami");
  await ci.refused("say", { room: "lobby", text: "hi" }, "forbidden");
  await ci.refused("history", { room: "lobby" }, "forbidden");
  await ci.refused("history", { user: "b" }, "forbidden");
  await ci.refused("history", { topic: "inbox:a" }, "forbidden");
  await ci.refused("msg", { to: "b", text: "psst" }, "forbidden");
  await ci.refused("join", { room: "ops" }, "forbidden");
  await ci.refused("tokens", {}, "forbidden");
  await ci.refused("token", { do: "new", name: "more", scopes: "session" }, "forbidden");
  await ci.refused("passwd", { old: "1", new: "a good password" }, "forbidden");
  await ci.refused("revoke", { device: "all" }, "forbidden");
  await using json = await side(servers.one, "1");
  const [listed] = (await json.ok("tokens")).tokens;
  assert.deepEqual([listed.name, listed.scopes, listed.topics], ["ci", ["say", "history"], ["room:ops"]]);
  assert.ok(Date.parse(listed.used) >= Date.parse(listed.created), listed.used);
});

onEachStore("a token is for side connections, unless it has the scope session", async (start) => {
  await using servers = await pair(start);
  await using a = await servers.one.login("a");
  const [ci, bot] = [await make(a, "ci say"), await make(a, "bot session,say")];
  await using guest = await servers.two.text();
  assert.match(await guest.ask(`LOGIN a ${ci}`), /^\[ERROR\] forbidden: The token ci is for side connections/);
  await guest.send(`LOGIN a ${bot}`);
  assert.match(await guest.line(), /^Login successful/);
  assert.match(await guest.ask("/join tech"), /^\[ERROR\] forbidden: The token bot may not join/);
  assert.equal(await guest.ask("hello"), "a: hello");
  await using json = await servers.two.json();
  const { resume } = await json.ok("login", { user: "a", password: bot });
  await json.refused("join", { room: "tech" }, "forbidden");
  await json[Symbol.asyncDispose]();
  await using again = await servers.one.json();
  await again.ok("resume", { token: resume });
  await again.refused("join", { room: "tech" }, "forbidden");
});

onEachStore("a revoked token's connections end at once, and it is worth nothing", async (start) => {
  await using servers = await pair(start);
  await using a = await servers.one.login("a");
  const [ci, other] = [await make(a, "ci session,say"), await make(a, "other say")];
  await using one = await side(servers.one, ci);
  await using two = await side(servers.two, ci);
  await using spared = await side(servers.two, other);
  assert.equal(await a.ask("/token revoke ci"), "Revoked token ci");
  for (const client of [one, two]) assert.equal((await client.event()).code, "forced_logout");
  await spared.ok("whoami");
  await using late = await servers.two.json();
  await late.refused("login", { user: "a", password: ci, side: true }, "invalid_credentials");
  assert.match(await a.ask("/token revoke ci"), /^\[ERROR\] usage: You have no token ci/);
});

onEachStore("a new password leaves tokens as they are, and wrong ones count as wrong passwords", async (start) => {
  await using server = await start({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });
  await using a = await server.jsonLogin("a");
  const { token } = await a.ok("token", { do: "new", name: "ci", scopes: "say", for: 60 });
  await a.ok("passwd", { old: "1", new: "a rather good password" });
  await (await side(server, token))[Symbol.asyncDispose]();
  await using guest = await server.json();
  const wrong = `chat_${"x".repeat(43)}`;
  const codes = [];
  for (let n = 0; n < 4; n++) {
    codes.push((await guest.request("login", { user: "a", password: wrong, side: true })).code);
  }
  assert.deepEqual(codes, [...Array(3).fill("invalid_credentials"), "too_many_attempts"]);
});

onEachStore("what is wrong with a new token is said", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  assert.match(await a.ask("/token"), /^\[ERROR\] usage: /);
  assert.match(await a.ask("/token new ci"), /^\[ERROR\] usage: Say what the token is for/);
  assert.match(
    await a.ask("/token new ci passwd"),
    /^\[ERROR\] usage: "passwd" is not a scope; there are .*\bsession\b/,
  );
  assert.match(await a.ask("/token new ci say:ops"), /^\[ERROR\] usage: "ops" is not a topic/);
  assert.match(await a.ask("/token new c.i say"), /^\[ERROR\] usage: "c\.i" is not a token's name/);
  assert.match(await a.ask("/token new ci say forever"), /^\[ERROR\] usage: "for" must be a number with/);
  assert.match(await a.ask("/token list ci"), /^\[ERROR\] usage: A token is for "new" or "revoke"/);
  await make(a, "ci say");
  assert.match(await a.ask("/token new ci say"), /^\[ERROR\] usage: You have a token ci; revoke it first/);
  assert.equal(await a.ask("/tokens"), "Tokens: ci (say)");
});
