/**
 * A session that is logged in, over connections to servers that the test plays.
 */

import assert from "node:assert/strict";
import { Session, type SessionOptions } from "../../../lib/client/session/session.ts";
import { FakeClock, FakeServers, type Peer, Recorder, soon } from "../fakes.ts";

/** See the file's first line. */
export interface Scene extends AsyncDisposable {
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly session: Session;
  readonly told: Recorder;
  readonly peer: Peer;
}

/** A session that is logged in as a, in the lobby. */
export async function loggedIn(options: Partial<SessionOptions> = {}): Promise<Scene> {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = newSession(servers, { clock, ...options });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  return {
    servers,
    clock,
    session,
    told,
    peer,
    async [Symbol.asyncDispose]() {
      session.close();
      await soon(told.done, "the session's end");
    },
  };
}

/** A session that has not connected yet; it has two servers, where none are given. */
export function newSession({ dial }: FakeServers, options: Partial<SessionOptions> = {}): Session {
  return new Session({
    servers: [{ host: "one", port: 1 }, { host: "two", port: 2 }],
    dial,
    client: "test/1",
    clock: new FakeClock(),
    random: () => 1,
    ...options,
  });
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await soon(promise.then(() => assert.fail("it was not rejected"), (error) => error));
}
