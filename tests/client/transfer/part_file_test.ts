/** Files while they arrive: on the disk, beside others who may write there. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { encryptFile } from "../../../lib/client/e2ee/file_cipher.ts";
import { sha256 } from "../../../lib/client/transfer/chunks.ts";
import { fetchInto } from "../../../lib/client/transfer/fetching.ts";
import { PartFile } from "../../../lib/client/transfer/part_file.ts";
import { fileChunkBytes } from "../../../lib/wire/files.ts";
import { bytesOf, names, threeChunks as size, withFolder } from "./fake_files.ts";
import { FakeClock } from "../fakes.ts";

withFolder("PartFile goes on with what an earlier run has left, and is its owner's alone", async (folder) => {
  const goal = { folder, name: "report.pdf" };
  const bytes = bytesOf(size);
  const first = await PartFile.open(goal, "abc", size);
  await first.append(bytes.subarray(0, fileChunkBytes));
  await first.append(bytes.subarray(fileChunkBytes, fileChunkBytes + 100)); // half a chunk: the program was killed
  first[Symbol.dispose]();
  assert.deepEqual(names(folder), [".abc.part"]);
  assert.equal((await Deno.stat(join(folder, ".abc.part"))).mode! & 0o777, 0o600);
  using second = await PartFile.open(goal, "abc", size);
  assert.equal(second.have, 1);
  await second.append(bytes.subarray(fileChunkBytes, 2 * fileChunkBytes));
  await second.append(bytes.subarray(2 * fileChunkBytes));
  assert.equal(Buffer.compare(await second.read(), bytes), 0);
  const path = await second.finish(bytes);
  assert.equal(path, join(folder, "report.pdf"));
  assert.equal(Buffer.compare(await Deno.readFile(path), bytes), 0);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.deepEqual(names(folder), ["report.pdf"]);
  // A part that is larger than the file was another one's.
  await Deno.writeFile(join(folder, ".d.part"), bytesOf(size + 1), { mode: 0o600 });
  using third = await PartFile.open(goal, "d", size);
  assert.equal(third.have, 0);
  await third.discard();
  assert.deepEqual(names(folder), ["report.pdf"]);
});

withFolder("PartFile writes over nothing, and follows no link", async (folder) => {
  const outside = join(folder, "outside");
  const inside = join(folder, "in");
  await Deno.mkdir(inside);
  await Deno.writeTextFile(outside, "precious", { mode: 0o600 }); // as one's own parts are
  await Deno.symlink(outside, join(inside, "a.txt"));
  await Deno.symlink(join(folder, "nowhere"), join(inside, "a (2).txt"));
  await Deno.mkdir(join(inside, "a (3).txt"));
  await Deno.writeTextFile(join(inside, "a (4).txt"), "precious");
  {
    using part = await PartFile.open({ folder: inside, name: "a.txt" }, "x", 3);
    await part.append(bytesOf(3));
    assert.equal(await part.finish(bytesOf(3)), join(inside, "a (5).txt"));
  }
  await Deno.symlink(outside, join(inside, ".y.part"));
  await assert.rejects(PartFile.open({ folder: inside, name: "b" }, "y", 3), /something else stands there/);
  await Deno.link(outside, join(inside, ".z.part"));
  await assert.rejects(PartFile.open({ folder: inside, name: "b" }, "z", 3), /something else stands there/);
  await assert.rejects(PartFile.open({ path: join(inside, "a.txt") }, "w", 3), /it is there already/);
  await assert.rejects(PartFile.open({ folder: join(folder, "none"), name: "b" }, "w", 3), ClientError);
  {
    using part = await PartFile.open({ path: join(inside, "exact") }, "v", 3);
    await Deno.writeTextFile(join(inside, "exact"), "precious"); // somebody was faster
    await assert.rejects(part.finish(bytesOf(3)), /it is there already/);
    assert.deepEqual(names(inside).filter((name) => name.startsWith(".v")), [".v.part"]);
    await part.discard();
  }
  assert.equal(await Deno.readTextFile(outside), "precious");
  assert.equal(await Deno.readTextFile(join(inside, "exact")), "precious");
  assert.ok(!names(folder).includes("nowhere"));
});

withFolder("PartFile.open() refuses what another has open, and what is finished is nobody else's", async (folder) => {
  const goal = { folder, name: "r.bin" };
  const bytes = bytesOf(size);
  const first = await PartFile.open(goal, "abc", size);
  await first.append(bytes.subarray(0, fileChunkBytes));
  const busy = /^ClientError: r\.bin is being fetched into .* already$/;
  await assert.rejects(PartFile.open(goal, "abc", size), busy);
  await assert.rejects(PartFile.open({ path: join(folder, "x.bin") }, "abc", size), /: x\.bin is being fetched into/);
  // Whoever has the beginning open, by whatever way, has nothing of the file itself.
  using thief = await Deno.open(join(folder, ".abc.part"), { write: true });
  await first.append(bytes.subarray(fileChunkBytes));
  const path = await first.finish(bytes);
  await thief.write(new Uint8Array(size));
  assert.equal(Buffer.compare(await Deno.readFile(path), bytes), 0);
  assert.deepEqual(names(folder), ["r.bin"]);
  await first.discard();
  using second = await PartFile.open(goal, "abc", size);
  assert.equal(second.have, 0);
  await first.discard(); // it is the second one's by now
  assert.deepEqual(names(folder), [".abc.part", "r.bin"]);
});

withFolder("PartFile.open() by many at once gives it to one after the other", async (folder) => {
  const goal = { folder, name: "r.bin" };
  const bytes = bytesOf(3);
  const done = await Promise.all(Array.from({ length: 20 }, async () => {
    try {
      using part = await PartFile.open(goal, "abc", 3);
      if (part.have === 0) await part.append(bytes);
      return await part.finish(await part.read());
    } catch (error) {
      assert.match(String(error), /is being fetched/);
    }
  }));
  const paths = done.filter((path) => path !== undefined);
  assert.ok(paths.length > 0 && new Set(paths).size === paths.length);
  for (const path of paths) assert.deepEqual(await Deno.readFile(path), bytes);
  assert.equal(names(folder).length, paths.length);
});

withFolder("PartFile.open() goes on with nothing that others may have written", async (folder) => {
  const part = join(folder, ".abc.part");
  const open = () => PartFile.open({ folder, name: "r.bin" }, "abc", size);
  const foreign: (() => Promise<void>)[] = [0o666, 0o640, 0o700].map((mode) => () => Deno.chmod(part, mode));
  // Only root gives files away.
  const { state } = await Deno.permissions.query({ name: "sys", kind: "uid" });
  if (state === "granted" && Deno.uid() === 0) foreign.push(() => Deno.chown(part, 12_345, null));
  for (const estrange of foreign) {
    await Deno.writeFile(part, bytesOf(fileChunkBytes), { mode: 0o600 });
    {
      using own = await open();
      assert.equal(own.have, 1);
    }
    await estrange();
    await assert.rejects(open(), /abc\.part cannot be written: something else stands there/);
    assert.equal((await Deno.stat(part)).size, fileChunkBytes, "it is left alone");
    await Deno.remove(part);
  }
  assert.deepEqual(names(folder), []);
});

withFolder("PartFile.finish() follows no link that somebody puts in its way", async (folder) => {
  const outside = join(folder, "outside");
  const inside = join(folder, "in");
  await Deno.mkdir(inside);
  await Deno.writeTextFile(outside, "precious");
  using part = await PartFile.open({ folder: inside, name: "r.bin" }, "abc", 3);
  await part.append(bytesOf(3));
  const remove = Deno.remove;
  // As if somebody were quicker than the client, once what an earlier run has left is gone.
  Deno.remove = async () => {
    Deno.remove = remove;
    await Deno.symlink(outside, join(inside, ".abc.whole"));
  };
  try {
    await assert.rejects(part.finish(bytesOf(3)), /abc\.whole cannot be written/);
  } finally {
    Deno.remove = remove;
  }
  assert.equal(await Deno.readTextFile(outside), "precious");
  assert.equal(await part.finish(bytesOf(3)), join(inside, "r.bin"));
  assert.ok((await Deno.lstat(join(inside, "r.bin"))).isFile);
});

withFolder("fetchInto() gives nothing its name that was cancelled with its last chunk", async (folder) => {
  const bytes = bytesOf(100);
  const announced = await sha256(bytes);
  const offer = { id: "abc", name: "r.bin", size: 100, sha256: announced, expires: undefined, key: undefined };
  const stop = new AbortController();
  const wire = {
    clock: new FakeClock(),
    signal: stop.signal,
    progress: (done: number) => done === 100 && stop.abort(new ClientError("refused", "it was cancelled")),
    ask: () => Promise.resolve({ of: "download", n: 0, data: Buffer.from(bytes).toString("base64") } as const),
  };
  using part = await PartFile.open({ folder, name: "r.bin" }, "abc", 100);
  await assert.rejects(fetchInto(part, offer, wire), /it was cancelled/);
  assert.deepEqual(names(folder), [".abc.part"]);
});

withFolder("fetchInto() never puts what it decrypted where it looks for what is encrypted", async (folder) => {
  const bytes = bytesOf(100);
  const sealed = await encryptFile(bytes);
  const offer = {
    id: "abc",
    name: "r.bin",
    size: 100,
    sha256: await sha256(bytes),
    expires: undefined,
    key: sealed.key,
  };
  const wire = {
    clock: new FakeClock(),
    signal: new AbortController().signal,
    progress: () => {},
    ask: () => Promise.resolve({ of: "download", n: 0, data: Buffer.from(sealed.bytes).toString("base64") } as const),
  };
  const path = join(folder, "r.bin");
  const whole = join(folder, ".abc.whole");
  const rename = Deno.rename;
  // As if the program were killed at its last step: what it has written then is not what it goes on with.
  Deno.rename = () => Promise.reject(new Error("killed"));
  try {
    using part = await PartFile.open({ path }, "abc", sealed.bytes.length);
    await assert.rejects(fetchInto(part, offer, wire), /killed/);
  } finally {
    Deno.rename = rename;
  }
  assert.deepEqual(names(folder), [".abc.part"]);
  assert.deepEqual(await Deno.readFile(join(folder, ".abc.part")), sealed.bytes);
  await Deno.writeFile(whole, bytes.subarray(0, 50)); // what a kill leaves
  using part = await PartFile.open({ path }, "abc", sealed.bytes.length);
  assert.equal(part.have, 1);
  assert.equal(await fetchInto(part, offer, { ...wire, ask: () => Promise.reject(new Error("not asked")) }), path);
  assert.deepEqual(await Deno.readFile(path), bytes);
  assert.deepEqual(names(folder), ["r.bin"]);
});
