/**
 * Sessions and bots in many rooms against the real service, over real TLS and lines that are cut.
 */

import assert from "node:assert/strict";
import { Bot, type RoomEvent } from "../../../lib/client/bot.ts";
import type { Update } from "../../../lib/client/session/update.ts";
import { onEachStore, type TestServer } from "../../support/server.ts";
import { soon } from "../fakes.ts";
import { isText, join, type Joined } from "./joined.ts";
import { Proxy } from "../cli/proxy.ts";

const rooms = ["general", "lobby", "ops"];
const rounds = 4;
const each = 8;
const total = rounds * each;

/** A session in many rooms that is logged in, through a port of its own. */
const many = (server: TestServer, user: string, port = server.port) => {
  return join(server, user, [port], { manyRooms: "wanted" });
};

const numbered = (prefix: string) => Array.from({ length: total }, (_, index) => `${prefix} ${index}`);
const isResumed = (update: Update) => update.kind === "status" && update.status.state === "resumed";

/** Says a round's share in every room. */
function say({ session }: Joined, prefix: string, round: number): Promise<unknown>[] {
  return Array.from({ length: each }, (_, index) =>
    rooms.map((room) => {
      return session.send({ cmd: "say", room, text: `${prefix} ${room} ${round * each + index}` });
    })).flat();
}

onEachStore(
  "Session in many rooms shows and says each message once and in each room's order, however often it is cut off",
  async (start) => {
    await using server = await start({ RATE_LIMIT: "off" });
    await using proxy = new Proxy(server.port);
    await using a = await many(server, "a", proxy.port);
    await using b = await many(server, "b");
    for (const { session } of [a, b]) {
      assert.equal(session.manyRooms, true);
      for (const room of ["ops", "general"]) await soon(session.send({ cmd: "join", room }));
      assert.deepEqual(session.rooms, rooms);
    }
    const answers: Promise<unknown>[] = [];
    for (let round = 0; round < rounds; round++) {
      answers.push(...say(a, "a", round), ...say(b, "b", round));
      await b.told.until(isText(`b general ${round * each}`), "the round's first message");
      proxy.cut();
      const back = () => a.told.updates.filter(isResumed).length > round;
      await a.told.until(back, "the session's return");
    }
    await soon(Promise.all(answers), "an answer to every message");
    for (const { told, session } of [a, b]) {
      for (const prefix of ["a", "b"].flatMap((user) => rooms.map((room) => `${user} ${room}`))) {
        await told.until(isText(`${prefix} ${total - 1}`), `the last of ${prefix}`);
        assert.deepEqual(told.texts().filter((text) => text.startsWith(`${prefix} `)), numbered(prefix));
      }
      assert.deepEqual(session.rooms, rooms);
    }
  },
);

onEachStore("Session says nothing in a room that it has left meanwhile, and goes on in the others", async (start) => {
  await using server = await start();
  await using proxy = new Proxy(server.port);
  await using b = await server.login("b");
  await using a = await many(server, "a", proxy.port);
  await soon(a.session.send({ cmd: "join", room: "ops" }));
  proxy.cut();
  await a.told.status("lost");
  const typed = [
    { cmd: "leave", room: "lobby" },
    { cmd: "say", room: "lobby", text: "in no room of mine" },
    { cmd: "say", room: "ops", text: "still here" },
  ];
  const [left, refused, said] = await soon(Promise.allSettled(typed.map((request) => a.session.send(request))));
  assert.deepEqual([left.status, refused.status, said.status], ["fulfilled", "rejected", "fulfilled"]);
  assert.equal((refused as PromiseRejectedResult).reason.code, "wrong_room");
  assert.deepEqual(a.session.rooms, ["ops"]);
  await b.expect("a joined lobby", "a left lobby");
  await using again = await many(server, "a");
  assert.deepEqual(again.session.rooms, ["ops"], "the rooms are the account's");
});

onEachStore("Bot hears many rooms, each message once and in order, however often it is cut off", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using proxy = new Proxy(server.port);
  await using b = await many(server, "b");
  for (const room of ["ops", "general"]) await soon(b.session.send({ cmd: "join", room }));
  await soon(b.session.send({ cmd: "say", room: "ops", text: "of before" }));
  let resumed = Promise.withResolvers<void>();
  await using bot = await Bot.connect({
    servers: `localhost:${proxy.port}`,
    ca: server.ca,
    user: "a",
    password: "1",
    rooms,
    backoff: { firstMs: 10, maxMs: 50 },
    onStatus: ({ state }) => state === "resumed" && resumed.resolve(),
  });
  const heard: string[] = [];
  const enough = Promise.withResolvers<void>();
  const events = bot.listen(undefined, 1);
  const first = await soon(events.next()) as IteratorResult<RoomEvent & { text?: string }>;
  assert.equal(first.value?.text, "of before");
  const listening = (async () => {
    for await (const event of { [Symbol.asyncIterator]: () => events }) {
      if (event.type === "gap") enough.reject(new Error(JSON.stringify(event)));
      if (event.type === "message") heard.push(event.text);
      if (heard.length >= total * rooms.length) enough.resolve();
    }
  })();
  for (let round = 0; round < rounds; round++) {
    const answers = say(b, "b", round);
    await b.told.until(isText(`b general ${round * each}`), "the round's first message");
    resumed = Promise.withResolvers();
    proxy.cut();
    await soon(Promise.all(answers), "an answer to every message");
    await soon(resumed.promise, "the bot's return");
  }
  await soon(enough.promise, "all messages");
  for (const room of rooms) {
    assert.deepEqual(heard.filter((text) => text.startsWith(`b ${room} `)), numbered(`b ${room}`));
  }
  assert.equal(heard.length, total * rooms.length);
  await bot.close();
  await listening;
  await using person = await many(server, "a");
  assert.deepEqual(person.session.rooms, ["lobby"], "a bot's rooms are never the account's");
});
