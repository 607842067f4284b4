/** What an operator does to rooms and reports, beside a running server. */

import assert from "node:assert/strict";
import { AdminError, type Given } from "../../lib/admin/given.ts";
import { parseCommand } from "../../lib/admin/command_line.ts";
import { operations } from "../../lib/admin/operations.ts";
import { JsonClient } from "../support/client.ts";
import { onEachStore } from "../support/server.ts";
import type { Store } from "../../lib/store/store.ts";
import { test } from "../support/declare.ts";

async function run(store: Store, op: string, given: Given = {}): Promise<Record<string, unknown>[]> {
  return await Array.fromAsync(operations[op]!(store, given)) as Record<string, unknown>[];
}

onEachStore("an operator gives a room away, closes it, and sees how it stands", async (start) => {
  await using server = await start();
  const { store } = server;
  await using a = await server.login("a");
  await a.ask("/join general");
  assert.deepEqual(await run(store, "rooms set-owner", { room: "General", user: "A" }), [{ done: "a owns general" }]);
  await a.until("[SYSTEM] operator made a the owner of general");
  assert.deepEqual(await run(store, "rooms private", { room: "general", "on|off": "on" }), [
    { done: "general is private" },
  ]);
  await a.expect("[SYSTEM] operator made general private");
  assert.equal(await a.ask("/mute b"), "Muted b in general");
  const [{ listed: _, ...shown }] = await run(store, "rooms show", { room: "general" });
  assert.deepEqual(shown, {
    ...{ room: "general", owner: "a", moderators: "", private: true, topic: "", slow_seconds: 0 },
    ...{ banned: "", muted: "b", invited: "" },
  });
  assert.deepEqual(await run(store, "rooms set-owner", { room: "general" }), [
    { done: "general belongs to the moderators of the service" },
  ]);
  assert.equal((await store.records.read("general")).owner, undefined);
  const refused = (op: string, given: Given, why: RegExp) =>
    assert.rejects(run(store, op, given), (error) => error instanceof AdminError && why.test(error.message));
  await refused("rooms show", { room: "nowhere" }, /^There is no room "nowhere"$/);
  await refused("rooms set-owner", { room: "general", user: "nobody" }, /^There is no account "nobody"$/);
  await refused("rooms private", { room: "lobby", "on|off": "on" }, /^Everybody starts in lobby/);
  await refused("rooms private", { room: "general", "on|off": "maybe" }, /^"maybe" is neither on nor off$/);
});

onEachStore("an operator deletes a room, with all that was decided of it", async (start) => {
  await using server = await start();
  const { store } = server;
  await using a = await server.login("a");
  await a.ask("/join general");
  await using b = await JsonClient.many(server, "b");
  await b.ok("join", { room: "general" });
  await a.until("b joined general");
  b.drop();
  await using c = await JsonClient.many(server, "c");
  await c.ok("join", { room: "general" });
  await a.until("c joined general");
  await a.ask("hello");
  const steps = [
    { kind: "owner", user: "a" },
    { kind: "ban", user: "d", reason: "" },
    { kind: "mute", user: "e" },
    {
      kind: "topic",
      text: "plans",
    },
    { kind: "op", user: "c" },
    { kind: "invite", user: "f" },
    { kind: "private", on: true },
  ] as const;
  for (const step of steps) {
    const { revision } = await store.records.read("general");
    assert.ok(await store.records.change("general", revision, { ...step, by: "a" }));
  }
  assert.deepEqual(await run(store, "rooms delete", { room: "general" }), [
    { done: "removed 3 users from general, forgot 1 messages, and what was decided of it" },
  ]);
  await a.until("[SYSTEM] operator removed you from general: the room was deleted");
  assert.equal(await a.ask("/whoami"), `a in lobby on ${server.service.id}`);
  assert.deepEqual((await c.ok("whoami")).rooms, ["lobby"]);
  await using back = await JsonClient.many(server, "b");
  assert.deepEqual(back.session.rooms, ["lobby"]);
  const { revision: _, removed: __, ...record } = await store.records.read("general");
  assert.deepEqual(record, {
    ...{ owner: undefined, moderators: [], private: false, topic: "", slowSeconds: 0, banned: [] },
    ...{ muted: new Map(), listed: new Set(), invited: new Map() },
  });
  await assert.rejects(run(store, "rooms delete", { room: "lobby" }), /Everybody starts in lobby/);
});

onEachStore("an operator sees and closes reports, and tells everybody something", async (start) => {
  await using server = await start();
  const { store } = server;
  await using a = await server.login("a");
  await using b = await server.login("b");
  await b.ask("grr");
  await a.until("b: grr");
  assert.equal(await a.ask("/report b rude"), "Reported b");
  const [{ time: _, ...report }] = await run(store, "reports");
  assert.deepEqual(report, { report: 1, room: "lobby", user: "b", by: "a", reason: "rude", said: "grr" });
  assert.deepEqual(await run(store, "reports close", { report: "1" }), [{ done: "closed report 1" }]);
  assert.deepEqual(await run(store, "reports"), []);
  await assert.rejects(
    run(store, "reports close", { report: "1" }),
    /^AdminError: There is no report "1" that is open$/,
  );
  const told = await run(store, "announce", { text: "Back\u001b soon" });
  assert.deepEqual(told, [{ done: `${server.service.id}: told everybody who is logged in` }]);
  for (const who of [a, b]) await who.until("[SYSTEM] Back soon");
});

test("parseCommand() knows reports alone and with a word behind it", () => {
  const read = (...args: string[]) => {
    const typed = parseCommand(args);
    return typed === "help" ? typed : [typed.command, typed.given];
  };
  assert.deepEqual(read("reports"), ["reports", {}]);
  assert.deepEqual(read("reports", "close", "3"), ["reports close", { report: "3" }]);
  assert.deepEqual(read("rooms", "private", "general", "off"), ["rooms private", { room: "general", "on|off": "off" }]);
});
