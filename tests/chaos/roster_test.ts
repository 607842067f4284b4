import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { Roster } from "./roster.ts";

function heard(...events: [user: string, state: "joined" | "left", room?: string][]): Roster {
  const roster = new Roster();
  for (const [user, state, room = "tea"] of events) roster.take({ type: "presence", room, user, state });
  return roster;
}

const truth = new Map([["tea", ["ann", "bob"]]]);

test("a roster finds who has left by what was told last and is there, and who has joined and is not", () => {
  const roster = heard(["ann", "joined"], ["ann", "left"], ["bob", "joined"], ["eve", "joined"]);
  assert.deepEqual(roster.wrong(truth), ["ann has left tea, and is there", "eve has joined tea, and is not there"]);
});

test("a roster finds nothing wrong where what was told last is so", () => {
  assert.deepEqual(heard(["ann", "left"], ["ann", "joined"], ["eve", "joined"], ["eve", "left"]).wrong(truth), []);
});

test("a roster knows nothing of rooms that its reader has left, nor of what an earlier connection was told", () => {
  const roster = heard(["ann", "left"], ["ann", "left", "lobby"]);
  roster.keep(new Set(["tea"]));
  assert.deepEqual(roster.wrong(truth), ["ann has left tea, and is there"]);
  roster.clear();
  assert.deepEqual(roster.wrong(truth), []);
});
