/** What a person leans on, on a raw terminal of 80×24 and of 40×12: help, findings, a draft, a full disk. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/client.ts";
import { temporaryFolder } from "../support/process.ts";
import { Pty, ptys } from "../support/pty.ts";
import { onSqlite } from "../support/server.ts";

onSqlite("chat shows help that fits, goes to what it found, and brings a draft back after a kill", async (start) => {
  await using server = await start();
  await using folder = await temporaryFolder();
  const caFile = join(folder.path, "ca.pem");
  await Deno.writeTextFile(caFile, server.ca);
  const at = { port: server.port, caFile, user: "a", state: folder.path };
  await using talker = await server.jsonLogin("b");
  for (let n = 1; n <= 120; n++) await talker.ok("say", { text: n === 2 ? "the needle" : `hay ${n}` });
  const drafts = () => {
    try {
      return [...Deno.readDirSync(join(folder.path, "chat", "drafts"))].map(({ name }) => name);
    } catch {
      return [];
    }
  };
  {
    await using pty = await Pty.client({ ...at, columns: 80, rows: 24 });
    await pty.untilText("hay 120");
    await pty.enter("/help");
    const { rows } = await pty.untilText("Keys: PageUp");
    assert.ok(
      rows.some((row) => /^\d\d:\d\d Messages: \/say \/me \/msg /.test(row)),
      "the page's beginning is on the screen too",
    );
    assert.ok(!rows.some((row) => /hello/i.test(row)));
    await pty.enter("/search needle");
    const found = await pty.untilText("1: 20");
    assert.match(found.rows.find((row) => row.includes("1: 20"))!, /^ {6}1: \d{4}-\d\d-\d\d \d\d:\d\d b: the needle$/);
    await pty.enter("/jump 1");
    await pty.until(
      ({ rows }) => /b: the needle$/.test(rows[0]!) && rows[1]!.endsWith("b: hay 3"),
      "the message in its place",
    );
    await pty.enter("/mgs b hi");
    await pty.untilText("did you mean /msg?");
    await pty.write("half a thought, /login a pw");
    await eventually(() => drafts().length === 1, "the draft is kept");
    pty.signal("SIGKILL");
    await pty.ended();
  }
  {
    await using pty = await Pty.client({ ...at, columns: 40, rows: 12 });
    await pty.until(({ rows }) => rows[11] === "lobby> half a thought, /login a pw", "the draft");
    await pty.write("\x03");
    await pty.until(({ rows }) => rows[11] === "lobby>", "an empty line");
    await pty.write("\x03");
    await pty.until(({ rows }) => rows[10]!.startsWith("Ctrl-C again leaves"), "the warning");
    assert.deepEqual(drafts(), []);
    await pty.write("\x03");
    assert.equal((await pty.ended()).code, 0);
  }
  {
    await using pty = await Pty.client({ ...at, columns: 40, rows: 12, redirect: ">/dev/full" });
    const { code, modes } = await pty.ended();
    const said = (await pty.shown()).rows.join("").trimEnd();
    assert.deepEqual([code, modes.size], [2, 0]);
    assert.ok(said.endsWith("[ERROR] The output cannot be written: no space left on device"), said);
    assert.doesNotMatch(said, /Uncaught|at async|\.ts/);
  }
}, ptys);
