import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Request } from "../../../lib/client/net/connection.ts";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { LocalCommands, type Tell } from "../../../lib/client/session/local_commands.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { encryptFile } from "../../../lib/client/e2ee/file_cipher.ts";
import { sha256 } from "../../../lib/client/transfer/chunks.ts";
import { transferCommands } from "../../../lib/client/transfer/commands.ts";
import { type Offer, Offers } from "../../../lib/client/transfer/offers.ts";
import { Transfers } from "../../../lib/client/transfer/transfers.ts";
import { fileChunkBytes } from "../../../lib/wire/files.ts";
import { eventually } from "../../support/client.ts";
import { bytesOf, FakeFiles, names, threeChunks as size, withFolder } from "./fake_files.ts";
import { FakeClock, settled, test } from "../fakes.ts";

interface Desk {
  readonly server: FakeFiles;
  readonly transfers: Transfers;
  readonly own: LocalCommands;
  readonly lines: string[];
  readonly sent: Request[];
  readonly folder: string;
  /** Types a command of the client's own. */
  type(line: string): Promise<void>;
  offer(bytes: Uint8Array<ArrayBuffer>, fields?: Partial<Offer>): Promise<Offer>;
}

/** A person at a keyboard. */
function desk(folder: string, more: Record<string, unknown> = {}): Desk {
  const server = new FakeFiles();
  const sent: Request[] = [];
  const session = {
    user: "a",
    room: "ops",
    maxFileBytes: 1_000_000,
    ask: server.ask,
    send: (request: Request) => {
      sent.push(request);
      return server.ask(request);
    },
    ...more,
  };
  const offers = new Offers();
  const transfers = new Transfers({ session, offers, downloads: () => join(folder, "in"), clock: new FakeClock() });
  const own = new LocalCommands();
  own.add(...transferCommands(transfers, session));
  const lines: string[] = [];
  const tell: Tell = { answer: (line) => void lines.push(line), note: (line) => void lines.push(`[${line}]`) };
  return {
    ...{ server, transfers, own, lines, sent, folder },
    async type(line) {
      const { command, rest } = own.call(line)!;
      await command.run(rest, tell);
    },
    async offer(bytes, fields) {
      const id = `offer${offers.all.length}`;
      const chunks = [];
      for (let at = 0; at < bytes.length; at += fileChunkBytes) {
        chunks.push(Buffer.from(bytes.subarray(at, at + fileChunkBytes)).toString("base64"));
      }
      server.files.set(id, { chunks, name: id });
      const what = { id, name: "got.bin", size: bytes.length, sha256: await sha256(bytes), expires: undefined };
      return offers.add({ ...what, key: undefined, from: "b", to: "a", room: undefined, ...fields });
    },
  };
}

withFolder("/send offers a file to a user or in the room, and /withdraw takes it back", async (folder) => {
  const { type, lines, sent, server } = desk(folder);
  await Deno.writeFile(join(folder, "my file.bin"), bytesOf(size));
  await type(`/send b ${folder}/my file.bin`);
  await type(`/send OPS "${folder}/my file.bin"`);
  assert.deepEqual(lines, [
    "[Sending my file.bin (98 kB) to b; /cancel 1 stops it]",
    "[my file.bin is offered to b; /withdraw 1 takes it back]",
    "[Sending my file.bin (98 kB) to ops; /cancel 2 stops it]",
    "[my file.bin is offered to ops; /withdraw 1 takes it back]",
  ]);
  const [{ cid: _, ...toUser }, { cid: __, ...toRoom }] = sent;
  assert.deepEqual(toUser, { cmd: "msg", to: "b", text: "offers my file.bin (98 kB)", file: "id1" });
  assert.deepEqual(toRoom, { cmd: "say", room: "ops", text: "offers my file.bin (98 kB)", file: "id1" });
  await type("/files");
  assert.match(lines.at(-1)!, /^1: my file\.bin \(98 kB\) to b, until 2026-11-28 09:00 UTC$/);
  await type("/withdraw 1");
  assert.equal(server.files.size, 0);
  await type("/files");
  assert.equal(lines.at(-1), "[No files were offered here; /history @user brings back what a user has offered before]");
});

withFolder("/send says in one line what is wrong, before anything is sent", async (folder) => {
  const { type, server } = desk(folder);
  await Deno.writeFile(join(folder, "large"), new Uint8Array(1_000_001));
  for (
    const [line, why] of [
      ["/send", /^Usage: \/send <user\|room> <path>$/],
      ["/send b", /^Usage/],
      [`/send b ${folder}/nothing`, /nothing cannot be sent: there is no such file$/],
      [`/send b ${folder}`, /cannot be sent: it is a folder$/],
      [`/send b ${folder}/large`, /it has 1000001 bytes, and the server takes at most 1000000$/],
      [`/send b/c ${folder}/large`, /"b\/c" is neither a user nor a room/],
      ["/get", /^Usage/],
      ["/get x", /^Usage/],
      ["/get 7", /^No file has the number 7/],
      ["/cancel 7", /^File 7 is not on its way/],
      ["/withdraw 7", /^No file has the number 7/],
      ["/files x", /^Usage/],
    ] as const
  ) {
    await assert.rejects(type(line), ({ message }: Error) => why.test(message), line);
  }
  assert.deepEqual(server.asked, []);
});

withFolder("/get fetches into the folder for downloads, or where it is told to", async (folder) => {
  const { type, lines, offer } = desk(folder);
  const bytes = bytesOf(size);
  await offer(bytes);
  await type("/get 1");
  await type("/get 1");
  await type(`/get 1 ${folder}/here.bin`);
  assert.deepEqual(names(join(folder, "in")), ["got (2).bin", "got.bin"]);
  assert.equal(Buffer.compare(await Deno.readFile(join(folder, "here.bin")), bytes), 0);
  assert.equal(lines[0], "[Fetching got.bin (98 kB) from b; /cancel 1 stops it]");
  assert.equal(lines[1], `got.bin (98 kB, 1 s, SHA-256 compared) is in ${folder}/in/got.bin`);
  await assert.rejects(type(`/get 1 ${folder}/here.bin`), /it is there already/);
  await offer(bytes, { room: "lobby", to: undefined });
  await assert.rejects(type("/get 2"), /was offered in lobby: \/join lobby first/);
  await assert.rejects(type("/withdraw 1"), /got\.bin is b's/);
});

withFolder("/get keeps nothing of a file whose hash is another", async (folder) => {
  const { type, offer, server } = desk(folder);
  await offer(bytesOf(size));
  server.files.get("offer0")!.chunks[1] = Buffer.from(bytesOf(fileChunkBytes, 2)).toString("base64");
  await assert.rejects(type("/get 1"), /^ClientError: got\.bin was not fetched: what came is not what was offered/);
  assert.deepEqual(names(join(folder, "in")), []);
});

withFolder("/get goes on with what is there, also after an error", async (folder) => {
  const { type, offer, server, lines } = desk(folder);
  await offer(bytesOf(size));
  server.before = ({ n }) => {
    if (n === 2) throw new ClientError("unreachable", "the program was stopped");
  };
  await assert.rejects(type("/get 1"), /got\.bin was not fetched: the session has ended; the same/);
  assert.deepEqual(names(join(folder, "in")), [".offer0.part"]);
  server.before = () => undefined;
  server.asked.length = 0;
  await type("/get 1");
  assert.deepEqual(server.asked.map(({ n }) => n), [2]);
  assert.match(lines.at(-2)!, /^\[Going on with got\.bin/);
  assert.deepEqual(names(join(folder, "in")), ["got.bin"]);
});

withFolder("/cancel stops a transfer and leaves nothing behind", async (folder) => {
  const { type, offer, server, transfers } = desk(folder);
  await offer(bytesOf(size));
  const stuck = Promise.withResolvers<void>();
  server.before = ({ n }) => n === 1 ? stuck.promise : undefined;
  const getting = type("/get 1");
  getting.catch(() => {});
  await eventually(() => transfers.running[0]?.done === fileChunkBytes, "a chunk is there");
  await assert.rejects(type("/get 1"), /is on its way already/);
  await type("/cancel 1");
  await assert.rejects(getting, /got\.bin was not fetched: it was cancelled/);
  stuck.resolve();
  server.before = () => undefined;
  await eventually(() => names(join(folder, "in")).length === 0, "nothing is left of it");
  assert.deepEqual(transfers.running, []);
  await Deno.writeFile(join(folder, "x.bin"), bytesOf(size));
  server.before = ({ cmd, n }) => {
    if (cmd === "chunk" && n === 1) transfers.cancel(2);
  };
  await assert.rejects(type(`/send b ${folder}/x.bin`), /x\.bin was not sent: it was cancelled/);
  await eventually(() => server.files.size === 1, "it is withdrawn");
});

withFolder("/cancel withdraws what was announced, also when the answer comes later", async (folder) => {
  const { type, server } = desk(folder);
  await Deno.writeFile(join(folder, "x.bin"), bytesOf(size));
  const answer = Promise.withResolvers<void>();
  server.before = ({ cmd }) => cmd === "upload" ? answer.promise : undefined;
  const sending = type(`/send b ${folder}/x.bin`);
  sending.catch(() => {});
  await eventually(() => server.asked.length > 0, "it is announced");
  await type("/cancel 1");
  await assert.rejects(sending, /it was cancelled/);
  answer.resolve();
  await eventually(() => server.asked.at(-1)!.cmd === "withdraw", "it is withdrawn");
  await eventually(() => server.files.size === 0, "it is gone");
});

withFolder(
  "/cancel is too late once a file is being offered, and offers nothing that cannot be fetched",
  async (folder) => {
    const { type, server, transfers, lines } = desk(folder);
    await Deno.writeFile(join(folder, "x.bin"), bytesOf(size));
    const posted = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    server.before = ({ cmd }) => {
      if (cmd !== "msg") return undefined;
      posted.resolve();
      return answer.promise;
    };
    const sending = type(`/send b ${folder}/x.bin`);
    await posted.promise;
    const late = /^ClientError: It is too late: x\.bin is being offered; \/withdraw 1 takes it back$/;
    await assert.rejects(type("/cancel 1"), late);
    assert.throws(() => transfers.cancel(7), /File 7 is not on its way/);
    answer.resolve();
    await sending;
    assert.equal(lines.at(-1), "[x.bin is offered to b; /withdraw 1 takes it back]");
    assert.equal(server.files.size, 1);
    // Where the file is lost and sent once more, it can be cancelled again.
    let offers = 0;
    server.before = ({ cmd, n }) => {
      if (cmd === "msg" && offers++ === 0) {
        server.files.clear();
        throw new ChatError("unknown_file", "gone");
      }
      if (cmd === "chunk" && n === 1 && offers === 1) transfers.cancel(2);
    };
    await assert.rejects(type(`/send b ${folder}/x.bin`), /it was cancelled/);
    await eventually(() => server.files.size === 0, "it is withdrawn");
  },
);

withFolder("/send takes back a file whose offer is refused, and not one that was offered before", async (folder) => {
  const { type, server, transfers } = desk(folder);
  await Deno.writeFile(join(folder, "x.bin"), bytesOf(size));
  const muted = ({ cmd }: Request) => {
    if (cmd === "msg") throw new ChatError("muted", "You may not write");
  };
  server.before = muted;
  await assert.rejects(type(`/send b ${folder}/x.bin`));
  assert.deepEqual([server.files.size, transfers.offers.all.length], [0, 0]);
  server.before = () => undefined;
  await type(`/send b ${folder}/x.bin`);
  server.before = muted;
  await assert.rejects(type(`/send b ${folder}/x.bin`));
  assert.deepEqual([server.files.size, transfers.offers.all.map(({ number }) => number)], [1, [2]]);
});

withFolder("/get of a file that another program is fetching says so, and both files are whole", async (folder) => {
  const one = desk(folder);
  const two = desk(folder);
  const bytes = bytesOf(size);
  for (const { offer } of [one, two]) await offer(bytes);
  const stuck = Promise.withResolvers<void>();
  one.server.before = ({ n }) => n === 1 ? stuck.promise : undefined;
  const getting = one.type("/get 1");
  await eventually(() => one.transfers.running[0]?.done === fileChunkBytes, "a chunk is there");
  await assert.rejects(two.type("/get 1"), /got\.bin was not fetched: got\.bin is being fetched into .* already/);
  stuck.resolve();
  await getting;
  await two.type("/get 1");
  for (const name of ["got.bin", "got (2).bin"]) {
    assert.equal(Buffer.compare(await Deno.readFile(join(folder, "in", name)), bytes), 0);
  }
  assert.equal(names(join(folder, "in")).length, 2);
});

withFolder("Transfers have one chunk on its way at a time, in turn", async (folder) => {
  const { type, server } = desk(folder);
  await Deno.writeFile(join(folder, "one"), bytesOf(size, 1));
  await Deno.writeFile(join(folder, "two"), bytesOf(size, 2));
  let together = 0;
  const order: string[] = [];
  server.before = async (request) => {
    if (request.cmd !== "chunk") return;
    assert.equal(++together, 1);
    order.push(`${request.file}.${request.n}`);
    await settled();
    together--;
  };
  await Promise.all([type(`/send b ${folder}/one`), type(`/send b ${folder}/two`)]);
  assert.equal(order.length, 6);
  // One may have begun before the other was read; from when both are there, they take turns until one is done.
  const second = order.findIndex((chunk) => chunk.slice(0, 3) !== order[0].slice(0, 3));
  const left = order.slice(second - 1).map((chunk) => chunk.slice(0, 3));
  while (new Set(left).size === 2) assert.notEqual(left.shift(), left[0], order.join());
});

withFolder("/send encrypts for who can decrypt, and /get decrypts", async (folder) => {
  const asked: string[] = [];
  const canSeal = (user: string) => Promise.resolve(Boolean(asked.push(user)));
  const { type, lines, sent, server, offer } = desk(folder, { canSeal });
  const bytes = bytesOf(size);
  await Deno.writeFile(join(folder, "secret.pdf"), bytes);
  await type(`/send b ${folder}/secret.pdf`);
  assert.deepEqual(asked, ["b"]);
  const upload = server.asked[0];
  assert.deepEqual([upload.name, upload.size], ["encrypted", size + 16]);
  const told = (sent[0].private as { file: Record<string, unknown> }).file;
  assert.deepEqual([told.name, told.size, told.sha256], ["secret.pdf", size, await sha256(bytes)]);
  assert.equal(await sha256(Uint8Array.from(server.bytes("id1"))), upload.sha256);
  assert.match(lines.at(-1)!, /offered to b, encrypted/);
  await type("/get 1");
  assert.equal(Buffer.compare(await Deno.readFile(join(folder, "in", "secret.pdf")), bytes), 0);
  await type(`/send ops ${folder}/secret.pdf`);
  assert.deepEqual([asked.length, sent[1].private], [1, undefined]);
  // Another key, or other bytes: nothing is kept.
  const sealed = await encryptFile(bytes);
  const about = { size, sha256: await sha256(bytes) };
  const { number } = await offer(sealed.bytes, { ...about, key: (await encryptFile(bytes)).key });
  await assert.rejects(type(`/get ${number}`), /was changed on its way, or its key is another/);
  const lie = await offer(sealed.bytes, { ...about, sha256: await sha256(bytesOf(size, 2)), key: sealed.key });
  await assert.rejects(type(`/get ${lie.number}`), /what came is not what was offered/);
  assert.deepEqual(names(join(folder, "in")), ["secret.pdf"]);
});

withFolder("/send stops before the upload where nothing may be sent to that user", async (folder) => {
  const canSeal = () => Promise.reject(new ClientError("refused", "b's devices have changed: /verify b"));
  const { type, server } = desk(folder, { canSeal });
  await Deno.writeFile(join(folder, "x"), bytesOf(3));
  await assert.rejects(type(`/send b ${folder}/x`), /x was not sent: b's devices have changed/);
  assert.deepEqual(server.asked, []);
});

test("LocalCommands.call() knows its commands, and explains them", () => {
  const { own } = desk("/nowhere");
  assert.equal(own.call("send b x"), undefined);
  assert.equal(own.call("//send b x"), undefined);
  assert.equal(own.call("/msg b x"), undefined);
  assert.equal(own.call("/SEND b  x ")?.rest, "b  x");
  const lines: string[] = [];
  const call = own.call("/help /get")!;
  call.command.run(call.rest, { answer: (line) => void lines.push(line), note: () => {} });
  assert.deepEqual(lines, ["/get <n> [path] — fetch file n into the folder for downloads, or to a path"]);
  const command = (name: string) => ({ name, aliases: [], arguments: [], help: "", typed: true });
  const reply = { of: "help", commands: [command("send"), command("msg"), command("hello")] } as const;
  const all = own.explain({ kind: "reply", request: { cmd: "help" }, reply });
  assert.ok(all.update.kind === "reply" && all.update.reply.of === "help");
  assert.deepEqual(all.update.reply.commands.map(({ name }) => name), ["msg"]);
  assert.equal(all.lines.length, 5);
  assert.deepEqual(own.explain({ kind: "reply", request: { cmd: "help", command: "msg" }, reply }).lines, []);
});
