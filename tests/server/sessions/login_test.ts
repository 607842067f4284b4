/** Logins that something happens to on the way: each client is told once, and no session is left behind. */

import { peerOf } from "../../../lib/limits/peer.ts";
import { openGuard } from "../../support/limits.ts";
import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { Hub } from "../../../lib/server/delivery/hub.ts";
import type { ClientChannel } from "../../../lib/server/sessions/client_channel.ts";
import { SessionManager } from "../../../lib/server/sessions/session_manager.ts";
import { Relay } from "../../../lib/server/delivery/relay.ts";
import { forcedLogout } from "../../../lib/server/sessions/local_sessions.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { ServerEvent, SystemEvent } from "../../../lib/wire/event.ts";
import { test } from "../../support/declare.ts";
import { wideLimits } from "../../support/store_limits.ts";
import { microturns, openOutbox } from "../../support/streams.ts";

const eve = { name: "eve", hash: "", role: "user", created: 0 } as const;
const goodbye: SystemEvent = { type: "system", code: "forced_logout", message: "Disabled." };

/** A connection that remembers its last line. */
interface Line extends ClientChannel {
  readonly ends: ServerEvent[];
}

function line(connection: string): Line {
  const ends: ServerEvent[] = [];
  return {
    id: connection,
    peer: peerOf("192.0.2.1"),
    format: "json",
    manyRooms: false,
    client: "",
    ends,
    get closed() {
      return ends.length > 0;
    },
    outbox: openOutbox,
    answered: () => Promise.resolve(),
    end: (last) => void ends.push(last),
  };
}

/** A server's sessions over a store of their own, and a stop on the way, between the claim and the end of the login. */
async function scene(policy: "force" | "reject" = "force") {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" }));
  await store.accounts.create(eve);
  const serverId = await store.servers.join("server1", () => {});
  const { topics } = store;
  const hub = new Hub(microturns);
  const relay = stack.use(new Relay({ topics, outlet: hub }));
  const feeds = { topics, relay, hub, onFault: () => {} };
  const sessions = new SessionManager({
    serverId,
    store,
    feeds,
    config: { duplicateLogin: policy, maxQueueBytes: 1e6, maxConnectionsPerUser: 32, maxDevices: 16, rooms: ["lobby"] },
    guard: openGuard,
    onFault: () => {},
  });
  const owned = stack.move();
  return {
    store,
    sessions,
    login: (channel: ClientChannel) => sessions.login.login(eve, channel),
    /** Has the next login stop there. */
    stopNext() {
      const [arrived, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const { follows } = store.accounts;
      store.accounts.follows = async (user) => {
        store.accounts.follows = follows;
        arrived.resolve();
        await left.promise;
        return await follows.call(store.accounts, user);
      };
      return { arrived: arrived.promise, goOn: left.resolve, fail: left.reject };
    },
    async [Symbol.asyncDispose]() {
      await sessions.release();
      await owned.disposeAsync();
    },
  };
}

const refusal = (code: string) => (error: unknown) => error instanceof ChatError && error.code === code;

test("Logins.login() takes the session from who has it, who is told so", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  await server.login(first);
  const { session } = await server.login(second);
  assert.deepEqual([first.ends, second.ends, server.sessions.size], [[forcedLogout], [], 1]);
  assert.deepEqual((await server.store.sessions.held()).map(({ connection }) => connection), ["2"]);
  await server.sessions.leave(session, true);
  assert.equal(server.sessions.size, 0);
});

test("Logins.login() leaves nothing behind where the policy keeps the live session", async () => {
  await using server = await scene("reject");
  const [first, second] = [line("1"), line("2")];
  await server.login(first);
  await assert.rejects(server.login(second), refusal("already_logged_in"));
  assert.deepEqual([first.ends, second.ends, server.sessions.size], [[], [], 1]);
});

test("Logins.login() logs one in of two at once: the one that claimed last", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  const stop = server.stopNext();
  const loggingIn = assert.rejects(server.login(first), refusal("already_logged_in"));
  await stop.arrived;
  await server.login(second);
  assert.deepEqual([first.ends, server.sessions.size], [[], 2]); // it is told when its login ends
  stop.goOn();
  await loggingIn;
  assert.deepEqual([first.ends, second.ends, server.sessions.size], [[forcedLogout], [], 1]);
  assert.deepEqual((await server.store.sessions.held()).map(({ connection }) => connection), ["2"]);
});

test("Logins.login() refuses a client that another server's login supersedes on the way", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const loggingIn = assert.rejects(server.login(channel), refusal("already_logged_in"));
  await stop.arrived;
  server.sessions.hear({ kind: "evict", connection: "1" });
  stop.goOn();
  await loggingIn;
  assert.deepEqual([channel.ends, server.sessions.size], [[forcedLogout], 0]);
});

test("SessionManager.expel() ends the session also of a login that is under way, whose client is told instead", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const loggingIn = assert.rejects(server.login(channel), refusal("banned"));
  await stop.arrived;
  assert.equal(await server.sessions.expel("EVE", goodbye), 1);
  assert.deepEqual(channel.ends, []);
  stop.goOn();
  await loggingIn;
  assert.deepEqual([channel.ends, server.sessions.size], [[goodbye], 0]);
  assert.deepEqual(await server.store.sessions.held(), []);
});

test("SessionManager.expel() closes connections and ends sessions that may resume", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  const { session, loggedIn } = await server.login(first);
  await server.sessions.drop(session);
  assert.deepEqual([await server.sessions.expel("bob", goodbye), server.sessions.size], [0, 1]);
  assert.deepEqual([await server.sessions.expel("eve", goodbye), server.sessions.size], [0, 0]);
  await assert.rejects(server.sessions.login.resume(loggedIn.resume!, {}, second), refusal("invalid_credentials"));
  await server.login(second);
  assert.deepEqual([await server.sessions.expel("eve", goodbye), server.sessions.size, second.ends], [1, 0, [goodbye]]);
  assert.deepEqual(await server.store.sessions.held(), []);
});

test("Logins.login() ends the session that it claimed where a later step fails", async () => {
  await using server = await scene();
  const stop = server.stopNext();
  const loggingIn = assert.rejects(server.login(line("1")), refusal("store_unavailable"));
  await stop.arrived;
  stop.fail(new ChatError("store_unavailable", "away"));
  await loggingIn;
  assert.equal(server.sessions.size, 0);
  assert.deepEqual(await server.store.sessions.held(), []);
  await server.sessions.drainEnds(); // the end of a claim that may have gone through takes nothing from a newer one
  await server.login(line("2"));
  await server.sessions.drainEnds();
  assert.deepEqual((await server.store.sessions.held()).map(({ connection }) => connection), ["2"]);
});

test("Logins.login() has the session ended, when the store is back, of which it got no answer", async () => {
  await using server = await scene();
  const { sessions } = server.store;
  const { claim } = sessions;
  sessions.claim = async (request) => {
    sessions.claim = claim;
    await claim.call(sessions, request);
    throw new ChatError("store_unavailable", "no answer");
  };
  await assert.rejects(server.login(line("1")), refusal("store_unavailable"));
  assert.deepEqual([(await sessions.held()).length, server.sessions.size], [1, 0]);
  await server.sessions.drainEnds();
  assert.deepEqual(await sessions.held(), []);
});

test("SessionManager.drainEnds() tells all rooms of a login that got no answer that its user is gone", async () => {
  await using server = await scene();
  const { sessions, topics } = server.store;
  const { session } = await server.login({ ...line("1"), manyRooms: true });
  await session.join("general", 9);
  const told: string[] = [];
  topics.announce = (room, { state, offline }) => Promise.resolve(void told.push(`${room} ${state} ${offline}`));
  const { claim } = sessions;
  sessions.claim = async (request) => {
    sessions.claim = claim;
    await claim.call(sessions, request);
    throw new ChatError("store_unavailable", "no answer");
  };
  await assert.rejects(server.login({ ...line("2"), manyRooms: true }), refusal("store_unavailable"));
  await server.sessions.drainEnds();
  assert.deepEqual(await sessions.held(), []);
  assert.deepEqual(told.sort(), ["general left true", "lobby left true"]);
});

test("SessionManager.release() lets a login that is under way finish, and keeps nothing of it", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const loggingIn = server.login(channel);
  await stop.arrived;
  await server.sessions.release();
  stop.goOn();
  const { session } = await loggingIn;
  assert.deepEqual([server.sessions.size, channel.ends], [0, []]);
  await server.sessions.drop(session);
  assert.equal(server.sessions.size, 0);
});
