import { within } from "../../common/time.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { ClientSocket } from "./host.ts";

/** How long a closing connection may take to read its last lines, in milliseconds. */
export const farewellMs = 2_000;

/**
 * Writes what is queued for a client that has said its last line: who closes its side may still read the answers.
 *
 * @returns whether all of it was written, or the client is gone; false where it does not read
 */
export async function writeRest(outbox: Outbox, conn: ClientSocket): Promise<boolean> {
  const written = outbox.finish().then(() => conn.closeWrite()).catch(() => {}); // the client is gone
  try {
    await within(farewellMs, written);
    return true;
  } catch {
    return false;
  }
}
