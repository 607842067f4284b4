import assert from "node:assert/strict";
import { test } from "../../tests/support/declare.ts";
import { every, permitted } from "../../tests/support/needs.ts";
import { Prng } from "../../tests/chaos/prng.ts";
import { isFrame, ReliableChannel } from "./reliable.ts";
import { type Peer, Service } from "./service.ts";

const hasher = {
  hash: (password: string) => Promise.resolve(`hash of ${password}`),
  isCurrent: () => true,
  verify: (password: string, hash: string | undefined) => Promise.resolve(hash === `hash of ${password}`),
};

function peerOf(): Peer & { heard: string[] } {
  const heard: string[] = [];
  return { heard, tell: (line) => void heard.push(line) };
}

test("Service.handle() registers, logs in, lists, and tells rooms and users", async () => {
  const service = new Service(hasher);
  const [a, b] = [peerOf(), peerOf()];
  for (const [peer, user] of [[a, "a"], [b, "b"]] as const) {
    await service.handle(peer, "LIST");
    await service.handle(peer, `REGISTER ${user} secret`);
    await service.handle(peer, `LOGIN ${user} wrong`);
    await service.handle(peer, `LOGIN ${user} secret`);
    await service.handle(peer, `LOGIN ${user} secret`);
    const answers = ["ERR login first", "OK registered", "ERR wrong user or password", "OK logged in", "OK logged in"];
    assert.deepEqual(peer.heard.splice(0), answers);
  }
  await service.handle(a, "REGISTER b other");
  await service.handle(a, "LIST");
  await service.handle(a, "SAY hello all");
  await service.handle(a, "MSG b psst  there");
  await service.handle(a, "MSG nobody x");
  await service.handle(a, "WHAT");
  assert.deepEqual(a.heard, [
    "ERR the name is taken",
    "OK a b",
    "ROOM a hello all",
    "OK sent",
    "ERR nobody is not here",
    "ERR allowed: REGISTER, LOGIN, LIST, MSG, SAY",
  ]);
  assert.deepEqual(b.heard, ["ROOM a hello all", "DM a psst  there"]);
  service.leave(b);
  await service.handle(a, "MSG b gone?");
  assert.equal(a.heard.at(-1), "ERR b is not here");
});

for (const seed of [1, 2, 3]) {
  test(`ReliableChannel brings each line once and in order through a bad network, seed ${seed}`, async () => {
    const prng = new Prng(seed);
    const [heard, wanted]: [string[], string[]] = [[], Array.from({ length: 300 }, (_, n) => `line ${n}`)];
    const all = Promise.withResolvers<void>();
    const timers = new Set<ReturnType<typeof setTimeout>>();
    /** Loses a fifth, doubles a tenth, and brings the rest in any order within 5 ms. */
    const network = (to: () => ReliableChannel) => (frame: Uint8Array) => {
      assert(isFrame(frame));
      for (let copies = prng.next() < 0.2 ? 0 : prng.next() < 0.1 ? 2 : 1; copies > 0; copies--) {
        const timer = setTimeout(() => {
          timers.delete(timer);
          to().receive(frame);
        }, prng.int(0, 5));
        timers.add(timer);
      }
    };
    const take = (line: Uint8Array) => {
      heard.push(new TextDecoder().decode(line));
      if (heard.length === wanted.length) all.resolve();
    };
    const one = new ReliableChannel({ channel: 7, send: network(() => other), take: () => {} });
    const other: ReliableChannel = new ReliableChannel({ channel: 7, send: network(() => one), take });
    for (const line of wanted) one.send(new TextEncoder().encode(line));
    await all.promise;
    one.close();
    other.close();
    for (const timer of timers) clearTimeout(timer);
    assert.deepEqual(heard, wanted);
  });
}

test("ReliableChannel.receive() takes nothing of another channel", () => {
  const heard: Uint8Array[] = [];
  const frames: Uint8Array[] = [];
  const foreign = new ReliableChannel({ channel: 1, send: (frame) => void frames.push(frame), take: () => {} });
  foreign.send(new Uint8Array([65]));
  foreign.close();
  new ReliableChannel({ channel: 2, send: () => {}, take: (line) => void heard.push(line) }).receive(frames[0]);
  assert.deepEqual(heard, []);
});

test("no server can be told to start the compared transports: nothing outside bench knows them", async () => {
  const root = new URL("../../", import.meta.url);
  const search = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await search(new URL(`${name}/`, folder));
      else if (name.endsWith(".ts")) {
        assert.doesNotMatch(await Deno.readTextFile(new URL(name, folder)), /bench\/|transports\//, `${folder}${name}`);
      }
    }
  };
  await search(new URL("lib/", root));
  for (const name of ["server.ts", "client.ts", "admin.ts"]) {
    assert.doesNotMatch(await Deno.readTextFile(new URL(name, root)), /bench\//, name);
  }
}, every(await permitted("read")));
