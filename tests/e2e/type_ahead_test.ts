/**
 * What is typed ahead goes to nobody that the person does not know of: not to the shell, and not to a question.
 *
 * The client runs below a shell on a raw pty: what it leaves unread, the shell runs.
 */

import assert from "node:assert/strict";
import type { ClientStart } from "../support/client_command.ts";
import { temporaryFolder } from "../support/process.ts";
import { Pty, ptys } from "../support/pty.ts";
import { startServer, test, type TestServer } from "../support/server.ts";

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

interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly server: TestServer;
  /** Starts a client in a shell, and waits until it is in the room. */
  client(user: string, start: Partial<ClientStart>): Promise<Pty>;
  /** Stops the server, and starts another one, which knows nothing, on its port. */
  restart(): Promise<void>;
}

async function started(): Promise<Scene> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  let server = await startServer({}, undefined);
  parts.defer(() => server[Symbol.asyncDispose]());
  const caFile = `${folder}/ca.pem`;
  await Deno.writeTextFile(caFile, server.ca);
  const owned = parts.move();
  return {
    folder,
    get server() {
      return server;
    },
    async client(user, start) {
      const state = `${folder}/${user}`;
      const pty = await Pty.client({
        port: server.port,
        caFile,
        user,
        state,
        columns: 80,
        rows: 24,
        ...start,
        shell: true,
      });
      await pty.untilText("Login successful", 30_000);
      return pty;
    },
    async restart() {
      const { port } = server;
      await server[Symbol.asyncDispose]();
      server = await startServer({ SERVER_PORT: `${port}` }, undefined);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The shell runs, and has run nothing that was typed for the talk. */
async function shellIsUntouched(pty: Pty, folder: string): Promise<void> {
  await pty.enter("echo the shell is $((1 + 1))");
  await pty.untilText("the shell is 2");
  assert.equal(await exists(`${folder}/OOPS`), false);
}

/** A client that nobody answers, and which is typed at before it says so. */
async function connecting({ folder }: Scene): Promise<void> {
  const state = `${folder}/d`;
  const at = { port: 1, caFile: `${folder}/ca.pem`, columns: 80, rows: 24 };
  await using pty = await Pty.client({ ...at, user: "d", state, shell: true });
  await pty.write(`touch ${folder}/OOPS\r`);
  assert.equal((await pty.ended()).code, 3);
  await shellIsUntouched(pty, folder);
}

test("chat whose session another login ends lets no key through to the shell, on any screen", async () => {
  await using scene = await started();
  const ended = screens.map(async ({ user, ...start }) => {
    await using pty = await scene.client(user, start);
    const full = user === "a";
    await pty.write("I was just say");
    await using _other = await scene.server.jsonLogin(user);
    await pty.untilText(full ? "Enter or Ctrl-C leaves" : "leaves");
    await pty.write("ing\r", 50, "\r", 50, `touch ${scene.folder}/OOPS\r`, 50, "half a li");
    if (full) await pty.untilText("half a li");
    if (full) await pty.write("\x15");
    else await pty.write("ne\r");
    await pty.write(pauseMs, "\rexit\r");
    const { code, modes, settings } = await pty.ended();
    assert.equal(code, 4);
    assert.deepEqual([...modes], []);
    assert.equal(settings.after, settings.before);
    await shellIsUntouched(pty, scene.folder);
    const said = pty.output.replaceAll(/\s+/g, " ");
    assert.match(said, /Not sent: I was just saying.*Not sent: touch .*OOPS.*Not sent: exit/);
    if (!full) assert.match(said, /Not sent: half a line/);
  });
  await Promise.all([connecting(scene), ...ended]);
}, ptys);

test(
  "chat takes keys that are cut, a paste and /quit without typing what nobody typed, and gives the shell nothing",
  async () => {
    await using scene = await started();
    await using pty = await scene.client("a", { columns: 80, rows: 24, flags: ["--escape-time", "250"] });
    await using other = await scene.server.jsonLogin("b");
    const heard = async () => (await other.event()).text;
    // Each of these as people press it, with time for a busy machine: Escape alone, and then text; Alt-B in two reads; answers of the terminal.
    await pty.write("\x1b", 600, "OK thanks\r");
    assert.equal(await heard(), "OK thanks");
    await pty.write("\x1b", 600, "[x]\r");
    assert.equal(await heard(), "[x]");
    await pty.write("one two\x1b", 20, "bX\r");
    assert.equal(await heard(), "one Xtwo");
    await pty.write(
      "\x1b]11;rgb:1e1e/1e1e",
      20,
      "/1e1e\x1b",
      10,
      "\\\x1b[M",
      10,
      new Uint8Array([35, 233, 255]),
      "\x1b",
      10,
    );
    await pty.write("[I\x1b[?62;", 10, "4c\x1bP1+r", 10, "54\x1b\\fine\r");
    assert.equal(await heard(), "fine");
    // Who types on after a paste has not read the question.
    await pty.write("\x1b[200~first\nsecond\x1b[201~\r", 20, "s", 20, "ounds good");
    await pty.untilText("lobby> first↵second↵sounds good");
    await pty.write("\r", 20, "\r", 20, "e\r");
    await pty.untilText("lobby> first↵second↵sounds good");
    await pty.write("\x15", 20, `/quit\rtouch ${scene.folder}/OOPS\r`, 20, "exit\r");
    const { code } = await pty.ended();
    assert.equal(code, 0);
    await shellIsUntouched(pty, scene.folder);
    assert.match(pty.output.replaceAll(/\s+/g, " "), /Not sent: touch .*OOPS.*Not sent: exit/);
  },
  ptys,
);

test(
  "chat asks for a password when the person pauses, and takes the sentence that they were typing for none",
  async () => {
    await using scene = await started();
    await using pty = await scene.client("a", { columns: 40, rows: 12 });
    await pty.write("rest of ");
    await scene.restart();
    // The new server knows nobody, so that the session is lost.
    await pty.untilText("log in again");
    await pty.write("the", 300, " sentence\r", 300, "and more");
    await pty.until(({ rows }) => rows[11].endsWith("sentence↵and more"), "that it stays in the line");
    await pty.until(({ rows }) => rows[11] === "Password:", "the question");
    await pty.enter("1");
    await pty.until(({ rows }) => rows[11].endsWith("sentence↵and more"), "the sentence");
    pty.signal("SIGTERM");
    assert.equal((await pty.ended()).code, 143);
    await shellIsUntouched(pty, scene.folder);
    assert.match(pty.output.replaceAll(/\s+/g, " "), /Not sent: rest of the sentence .*Not sent: and more/);
  },
  ptys,
);
