/**
 * The terminal as it was, on a raw pty: however the client ends, and while it is stopped.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { ClientStart } from "../support/client_command.ts";
import { ServerProcess, temporaryFolder } from "../support/process.ts";
import { Pty, type PtyEnd, ptys, type PtyStart } from "../support/pty.ts";
import { prompted, type Shown } from "../support/screens.ts";
import { test } from "../support/server.ts";
import { smallDisk, smallDisks } from "../support/small_disk.ts";
import { every, need } from "../support/needs.ts";

/** A compiled client may be of a release of Deno with which it cannot. */
const suspending = need(
  Deno.env.get("CHAT_BINARY") === undefined ? undefined : "a compiled client may not suspend itself",
);

const crashing = join(import.meta.dirname!, "crashing_client.ts");

type Start = Partial<ClientStart> & PtyStart;

async function scene() {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  const server = parts.use(await ServerProcess.start(folder, { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" }));
  const owned = parts.move();
  // Each start has a state of its own, so that none begins with the line that another has left.
  let starts = 0;
  const start = (user: string, more: Start) =>
    Pty.client({
      port: server.port,
      caFile: server.caFile,
      user,
      state: join(folder, `state-${starts++}`),
      columns: 80,
      rows: 24,
      ...more,
    });
  return {
    start,
    /** The client on its full screen, in the midst of something. */
    async client(user: string, more: Start = {}) {
      const pty = await start(user, more);
      await pty.until((shown) => prompted(shown, more.rows ?? 24), "the prompt", 30_000);
      await pty.write("half a line");
      await pty.untilText("lobby> half a line");
      return pty;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Nothing is left of the client but what it said at its end. */
function assertAsItWas({ settings, modes }: PtyEnd, { rows, alternate }: Shown): void {
  assert.deepEqual([...modes], []);
  assert.equal(settings.after, settings.before);
  assert.equal(alternate, false);
  assert.ok(!rows.join("\n").includes("lobby>"), rows.join("\n"));
}

const signals = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143, SIGUSR1: 138 } as const;

test("chat gives the terminal back as it was after each signal that ends it, and after Ctrl-\\", async () => {
  await using s = await scene();
  for (const [index, [signal, code]] of Object.entries(signals).entries()) {
    await using a = await s.client("a", index % 2 === 0 ? { flags: ["--mouse"] } : { columns: 40, rows: 12 });
    a.signal(signal as Deno.Signal);
    const end = await a.ended();
    assert.equal(end.code, code);
    assertAsItWas(end, await a.shown());
  }
  await using a = await s.client("a");
  await a.write("\x1c");
  const end = await a.ended();
  assert.equal(end.code, 131);
  assertAsItWas(end, await a.shown());
}, ptys);

test("chat gives the terminal back as it was when it crashes, and says what happened", async () => {
  await using s = await scene();
  for (const signal of ["SIGURG", "SIGIO"] as const) {
    await using a = await s.client("a", { program: crashing });
    a.signal(signal);
    // Who is typing goes on with it in the line, and not in the shell.
    await a.untilText("Enter or Ctrl-C leaves");
    await a.write(", and more\x15", 1_100, "\r");
    const end = await a.ended();
    assert.equal(end.code, 1);
    assertAsItWas(end, await a.shown());
    await a.untilText("a fault of the test's");
  }
}, ptys);

test(
  "chat is suspended by Ctrl-Z and by SIGTSTP, gives the shell its screen, and draws again when it comes back",
  async () => {
    await using s = await scene();
    await using a = await s.client("a", { shell: true });
    for (const stop of [() => a.write("\x1a"), () => Promise.resolve(a.signal("SIGTSTP"))]) {
      a.listen();
      await stop();
      const main = await a.until(
        ({ rows, alternate }) => !alternate && rows.at(-1) === "" && rows.includes("$"),
        "the shell",
      );
      assert.ok(main.rows.some((row) => row.startsWith("[CLIENT] Suspended: fg brings it back")), main.rows.join("\n"));
      assert.deepEqual([...a.modes], []);
      await a.write("echo in the $((1 + 0))st\r");
      await a.untilText("in the 1st");
      await a.foreground();
      await a.until((shown) => prompted(shown, 24) && shown.rows[23] === "lobby> half a line", "the screen again");
    }
    await a.write("\x15/quit\r");
    assertAsItWas(await a.ended(), await a.shown());
  },
  every(ptys, suspending),
);

test(
  "chat draws again after SIGSTOP and SIGCONT, and is not suspended where no shell could bring it back",
  async () => {
    await using s = await scene();
    // Long enough for a machine that is busy between the key's part and the stop.
    await using a = await s.client("a", { columns: 40, rows: 12, flags: ["--escape-time", "800"] });
    // An arrow key, of which the client gets a part before it is stopped: the rest is not late.
    await a.write("\x1b", 10);
    a.signal("SIGSTOP");
    await a.write("[Dx", 1_200);
    a.signal("SIGCONT");
    await a.untilWritten("\x1b[2J");
    await a.until((shown) => prompted(shown, 12) && shown.rows[11] === "lobby> half a linxe", "the screen");
    await a.write("\x1a");
    await a.untilText("Not suspended: th");
    await a.until((shown) => prompted(shown, 12), "the screen again");
    await a.write("\x05\x15/quit\r");
    assertAsItWas(await a.ended(), await a.shown());
  },
  ptys,
);

test("chat gives the terminal back as it was from --plain, and from a question for the password", async () => {
  await using s = await scene();
  await using plain = await s.start("a", { flags: ["--plain"], columns: 40, rows: 12 });
  await plain.untilText("lobby>");
  plain.signal("SIGQUIT");
  const end = await plain.ended();
  assert.deepEqual([end.code, [...end.modes]], [131, []]);
  assert.equal(end.settings.after, end.settings.before);
  await using asked = await s.start("a", { password: "", env: { TERM: "dumb" } });
  await asked.untilText("Password:");
  assert.notEqual(await asked.settings(), end.settings.before);
  asked.signal("SIGTERM");
  const { code, settings } = await asked.ended();
  assert.equal(code, 143);
  assert.equal(settings.after, settings.before);
}, ptys);

test(
  "chat goes on on a full disk, and gives the terminal back as it was",
  async () => {
    await using s = await scene();
    await using disk = await smallDisk(65_536);
    const full = new Uint8Array(65_536);
    await Deno.writeFile(join(disk.path, "full"), full).catch(() => {});
    await using a = await s.client("a", { state: disk.path });
    await a.write("\r");
    await a.untilText("a: half a line");
    await a.enter("/quit");
    const end = await a.ended();
    assert.equal(end.code, 0);
    assertAsItWas(end, await a.shown());
  },
  ptys,
  smallDisks,
);
