/** Sessions of demo accounts on the real service, for the tests of this folder. */

import { tlsDialer } from "../../../lib/client/net/dial.ts";
import { Session, type SessionOptions } from "../../../lib/client/session/session.ts";
import type { Update } from "../../../lib/client/session/update.ts";
import type { TestServer } from "../../support/server.ts";
import { Recorder, soon } from "../fakes.ts";

/** A session, and what it tells. */
export interface Joined extends AsyncDisposable {
  readonly session: Session;
  readonly told: Recorder;
}

/** A session of a demo account that is logged in, through ports of its own. */
export async function join(
  server: TestServer,
  user: string,
  ports: readonly number[],
  options: Pick<SessionOptions, "manyRooms" | "device" | "keep"> = {},
): Promise<Joined> {
  const session = new Session({
    servers: ports.map((port) => ({ host: "localhost", port })),
    dial: tlsDialer({ ca: server.ca }),
    client: "test/1",
    backoff: { firstMs: 10, maxMs: 50 },
    ...options,
  });
  await session.connect();
  const told = new Recorder(session);
  await soon(session.login({ cmd: "login", user, password: "1" }));
  return {
    session,
    told,
    async [Symbol.asyncDispose]() {
      await session.quit(2_000);
      await soon(told.done, "the session's end");
    },
  };
}

/** Whether an update is a message with this text. */
export const isText = (text: string) => (update: Update) => {
  return update.kind === "event" && "text" in update.event && update.event.text === text;
};
