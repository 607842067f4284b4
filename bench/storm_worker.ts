/**
 * Logs many in at once, in a thread of its own: its work with TLS must not be in the latency that is measured meanwhile.
 *
 * It is told where the server is and who is to log in, and answers with the seconds that it took until all were in.
 */

import type { Endpoint } from "../tests/support/client.ts";
import { enter } from "./wire.ts";

/** What the worker is told. */
export interface Storm {
  readonly at: Endpoint;
  readonly users: readonly string[];
}

/** What it answers. */
export type StormDone = { readonly seconds: number } | { readonly error: string };

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Storm>) => void;
  postMessage(message: StormDone): void;
};

scope.onmessage = async ({ data: { at, users } }) => {
  try {
    const since = performance.now();
    const wires = await Promise.all(users.map((user) => enter(at, "LOGIN", user)));
    const seconds = (performance.now() - since) / 1000;
    await Promise.all(wires.map((wire) => wire.close()));
    scope.postMessage({ seconds });
  } catch (error) {
    scope.postMessage({ error: String(error) });
  }
};
