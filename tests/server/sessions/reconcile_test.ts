/** What a server's sessions and the store agree on after an outage. */

import assert from "node:assert/strict";
import { LocalSessions } from "../../../lib/server/sessions/local_sessions.ts";
import { Reconciler } from "../../../lib/server/sessions/reconcile.ts";
import { SessionEnds } from "../../../lib/server/sessions/session_ends.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import type { Reasserted, Session } from "../../../lib/store/sessions.ts";
import type { Store } from "../../../lib/store/store.ts";
import type { PresenceChange } from "../../../lib/store/topics.ts";
import { test } from "../../support/declare.ts";

const first: Session = {
  ...{ user: "eve", device: "", server: "s", connection: "c", claim: 1, since: 0, client: "" },
  ...{ many: true, rooms: ["lobby", "ops"] },
};

/** A session whose requests are answered when `answer` says so, and a store that holds what was reasserted last. */
function scene(meanwhile: (session: { record: Session }) => void) {
  const store = { held: undefined as Session | undefined, gone: true };
  const told: string[] = [];
  const session = {
    record: first,
    connectionId: "c",
    side: false,
    reasserted: (record: Session) => void (session.record = record),
    answered: () => Promise.resolve(),
  };
  const sessions = {
    reassert(asserted: Session): Promise<Reasserted> {
      store.held = { ...asserted, claim: (store.held?.claim ?? asserted.claim) + 1 };
      const wasGone = store.gone;
      store.gone = false;
      if (store.held.claim === 2) meanwhile(session);
      return Promise.resolve({ kind: "held", session: store.held, wasGone });
    },
    held: () => Promise.resolve([]),
  };
  const topics = {
    announce: (room: string, { state }: PresenceChange) => Promise.resolve(void told.push(`${state} ${room}`)),
  };
  const ports = { sessions, topics } as unknown as Store;
  const local = new LocalSessions();
  local.reserve("c", { user: "eve", device: "", passwords: 0, side: false });
  local.attach(session as unknown as UserSession);
  const ends = new SessionEnds(ports, () => {});
  const reconciler = new Reconciler({ store: ports, ends, sessions: local, onFault: () => {} });
  return { store, told, session, reconciler };
}

test("Reconciler.all() makes the store hold a session in the rooms that it has left and joined meanwhile", async () => {
  const { store, told, session, reconciler } = scene((session) => {
    session.record = { ...first, rooms: ["general", "lobby"] };
  });
  await reconciler.all();
  assert.deepEqual(store.held?.rooms, ["general", "lobby"]);
  assert.deepEqual([session.record.rooms, session.record.claim], [["general", "lobby"], 3]);
  assert.deepEqual(told, ["joined lobby"], "what it left and joined, it has told itself");
});

test("Reconciler.all() reasserts a session once that stays where it is", async () => {
  const { store, told, session, reconciler } = scene(() => {});
  await reconciler.all();
  assert.deepEqual([store.held?.claim, session.record.claim], [2, 2]);
  assert.deepEqual(told, ["joined lobby", "joined ops"]);
});
