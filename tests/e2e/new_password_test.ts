/** What a new password ends: every other connection of the user, on every server, and what it had begun. */

import assert from "node:assert/strict";
import type { Json, JsonClient } from "../support/client.ts";
import { onEachStore, onRedis, type TestServer } from "../support/server.ts";

const forced = {
  type: "system",
  code: "forced_logout",
  message: "Your password was changed; log in with the new one.",
};
const change = { old: "1", new: "quite another one" };

/** The connection's last line is the notice, and it is closed. */
async function expectForcedOut(client: JsonClient): Promise<void> {
  const rest = (await client.rest()).map((line) => JSON.parse(line) as Json);
  assert.deepEqual(rest.at(-1), forced);
}

onEachStore("passwd ends the user's side connections, and no other user's", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using side = await server.jsonLogin("a", { side: true });
  await using second = await server.jsonLogin("a", { side: true });
  await second.ok("join", { room: "lobby" });
  await using b = await server.jsonLogin("b", { side: true });
  const { resume } = await a.ok("passwd", change);
  await b.ok("msg", { to: "a", text: "for a alone" });
  await expectForcedOut(side);
  await expectForcedOut(second);
  assert.equal((await a.event()).text, "for a alone");
  assert.equal((await a.ok("whoami")).user, "a", "who changed it goes on");
  assert.equal(typeof resume, "string");
  a.drop();
  await using back = await server.json();
  assert.equal((await back.ok("resume", { token: resume })).user, "a");
});

onEachStore("passwd typed by a person ends side connections with the sentence that says why", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using side = await server.jsonLogin("a", { side: true });
  assert.equal(await a.ask('/passwd "1" "quite another one"'), "Password changed");
  await expectForcedOut(side);
  await using late = await server.json();
  await late.refused("login", { user: "a", password: "1", side: true }, "invalid_credentials");
  await late.ok("login", { user: "a", password: change.new, side: true });
});

onEachStore("nothing of an ended connection takes effect after the answer to passwd", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await a.event();
  await using side = await server.jsonLogin("a", { side: true });
  let sent = 0;
  let over = false;
  const talking = (async () => {
    for (; !over; sent++) {
      side.post("msg", { to: "b", text: `${sent}` });
      await new Promise((resolve) => setTimeout(resolve));
    }
  })();
  await b.event();
  await a.ok("passwd", change);
  const { messages } = await b.ok("history", { user: "a", n: 500 });
  await side.rest();
  over = true;
  await talking;
  const { messages: later } = await b.ok("history", { user: "a", n: 500 });
  assert.equal(later.length, messages.length);
  assert.ok(messages.length > 0 && messages.length < sent);
});

onRedis("passwd ends side connections on other servers before it is answered", async (start) => {
  await using one = await start();
  await using two = await start();
  await using three = await start();
  await using a = await one.jsonLogin("a");
  const sides = await Promise.all([two, three].map((server) => server.jsonLogin("a", { side: true })));
  await a.ok("passwd", change);
  const logs = await Promise.all(sides.map(async (side) => {
    side.post("msg", { to: "b", text: "too late" });
    return await side.rest();
  }));
  for (const log of logs) assert.deepEqual(log.map((line) => JSON.parse(line)), [forced]);
  await using b = await two.jsonLogin("b", { side: true });
  assert.deepEqual((await b.ok("history", { user: "a" })).messages, []);
  await Promise.all(sides.map((side) => side[Symbol.asyncDispose]()));
});

/** Has the store's next call of an operation wait, and tells when it was made. */
function hold<K extends string>(port: Record<K, (...args: never[]) => Promise<unknown>>, name: K) {
  const [made, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const original = port[name];
  port[name] = (async (...args: never[]) => {
    port[name] = original;
    made.resolve();
    await goOn.promise;
    return await original.apply(port, args);
  }) as typeof original;
  return { made: made.promise, goOn: goOn.resolve };
}

for (const side of [true, false]) {
  onEachStore(`a login whose password was checked before it was changed is refused (side: ${side})`, async (start) => {
    await using server: TestServer = await start();
    await using a = await server.jsonLogin("a");
    const { logIn } = server.accounts;
    const stop = Promise.withResolvers<void>();
    const checked = Promise.withResolvers<void>();
    server.accounts.logIn = async (...args) => {
      const account = await logIn.apply(server.accounts, args);
      server.accounts.logIn = logIn;
      checked.resolve();
      await stop.promise;
      return account;
    };
    await using late = await server.json();
    const refused = late.refused("login", { user: "a", password: "1", side }, "invalid_credentials");
    await checked.promise;
    await a.ok("passwd", change);
    stop.resolve();
    await refused;
    assert.equal((await a.ok("whoami")).user, "a");
  });
}

onEachStore("a side login that passwd overtakes is refused", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using late = await server.json();
  const { logIn } = server.accounts;
  let find: ReturnType<typeof hold> | undefined;
  server.accounts.logIn = async (...args) => {
    const account = await logIn.apply(server.accounts, args);
    server.accounts.logIn = logIn;
    find = hold(server.store.accounts as never, "find");
    held.resolve(find.made);
    return account;
  };
  const held = Promise.withResolvers<void>();
  late.post("login", { user: "a", password: "1", side: true });
  await held.promise;
  await a.ok("passwd", change);
  find!.goOn();
  assert.equal((await late.reply()).code, "invalid_credentials");
});
