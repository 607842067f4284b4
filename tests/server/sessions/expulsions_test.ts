/** Connections that may not go on: what they had begun is over before anybody relies on their end. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { peerOf } from "../../../lib/limits/peer.ts";
import { Hub } from "../../../lib/server/delivery/hub.ts";
import { Relay } from "../../../lib/server/delivery/relay.ts";
import { passwordChanged } from "../../../lib/server/sessions/local_sessions.ts";
import { SessionManager } from "../../../lib/server/sessions/session_manager.ts";
import type { ClientChannel } from "../../../lib/server/sessions/client_channel.ts";
import type { Order, OrderReport } from "../../../lib/store/servers.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { ServerEvent } from "../../../lib/wire/event.ts";
import { eventually } from "../../support/client.ts";
import { test } from "../../support/declare.ts";
import { openGuard } from "../../support/limits.ts";
import { wideLimits } from "../../support/store_limits.ts";
import { microturns, openOutbox } from "../../support/streams.ts";

const eve = { name: "eve", hash: "", role: "user", created: 0 } as const;
const goodbye = { type: "system", code: "forced_logout", message: "Go." } as const;

/** A connection that remembers its last line; the test may say when its requests are answered. */
function channel(id: string, answered: Promise<void> = Promise.resolve()): ClientChannel & { ends: ServerEvent[] } {
  const ends: ServerEvent[] = [];
  return {
    ...{ id, ends, peer: peerOf("192.0.2.1"), format: "json", manyRooms: false, client: "", outbox: openOutbox },
    answered: () => answered,
    get closed() {
      return ends.length > 0;
    },
    end: (last) => void ends.push(last),
  };
}

async function scene() {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" }));
  await store.accounts.create(eve);
  const serverId = await store.servers.join("server1", () => {});
  const { topics } = store;
  const hub = new Hub(microturns);
  const relay = stack.use(new Relay({ topics, outlet: hub }));
  const faults: string[] = [];
  const sessions = new SessionManager({
    ...{ serverId, store, feeds: { topics, relay, hub, onFault: () => {} }, guard: openGuard },
    config: {
      duplicateLogin: "force",
      maxQueueBytes: 1e6,
      maxConnectionsPerUser: 32,
      maxDevices: 16,
      rooms: ["lobby"],
    },
    onFault: (what) => void faults.push(what),
  });
  const orders: Order[] = [];
  let away = false;
  store.admin.order = (order): Promise<OrderReport[]> => {
    if (away) return Promise.reject(new ChatError("store_unavailable", "away"));
    orders.push(order);
    return Promise.resolve([]);
  };
  const owned = stack.move();
  return {
    ...{ store, sessions, orders, faults },
    setAway: (now: boolean) => void (away = now),
    async [Symbol.asyncDispose]() {
      await sessions.release();
      await owned.disposeAsync();
    },
  };
}

test("SessionManager.passwordChanged() ends what began with an earlier password, and nothing else", async () => {
  await using server = await scene();
  const [own, side, later, other] = ["1", "2", "3", "4"].map((id) => channel(id));
  await server.store.accounts.create({ ...eve, name: "bob" });
  const { session, loggedIn } = await server.sessions.login.login(eve, own);
  await server.sessions.login.side(eve, side);
  await server.sessions.login.side({ ...eve, name: "bob" }, other);
  const passwords = (await server.store.accounts.setHash("eve", "new"))!;
  await server.sessions.login.side({ ...eve, passwords }, later);
  const token = await server.sessions.passwordChanged(session, passwords);
  assert.deepEqual([own, side, later, other].map(({ ends }) => ends), [[], [passwordChanged], [], []]);
  assert.ok(token !== undefined && token !== loggedIn.resume);
  assert.deepEqual(server.orders, [
    { do: "expel", user: "eve", message: passwordChanged.message, before: passwords },
  ]);
  assert.equal(await server.sessions.expel("eve", goodbye), 2, "without a password, all of them");
  assert.deepEqual([own.ends, later.ends], [[goodbye], [goodbye]]);
});

test("SessionManager.passwordChanged() waits until what the ended connections had begun is over", async () => {
  await using server = await scene();
  const begun = Promise.withResolvers<void>();
  const { session } = await server.sessions.login.login(eve, channel("1"));
  const side = channel("2", begun.promise);
  await server.sessions.login.side(eve, side);
  const passwords = (await server.store.accounts.setHash("eve", "new"))!;
  let over = false;
  const changing = server.sessions.passwordChanged(session, passwords).then(() => over = true);
  await eventually(() => side.ends.length > 0, "its last line");
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(over, false);
  begun.resolve();
  await changing;
});

test("SessionManager.passwordChanged() tells the other servers when the store is back", async () => {
  await using server = await scene();
  const { session } = await server.sessions.login.login(eve, channel("1"));
  const side = channel("2");
  await server.sessions.login.side(eve, side);
  const passwords = (await server.store.accounts.setHash("eve", "new"))!;
  server.setAway(true);
  await server.sessions.passwordChanged(session, passwords);
  assert.deepEqual([side.ends, server.faults], [[passwordChanged], ["expel"]], "here it holds at once");
  await assert.rejects(server.sessions.drainEnds(), { code: "store_unavailable" });
  server.setAway(false);
  await server.sessions.drainEnds();
  await server.sessions.drainEnds();
  assert.equal(server.orders.length, 1);
});

test("SessionManager.reassert() ends side connections whose password was changed, or account disabled, unheard", async () => {
  await using server = await scene();
  await server.store.accounts.create({ ...eve, name: "bob" });
  const [side, bobs, disabled] = ["1", "2", "3"].map((id) => channel(id));
  await server.sessions.login.side(eve, side);
  await server.sessions.login.side({ ...eve, name: "bob" }, bobs);
  await server.sessions.reassert();
  assert.deepEqual([side.ends, bobs.ends], [[], []]);
  await server.store.accounts.setHash("eve", "new");
  await server.sessions.reassert();
  assert.deepEqual([side.ends, bobs.ends], [[passwordChanged], []]);
  await server.sessions.login.side({ ...eve, passwords: 1 }, disabled);
  await server.store.admin.setDisabled("eve", true);
  await server.sessions.reassert();
  assert.deepEqual(disabled.ends.map((end) => "code" in end && end.code), ["forced_logout"]);
  assert.equal(await server.sessions.expel("eve", goodbye), 0, "they are gone");
});

test("SessionManager.expel() ends also a side login that is under way", async () => {
  await using server = await scene();
  const late = channel("1");
  const { find } = server.store.accounts;
  const [asked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.store.accounts.find = async (name) => {
    asked.resolve();
    await goOn.promise;
    return await find.call(server.store.accounts, name);
  };
  const loggingIn = assert.rejects(server.sessions.login.side(eve, late), { code: "invalid_credentials" });
  await asked.promise;
  assert.equal(await server.sessions.expel("eve", goodbye), 1);
  goOn.resolve();
  await loggingIn;
  assert.deepEqual([late.ends, server.sessions.size], [[goodbye], 0]);
});
