import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Request } from "../../../lib/client/net/connection.ts";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { AlreadyTold } from "../../../lib/client/session/local_commands.ts";
import { downloadFile, sha256, uploadFile } from "../../../lib/client/transfer/chunks.ts";
import type { Reply } from "../../../lib/wire/event.ts";
import { fileChunkBytes } from "../../../lib/wire/files.ts";
import { bytesOf, FakeFiles, threeChunks as size } from "./fake_files.ts";
import { FakeClock, soon, test } from "../fakes.ts";

const wire = (
  ask: (request: Request) => Promise<unknown>,
  clock = new FakeClock(),
  signal = new AbortController().signal,
) => {
  const progress: number[] = [];
  return {
    ask: ask as (request: Request) => Promise<Reply>,
    clock,
    signal,
    progress: (bytes: number) => void progress.push(bytes),
    told: progress,
  };
};

const draftOf = async (bytes: Uint8Array<ArrayBuffer>) => ({
  ...{ name: "f", bytes, where: { to: "b" } },
  sha256: await sha256(bytes),
});

test("uploadFile() sends chunks one after the other, and then the offer", async () => {
  const server = new FakeFiles();
  const port = wire(server.ask);
  const bytes = bytesOf(size);
  const id = await uploadFile(await draftOf(bytes), port, ({ id }) => Promise.resolve(id));
  assert.deepEqual(Buffer.compare(server.bytes(id), bytes), 0);
  assert.deepEqual(server.asked.map(({ cmd, n }) => [cmd, n]), [["upload", undefined], ["chunk", 0], ["chunk", 1], [
    "chunk",
    2,
  ]]);
  assert.deepEqual(port.told, [0, fileChunkBytes, 2 * fileChunkBytes, size]);
});

test("uploadFile() goes on where the server is, and begins again where it has lost the file", async () => {
  const server = new FakeFiles();
  const bytes = bytesOf(size);
  const draft = await draftOf(bytes);
  await server.ask({ cmd: "upload", name: "f", sha256: draft.sha256 });
  await server.ask({
    cmd: "chunk",
    file: "id1",
    n: 0,
    data: Buffer.from(bytes.subarray(0, fileChunkBytes)).toString("base64"),
  });
  server.asked.length = 0;
  let lost = 0;
  server.before = ({ cmd, n }) => {
    if (cmd === "chunk" && n === 2 && lost++ === 0) server.files.clear();
  };
  const offered = await uploadFile(draft, wire(server.ask), ({ id }) => Promise.resolve(id));
  assert.deepEqual(server.asked.map(({ cmd, n }) => n ?? cmd), ["upload", 1, 2, "upload", 0, 1, 2]);
  assert.equal(Buffer.compare(server.bytes(offered), bytes), 0);
  // Somebody else on the same account may be sending it as well: what came that way need not be sent.
  const asked: unknown[] = [];
  const ahead = ({ cmd, n }: Request) => {
    asked.push(n ?? cmd);
    const have = cmd === "upload" ? 0 : n === 0 ? 2 : 3;
    return Promise.resolve({ file: "f", have, chunk_bytes: fileChunkBytes, expires: "" });
  };
  await uploadFile(draft, wire(ahead), () => Promise.resolve());
  assert.deepEqual(asked, ["upload", 0, 2]);
  // A file that is gone when it is offered is sent once more, too; one that is always gone is given up.
  let offers = 0;
  await assert.rejects(
    uploadFile(draft, wire(server.ask), () => {
      offers++;
      return Promise.reject(new AlreadyTold(new ChatError("unknown_file", "gone")));
    }),
    AlreadyTold,
  );
  assert.equal(offers, 6);
});

test("uploadFile() and downloadFile() wait for a store that is away, and not for ever", async () => {
  const server = new FakeFiles();
  const clock = new FakeClock();
  let away = 3;
  server.before = () => {
    if (away-- > 0) throw new ChatError("store_unavailable", "away");
  };
  const done = uploadFile(await draftOf(bytesOf(10)), wire(server.ask, clock), ({ id }) => Promise.resolve(id));
  await clock.advance(2_000);
  assert.equal(await soon(done), "id1");
  away = Infinity;
  const failed = downloadFile({ id: "id1", size: 10, from: 0 }, wire(server.ask, clock), () => {});
  failed.catch(() => {});
  await clock.advance(61_000);
  await assert.rejects(soon(failed), /away/);
});

test("uploadFile() ends where a server takes nothing, or answers nonsense", async () => {
  const draft = await draftOf(bytesOf(size));
  const answers: [Record<string, unknown>, RegExp][] = [
    [{ file: 7 }, /names no file/],
    [{ chunk_bytes: 1 }, /cuts files in another way/],
    [{ have: -1 }, /no usable number/],
    [{ have: 4 }, /no usable number/],
    [{ have: "x" }, /no usable number/],
  ];
  for (const [fields, why] of answers) {
    const reply = { file: "f", have: 0, chunk_bytes: fileChunkBytes, expires: "", ...fields };
    await assert.rejects(uploadFile(draft, wire(() => Promise.resolve(reply)), () => Promise.resolve()), why);
  }
  const idle = { file: "f", have: 0, chunk_bytes: fileChunkBytes, expires: "" };
  await assert.rejects(uploadFile(draft, wire(() => Promise.resolve(idle)), () => Promise.resolve()), /does not take/);
});

test("downloadFile() refuses what was not asked for", async () => {
  const data = Buffer.from(bytesOf(10)).toString("base64");
  const take = () => {};
  for (const reply of [{ n: 1, data }, { n: 0, data: "AAAA" }, { n: 0 }, { n: 0, data: 7 }, { n: "0", data }]) {
    const port = wire(() => Promise.resolve(reply));
    await assert.rejects(downloadFile({ id: "f", size: 10, from: 0 }, port, take), /something else than was asked for/);
  }
});

test("uploadFile() withdraws what the server refuses to be offered, or has no room for", async () => {
  const bytes = bytesOf(size);
  const draft = await draftOf(bytes);
  const refusing = (error: Error) => () => Promise.reject(error);
  for (const error of [new ChatError("muted", "no"), new AlreadyTold(new ChatError("inbox_full", "no"))]) {
    const server = new FakeFiles();
    await assert.rejects(uploadFile(draft, wire(server.ask), refusing(error)), error);
    assert.deepEqual([server.files.size, server.asked.at(-1)], [0, { cmd: "withdraw", file: "id1" }]);
  }
  const full = new FakeFiles();
  full.before = ({ n }) => {
    if (n === 2) throw new ChatError("files_full", "no");
  };
  await assert.rejects(uploadFile(draft, wire(full.ask), () => Promise.resolve()), /no/);
  assert.equal(full.files.size, 0);
  // What was there before may have been offered before; and of what was lost on its way nobody knows.
  const server = new FakeFiles();
  const away = new ChatError("store_unavailable", "away");
  const clock = new FakeClock();
  for (const error of [new ClientError("unreachable", "lost"), away, new ChatError("muted", "no")]) {
    const failed = uploadFile(draft, wire(server.ask, clock), refusing(error));
    failed.catch(() => {});
    if (error === away) await clock.advance(61_000);
    await assert.rejects(soon(failed), error);
    assert.equal(server.files.size, 1);
  }
});
