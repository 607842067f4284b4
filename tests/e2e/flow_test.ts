/**
 * Who sends too fast is slowed down, who reads too slowly is sent away, and nobody else notices either.
 */

import assert from "node:assert/strict";
import { pause } from "../../lib/common/time.ts";
import { type Json, type LineClient } from "../support/client.ts";
import { onEachStore } from "../support/server.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

/** Reads what `a` says, whatever comes between, until there are so many. */
async function readSaid(client: LineClient, count: number): Promise<string[]> {
  const said: string[] = [];
  while (said.length < count) {
    const line = await client.line(`message ${said.length + 1} of ${count}`);
    if (line.startsWith("a: ")) said.push(line.slice(3));
  }
  return said;
}

onEachStore("a flood is slowed down, not dropped: 1,000 messages are complete and in order", async (start) => {
  await using server = await start({ MESSAGES_PER_SECOND: "85" }); // 850 at once, the others within 2 s
  await using a = await server.login("a");
  await using b = await server.login("b");
  await using elsewhere = await server.login("c");
  await elsewhere.ask("/join quiet");
  await a.until("c left lobby");
  const since = performance.now();
  const expected = numbers(1, 1000);
  await a.send(...expected);
  assert.equal(await elsewhere.ask("/users"), "Users online: a, b, c"); // others are served meanwhile
  for (const client of [a, b]) assert.deepEqual(await readSaid(client, 1000), expected);
  const took = performance.now() - since;
  assert.ok(took > 1_500, `150 messages over the limit took ${took} ms`);
});

onEachStore("readers who read get a burst of several publishers whole, however long its messages", async (start) => {
  await using server = await start();
  await using reader = await server.jsonLogin("h");
  await using senders = new AsyncDisposableStack();
  const users = [..."abc"];
  for (const user of users) {
    const sender = senders.use(await server.login(user));
    void sender.send(...numbers(1, 300).map((n) => `${n} ${"x".repeat(4000)}`));
  }
  const said = new Map<string, string[]>(users.map((user) => [user, []]));
  for (let count = 0; count < 900;) {
    const { type, from, text } = await reader.event();
    if (type === "presence") continue;
    assert.equal(type, "message");
    said.get(from)!.push(text.split(" ")[0]);
    count++;
  }
  for (const user of users) assert.deepEqual(said.get(user), numbers(1, 300));
});

onEachStore("a reader that does not read is sent away, and everybody else notices nothing", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.login("a");
  await using b = await server.login("b");
  await using slow = await server.login("c");
  await b.expect("c joined lobby");
  slow.stopReading();

  const text = (n: number) => `${n} ${"x".repeat(4000)}`;
  let count = 0;
  let gone = false;
  const told = b.until("c left lobby").then((lines) => {
    gone = true;
    return lines.slice(0, -1);
  });
  told.catch(() => {}); // where it fails, the test has failed before
  while (!gone) {
    await a.send(...Array.from({ length: 50 }, () => text(++count)));
    await a.until(`a: ${text(count)}`); // a itself reads
    assert.ok(count < 20_000, "the slow reader was not sent away");
    await pause(10); // it is given some seconds for its last line, whatever is said meanwhile
  }
  await a.ask("the last");
  const lines = [...await told, ...await b.until("a: the last")];
  assert.deepEqual(lines, [...Array.from({ length: count }, (_, index) => `a: ${text(index + 1)}`), "a: the last"]);

  slow.readOn();
  const received = (await slow.rest()).filter((line) => !line.endsWith("[unfinished]"));
  const last = received.at(-1)!;
  const said = last.startsWith("[ERROR]") ? received.slice(0, -1) : received;
  if (last.startsWith("[ERROR]")) assert.match(last, /^\[ERROR\] slow_consumer: ./);
  assert.deepEqual(said, lines.slice(0, said.length)); // until it was sent away, it missed nothing
  assert.ok(said.length < count);
});

onEachStore("a program that was sent away as too slow resumes without loss", async (start) => {
  await using server = await start({ RATE_LIMIT: "off", HISTORY_MAX_MESSAGES: "1000000" });
  await using a = await server.login("a");
  await using slow = await server.jsonLogin("b");
  await a.expect("b joined lobby");
  slow.stopReading();
  let count = 0;
  const before = server.service.connections;
  while (server.service.connections === before) {
    await a.send(...Array.from({ length: 50 }, () => `${++count} ${"x".repeat(4000)}`));
    await a.until(new RegExp(`^a: ${count} `));
    assert.ok(count < 20_000, "the slow reader was not sent away");
    await pause(10);
  }
  slow.readOn();
  const events: Json[] = [];
  for (const line of await slow.rest()) if (!line.endsWith("[unfinished]")) events.push(JSON.parse(line));
  if (events.at(-1)?.type === "error") assert.equal(events.pop()!.code, "slow_consumer");

  await using again = await server.json();
  const pos = events.at(-1)?.pos ?? slow.session.positions["room:lobby"];
  await again.ok("resume", { token: slow.session.resume, positions: { "room:lobby": pos } });
  while (events.length < count) events.push(await again.event());
  assert.deepEqual(events.map(({ seq }) => seq), Array.from({ length: count }, (_, index) => index + 1));
});
