/** The sessions of a server, and what the store is told of them. */

import { openGuard } from "../../support/limits.ts";
import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Feeds } from "../../../lib/server/delivery/topic_readers.ts";
import type { ClientChannel } from "../../../lib/server/sessions/client_channel.ts";
import { UserSession } from "../../../lib/server/sessions/user_session.ts";
import { SessionManager } from "../../../lib/server/sessions/session_manager.ts";
import { hashToken } from "../../../lib/server/sessions/resume_token.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { Session } from "../../../lib/store/sessions.ts";
import type { Store } from "../../../lib/store/store.ts";
import { test } from "../../support/declare.ts";
import { wideLimits } from "../../support/store_limits.ts";

test("SessionManager.renewToken() gives the earlier token up before the store is asked, which may be away", async () => {
  await using store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  const serverId = await store.servers.join("", () => {});
  await store.accounts.create({ name: "eve", hash: "", role: "user", created: 0 });
  const earlier = await hashToken("eve.earlier");
  const claim = { user: "eve", room: "lobby", tokenHash: earlier, connection: "c", policy: "force" } as const;
  const { session } = await store.sessions.claim(claim) as { session: Session };
  const asked: string[] = [];
  let away = true;
  const sessions = {
    renewToken(session: Session, hash: string): Promise<boolean> {
      asked.push(hash);
      assert.equal(userSession.tokenHash, hash, "what a store is given that has lost the session meanwhile");
      if (away) throw new ChatError("store_unavailable", "away");
      return store.sessions.renewToken(session, hash);
    },
  };
  const shared = { store: { sessions } as unknown as Store, feeds: {} as Feeds, onFault: () => {} };
  const channel = { id: "c", format: "json" } as ClientChannel;
  const userSession: UserSession = new UserSession({
    ...{
      user: "eve",
      device: "",
      record: session,
      tokenHash: earlier,
      passwords: 0,
      role: "user",
      created: 0,
      channel,
      joins: undefined,
      replayBelow: 0,
    },
    ...shared,
  });
  const manager = new SessionManager({
    serverId,
    config: { duplicateLogin: "force", maxQueueBytes: 0, maxConnectionsPerUser: 32, maxDevices: 16, rooms: ["lobby"] },
    guard: openGuard,
    ...shared,
  });
  await assert.rejects(manager.renewToken(userSession), { code: "store_unavailable" });
  assert.deepEqual([asked.length, userSession.tokenHash === earlier], [1, false]);
  away = false;
  const token = await manager.renewToken(userSession);
  assert.equal(userSession.tokenHash, await hashToken(token!));
  const again = { ...claim, tokenHash: "next", connection: "d" };
  assert.equal((await store.sessions.claim({ ...again, presentedHash: earlier })).kind, "refused");
  assert.equal((await store.sessions.claim({ ...again, presentedHash: userSession.tokenHash })).kind, "claimed");
  // A session that another connection has by now gets none.
  assert.equal(await manager.renewToken(userSession), undefined);
});
