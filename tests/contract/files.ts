/** The contract of {@linkcode Files}. */

import assert from "node:assert/strict";
import { type FileDraft, type Files, type Full, type StoredFile, unfinishedMs } from "../../lib/store/files.ts";
import { chunkCount, fileChunkBytes } from "../../lib/wire/files.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

/** A file on its way in. */
function draft(name: string, size = 10_000, more: Partial<FileDraft> = {}): FileDraft {
  return { owner: "Eve", topic: "room:lobby", name, size, sha256: "0f".repeat(32), ...more };
}

/** Begins a file for which there must be room. */
async function begun(store: TestStore, what: FileDraft): Promise<StoredFile> {
  const file = await store.files.begin(what);
  assert.notEqual(typeof file, "string", `${file}`);
  return file as StoredFile;
}

/** Adds a chunk, as the command does: to the file as it is found. */
export async function put(files: Files, id: string, n: number, data = "AAAA"): Promise<number | Full | undefined> {
  const file = await files.find(id);
  return file && await files.put(file, n, data);
}

/** Begins a file for which there must be room, and sends all of it. */
async function sent(store: TestStore, what: FileDraft): Promise<StoredFile> {
  const { id } = await begun(store, what);
  for (let n = 0; n < chunkCount(what.size); n++) assert.equal(await put(store.files, id, n), n + 1);
  return (await store.files.find(id))!;
}

/** How many of these can be sent, one after the other. */
async function room(store: TestStore, drafts: readonly FileDraft[]): Promise<number> {
  let whole = 0;
  for (const one of drafts) {
    const file = await store.files.begin(one);
    if (typeof file === "string") continue;
    let have: number | Full | undefined = file.have;
    while (typeof have === "number" && have < chunkCount(one.size)) have = await put(store.files, file.id, have);
    if (have === chunkCount(one.size)) whole++;
  }
  return whole;
}

/** How many of these can be begun, one after the other. */
async function fit(store: TestStore, drafts: readonly FileDraft[]): Promise<number> {
  let fitting = 0;
  for (const one of drafts) if (typeof await store.files.begin(one) !== "string") fitting++;
  return fitting;
}

const named = (prefix: string, count: number, size?: number, more?: Partial<FileDraft>) =>
  Array.from({ length: count }, (_, index) => draft(`${prefix}${index}`, size, more));

/** Declares the tests. */
export function filesContract(test: Declare): void {
  test("Files.begin() keeps what it is told, and find() knows it by an id that nobody guesses", async ({ store }) => {
    const before = Date.now();
    const { id, have, expires, ...rest } = await begun(store, draft("notes é.txt", 123_456_789));
    assert.deepEqual(rest, draft("notes é.txt", 123_456_789));
    assert.equal(have, 0);
    assert.match(id, /^[a-z2-7]{20,64}$/);
    assert.ok(Math.abs(expires - before - unfinishedMs) < 60_000, `${expires}`);
    assert.deepEqual(await store.files.find(id), { ...rest, id, have, expires });
    for (const other of ["", "*", id.toUpperCase(), `${id}x`]) assert.equal(await store.files.find(other), undefined);
  });

  test("Files.begin() finds the same file again, and the life of a complete one begins anew", async ({ store, place }) => {
    const { files } = store;
    const first = await sent(store, draft("a"));
    await place.pass(5);
    const again = await begun(store, draft("a"));
    assert.deepEqual([again.id, again.have], [first.id, 1]);
    assert.ok(again.expires >= first.expires + 5);
    assert.deepEqual(await files.find(first.id), again);
    const others = await Promise.all([
      begun(store, draft("b")),
      begun(store, draft("a", 10_001)),
      begun(store, draft("a", undefined, { owner: "bob" })),
      begun(store, draft("a", undefined, { topic: "inbox:bob" })),
      begun(store, draft("a", undefined, { sha256: "1f".repeat(32) })),
    ]);
    assert.equal(new Set([first, ...others].map(({ id }) => id)).size, 6);
  });

  test("Files.begin() of the same file by many at once begins one", async ({ store }) => {
    const all = await Promise.all(Array.from({ length: 20 }, () => begun(store, draft("a", 60_000))));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    await sent(store, draft("a", 60_000));
    assert.equal(await store.files.begin(draft("b", 40_001)), "full_user");
    await begun(store, draft("b", 40_000));
  }, { maxUserFilesBytes: 100_000 });

  test("Files.begin() holds nothing for what was only announced", async ({ store, place }) => {
    const owners = ["ann", "bob", "cid", "dan"];
    const drafts = owners.flatMap((owner) => named("a", 4, 60_000, { owner }));
    assert.equal(await fit(store, drafts), drafts.length);
    assert.equal((await sent(store, draft("b", 30_000))).have, 1, "another's file is taken");
    // To ask again and again keeps it no longer; by a chunk it is kept for as long again.
    const first = await begun(store, drafts[0]!);
    await place.pass(5);
    assert.equal((await begun(store, drafts[0]!)).expires, first.expires);
    assert.equal((await store.files.find(first.id))!.expires, first.expires);
    assert.equal(await put(store.files, first.id, 1), 0);
    assert.equal((await store.files.find(first.id))!.expires, first.expires);
    await put(store.files, first.id, 0);
    const { expires, have } = await begun(store, drafts[0]!);
    assert.ok(expires >= first.expires + 5 && expires < first.expires + 60_000, `${expires - first.expires}`);
    assert.equal(have, 1);
  }, { maxUserFilesBytes: 150_000, maxFilesBytes: 150_000 });

  test("Files.put() of the last chunk begins the file's life", async ({ store }) => {
    const before = Date.now();
    const { id } = await begun(store, draft("a", 2 * fileChunkBytes));
    await put(store.files, id, 0);
    const half = (await store.files.find(id))!.expires;
    await put(store.files, id, 1);
    const whole = (await store.files.find(id))!.expires;
    assert.ok(Math.abs(half - before - unfinishedMs) < 60_000, `${half - before}`);
    assert.ok(Math.abs(whole - before - 1e9) < 60_000, `${whole - before}`);
    // What comes late shortens nothing.
    await put(store.files, id, 1);
    await put(store.files, id, 0);
    assert.equal((await store.files.find(id))!.expires, whole);
  });

  test("Files.put() keeps a file for ever, as people reckon, where no end is set", async ({ store }) => {
    const { expires } = await sent(store, draft("a"));
    assert.ok(expires > Date.now() + 90 * 365 * 86_400_000 && new Date(expires).toISOString() !== "");
    assert.ok((await begun(store, draft("a"))).expires >= expires);
  }, { fileTtl: Infinity });

  test("Files.put() refuses what would be too much, and goes on when there is room again", async ({ store }) => {
    const { files } = store;
    const size = 2 * fileChunkBytes;
    const first = await begun(store, draft("a", size));
    const second = await begun(store, draft("b", size));
    assert.deepEqual([await put(files, first.id, 0), await put(files, second.id, 0)], [1, 1]);
    assert.equal(await put(files, first.id, 1), 2);
    assert.deepEqual([await put(files, second.id, 1), await put(files, second.id, 1)], ["full_user", "full_user"]);
    assert.equal((await files.find(second.id))!.have, 1);
    assert.equal(await put(files, second.id, 0), 1, "what is there needs no room");
    await files.remove(first.id);
    assert.equal(await put(files, second.id, 1), 2);
    assert.equal(await files.begin(draft("c", 50_000, { owner: "bob" })), "full_all", "of all");
  }, { maxUserFilesBytes: 3 * fileChunkBytes, maxFilesBytes: 3 * fileChunkBytes });

  test("Files.put() counts a chunk once, however often it comes", async ({ store }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a", 60_000));
    for (let round = 0; round < 3; round++) {
      for (const n of [0, 1, 7, -1, 0.5]) await put(files, id, n);
      const found = (await files.find(id))!;
      await Promise.all(Array.from({ length: 5 }, () => files.put({ ...found, have: round }, round, "AAAA")));
    }
    assert.equal((await files.find(id))!.have, 2);
    await sent(store, draft("b", 40_000));
    assert.equal(await files.begin(draft("c", 1)), "full_user");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.put() takes chunks in their order, once each, and get() gives them back", async ({ store }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a", 2 * fileChunkBytes + 1));
    const chunks = ["A".repeat(65_536), "é".repeat(100), "+/=="];
    assert.equal(await put(files, id, 1, "too early"), 0);
    assert.equal(await files.get(id, 0), undefined);
    for (const [n, chunk] of chunks.entries()) {
      assert.equal(await put(files, id, n, chunk), n + 1);
      assert.equal(await put(files, id, n, "again"), n + 1);
      assert.equal(await put(files, id, n + 2, "too early"), n + 1);
    }
    assert.equal(await put(files, id, 3, "too many"), 3);
    for (const [n, chunk] of chunks.entries()) assert.equal(await files.get(id, n), chunk);
    for (const n of [3, -1, 1.5]) assert.equal(await files.get(id, n), undefined);
    assert.equal((await files.find(id))!.have, 3);
  });

  test("Files.put() of the same chunk by many at once adds it once", async ({ store }) => {
    const file = await begun(store, draft("a"));
    const chunks = Array.from({ length: 10 }, (_, index) => store.files.put(file, 0, `chunk ${index}`));
    assert.deepEqual(new Set(await Promise.all(chunks)), new Set([1]));
    assert.match((await store.files.get(file.id, 0))!, /^chunk \d$/);
  });

  test("Files.begin() refuses what would be too much of one user, whose name has no case", async ({ store }) => {
    assert.equal(await room(store, named("a", 4, 30_000)), 3);
    assert.equal(await store.files.begin(draft("b", 10_001, { owner: "EVE" })), "full_user");
    assert.equal(await room(store, named("c", 1, 10_000, { owner: "eve" })), 1, "exactly as much as may be");
    assert.equal(await room(store, named("a", 3, 30_000)), 3, "what is there already");
    assert.equal(await room(store, named("a", 3, 30_000, { owner: "bob" })), 3, "another's");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.begin() refuses what would be too much of all", async ({ store }) => {
    const owners = ["ann", "bob", "cid", "dan"];
    assert.equal(await room(store, owners.map((owner) => draft("a", 30_000, { owner }))), 3);
    assert.equal(await store.files.begin(draft("b", 10_001)), "full_all");
    assert.equal(await room(store, [draft("b", 10_000)]), 1);
  }, { maxFilesBytes: 100_000 });

  test("Files leave room for the next, however many have taken as much as they may", async ({ store }) => {
    const shares: number[] = [];
    for (let user = 0; user < 12; user++) {
      const owner = `user${user}`;
      let bytes = 0;
      for (const [index, size] of [40_000, 20_000, 10_000, 5_000].entries()) {
        bytes += size * await room(store, named(`${index}`, 20, size, { owner }));
      }
      assert.equal(
        await store.files.begin(draft("more", 5_000, { owner })),
        bytes < 140_000 ? "full_share" : "full_user",
      );
      shares.push(bytes);
    }
    let left = 800_000;
    for (const [index, share] of shares.entries()) {
      const may = Math.min(left / 4, 140_000);
      assert.ok(share <= may && share > may - 5_000, `${index}: ${share} of ${left}`);
      left -= share;
    }
    assert.equal(await room(store, [draft("a", 5_000, { owner: "honest" })]), 1);
    // Who has more than a share of what is left by now keeps it, and begins nothing.
    assert.equal((await begun(store, draft("00", 40_000, { owner: "user0" }))).have, 1);
  }, { maxUserFilesBytes: 140_000, maxUserFilesPercent: 25, maxFilesBytes: 800_000 });

  test("Files.put() refuses what is more than a share once others have taken theirs", async ({ store }) => {
    const first = await begun(store, draft("a", 2 * fileChunkBytes, { owner: "ann" }));
    const second = await begun(store, draft("a", 2 * fileChunkBytes, { owner: "bob" }));
    assert.deepEqual([await put(store.files, first.id, 0), await put(store.files, first.id, 1)], [1, 2]);
    assert.deepEqual([await put(store.files, second.id, 0), await put(store.files, second.id, 1)], [1, "full_share"]);
    await store.files.remove(first.id);
    assert.equal(await put(store.files, second.id, 1), 2);
  }, { maxUserFilesPercent: 25, maxFilesBytes: 9 * fileChunkBytes });

  test("Files.begin() does not let small files be as many as their bytes", async ({ store }) => {
    const count = await fit(store, named("a", 40, 1));
    assert.ok(count > 0 && count < 40, `${count}`);
  }, { maxUserFilesBytes: 100_000 });

  test("Files.remove() forgets a file, its chunks and its bytes", async ({ store }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a", 60_000));
    await put(files, id, 0);
    const found = (await files.find(id))!;
    assert.equal(await files.begin(draft("b", 60_000)), "full_user");
    await files.remove(id);
    await files.remove(id);
    assert.deepEqual(
      [await files.find(id), await files.get(id, 0), await files.put(found, 1, "AAAA")],
      [undefined, undefined, undefined],
    );
    const again = await begun(store, draft("a", 60_000));
    assert.deepEqual([again.have, await files.get(again.id, 0)], [0, undefined]);
    assert.notEqual(again.id, id);
    await put(files, again.id, 0);
    assert.equal(await files.begin(draft("b", 60_000)), "full_user", "its bytes are counted again, once");
    await files.remove("nothing");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.begin() and remove() of the same file at once leave its bytes free in the end", async ({ store }) => {
    const { files } = store;
    for (let round = 0; round < 10; round++) {
      const file = await begun(store, draft("a", 60_000));
      const { id } = file;
      const [again] = await Promise.all([
        files.begin(draft("a", 60_000)),
        files.put(file, 0, "AAAA"),
        files.remove(id),
        files.remove(id),
      ]);
      if (typeof again !== "string") await files.remove(again.id);
    }
    assert.equal(await room(store, named("b", 3, 50_000)), 2);
  }, { maxUserFilesBytes: 100_000 });

  test("Files forgets what has expired, and its bytes are free at once", async ({ store, place }) => {
    const { files } = store;
    const old = await begun(store, draft("a", 60_000));
    await put(files, old.id, 0);
    await place.pass(600);
    assert.deepEqual(
      [await files.find(old.id), await files.get(old.id, 0), await files.put({ ...old, have: 1 }, 1, "AAAA")],
      [undefined, undefined, undefined],
    );
    await sent(store, draft("b", 60_000));
    await place.pass(600);
    assert.equal((await begun(store, draft("b", 60_000))).have, 0);
    await sent(store, draft("b", 60_000));
    assert.equal(await files.begin(draft("a", 60_000)), "full_user");
  }, { maxUserFilesBytes: 100_000, fileTtl: 600 });

  test("Files.begin() of a file that has expired begins it without the old chunks", async ({ store, place }) => {
    const { files } = store;
    const old = await begun(store, draft("a"));
    await files.put(old, 0, "old");
    await place.pass(600);
    const fresh = await begun(store, draft("a"));
    assert.deepEqual([fresh.have, await files.get(fresh.id, 0)], [0, undefined]);
    assert.equal(await files.put(fresh, 0, "new"), 1);
    assert.equal(await files.get(fresh.id, 0), "new");
  }, { fileTtl: 600 });

  test("Files.begin() prolongs the life of the chunks with the file's", async ({ store, place }) => {
    const { files } = store;
    const { id } = await sent(store, draft("a"));
    await place.pass(600);
    assert.equal((await begun(store, draft("a"))).have, 1);
    await place.pass(600);
    assert.deepEqual([(await files.find(id))!.have, await files.get(id, 0)], [1, "AAAA"]);
  }, { fileTtl: 1_000 });

  test("Files.sweep() forgets what has expired, and nothing else", async ({ store, place }) => {
    const { files } = store;
    for (const one of named("old", 10)) await sent(store, one);
    await place.pass(1_000);
    const young = await sent(store, draft("young"));
    await files.sweep();
    await files.sweep();
    assert.deepEqual(await files.find(young.id), young);
    assert.equal(await room(store, named("more", 20, 10_000)), 9);
  }, { fileTtl: 1_000, maxUserFilesBytes: 100_000 });

  test("Files.put() on several servers at once never exceeds a limit", async ({ store, place }) => {
    const other = await place.open({ maxUserFilesBytes: 100_000, maxFilesBytes: 150_000 });
    const owners = ["ann", "bob"];
    const drafts = named("a", 20).flatMap((one) => owners.map((owner) => ({ ...one, owner })));
    const counts = new Map(owners.map((owner) => [owner, 0]));
    const send = async (one: FileDraft, { files }: TestStore): Promise<void> => {
      const file = await files.begin(one);
      if (typeof file === "string") return;
      if (await files.put(file, 0, "AAAA") === 1) counts.set(one.owner, counts.get(one.owner)! + 1);
      else await files.remove(file.id);
    };
    await Promise.all(drafts.map((one, index) => send(one, [store, other][index % 3 % 2]!)));
    for (const one of named("b", 20)) for (const owner of owners) await send({ ...one, owner }, other);
    assert.equal(counts.get("ann")! + counts.get("bob")!, 15, "as many as may be, and no more");
    assert.ok(Math.max(...counts.values()) <= 10);
  }, { maxUserFilesBytes: 100_000, maxFilesBytes: 150_000, demand: "several servers" });

  test("Files are the same on every server", async ({ store, place }) => {
    const other = await place.open();
    const file = await begun(store, draft("a", 60_000));
    assert.equal(await put(other.files, file.id, 0, "one"), 1);
    assert.equal(await put(store.files, file.id, 1, "two"), 2);
    assert.deepEqual([await other.files.get(file.id, 1), (await other.files.find(file.id))!.have], ["two", 2]);
    assert.deepEqual(await begun(other, draft("a", 60_000)).then(({ id, have }) => [id, have]), [file.id, 2]);
    await other.files.remove(file.id);
    assert.equal(await store.files.find(file.id), undefined);
  }, { demand: "several servers" });
}
