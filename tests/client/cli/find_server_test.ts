import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { type FindOptions, findServer } from "../../../lib/client/cli/find_server.ts";
import { DialError } from "../../../lib/client/net/dial.ts";
import { formatServer } from "../../../lib/client/base/address.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { startResponder } from "../../support/responder.ts";
import { test } from "../../support/server.ts";
import { soon } from "../fakes.ts";

const files = await permitted("read", "write", "sys");

/** Looks for servers on a port of this machine, as somebody who types these answers would, and trusts `trusted`. */
async function look(port: number, options: Partial<FindOptions> = {}, trusted = /./, typed?: (string | undefined)[]) {
  const [out, err, dialed, asked]: string[][] = [[], [], [], []];
  const stop = new AbortController();
  const goal = await soon(findServer({
    output: {
      out: (lines) => Promise.resolve(void out.push(...lines)),
      err: (lines) => Promise.resolve(void err.push(...lines)),
    },
    screen: typed && { read: ({ prompt }) => (asked.push(prompt), Promise.resolve(typed.shift())) },
    dial(server) {
      dialed.push(formatServer(server));
      if (!trusted.test(server.host)) {
        throw new DialError({ kind: "untrusted" } as never, `${server.host} is untrusted`);
      }
      return Promise.resolve({ read: () => Promise.resolve(null), write: () => Promise.resolve(1), close() {} });
    },
    discovery: {
      places: [{ group: "127.0.0.1", port }],
      signal: stop.signal,
      onFound: () => stop.abort(),
    },
    ...options,
  }));
  return { goal, out, err, dialed, asked };
}

test("findServer() lists servers with their rooms, how to reach them, and says that these are hints", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path, ["lobby", "tech", "general"]);
  const { goal, out, err, dialed } = await look(server.port);
  assert.match(out[0], /^# {2}SERVER {3}ADDRESS {9}ROOMS {9}TO CONNECT$/);
  assert.match(out[1], /^1 {2}server1 {2}127\.0\.0\.1:8000 {2}general tech {2}chat [^-]\S+:8000$/);
  assert.match(out[2], /^ {3}SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.match(err.join(), /^\[CLIENT\] These are hints, which anybody can send/);
  assert.deepEqual([goal, dialed], [undefined, []], "it connects to nobody");
}, files);

test("findServer() prints one object a server for programs", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path, ["tech"]);
  const { out } = await look(server.port, { json: true, ca: server.ca });
  assert.equal(out.length, 1);
  const { server: name, address, port, rooms, trusted } = JSON.parse(out[0]);
  assert.deepEqual([name, address, port, rooms, trusted], ["server1", "127.0.0.1", 8000, ["tech"], true]);
}, files);

test("findServer() goes to the server that has the room, by the name or the address that can be trusted", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path, ["tech"]);
  const { goal, dialed, err } = await look(server.port, { join: "tech" }, /^127/);
  assert.deepEqual(goal, { server: { host: "127.0.0.1", port: 8000 }, room: "tech" });
  assert.equal(dialed.length, 2);
  assert.match(err.join(), /is untrusted/);
  await assert.rejects(
    look(server.port, { join: "tech" }, /^$/),
    /cannot be reached and trusted; --ca <file> names whom to trust/,
  );
  await assert.rejects(look(server.port, { join: "other" }), /None .* has the room other; they have lobby, tech$/);
}, files);

test("findServer() has a person choose a server and a room", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path, ["tech"]);
  const { goal, asked } = await look(server.port, {}, /./, ["7", "1", "not a room", "#Tech"]);
  assert.equal(goal?.room, "tech");
  assert.deepEqual(asked.slice(0, 3), [
    "Server (1; Enter leaves): ",
    "Server (1; Enter leaves): ",
    "Room (tech; Enter for lobby): ",
  ]);
  assert.match(asked[3], /^Allowed: 1–64 /);
  assert.equal((await look(server.port, {}, /./, ["1", ""])).goal?.room, "lobby");
  assert.equal((await look(server.port, {}, /./, [""])).goal, undefined);
  assert.equal((await look(server.port, {}, /./, ["1", undefined])).goal, undefined);
}, files);

test("findServer() says that nobody answered", async () => {
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", () => resolve()));
  const { port } = silent.address();
  const discovery = { places: [{ group: "127.0.0.1", port }], waitMs: 30 };
  await assert.rejects(look(port, { discovery }), /No server answered/);
  await new Promise<void>((resolve) => silent.close(() => resolve()));
});
