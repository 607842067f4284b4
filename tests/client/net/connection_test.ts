import assert from "node:assert/strict";
import { Connection, type ConnectionOptions, type Incoming } from "../../../lib/client/net/connection.ts";
import { ConnectionLost } from "../../../lib/client/base/exit.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { FakeClock, Peer, said, settled, soon, test } from "../fakes.ts";

const address = { host: "one", port: 1 };

async function connected(options: Partial<ConnectionOptions> = {}): Promise<{ peer: Peer; connection: Connection }> {
  const peer = new Peer("server1");
  const opening = Connection.open(peer.transport, address, { client: "test/1", clock: new FakeClock(), ...options });
  await peer.greet();
  return { peer, connection: await soon(opening) };
}

/** Reads everything, until the connection ends. */
async function all(connection: Connection): Promise<Incoming[]> {
  return await soon(Array.fromAsync(connection), "the connection's end");
}

/** What a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await soon(promise.then(() => assert.fail("it was not rejected"), (error) => error));
}

test("Connection.open() skips the greeting, says who it is, and learns name, limits and commands", async () => {
  const peer = new Peer("server1");
  const opening = Connection.open(peer.transport, address, { client: "test/1", clock: new FakeClock() });
  peer.send("[SERVER] Login using: LOGIN <username> <password>", "[SERVER] another line");
  assert.equal(await peer.line(), 'HELLO {"format":"json","version":1,"client":"test/1"}');
  peer.send({ type: "hello", version: 1, server: "s\x1b[2J1", limits: { message_bytes: 64 }, unknown: true });
  const command = { name: "x", aliases: [], arguments: [], help: "y", typed: true };
  peer.ok(await peer.expect("help"), { commands: [command, { name: 5 }] });
  const connection = await soon(opening);
  assert.equal(connection.name, "s[2J1");
  assert.equal(connection.limits.message_bytes, 64);
  assert.deepEqual(connection.commands, [command]);
  connection.close();
});

test("Connection.open() asks for many rooms, and knows whether the server can do with them", async () => {
  const open = async (manyRooms: "wanted" | "needed", rooms: { rooms?: "many" }) => {
    const peer = new Peer("server1");
    const opening = Connection.open(peer.transport, address, { client: "t/1", clock: new FakeClock(), manyRooms });
    const opened = soon(opening).finally(() => peer.close());
    await Promise.all([peer.greet([], rooms), opened.catch(() => {})]);
    return (await opened).manyRooms;
  };
  for (const asks of ["wanted", "needed"] as const) assert.equal(await open(asks, { rooms: "many" }), true);
  assert.equal(await open("wanted", {}), false);
  assert.match((await rejection(open("needed", {}))).message, /^one:1 cannot do with many rooms: /);
});

test("Connection.open() says in HELLO that it asks for many rooms", async () => {
  const peer = new Peer("server1");
  const options = { client: "t/1", clock: new FakeClock(), manyRooms: "wanted" } as const;
  const opening = rejection(Connection.open(peer.transport, address, options));
  assert.equal(await peer.line(), 'HELLO {"format":"json","version":1,"client":"t/1","rooms":"many"}');
  peer.close();
  await opening;
});

const beginnings: [string, (peer: Peer) => void, RegExp][] = [
  [
    "an error in text",
    (peer) => peer.send("[ERROR] rate_limited: Too many connections"),
    /one:1: Too many connections/,
  ],
  [
    "an error in JSON",
    (peer) => peer.send({ type: "error", code: "usage", message: "Unknown version", versions: [2] }),
    /Unknown version/,
  ],
  [
    "another protocol",
    (peer) => peer.send(...Array(30).fill("220 mail.example ESMTP")),
    /does not speak this protocol/,
  ],
  ["an end", (peer) => peer.close(), /the server closed the connection/],
  ["a break", (peer) => peer.close("broken"), /the connection broke/],
];
for (const [name, begin, message] of beginnings) {
  test(`Connection.open() says in one line what is wrong when a server begins with ${name}`, async () => {
    const peer = new Peer("server1");
    const opening = Connection.open(peer.transport, address, { client: "test/1", clock: new FakeClock() });
    begin(peer);
    assert.match((await rejection(opening)).message, message);
  });
}

test("Connection.open() gives up on a server that does not answer", async () => {
  const clock = new FakeClock();
  const peer = new Peer("server1");
  const opening = rejection(Connection.open(peer.transport, address, { client: "test/1", clock }));
  await clock.advance(10_000);
  assert.match((await opening).message, /No chat at one:1: no answer in time/);
});

test("Connection yields replies and events in the order of the wire, whatever pieces they come in", async () => {
  const { peer, connection } = await connected();
  const rooms = connection.request({ cmd: "rooms" });
  const join = connection.request({ cmd: "join", room: "x" });
  const lines = [
    said(1, "before"),
    { type: "ok", id: (await peer.expect("rooms")).id, rooms: [] },
    said(2, "zwischen – ü"),
    { type: "error", id: (await peer.expect("join")).id, code: "invalid_room", message: "No" },
    { type: "weather", sunny: true },
    said(3, "after"),
  ].map((line) => JSON.stringify(line) + "\n");
  for (const byte of new TextEncoder().encode(lines.join(""))) peer.bytes(new Uint8Array([byte]));
  peer.close();
  const incoming = await all(connection);
  assert.deepEqual(
    incoming.map((one) => one.kind === "event" ? (one.event as { text?: string }).text : one.kind),
    ["before", "reply", "zwischen – ü", "refused", "unknown", "after"],
  );
  assert.equal((await rooms).of, "rooms");
  const error = await rejection(join);
  assert.ok(error instanceof ChatError && error.code === "invalid_room");
});

test("Connection.request() is rejected when the connection ends first, and after it", async () => {
  const { peer, connection } = await connected();
  const pending = rejection(connection.request({ cmd: "rooms" }));
  peer.close();
  await all(connection);
  assert.ok(await pending instanceof ConnectionLost);
  assert.ok(await rejection(connection.request({ cmd: "rooms" })) instanceof ConnectionLost);
});

test("Connection leaves a server that answers out of order, or does not speak the protocol", async () => {
  const answers: Record<string, unknown>[] = [{ type: "ok", id: 77 }, said(1, "x", { seq: "one" })];
  for (const answer of [...answers, "not JSON", "[]", '"text"', "null"]) {
    const { peer, connection } = await connected();
    const pending = rejection(connection.request({ cmd: "rooms" }));
    peer.send(answer);
    assert.deepEqual(await all(connection), []);
    assert.ok(await pending instanceof ConnectionLost);
  }
});

test("Connection takes an error without an id as the answer to the line that could not be read", async () => {
  const { peer, connection } = await connected();
  const pending = rejection(connection.request({ cmd: "say", text: "x" }));
  peer.send({ type: "error", code: "line_too_long", message: "A line is at most 8192 bytes" });
  peer.close();
  await all(connection);
  const error = await pending;
  assert.ok(error instanceof ChatError && error.code === "line_too_long");
});

test("Connection answers a ping, and ignores the answer to its own pong", async () => {
  const { peer, connection } = await connected();
  peer.send({ type: "ping" }, { type: "ok" });
  const reading = all(connection);
  assert.equal(await peer.line(), '{"cmd":"pong"}');
  peer.close();
  assert.deepEqual((await reading).map((one) => one.kind === "event" && one.event.type), ["ping"]);
});

test("Connection asks a silent server for a sign of life, and leaves one that gives none", async () => {
  const clock = new FakeClock();
  const { peer, connection } = await connected({ clock });
  const reading = all(connection);
  await clock.advance(24_999);
  await clock.advance(1);
  peer.ok(await peer.expect("pong"));
  await clock.advance(25_000 + 9_999);
  let over = false;
  reading.then(() => over = true);
  await settled();
  assert.equal(over, false);
  await clock.advance(25_000);
  await reading;
  assert.equal(connection.ended?.message, "the server has fallen silent");
});

test("Connection reads nothing while nobody iterates", async () => {
  const { peer, connection } = await connected();
  const answer = connection.request({ cmd: "rooms" });
  peer.ok(await peer.expect("rooms"));
  let answered = false;
  answer.then(() => answered = true);
  await settled();
  assert.equal(answered, false);
  await connection[Symbol.asyncIterator]().next();
  await soon(answer);
  connection.close();
});
