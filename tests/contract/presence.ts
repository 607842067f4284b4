/** The contract of {@linkcode Sessions}: who is online, and where. */

import assert from "node:assert/strict";
import { type Declare, login } from "./suite.ts";

/** Declares the tests. */
export function presenceContract(test: Declare): void {
  test("Sessions.online() and members() are sorted, with names as registered", async ({ store }) => {
    for (const user of ["bob", "Eve", "ann"]) await login(store, user, { room: user === "bob" ? "general" : "lobby" });
    assert.deepEqual(await store.sessions.online(), ["Eve", "ann", "bob"]);
    assert.deepEqual(await store.sessions.members("lobby"), ["Eve", "ann"]);
    assert.deepEqual(await store.sessions.members("nowhere"), []);
  });

  test("Sessions.rooms() counts the members of rooms that have any", async ({ store }) => {
    assert.deepEqual(await store.sessions.rooms(), new Map());
    const sessions = [];
    for (const user of ["a", "b", "c"]) sessions.push(await login(store, user));
    const moved = await store.sessions.move(sessions[0], "general");
    assert.deepEqual(new Map([...await store.sessions.rooms()].sort()), new Map([["general", 1], ["lobby", 2]]));
    await store.sessions.end(moved!, true);
    assert.deepEqual(await store.sessions.rooms(), new Map([["lobby", 2]]));
  });

  test("Sessions counts who is online out of some, and nobody out of none", async ({ store }) => {
    for (const user of ["ann", "bob"]) await login(store, user);
    const { sessions } = store;
    assert.equal(await sessions.countOnline([]), 0);
    assert.equal(await sessions.countOnline(["nobody"]), 0);
    assert.equal(await sessions.countOnline(["bob", "nobody", "ann"]), 2);
  });

  test("Sessions.detach() leaves the session where it is", async ({ store }) => {
    const session = await login(store, "eve", { room: "general" });
    await store.sessions.detach(session);
    assert.deepEqual(await store.sessions.online(), ["eve"]);
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
    assert.equal(await store.sessions.end(session, false), "offline");
  });

  test("Sessions takes rooms and users whose names mean something to JavaScript", async ({ store }) => {
    await login(store, "constructor", { room: "__proto__" });
    await login(store, "__proto__", { room: "constructor" });
    assert.deepEqual(await store.sessions.online(), ["__proto__", "constructor"]);
    assert.deepEqual(await store.sessions.members("__proto__"), ["constructor"]);
    assert.deepEqual([...await store.sessions.rooms()].sort(), [["__proto__", 1], ["constructor", 1]]);
    assert.equal(await store.sessions.countOnline(["__proto__"]), 1);
  });
}
