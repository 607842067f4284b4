/**
 * What is typed ahead goes to nobody that the person does not know of: not to the shell, and not to a question.
 *
 * The client runs below a shell on a raw pty: what it leaves unread, the shell runs.
 */

import assert from "node:assert/strict";
import { temporaryFolder } from "../support/process.ts";
import { Pty, ptys } from "../support/pty.ts";
import { startServer, test } from "../support/server.ts";

/** How long the client waits until a person has paused, in milliseconds, and then some. */
const pauseMs = 1_100;

/** The screens, the sizes that they are tried on, and the user that is there. */
const screens = [
  { user: "a", columns: 80, rows: 24, flags: [] },
  { user: "b", columns: 40, rows: 12, flags: ["--plain"] },
  { user: "c", columns: 40, rows: 12, flags: [], env: { TERM: "dumb" } },
] as const;

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

test("chat whose session another login ends lets no key through to the shell, on any screen", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({}, undefined);
  const caFile = `${folder.path}/ca.pem`;
  await Deno.writeTextFile(caFile, server.ca);
  const at = { port: server.port, caFile, state: folder.path, shell: true };
  await Promise.all(screens.map(async ({ user, columns, rows, flags, ...more }) => {
    await using pty = await Pty.client({ ...at, user, columns, rows, flags, ...more });
    const full = user === "a";
    await pty.untilText("Login successful", 30_000);
    await pty.write("I was just say");
    await using _other = await server.jsonLogin(user);
    await pty.untilText(full ? "Enter or Ctrl-C leaves" : "leaves");
    await pty.write("ing\r", 50, "\r", 50, `touch ${folder.path}/OOPS\r`, 50, "half a li");
    if (full) await pty.untilText("half a li");
    if (full) await pty.write("\x15");
    else await pty.write("ne\r");
    await pty.write(pauseMs, "\rexit\r");
    const { code, modes, settings } = await pty.ended();
    assert.equal(code, 4);
    assert.deepEqual([...modes], []);
    assert.equal(settings.after, settings.before);
    await pty.enter("echo the shell is $((1 + 1))");
    await pty.untilText("the shell is 2");
    assert.equal(await exists(`${folder.path}/OOPS`), false);
    const said = pty.output.replaceAll(/\s+/g, " ");
    assert.match(said, /Not sent: I was just saying.*Not sent: touch .*OOPS.*Not sent: exit/);
    if (!full) assert.match(said, /Not sent: half a line/);
  }));
}, ptys);
