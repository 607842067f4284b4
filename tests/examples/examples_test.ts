/**
 * The examples, against a real server.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { echo } from "../../examples/echo_bot.ts";
import { bridge } from "../../examples/log_bridge.ts";
import { watch } from "../../examples/watch_bot.ts";
import { Bot } from "../../lib/client/mod.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { onSqlite } from "../support/server.ts";

const files = every(await permitted("read", "write"));

onSqlite("the echo bot answers what is said to it, and not itself", async (start) => {
  await using server = await start();
  await using person = await server.login("b");
  const bot = await Bot.connect({ servers: `localhost:${server.port}`, ca: server.ca, user: "a", password: "1" });
  const echoing = echo(bot, "lobby");
  await bot.request({ cmd: "whoami" }); // the join before it is answered
  await person.ask("echo echo hello");
  await person.expect("a: echo hello");
  assert.equal(await person.ask("just talking"), "b: just talking");
  await bot.close();
  await echoing;
});

onSqlite("the watching bot hears all of its rooms, and tells of what it watches for in another", async (start) => {
  await using server = await start();
  await using person = await server.login("b");
  await using listener = await server.login("c");
  await listener.ask("/join ops");
  const options = { servers: `localhost:${server.port}`, ca: server.ca, user: "a", password: "1" };
  const bot = await Bot.connect({ ...options, rooms: ["lobby", "general", "ops"] });
  const watching = watch(bot, "alarm", "ops");
  await bot.request({ cmd: "whoami" }); // the joins before it are answered
  await person.expect("c joined lobby", "c left lobby");
  await person.ask("The Alarm went off");
  await listener.expect("a: #lobby b: The Alarm went off");
  await person.ask("/join general");
  await person.ask("nothing happens");
  await person.ask("another alarm");
  await listener.expect("a: #general b: another alarm");
  await bot.close();
  await watching;
});

onSqlite("the bridge says the lines that match, also of a file that was rotated", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  await using person = await server.login("b");
  await person.ask("/join ops");
  const file = join(folder.path, "app.log");
  await Deno.writeTextFile(file, "ERROR of before\n");
  const stop = new AbortController();
  let looked = Promise.withResolvers<void>();
  let again = Promise.withResolvers<void>();
  const pause = () => {
    looked.resolve();
    return again.promise;
  };
  const look = () => {
    looked = Promise.withResolvers();
    const waiting = again;
    again = Promise.withResolvers();
    waiting.resolve();
  };
  await using bot = await Bot.connect({
    servers: `localhost:${server.port}`,
    ca: server.ca,
    user: "a",
    password: "1",
  });
  const bridging = bridge(bot, { file, matching: /ERROR/, room: "ops", signal: stop.signal, pause });
  await looked.promise;
  await Deno.writeTextFile(file, "ERROR one\nfine\nERROR t", { append: true });
  look();
  await person.expect("a: ERROR one");
  await looked.promise;
  await Deno.writeTextFile(file, "wo\r\n", { append: true });
  look();
  await person.expect("a: ERROR two");
  await looked.promise;
  await Deno.rename(file, file + ".1");
  await Deno.writeTextFile(file, "ERROR three\n");
  look();
  await person.expect("a: ERROR three");
  stop.abort();
  again.resolve();
  await bridging;
}, files);
