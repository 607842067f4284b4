/** What is pasted and typed beyond what a line takes, on a raw pty: nothing is cut without a word. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ServerProcess, temporaryFolder } from "../support/process.ts";
import { Pty, ptys } from "../support/pty.ts";
import { prompted } from "../support/screens.ts";
import { test } from "../support/server.ts";

test(
  "chat asks about a paste without marks, offers to send a large one as a file, and says that the line is full",
  async () => {
    await using parts = new AsyncDisposableStack();
    const { path: folder } = parts.use(await temporaryFolder());
    const server = parts.use(await ServerProcess.start(folder, { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" }));
    const witness = parts.use(await server.jsonLogin("b"));
    for (const [columns, rows] of [[80, 24], [40, 12]]) {
      const at = { port: server.port, caFile: server.caFile, columns, rows };
      await using a = await Pty.client({ ...at, user: "a", state: join(folder, "state-a") });
      await a.until((shown) => prompted(shown, rows), "the prompt", 30_000);
      await a.write("one\r/two\rthree\r");
      await a.untilText(columns === 80 ? "3 lines: send as (o)ne message" : "3: (o)ne message");
      // What comes at once is more of it.
      await a.write(50, "e\r");
      await a.untilText("lobby> one↵/two↵three");
      await a.write("\x15");
      const large = `${"a line of the paste\n".repeat(7_000)}its end`;
      await a.write(`\x1b[200~${large}\x1b[201~`);
      await a.untilText("Too much to type: 7,001 lines, 140 kB");
      await a.write("f\r");
      await a.untilText("paste.txt is offered to");
      const offer = await (async () => {
        for (;;) {
          const event = await witness.event();
          if (event.type === "message") return event;
        }
      })();
      assert.deepEqual([offer.file.name, offer.file.size], ["paste.txt", large.length]);
      await a.write(`\x1b[200~${"x".repeat(65_536)}\x1b[201~`, "y");
      await a.untilText("The line is full");
      await a.write("\x15/quit\r");
      await a.ended();
    }
    const { messages } = await witness.ok("history", { n: 50 });
    assert.equal(messages.length, 2, "nothing was said but the two offers");
  },
  ptys,
);
