/** Who is told of comings and goings, and when. */

import assert from "node:assert/strict";
import { crowd, gatherMs, Presence, type PresenceOutlet } from "../../../lib/server/delivery/presence.ts";
import { test } from "../../support/declare.ts";

/** A room of so many, what it is told, and a clock that a test moves. */
function start(size: number) {
  const told: string[] = [];
  const spared: string[] = [];
  const due: { work: () => void; ms: number; cancelled: boolean }[] = [];
  const outlet: PresenceOutlet = {
    count: () => size,
    deliver: (topic, { user, state }, _, skips) => {
      told.push(`${topic} ${user} ${state}`);
      const follower = (name: string) => ({
        encoding: "text" as const,
        connection: "c",
        user: name,
        isIn: () => true,
        push: () => {},
      });
      spared.push(...["a", "b"].filter((name) => skips(follower(name))));
    },
  };
  const presence = new Presence(outlet, (work, ms) => {
    const entry = { work, ms, cancelled: false };
    due.push(entry);
    return () => void (entry.cancelled = true);
  });
  return { presence, told, spared, due };
}

test("Presence.tell() tells a small room at once, and not the user itself", () => {
  const { presence, told, spared, due } = start(crowd);
  presence.tell("lobby", { user: "a", state: "joined" });
  assert.deepEqual([told, spared, due.length], [["room:lobby a joined"], ["a"], 0]);
});

test("Presence.tell() gathers what a crowd is told, and starts anew after that", () => {
  const { presence, told, due } = start(crowd + 1);
  presence.tell("lobby", { user: "a", state: "joined" });
  presence.tell("lobby", { user: "b", state: "left" });
  assert.deepEqual(told, []);
  assert.deepEqual(due.map(({ ms }) => ms), [gatherMs], "one wait for all");
  due[0].work();
  assert.deepEqual(told, ["room:lobby a joined", "room:lobby b left"]);
  presence.tell("lobby", { user: "b", state: "joined" });
  assert.equal(due.length, 2);
  due[1].work();
  assert.deepEqual(told.slice(2), ["room:lobby b joined"]);
});

test("Presence.tell() does not mention to a crowd who came and went, or went and came back", () => {
  const { presence, told, due } = start(5_000);
  for (const state of ["joined", "left"] as const) presence.tell("lobby", { user: "a", state });
  for (const state of ["left", "joined"] as const) presence.tell("lobby", { user: "b", state });
  for (const state of ["left", "joined", "left"] as const) presence.tell("lobby", { user: "c", state });
  due[0].work();
  assert.deepEqual(told, ["room:lobby c left"]);
});

test("Presence gathers each room for itself", () => {
  const { presence, told, due } = start(5_000);
  presence.tell("lobby", { user: "a", state: "left" });
  presence.tell("general", { user: "a", state: "joined" });
  assert.equal(due.length, 2);
  due[1].work();
  assert.deepEqual(told, ["room:general a joined"]);
});

test("Presence tells nobody once it is disposed of", () => {
  const { presence, due } = start(5_000);
  presence.tell("lobby", { user: "a", state: "joined" });
  presence[Symbol.dispose]();
  assert.equal(due[0].cancelled, true);
});
