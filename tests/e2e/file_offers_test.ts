/**
 * Files on the server's side: uploaded in chunks, offered by a message, fetched by whoever may read it, on both stores.
 */

import assert from "node:assert/strict";
import { eventually, type Json, type JsonClient } from "../support/client.ts";
import { begin, chunk, chunkBytes, download, makeFile, sha256Of, upload } from "../support/files.ts";
import { onEachStore, onRedis, onSqlite } from "../support/server.ts";

onEachStore("a file for a room is uploaded, offered, fetched and withdrawn", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using person = await server.login("c");
  await using b = await server.jsonLogin("b");
  const file = await makeFile(2 * chunkBytes + 5, "Übersicht 1.pdf");
  const id = await upload(a, file, { room: "LOBBY" });
  await a.ok("say", { text: "the figures", file: id, cid: "x" });
  const event = await b.event();
  const { name, size, sha256 } = file;
  const { expires } = event.file;
  assert.deepEqual(event.file, { id, name, size, sha256, expires });
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 7 * 24 * 3600 * 1000) < 60_000, expires);
  assert.deepEqual([event.type, event.topic, event.text, event.cid], ["message", "room:lobby", "the figures", "x"]);
  assert.equal(await sha256Of(await download(b, event.file)), sha256);
  const { messages } = await b.ok("history", {});
  assert.deepEqual(messages.at(-1), event);
  assert.deepEqual(await person.until("a: the figures"), ["b joined lobby", "a: the figures"]);

  await b.refused("withdraw", { file: id }, "unknown_file");
  await a.ok("withdraw", { file: id });
  await a.refused("withdraw", { file: id }, "unknown_file");
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
  await a.refused("download", { file: id, n: 0 }, "unknown_file");
  await a.refused("say", { text: "again", file: id }, "unknown_file");
  assert.notEqual((await begin(a, file, { room: "lobby" })).file, id, "it can be sent anew");
});

onEachStore("an empty file has no chunks, and is offered and withdrawn as others are", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const file = await makeFile(0);
  const id = await upload(a, file, { room: "lobby" });
  const { message } = await a.refused("chunk", { file: id, n: 0, data: "AAAA" }, "usage");
  assert.equal(message, "The file is empty: it has no chunks");
  await a.ok("say", { text: "nothing in it", file: id });
  const event = await b.event();
  assert.deepEqual([event.file.id, event.file.size, event.file.sha256], [id, 0, file.sha256]);
  assert.ok(Date.parse(event.file.expires) - Date.now() > 6 * 24 * 3600 * 1000, "it lives as long as others");
  assert.deepEqual(await download(b, event.file), file.bytes);
  await b.refused("download", { file: id, n: 0 }, "usage");
  assert.equal((await begin(a, file, { room: "lobby" })).file, id);
  await a.ok("withdraw", { file: id });
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
});

onEachStore("a file for a user is fetched by that user and its owner, and by nobody else", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const file = await makeFile(chunkBytes);
  const id = await upload(a, file, { to: "B" });
  await a.ok("msg", { to: "b", text: "for you", file: id });
  await using b = await server.jsonLogin("b");
  const event = await b.event();
  assert.deepEqual([event.type, event.file.id, event.text], ["direct", id, "for you"]);
  assert.deepEqual(await download(b, event.file), file.bytes);
  assert.deepEqual(await download(a, event.file), file.bytes);
  await using c = await server.jsonLogin("c");
  await c.refused("download", { file: id, n: 0 }, "unknown_file");
  await c.refused("chunk", { file: id, n: 0, data: "AAAA" }, "unknown_file");
  await c.refused("msg", { to: "b", text: "mine", file: id }, "unknown_file");
  await a.refused("msg", { to: "c", text: "yours", file: id }, "unknown_file"); // it is for b
  await a.refused("say", { text: "everybody's", file: id }, "unknown_file");
  await using side = await server.jsonLogin("b", { side: true });
  assert.deepEqual(await download(side, event.file), file.bytes);
});

onEachStore("a room's file is fetched in that room, and no longer after leaving it", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const file = await makeFile(10);
  await a.refused("upload", { ...file, bytes: undefined, room: "general" }, "wrong_room");
  await a.ok("join", { room: "general" });
  const id = await upload(a, file, { room: "general" });
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
  await b.ok("join", { room: "general" });
  await a.ok("say", { text: "here", file: id });
  await download(b, { id, ...file });
  await b.ok("leave");
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
  await a.ok("leave");
  await download(a, { id, ...file });
  await a.refused("say", { text: "elsewhere", file: id }, "unknown_file");
  await using side = await server.jsonLogin("a", { side: true });
  await upload(side, file, { room: "anywhere" });
  await side.ok("say", { text: "from a script", room: "general", file: id });
});

onEachStore("what is no file's name, size, hash or destination is refused", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  const { bytes: _, ...good } = await makeFile(10);
  const paths = ["../x", "a/b", "a\\b", ".", "..", "", " "];
  const names = [...paths, "a\0b", "a\nb", "a\tb", "\x1b[2J", "x".repeat(300), "é".repeat(128)];
  for (const name of names) await a.refused("upload", { ...good, name, room: "lobby" }, "usage");
  const fine = ["...", ".profile", "a b", "x".repeat(255), "é".repeat(127), "-rf", "__proto__", "CON", "😀.png"];
  for (const name of fine) await a.ok("upload", { ...good, name, room: "lobby" });
  for (const size of [-1, 1.5, "10", null, 2 ** 53]) {
    await a.refused("upload", { ...good, size, room: "lobby" }, "usage");
  }
  for (const sha256 of ["", good.sha256.toUpperCase(), good.sha256.slice(1), `${good.sha256}0`, 7]) {
    await a.refused("upload", { ...good, sha256, room: "lobby" }, "usage");
  }
  await a.refused("upload", good, "usage");
  await a.refused("upload", { ...good, room: "lobby", to: "b" }, "usage");
  await a.refused("upload", { ...good, to: "nobody" }, "unknown_user");
  await a.refused("upload", { ...good, room: "#" }, "invalid_room");
});

onEachStore("a chunk of another size, number or alphabet is refused, and changes nothing", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const file = await makeFile(chunkBytes + 3);
  const { file: id } = await begin(a, file, { room: "lobby" });
  const first = chunk(file, 0);
  const wrong: Json[] = [
    { n: 0, data: first.slice(0, -4) },
    { n: 0, data: `${first}AAAA` },
    { n: 1, data: first },
    { n: 2, data: "AAAA" },
    { n: -1, data: "AAAA" },
    { n: 0.5, data: "AAAA" },
    { n: 0, data: "" },
    { n: 0, data: "A" },
    { n: 0, data: `${first.slice(0, -4)}AAA` },
    { n: 0, data: `${first.slice(0, -4)}A A=` },
    { n: 0, data: `${first.slice(0, -4)}A_-=` },
    { n: 0, data: `${first.slice(0, -4)}A===` },
    { n: 0, data: 7 },
    { n: 0 },
    { data: first },
  ];
  for (const fields of wrong) await a.refused("chunk", { file: id, ...fields }, "usage");
  await a.refused("chunk", { file: "nothing", n: 0, data: first }, "unknown_file");
  assert.equal((await a.ok("chunk", { file: id, n: 1, data: chunk(file, 1) })).have, 0); // not its turn
  assert.equal((await a.ok("chunk", { file: id, n: 0, data: first })).have, 1);
  await a.refused("say", { text: "unfinished", file: id }, "unknown_file");
  await a.refused("download", { file: id, n: 1 }, "unknown_file");
  await a.refused("download", { file: id, n: 2 }, "usage");
  assert.equal((await a.ok("chunk", { file: id, n: 0, data: "A".repeat(first.length) })).have, 1); // sent again
  assert.equal((await a.ok("chunk", { file: id, n: 1, data: chunk(file, 1) })).have, 2);
  await a.ok("say", { text: "finished", file: id });
  assert.deepEqual(await download(a, { id, ...file }), file.bytes);
});

onEachStore("limits on a file, on a user's files and on all files have codes of their own", async (start) => {
  await using server = await start({
    MAX_FILE_BYTES: "100000",
    MAX_USER_FILES_BYTES: "150000",
    MAX_FILES_BYTES: "250000",
    MAX_USER_FILES_PERCENT: "100",
  });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const file = await makeFile(100_000);
  const at = { ...file, bytes: undefined, room: "lobby" };
  const { message } = await a.refused("upload", { ...at, size: 100_001 }, "file_too_large");
  assert.match(message, /100001 .*100000/);
  const id = await upload(a, file, at);
  await a.refused("upload", { ...at, name: "another", size: 50_001 }, "files_full");
  await upload(b, file, at);
  await b.refused("upload", { ...at, name: "another", size: 50_001 }, "files_full"); // of all
  // What is announced counts 4 KiB; with what comes of it, one of two is refused that each would fit.
  const other = { ...at, name: "another", size: 45_904 };
  const { file: first } = await a.ok("upload", other);
  const { file: second } = await b.ok("upload", other);
  const data = file.bytes.subarray(0, other.size).toBase64();
  await a.ok("chunk", { file: first, n: 0, data });
  await a.ok("chunk", { file: first, n: 0, data }); // sent again
  await b.refused("chunk", { file: second, n: 0, data }, "files_full");
  await a.ok("upload", at); // the same as before
  await a.ok("withdraw", { file: id });
  await b.ok("chunk", { file: second, n: 0, data });
  await a.ok("upload", { ...at, name: "a third", size: 50_000 });
});

onEachStore("what is only announced keeps nobody from sending a file", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  for (const user of ["a", "b", "c", "d"]) {
    await using one = await server.jsonLogin(user);
    for (let n = 0; n < 4; n++) {
      const { expires } = await one.ok("upload", {
        ...{ name: `${n}`, size: 16 * 1024 * 1024, sha256: "0".repeat(64), room: "lobby" },
      });
      // What it will be when it is there: until then it is kept for an hour.
      assert.ok(Math.abs(Date.parse(expires) - Date.now() - 7 * 24 * 3600 * 1000) < 60_000, expires);
    }
  }
  await using a = await server.jsonLogin("a");
  await upload(a, await makeFile(10), { room: "lobby" });
});

onEachStore("FILE_TTL=off keeps files, and says until when in words that are a time", async (start) => {
  await using server = await start({ FILE_TTL: "off" });
  await using a = await server.jsonLogin("a");
  const id = await upload(a, await makeFile(10), { room: "lobby" });
  await a.ok("say", { text: "for ever", file: id });
  assert.match((await a.event()).file.expires, /^2\d{3}-/);
});

onSqlite("a server that takes no files says so", async (start) => {
  await using server = await start({ MAX_FILE_BYTES: "0" });
  await using a = await server.jsonLogin("a");
  for (const size of [0, 1]) {
    const { bytes: _, ...file } = await makeFile(size);
    const { message } = await a.refused("upload", { ...file, room: "lobby" }, "file_too_large");
    assert.match(message, /takes none/);
  }
});

onEachStore("16 MiB pass, and a byte more does not", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  const file = await makeFile(16 * 1024 * 1024);
  const { bytes: _, ...fields } = file;
  await a.refused("upload", { ...fields, size: file.size + 1, room: "lobby" }, "file_too_large");
  const id = await upload(a, file, { room: "lobby" });
  await a.ok("say", { text: "big", file: id });
  assert.equal(await sha256Of(await download(a, (await a.event()).file)), file.sha256);
});

onEachStore("a file is forgotten when its time is over", async (start) => {
  await using server = await start({ FILE_TTL: "1s" });
  await using a = await server.jsonLogin("a");
  const file = await makeFile(10);
  const id = await upload(a, file, { room: "lobby" });
  await a.ok("say", { text: "soon gone", file: id });
  await eventually(
    async () => (await a.request("download", { file: id, n: 0 })).code === "unknown_file",
    "the file has expired",
  );
  await a.refused("say", { text: "gone", file: id }, "unknown_file");
  assert.equal((await begin(a, file, { room: "lobby" })).have, 0);
});

onSqlite("a running server forgets expired files once a minute, and tries again after a failure", async (start) => {
  const interval = globalThis.setInterval;
  const quick = (work: () => void, ms?: number) => interval(work, ms === 60_000 ? 5 : ms);
  globalThis.setInterval = quick as typeof interval;
  using _ = { [Symbol.dispose]: () => void (globalThis.setInterval = interval) };
  await using server = await start();
  let sweeps = 0;
  server.store.files.sweep = () => ++sweeps === 1 ? Promise.reject(new Error("away")) : Promise.resolve();
  await eventually(() => sweeps >= 3, "it was done three times");
});

onEachStore("an upload goes on after the connection was cut, where the server has got to", async (start) => {
  await using server = await start();
  const file = await makeFile(6 * chunkBytes + 1);
  const ids = new Set<string>();
  for (let cuts = 0; cuts < 3; cuts++) {
    await using a = await server.jsonLogin("a", { side: cuts === 1 });
    const { file: id, have } = await begin(a, file, { to: "b" });
    ids.add(id);
    assert.equal(have, 2 * cuts);
    await a.ok("chunk", { file: id, n: have, data: chunk(file, have) });
    await a.ok("chunk", { file: id, n: have + 1, data: chunk(file, have + 1) });
    const half = JSON.stringify({ id: 1, cmd: "chunk", file: id, n: have + 2, data: chunk(file, have + 2) });
    await a.sendBytes(new TextEncoder().encode(half.slice(0, 40_000)));
    a.drop();
  }
  await using a = await server.jsonLogin("a");
  ids.add(await upload(a, file, { to: "b" }));
  assert.equal(ids.size, 1);
  const [id] = ids;
  await a.ok("msg", { to: "b", text: "at last", file: id });
  await using b = await server.jsonLogin("b");
  assert.deepEqual(await download(b, (await b.event()).file), file.bytes);
});

onEachStore("messages around an offer keep their order, however they are sent", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const room = await upload(a, await makeFile(10), { room: "lobby" });
  const user = await upload(a, await makeFile(10), { to: "b" });
  const texts = Array.from({ length: 60 }, (_, index) => `${index}`);
  const offer = (index: number, id: string) => index % 7 === 3 ? { file: id } : {};
  for (const [index, text] of texts.entries()) a.post("say", { text, ...offer(index, room) });
  for (const [index, text] of texts.entries()) a.post("msg", { to: "b", text, ...offer(index, user) });
  for (let id = 0; id < 2 * texts.length; id++) assert.equal((await a.reply()).type, "ok");
  const events = await b.events(2 * texts.length);
  for (const [topic, id] of [["room:lobby", room], ["inbox:b", user]] as const) {
    const said = events.filter((event) => event.topic === topic);
    assert.deepEqual(said.map(({ text }) => text), texts);
    assert.deepEqual(said.map(({ file }) => file?.id), texts.map((_, index) => offer(index, id).file));
  }
});

onEachStore("a follower elsewhere is told what was said, and not offered a file of that room", async (start) => {
  await using server = await start({ FOLLOW_ROOM_MESSAGES: "on" });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await b.ok("join", { room: "general" });
  await b.ok("subscribe", { user: "a" });
  const id = await upload(a, await makeFile(10), { room: "lobby" });
  await a.ok("say", { text: "see", file: id });
  const told = await b.event();
  assert.deepEqual([told.type, told.room, told.text, told.file], ["notification", "lobby", "see", undefined]);
});

for (const MAX_LINE_BYTES of ["8192", "512"]) {
  onEachStore(`only the commands that need them have longer lines than ${MAX_LINE_BYTES}`, async (start) => {
    await using server = await start({ MAX_LINE_BYTES, MAX_MESSAGE_BYTES: "500" });
    await using a = await server.jsonLogin("a");
    const file = await makeFile(chunkBytes + 1);
    const id = await upload(a, file, { room: "lobby" });
    const long = "x".repeat(60_000);
    await a.refused("say", { text: long }, "line_too_long");
    await a.refused("download", { file: id, n: 0, long }, "line_too_long");
    const { message } = await a.refused("msg", { to: "b", text: long }, "line_too_long"); // longer than a sealed one
    assert.match(message, /24576 bytes/);
    await a.refused("msg", { to: "b", text: "x".repeat(20_000) }, "message_too_long");
    await a.ok("chunk", { file: id, n: 0, data: chunk(file, 0), pad: "x".repeat(100) });
    a.post("chunk", { file: id, n: 0, data: chunk(file, 0), pad: long });
    const { type, code, id: none } = await a.next(); // too long for anything: it was not even read
    assert.deepEqual([type, code, none], ["error", "line_too_long", undefined]);
    await a.ok("whoami");
    await using person = await server.login("b");
    await person.send(long);
    assert.match(await person.line(), /^\[ERROR\] line_too_long/);
  });
}

onSqlite("a person who types has nothing to do with files", async (start) => {
  await using server = await start();
  await using person = await server.login("a");
  assert.match(await person.ask("/upload x"), /unknown_command/);
  await using stranger = await server.json();
  await stranger.refused("download", { file: "x", n: 0 }, "login_required");
});

onRedis("a file that is uploaded at one server goes on and is fetched at another", async (start) => {
  await using one = await start();
  await using two = await start();
  const file = await makeFile(5 * chunkBytes);
  {
    await using a = await one.jsonLogin("a");
    const { file: id } = await begin(a, file, { room: "lobby" });
    await a.ok("chunk", { file: id, n: 0, data: chunk(file, 0) });
  }
  await using a = await two.jsonLogin("a");
  const id = await upload(a, file, { room: "lobby" });
  await using b = await one.jsonLogin("b");
  await a.ok("say", { text: "from two", file: id });
  const offer = (await nextMessage(b)).file;
  assert.deepEqual(await download(b, offer), file.bytes);
  await a.ok("withdraw", { file: id });
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
});

async function nextMessage(client: JsonClient): Promise<Json> {
  for (;;) {
    const event = await client.event();
    if (event.type === "message") return event;
  }
}
