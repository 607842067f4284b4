/**
 * Files on the full screen: the real client on a real pty, a real server or one that lies, and tmux as the terminal.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Proxy } from "../client/cli/proxy.ts";
import { HostileServer } from "../support/hostile_server.ts";
import { ServerProcess, temporaryFolder } from "../support/process.ts";
import { assertIntact, prompted, type Shown } from "../support/screens.ts";
import { test } from "../support/server.ts";
import { terminals, Tmux } from "../support/tmux.ts";

const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };

async function scene() {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  const server = parts.use(await ServerProcess.start(folder, settings));
  const tmux = parts.use(await Tmux.start(folder));
  const owned = parts.move();
  return {
    folder,
    server,
    async client(user: string, port = server.port) {
      const state = join(folder, `state-${user}`);
      const flags = ["--downloads", join(folder, `in-${user}`)];
      const terminal = await tmux.client({ port, caFile: server.caFile, state, user, columns: 80, rows: 24, flags });
      await terminal.until((shown) => prompted(shown, 24), "the prompt", 30_000);
      return terminal;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function random(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

const percent = /^ \d+: big file\.bin to b, (\d+) % of 16 MB/;
const share = ({ rows }: Shown) => Number(percent.exec(rows[21])?.[1] ?? NaN);

test("chat sends and fetches a file with a bar, and typing is as quick as ever meanwhile", async () => {
  await using s = await scene();
  await using slow = new Proxy(s.server.port);
  const file = random(16_000_000);
  await Deno.writeFile(join(s.folder, "big file.bin"), file);
  const a = await s.client("a", slow.port);
  const b = await s.client("b");
  await a.untilText("b joined lobby");
  await a.type(`/send @b ${s.folder}/big`);
  await a.press("Tab");
  await a.until(({ rows }) => rows[23].endsWith("big file.bin"), "the completed path");
  await a.press("Enter");
  const early = await a.until((shown) => share(shown) >= 1, "the progress");
  a.listen();
  const took: number[] = [];
  let typed = "";
  for (const letter of "typed while a file is on its way") {
    typed += letter;
    const since = performance.now();
    await Promise.all([a.type(letter), a.untilWritten(`lobby> ${typed}`)]);
    took.push(performance.now() - since);
  }
  const since = performance.now();
  await a.press("Enter");
  await b.untilText("a: typed while a file is on its way");
  const arrived = performance.now() - since;
  const shown = await a.shown();
  const later = share(shown);
  took.sort((x, y) => x - y);
  const [median, most] = [took[took.length >> 1], took[Math.floor(took.length * 0.95)]];
  console.log(
    `while a file is sent: key to screen ${median.toFixed(1)} ms (median), ${most.toFixed(1)} ms (95 %); ` +
      `a message takes ${arrived.toFixed(0)} ms; the file was at ${share(early)} % and ${later} %`,
  );
  assert.ok(median < 50, `${took}`);
  await a.untilText("big file.bin is offered to b", 60_000);
  const offered = await b.untilText("offers big file.bin (16 MB): /get 1");
  assert.ok(offered.rows.some((row) => /^\d\d:\d\d DM from a(?: \(encrypted\))?: offers big file\.bin/.test(row)));
  await b.enter("/get 1");
  await b.untilText("SHA-256 compared", 60_000);
  assert.deepEqual(await Deno.readFile(join(s.folder, "in-b", "big file.bin")), file);
  await b.until(({ rows }) => rows[21] !== "" && !/%/.test(rows[21]), "the bar to go");
}, terminals);

test("chat shows what is offered in a room as what somebody does, and completes its commands", async () => {
  await using s = await scene();
  await Deno.writeTextFile(join(s.folder, "notes.txt"), "notes");
  const a = await s.client("a");
  const b = await s.client("b");
  await a.untilText("b joined lobby");
  await a.type("/sen");
  await a.press("Tab");
  await a.type("#lo");
  await a.press("Tab");
  await a.untilText("lobby> /send #lobby");
  await a.enter(`${s.folder}/notes.txt`);
  const shown = await b.untilText("a offers notes.txt (5 bytes): /get 1");
  assert.ok(shown.rows.some((row) => /^\d\d:\d\d a offers notes\.txt \(5 bytes\): \/get 1$/.test(row)));
  await b.type("/ge");
  await b.press("Tab", "Tab");
  await b.untilText("lobby> /get 1");
  await b.press("Enter");
  await b.untilText("notes.txt (5 bytes,");
  await b.enter("/help get");
  await b.untilText("/get <n> [path] — fetch file n");
  await b.enter("/get 9");
  await b.untilText("[ERROR] No file has the number 9");
  // Who comes later finds the offer in the room's history.
  const c = await s.client("c");
  await c.untilText("a offers notes.txt (5 bytes): /get 1");
  await c.enter("/get 1");
  await c.untilText("SHA-256 compared");
}, terminals);

test("chat keeps nothing of a file that a server has changed, and its screen stays intact", async () => {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  const server = parts.use(await HostileServer.start(folder));
  const tmux = parts.use(await Tmux.start(folder));
  const bytes = new TextEncoder().encode("damaged");
  server.answers = ({ cmd, n }) => cmd === "download" ? { n, data: bytes.toBase64() } : undefined;
  const flags = ["--downloads", join(folder, "in")];
  const at = { port: server.port, caFile: server.caFile, state: join(folder, "state"), user: "a" };
  const a = await tmux.client({ ...at, columns: 80, rows: 24, flags });
  await a.until((shown) => prompted(shown, 24), "the prompt", 30_000);
  const file = (name: string, more = {}) => ({
    id: "x1",
    name,
    size: bytes.length,
    sha256: "0".repeat(64),
    expires: "\x1b[2J",
    label: "\x1b]0;pwned\x07",
    ...more,
  });
  const offer = (text: string, file: unknown) => server.send({ type: "message", ...server.logged("b", text), file });
  offer("offers x", file("\x1b]0;pwned\x07\u202e../../.bashrc"));
  await a.untilText("offers x · offers");
  for (const id of ["../../x", "", 7]) offer(`no file ${id}`, file("y", { id }));
  offer("the last", { id: {}, name: [], size: "\x1b[2J" });
  await a.type("half a line");
  await a.untilText("b: the last");
  const shown = await a.untilText("lobby> half a line");
  assertIntact(shown, 24);
  assert.ok(shown.rows.some((row) => /^\d\d:\d\d b: offers x · offers .*bashrc \(7 bytes\): \/get 1$/.test(row)));
  assert.ok(!shown.rows.some((row) => row.includes("/get 2")));
  await a.press("C-u");
  await a.enter("/get 1");
  await a.type("half a line");
  const refused = await a.until(
    ({ rows }) => rows.join(" ").includes("was not fetched: what came is not"),
    "the refusal",
  );
  assertIntact(refused, 24);
  assert.deepEqual([...Deno.readDirSync(join(folder, "in"))], []);
}, terminals);
