/** What is owed to the store while it is away, and done when it is back. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { SessionEnds } from "../../../lib/server/sessions/session_ends.ts";
import type { Session } from "../../../lib/store/sessions.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { test } from "../../support/declare.ts";
import { wideLimits } from "../../support/store_limits.ts";

/** A store that can be away, with a session in it. */
async function scene() {
  const store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  await store.servers.join("", () => {});
  await store.accounts.create({ name: "eve", hash: "", role: "user", created: 0 });
  const claim = async (connection: string, tokenHash: string, presentedHash?: string) => {
    const shown = presentedHash === undefined ? {} : { presentedHash };
    return await store.sessions.claim({ user: "eve", room: "lobby", policy: "force", tokenHash, connection, ...shown });
  };
  const { session } = await claim("c", "token") as { session: Session };
  const gate = { away: true, meanwhile: () => {} };
  const { end, revokeToken } = store.sessions;
  const guard = <T extends unknown[], R>(step: (...args: T) => Promise<R>) => async (...args: T) => {
    if (gate.away) throw new ChatError("store_unavailable", "away");
    const done = await step.apply(store.sessions, args);
    gate.meanwhile();
    return done;
  };
  Object.assign(store.sessions, { end: guard(end), revokeToken: guard(revokeToken) });
  const ends = new SessionEnds(store, () => {});
  return {
    store,
    ends,
    session,
    gate,
    claim,
    /** What a resume with the token comes to. */
    resume: async (tokenHash = "token") => (await claim("d", "next", tokenHash)).kind,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

test("SessionEnds.drain() revokes the token though the end was queued again without that", async () => {
  await using server = await scene();
  const { ends, session, gate } = server;
  assert.equal(await ends.end(session, "token"), false);
  ends.enqueue({ ...session, claim: session.claim - 1 });
  assert.equal(await ends.end(session), false);
  assert.deepEqual(ends.unrevoked, ["eve"]);
  await assert.rejects(ends.drain(), { code: "store_unavailable" });
  gate.away = false;
  await ends.drain();
  assert.deepEqual(ends.unrevoked, []);
  assert.equal(await server.resume(), "refused");
});

test("SessionEnds.drain() keeps what is queued while it works", async () => {
  await using server = await scene();
  const { ends, session, gate } = server;
  ends.enqueue(session);
  gate.away = false;
  gate.meanwhile = () => ends.enqueue(session, "token");
  await ends.drain();
  gate.meanwhile = () => {};
  assert.deepEqual(ends.unrevoked, ["eve"]);
  await ends.drain();
  assert.deepEqual(ends.unrevoked, []);
  assert.equal(await server.resume(), "refused");
});

test("SessionEnds.drain() revokes the token of a session that another server has swept", async () => {
  await using server = await scene();
  const { ends, session, gate, store } = server;
  await ends.end(session, "token");
  gate.away = false;
  assert.equal(await store.sessions.end(session, false), "offline");
  await ends.drain();
  assert.equal(await server.resume(), "refused");
});

test("SessionEnds.drain() leaves the tokens of a newer login", async () => {
  await using server = await scene();
  const { ends, session, gate } = server;
  await ends.end(session, "token");
  await server.claim("e", "newer");
  gate.away = false;
  await ends.drain();
  assert.equal(await server.resume("newer"), "claimed");
  assert.equal((await server.store.sessions.online()).length, 1);
});

test("SessionEnds.drain() goes on past an end that fails", async () => {
  await using server = await scene();
  const { ends, session, gate, store } = server;
  ends.enqueue({ ...session, user: "bob", connection: "b" });
  ends.enqueue(session, "token");
  gate.away = false;
  const { end } = store.sessions;
  store.sessions.end = (session, revoke) =>
    session.user === "bob"
      ? Promise.reject(new Error("a fault of its own"))
      : end.call(store.sessions, session, revoke);
  await assert.rejects(ends.drain(), /a fault of its own/);
  assert.equal(await server.resume(), "refused");
});

test("SessionEnds.end() ends the presence where only the token cannot be revoked", async () => {
  await using server = await scene();
  const { ends, session, gate, store } = server;
  gate.away = false;
  const { end } = store.sessions;
  store.sessions.end = (session, revoke) => {
    if (revoke) return Promise.reject(new ChatError("store_unavailable", "the disk is full"));
    return end.call(store.sessions, session, revoke);
  };
  assert.equal(await ends.end(session, "token"), false);
  assert.deepEqual(await store.sessions.online(), []);
  await ends.drain().catch(() => {});
  store.sessions.end = end;
  await ends.drain();
  assert.equal(await server.resume(), "refused");
});
