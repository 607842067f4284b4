/**
 * A person's first hour on a terminal of 40×12: a server that nobody vouches for, an account, and words that are not for
 * the room.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Pty, ptys } from "../support/pty.ts";
import { ServerProcess, temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

const root = join(import.meta.dirname!, "..", "..");

/** A compiled client may be of a release of Deno that tells no certificate: it is given the authority. */
const binary = Deno.env.get("CHAT_BINARY");

/** Starts the client as somebody does who has nothing but the server's name, in another folder than the project's. */
function visit(folder: string, { port, caFile }: ServerProcess): Promise<Pty> {
  const sources = [Deno.execPath(), "run", "--config", join(root, "deno.json"), "-P=client", join(root, "client.ts")];
  const program = binary ? [binary, "--ca", caFile] : sources;
  const env = ["env", "-C", folder, `XDG_STATE_HOME=${folder}/state`, `XDG_CONFIG_HOME=${folder}/none`, "NO_COLOR="];
  return Pty.start([...env, ...program, `localhost:${port}`], { columns: 40, rows: 12 });
}

test("chat asks about a server that it does not know, registers, and says no password aloud", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" });
  await using witness = await server.jsonLogin("a");
  await using pty = await visit(folder.path, server);
  if (!binary) {
    await pty.untilText("fingerprint [no]");
    await pty.enter("yes");
  }
  await pty.untilText("Log in or register?");
  if (!binary) {
    const known = await Deno.readTextFile(`${folder.path}/state/chat/known_servers`);
    assert.match(known, /^localhost:\d+ (?:[0-9A-F]{2}:){31}[0-9A-F]{2}\n$/);
  }
  await pty.enter("r");
  await pty.untilText("Username:");
  await pty.enter("eve");
  await pty.untilText("A password is 8–72 bytes");
  await pty.enter("short");
  await pty.untilText("The password is 5 bytes");
  await pty.enter("correct horse 8");
  await pty.until(({ rows }) => rows[11].startsWith("Once more:"), "the second typing");
  await pty.enter("correct horse 8");
  await pty.until(({ rows }) => rows[11].trimEnd() === "lobby>", "the prompt");
  await pty.enter(" /login eve correct horse 8");
  await pty.until(({ rows }) => rows[11].startsWith("Say it all the same?"), "the question");
  await pty.enter("");
  await pty.until(({ rows }) => rows[11].trimEnd() === "lobby>", "the prompt");
  for (const line of ["/logn eve correct horse 8", "/xyzzy correct horse 8", "login works again"]) {
    await pty.enter(line);
  }
  await pty.until(({ rows }) => rows[11].startsWith("Say it all the same?"), "the question");
  await pty.enter("y");
  await pty.untilText("eve: login works again");
  await pty.enter("/rooms");
  await pty.untilText("Available rooms:");
  await pty.enter("/quit");
  assert.equal((await pty.ended()).code, 0);
  const { messages } = await witness.ok("history", { n: 50 });
  assert.deepEqual(messages.map(({ text }: { text: string }) => text), ["login works again"]);
  assert.equal(await Deno.readTextFile(`${folder.path}/state/chat/history`), '"/rooms"\n"/quit"\n');
}, ptys);
