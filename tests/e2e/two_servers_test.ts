/**
 * Two servers on one Redis are one service: in the same rooms, with the same users, and one session for each.
 */

import assert from "node:assert/strict";
import { forcedOut, type JsonClient, type TextClient, within } from "../support/client.ts";
import { onRedis } from "../support/server.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`);

onRedis("rooms, users, follows and private messages are the same on both servers", async (start) => {
  await using one = await start();
  await using two = await start();
  assert.deepEqual([one.service.id, two.service.id], ["server1", "server2"]);
  await using a = await one.login("a");
  await using b = await two.login("b");
  await a.expect("b joined lobby");
  assert.equal(await b.ask("/whoami"), "b in lobby on server2");
  await a.send("from one");
  await a.expect("a: from one");
  await b.expect("a: from one");
  await b.send("from two");
  await a.expect("b: from two");
  await b.expect("b: from two");
  for (const client of [a, b]) {
    assert.equal(await client.ask("/users"), "Users online: a, b");
    assert.equal(await client.ask("/rooms"), "Available rooms: lobby(2)");
  }

  assert.equal(await b.ask("/subscribe a"), "Subscribed to a");
  assert.equal(await a.ask("/publish news"), "Published to 1 subscribers");
  await b.expect("Notification from a: news");
  assert.equal(await a.ask("/msg b psst"), "DM to b: psst");
  await b.expect("DM from a: psst");

  assert.equal(await a.ask("/join general"), "Joined room general");
  await b.expect("a left lobby");
  assert.equal(await b.ask("/who general"), "Members of general: a");
  assert.equal(await b.ask("/rooms"), "Available rooms: general(1), lobby(1)");
  assert.equal(await b.ask("/join general"), "Joined room general");
  await a.expect("b joined general");
  await b.send("/history");
  assert.equal(await b.line(), "[SYSTEM] No messages");
  assert.equal(await b.ask("/quit"), "Goodbye");
  await a.expect("b left general");

  assert.equal(await a.ask("/msg b for later"), "DM to b: for later");
  assert.equal(await a.ask("/publish nobody there"), "Published to 0 subscribers");
  await using back = await one.login("b");
  await back.expect("DM from a: for later");
  assert.equal(await back.ask("/subs"), "Subscriptions: a");
});

onRedis("a login forces the session on the other server out", async (start) => {
  await using one = await start();
  await using two = await start();
  await using watcher = await two.login("c");
  await using first = await one.login("a");
  await watcher.expect("a joined lobby");
  await using second = await two.login("A");
  await first.expect(forcedOut);
  await first.expectEnd();
  assert.equal(await second.ask("/whoami"), "a in lobby on server2");
  await using third = await one.login("a");
  await second.expect(forcedOut);
  await second.expectEnd();
  assert.equal(await third.ask("/users"), "Users online: a, c");
  await third.ask("still here");
  await watcher.expect("a: still here"); // it never left
});

onRedis("DUPLICATE_LOGIN=reject holds across servers", async (start) => {
  await using one = await start({ DUPLICATE_LOGIN: "reject" });
  await using two = await start({ DUPLICATE_LOGIN: "reject" });
  await using first = await one.login("a");
  await using second = await two.text();
  assert.match(await second.ask("LOGIN a 1"), /^\[ERROR\] already_logged_in: ./);
  assert.equal(await first.ask("/whoami"), "a in lobby on server1");
  assert.equal(await first.ask("/logout"), "Logged out");
  assert.equal(await second.ask("LOGIN a 1"), "Login successful. Room: lobby");
});

for (const policy of ["force", "reject"]) {
  onRedis(`20 simultaneous logins on two servers leave one session, under ${policy}`, async (start) => {
    await using one = await start({ DUPLICATE_LOGIN: policy });
    await using two = await start({ DUPLICATE_LOGIN: policy });
    await using clients = new AsyncDisposableStack();
    const logins = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => clients.use(await (n % 2 === 0 ? one : two).text())),
    );
    await using watcher = await two.login("b");
    const losers = new Set<TextClient>();
    const settled = Promise.withResolvers<void>();
    for (const client of logins) {
      client.until(policy === "force" ? forcedOut : /^\[ERROR\] already_logged_in: ./).then(() => {
        if (losers.add(client).size === logins.length - 1) settled.resolve();
      }, () => {}); // the one that stays is cut off at the test's end
      void client.send("LOGIN a 1");
    }
    await within(settled.promise, () => `19 to be turned away; it were ${losers.size}`);
    const [winner] = logins.filter((client) => !losers.has(client));
    await watcher.expect("a joined lobby"); // once
    await winner.send("I am in");
    await watcher.expect("a: I am in");
    assert.equal(await watcher.ask("/users"), "Users online: a, b");
    assert.equal(await watcher.ask("/rooms"), "Available rooms: lobby(2)");
  });
}

onRedis("1,000 messages at full speed are complete and in order for every member on both servers", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.login("a");
  await using members = new AsyncDisposableStack();
  const readers: (TextClient | JsonClient)[] = [a];
  for (const [server, text, json] of [[one, "b", "c"], [two, "d", "e"]] as const) {
    readers.push(members.use(await server.login(text)), members.use(await server.jsonLogin(json)));
  }
  await a.until("e joined lobby");
  const expected = numbers(1000);
  void a.send(...expected);
  for (const reader of readers) {
    const said: string[] = [];
    while (said.length < 1000) {
      const line = await reader.line(`message ${said.length + 1}`);
      if (line.startsWith("{")) {
        const event = JSON.parse(line);
        if (event.type === "message") said.push(event.text);
      } else if (line.startsWith("a: ")) said.push(line.slice(3));
    }
    assert.deepEqual(said, expected);
  }
  await a.ask("the last");
  for (const reader of readers.slice(1)) assert.match(await reader.line(), /the last/); // nothing came twice
});

onRedis("publishers on both servers are heard in one order by everybody", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.jsonLogin("a");
  await using b = await two.jsonLogin("b");
  assert.equal((await a.event()).type, "presence");
  for (const n of numbers(300)) {
    a.post("say", { text: `a${n}` });
    b.post("say", { text: `b${n}` });
  }
  const [heardByA, heardByB] = await Promise.all([a.events(600), b.events(600)]);
  assert.deepEqual(heardByA, heardByB);
  assert.deepEqual(heardByA.map(({ seq }) => seq), Array.from({ length: 600 }, (_, index) => index + 1));
  for (const user of ["a", "b"]) {
    const said = heardByA.filter(({ from }) => from === user).map(({ text }) => text);
    assert.deepEqual(said, numbers(300).map((n) => user + n));
  }
});

onRedis("a client that was cut off resumes on the other server, in its room and without loss", async (start) => {
  await using one = await start();
  await using two = await start();
  await using b = await one.login("b");
  await using first = await one.jsonLogin("a");
  await first.ok("join", { room: "general" });
  await b.until("a left lobby");
  await b.ask("/join general");
  assert.equal((await first.event()).type, "presence");
  first.drop();
  await using again = await two.json();
  const { room } = await again.ok("resume", { token: first.session.resume });
  assert.equal(room, "general");
  await b.ask("hello");
  assert.equal((await again.event()).text, "hello");
  await again.ok("say", { text: "from two" });
  await b.expect("a: from two"); // and nobody heard of its going or coming
  assert.equal((await again.ok("whoami")).server, "server2");
});

onRedis("a server that stops hands its users' places on", async (start) => {
  await using one = await start();
  await using two = await start();
  await using watcher = await two.login("c");
  await using person = await one.login("b");
  await using program = await one.jsonLogin("a");
  await watcher.expect("b joined lobby", "a joined lobby");
  const drained = one.service.drain();
  await watcher.expect("b left lobby"); // who reads text cannot come back by itself
  await person.until(/^\[SYSTEM\] .*stopping/);
  const { type, code, retry_after_ms } = (await program.rest()).map((line) => JSON.parse(line)).at(-1);
  assert.deepEqual([type, code, typeof retry_after_ms], ["system", "server_draining", "number"]);
  await using again = await two.json();
  await again.ok("resume", { token: program.session.resume });
  await drained;
  assert.equal(await watcher.ask("/users"), "Users online: a, c");
  assert.equal(await watcher.ask("/whoami"), "c in lobby on server2");
});
