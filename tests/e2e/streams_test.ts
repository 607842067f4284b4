/**
 * The streams of the program: nobody needs to read them, and what is lost is told.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { JsonClient, TextClient } from "../support/client.ts";
import { type LogLine, processes, serverCommand, temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

/** The lines of a stream, read only when they are asked for. */
async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<LogLine> {
  let partial = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (partial + chunk).split("\n");
    partial = lines.pop()!;
    for (const line of lines) if (line.startsWith("{")) yield JSON.parse(line) as LogLine;
  }
}

for (const auditLog of ["off", "stdout", "stderr"]) {
  test(
    `a server goes on where nobody reads its streams, and says what it dropped (AUDIT_LOG=${auditLog})`,
    async () => {
      await using folder = await temporaryFolder();
      const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off", LOG_LEVEL: "debug", AUDIT_LOG: auditLog };
      const { command, options } = serverCommand(folder.path, settings);
      const child = new Deno.Command(command, { ...options, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
      try {
        const lines = linesOf(child.stderr);
        let ready: LogLine;
        do ready = (await lines.next()).value!; while (ready.message !== "server_ready");
        const { port } = ready.properties as { port: number };
        const server = { port, ca: await Deno.readTextFile(join(folder.path, "certs", "ca.pem")) };
        await using stranger = await JsonClient.open(server);
        // Each refusal is a line of the log, and one of the audit log.
        for (let round = 0; round < 60; round++) {
          const refusals = Array.from(
            { length: 100 },
            () => stranger.refused("resume", { token: "x" }, "invalid_credentials"),
          );
          await Promise.all(refusals);
        }
        await using person = await TextClient.login(server, "a");
        assert.equal(await person.ask("still here"), "a: still here");
        let dropped: LogLine;
        do dropped = (await lines.next()).value!; while (dropped.message !== "log_dropped");
        assert.ok((dropped.properties as { lines: number }).lines > 0);
        child.kill("SIGTERM");
        let last: LogLine | undefined;
        for await (const line of lines) last = line;
        assert.equal(last?.message, "server_stopped");
        assert.equal((await child.status).code, 0);
      } finally {
        try {
          child.kill("SIGKILL");
        } catch { /* it has ended */ }
        await child.stdout.cancel();
      }
    },
    processes,
  );
}
