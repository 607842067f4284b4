/** Who comes in while something befalls the session: each is told once, and no seat and no session is left behind. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { Hub } from "../../../lib/server/delivery/hub.ts";
import type { ClientChannel } from "../../../lib/server/sessions/user_session.ts";
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
    address: "192.0.2.1",
    format: "json",
    ends,
    get closed() {
      return ends.length > 0;
    },
    outbox: openOutbox,
    answered: () => Promise.resolve(),
    end: (last) => void ends.push(last),
  };
}

/** A server's members over a store of their own, and a stop on the way in, between the claim and the seat. */
async function scene(policy: "force" | "reject" = "force") {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" }));
  await store.accounts.create(eve);
  const serverId = await store.servers.join("server1", () => {});
  const { topics } = store;
  const hub = new Hub(microturns);
  const relay = stack.use(new Relay({ topics, outlet: hub }));
  const feeds = { topics, relay, hub, onFault: () => {} };
  const members = new SessionManager({
    serverId,
    store,
    feeds,
    config: { duplicateLogin: policy, maxQueueBytes: 1e6, rateLimit: false, joinsPerMinute: 0 },
    onFault: () => {},
  });
  const owned = stack.move();
  return {
    store,
    members,
    login: (channel: ClientChannel) => members.login.login(eve, channel),
    /** Has the next who enters stop there. */
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
      await members.release();
      await owned.disposeAsync();
    },
  };
}

const refusal = (code: string) => (error: unknown) => error instanceof ChatError && error.code === code;

test("Logins.login() takes the session from who has it, who is told so", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  await server.login(first);
  const { session: member } = await server.login(second);
  assert.deepEqual([first.ends, second.ends, server.members.size], [[forcedLogout], [], 1]);
  assert.deepEqual((await server.store.sessions.held()).map(({ connection }) => connection), ["2"]);
  await server.members.leave(member, true);
  assert.equal(server.members.size, 0);
});

test("Logins.login() leaves no seat where the policy keeps the session that there is", async () => {
  await using server = await scene("reject");
  const [first, second] = [line("1"), line("2")];
  await server.login(first);
  await assert.rejects(server.login(second), refusal("already_logged_in"));
  assert.deepEqual([first.ends, second.ends, server.members.size], [[], [], 1]);
});

test("Logins.login() lets one in of two who enter at once: who claimed last", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  const stop = server.stopNext();
  const entering = assert.rejects(server.login(first), refusal("already_logged_in"));
  await stop.arrived;
  await server.login(second);
  assert.deepEqual([first.ends, server.members.size], [[], 2]); // it is told when it would sit down
  stop.goOn();
  await entering;
  assert.deepEqual([first.ends, second.ends, server.members.size], [[forcedLogout], [], 1]);
  assert.deepEqual((await server.store.sessions.held()).map(({ connection }) => connection), ["2"]);
});

test("Logins.login() refuses who is superseded by another server's login on the way in", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const entering = assert.rejects(server.login(channel), refusal("already_logged_in"));
  await stop.arrived;
  server.members.hear({ kind: "evict", connection: "1" });
  stop.goOn();
  await entering;
  assert.deepEqual([channel.ends, server.members.size], [[forcedLogout], 0]);
});

test("SessionManager.expel() ends the session also of who is still entering, who is told instead of let in", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const entering = assert.rejects(server.login(channel), refusal("banned"));
  await stop.arrived;
  assert.equal(await server.members.expel("EVE", goodbye), 1);
  assert.deepEqual(channel.ends, []);
  stop.goOn();
  await entering;
  assert.deepEqual([channel.ends, server.members.size], [[goodbye], 0]);
  assert.deepEqual(await server.store.sessions.held(), []);
});

test("SessionManager.expel() closes who is there and ends who may resume", async () => {
  await using server = await scene();
  const [first, second] = [line("1"), line("2")];
  const { session: member, loggedIn } = await server.login(first);
  await server.members.drop(member);
  assert.deepEqual([await server.members.expel("bob", goodbye), server.members.size], [0, 1]);
  assert.deepEqual([await server.members.expel("eve", goodbye), server.members.size], [0, 0]);
  await assert.rejects(server.members.login.resume(loggedIn.resume!, {}, second), refusal("invalid_credentials"));
  await server.login(second);
  assert.deepEqual([await server.members.expel("eve", goodbye), server.members.size, second.ends], [1, 0, [goodbye]]);
  assert.deepEqual(await server.store.sessions.held(), []);
});

test("Logins.login() ends the session that it claimed where a later step fails", async () => {
  await using server = await scene();
  const stop = server.stopNext();
  const entering = assert.rejects(server.login(line("1")), refusal("store_unavailable"));
  await stop.arrived;
  stop.fail(new ChatError("store_unavailable", "away"));
  await entering;
  assert.equal(server.members.size, 0);
  assert.deepEqual(await server.store.sessions.held(), []);
  await server.members.drainEnds(); // what it owes for a claim that may have gone through takes nothing from a newer one
  await server.login(line("2"));
  await server.members.drainEnds();
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
  assert.deepEqual([(await sessions.held()).length, server.members.size], [1, 0]);
  await server.members.drainEnds();
  assert.deepEqual(await sessions.held(), []);
});

test("SessionManager.release() lets who is entering finish, and keeps no seat", async () => {
  await using server = await scene();
  const channel = line("1");
  const stop = server.stopNext();
  const entering = server.login(channel);
  await stop.arrived;
  await server.members.release();
  stop.goOn();
  const { session: member } = await entering;
  assert.deepEqual([server.members.size, channel.ends], [0, []]);
  await server.members.drop(member);
  assert.equal(server.members.size, 0);
});
