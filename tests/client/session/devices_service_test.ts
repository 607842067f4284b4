/**
 * Devices of one user against the real service, over real TLS: what they tell each other, and how one is logged out.
 */

import assert from "node:assert/strict";
import { Bot } from "../../../lib/client/bot.ts";
import { onSqlite, type TestServer } from "../../support/server.ts";
import { soon } from "../fakes.ts";
import { isText, join } from "./joined.ts";
import { Proxy } from "../cli/proxy.ts";

const share = { DUPLICATE_LOGIN: "share" };

const device = (server: TestServer, name: string, port = server.port, keep?: (token?: string) => undefined) => {
  return join(server, "a", [port], { manyRooms: "wanted", device: name, ...(keep ? { keep } : {}) });
};

onSqlite("Session follows another device into rooms and out of them, over a lost connection too", async (start) => {
  await using server = await start(share);
  await using proxy = new Proxy(server.port);
  await using laptop = await device(server, "laptop");
  await using phone = await device(server, "phone", proxy.port);
  assert.deepEqual([laptop.session.device, phone.session.device], ["laptop", "phone"]);
  await soon(laptop.session.send({ cmd: "join", room: "ops" }));
  await soon(laptop.session.send({ cmd: "say", room: "ops", text: "one" }));
  await phone.told.until(isText("one"), "the message of the room that was joined");
  assert.deepEqual(phone.session.rooms, ["lobby", "ops"]);

  proxy.cut();
  await soon(laptop.session.send({ cmd: "say", room: "ops", text: "two" }));
  await phone.told.until(isText("two"), "what was said while it was away");
  assert.deepEqual(phone.told.texts(), ["one", "two"]);

  await soon(laptop.session.send({ cmd: "msg", to: "b", text: "psst" }));
  await phone.told.until(isText("psst"), "what the other device has sent");

  await soon(phone.session.send({ cmd: "leave", room: "ops" }));
  await laptop.told.until((update) => {
    return update.kind === "event" && update.event.type === "membership" && update.event.state === "left";
  }, "the membership");
  assert.deepEqual(laptop.session.rooms, ["lobby"]);
});

onSqlite("Session that is revoked does not come back, forgets its token, and the others go on", async (start) => {
  await using server = await start(share);
  const kept: (string | undefined)[] = [];
  await using laptop = await device(server, "laptop");
  await using phone = await device(server, "phone", server.port, (token) => void kept.push(token));
  const bot = await Bot.connect({ servers: `localhost:${server.port}`, ca: server.ca, user: "a", password: "1" });
  const lines = await soon(laptop.session.devices());
  assert.deepEqual(lines.map(({ here, side }) => [here, side]).sort(), [[false, false], [false, true], [true, false]]);
  assert.deepEqual(lines.filter(({ side }) => !side).map(({ device, client }) => [device, client]), [
    ["laptop", "test/1"],
    ["phone", "test/1"],
  ]);
  const revoked = await soon(laptop.session.revoke());
  assert.deepEqual(revoked, lines.filter(({ here }) => !here).map(({ device }) => device).sort());
  await soon(phone.told.done, "the end of the session that was revoked");
  assert.equal(phone.session.ending?.reason, "forced_logout");
  assert.equal(kept.at(-1), undefined);
  await assert.rejects(bot.say("lobby", "still here"));
  await bot.close();
  const left = await soon(laptop.session.devices());
  assert.deepEqual(left.map(({ device, here }) => [device, here]), [["laptop", true]]);
});
