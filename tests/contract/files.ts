/** The contract of {@linkcode Files}. */

import assert from "node:assert/strict";
import type { FileDraft, StoredFile } from "../../lib/store/files.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

/** A file on its way in. */
function draft(name: string, size = 10_000, more: Partial<FileDraft> = {}): FileDraft {
  return { owner: "Eve", topic: "room:lobby", name, size, sha256: "0f".repeat(32), ...more };
}

/** Begins a file for which there must be room. */
async function begun(store: TestStore, what: FileDraft): Promise<StoredFile> {
  const file = await store.files.begin(what);
  assert.notEqual(file, "full");
  return file as StoredFile;
}

/** How many of these can be begun, one after the other. */
async function fit(store: TestStore, drafts: readonly FileDraft[]): Promise<number> {
  let fitting = 0;
  for (const one of drafts) if (await store.files.begin(one) !== "full") fitting++;
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
    assert.ok(Math.abs(expires - before - 1e9) < 60_000, `${expires}`);
    assert.deepEqual(await store.files.find(id), { ...rest, id, have, expires });
    for (const other of ["", "*", id.toUpperCase(), `${id}x`]) assert.equal(await store.files.find(other), undefined);
  });

  test("Files.begin() finds the same file again, and its life begins anew", async ({ store, place }) => {
    const { files } = store;
    const first = await begun(store, draft("a"));
    await files.put(first.id, 0, "AAAA");
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
    assert.equal(await store.files.begin(draft("b", 50_000)), "full");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.put() takes chunks in their order, once each, and get() gives them back", async ({ store }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a"));
    const chunks = ["A".repeat(65_536), "é".repeat(100), "+/=="];
    assert.equal(await files.put(id, 1, "too early"), 0);
    assert.equal(await files.get(id, 0), undefined);
    for (const [n, chunk] of chunks.entries()) {
      assert.equal(await files.put(id, n, chunk), n + 1);
      assert.equal(await files.put(id, n, "again"), n + 1);
      assert.equal(await files.put(id, n + 2, "too early"), n + 1);
    }
    for (const [n, chunk] of chunks.entries()) assert.equal(await files.get(id, n), chunk);
    for (const n of [3, -1, 1.5]) assert.equal(await files.get(id, n), undefined);
    assert.equal((await files.find(id))!.have, 3);
  });

  test("Files.put() of the same chunk by many at once adds it once", async ({ store }) => {
    const { id } = await begun(store, draft("a"));
    const have = await Promise.all(Array.from({ length: 10 }, (_, index) => store.files.put(id, 0, `chunk ${index}`)));
    assert.deepEqual(new Set(have), new Set([1]));
    assert.match((await store.files.get(id, 0))!, /^chunk \d$/);
  });

  test("Files.begin() refuses what would be too much of one user, whose name has no case", async ({ store }) => {
    assert.equal(await fit(store, named("a", 4, 30_000)), 3);
    assert.equal(await store.files.begin(draft("b", 10_001, { owner: "EVE" })), "full");
    assert.equal(await fit(store, named("c", 1, 10_000, { owner: "eve" })), 1, "exactly as much as may be");
    assert.equal(await fit(store, named("a", 3, 30_000)), 3, "what is there already");
    assert.equal(await fit(store, named("a", 3, 30_000, { owner: "bob" })), 3, "another's");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.begin() refuses what would be too much of all", async ({ store }) => {
    const owners = ["ann", "bob", "cid", "dan"];
    assert.equal(await fit(store, owners.map((owner) => draft("a", 30_000, { owner }))), 3);
    assert.equal(await store.files.begin(draft("b", 10_001)), "full");
    assert.equal(await fit(store, [draft("b", 10_000)]), 1);
  }, { maxFilesBytes: 100_000 });

  test("Files.begin() does not let small files be as many as their bytes", async ({ store }) => {
    const count = await fit(store, named("a", 40, 1));
    assert.ok(count > 0 && count < 40, `${count}`);
  }, { maxUserFilesBytes: 100_000 });

  test("Files.remove() forgets a file, its chunks and its bytes", async ({ store }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a", 60_000));
    await files.put(id, 0, "AAAA");
    assert.equal(await files.begin(draft("b", 60_000)), "full");
    await files.remove(id);
    await files.remove(id);
    assert.deepEqual(
      [await files.find(id), await files.get(id, 0), await files.put(id, 1, "AAAA"), await files.put(id, 0, "AAAA")],
      [undefined, undefined, undefined, undefined],
    );
    const again = await begun(store, draft("a", 60_000));
    assert.deepEqual([again.have, await files.get(again.id, 0)], [0, undefined]);
    assert.notEqual(again.id, id);
    assert.equal(await files.begin(draft("b", 60_000)), "full", "its bytes are counted again, once");
    await files.remove("nothing");
  }, { maxUserFilesBytes: 100_000 });

  test("Files.begin() and remove() of the same file at once leave its bytes free in the end", async ({ store }) => {
    const { files } = store;
    for (let round = 0; round < 10; round++) {
      const { id } = await begun(store, draft("a", 60_000));
      const [again] = await Promise.all([files.begin(draft("a", 60_000)), files.remove(id), files.remove(id)]);
      if (again !== "full") await files.remove(again.id);
    }
    assert.equal(await fit(store, named("b", 3, 50_000)), 2);
  }, { maxUserFilesBytes: 100_000 });

  test("Files forgets what has expired, and its bytes are free at once", async ({ store, place }) => {
    const { files } = store;
    const old = await begun(store, draft("a", 60_000));
    await files.put(old.id, 0, "AAAA");
    await place.pass(600);
    assert.deepEqual(
      [await files.find(old.id), await files.get(old.id, 0), await files.put(old.id, 1, "AAAA")],
      [undefined, undefined, undefined],
    );
    const other = await begun(store, draft("b", 60_000));
    assert.equal(other.have, 0);
    await place.pass(600);
    const again = await begun(store, draft("b", 60_000));
    assert.equal(again.have, 0);
    assert.equal(await files.begin(draft("a", 60_000)), "full");
  }, { maxUserFilesBytes: 100_000, fileTtl: 600 });

  test("Files.begin() of a file that has expired begins it without the old chunks", async ({ store, place }) => {
    const { files } = store;
    const old = await begun(store, draft("a"));
    await files.put(old.id, 0, "old");
    await place.pass(600);
    const fresh = await begun(store, draft("a"));
    assert.deepEqual([fresh.have, await files.get(fresh.id, 0)], [0, undefined]);
    assert.equal(await files.put(fresh.id, 0, "new"), 1);
    assert.equal(await files.get(fresh.id, 0), "new");
  }, { fileTtl: 600 });

  test("Files.begin() prolongs the life of the chunks with the file's", async ({ store, place }) => {
    const { files } = store;
    const { id } = await begun(store, draft("a"));
    await files.put(id, 0, "AAAA");
    await place.pass(600);
    assert.equal((await begun(store, draft("a"))).have, 1);
    await place.pass(600);
    assert.deepEqual([(await files.find(id))!.have, await files.get(id, 0)], [1, "AAAA"]);
  }, { fileTtl: 1_000 });

  test("Files.sweep() forgets what has expired, and nothing else", async ({ store, place }) => {
    const { files } = store;
    for (const one of named("old", 10)) await files.put((await begun(store, one)).id, 0, "AAAA");
    await place.pass(1_000);
    const young = await begun(store, draft("young"));
    await files.sweep();
    await files.sweep();
    assert.deepEqual(await files.find(young.id), young);
    assert.equal(await fit(store, named("more", 20, 10_000)), 9);
  }, { fileTtl: 1_000, maxUserFilesBytes: 100_000 });

  test("Files.begin() on several servers at once never exceeds a limit", async ({ store, place }) => {
    const other = await place.open({ maxUserFilesBytes: 100_000, maxFilesBytes: 150_000 });
    const owners = ["ann", "bob"];
    const drafts = named("a", 20).flatMap((one) => owners.map((owner) => ({ ...one, owner })));
    const results = await Promise.all(drafts.flatMap((one, index) => [store, other][index % 3 % 2]!.files.begin(one)));
    const byOwner = owners.map((owner) => results.filter((file) => file !== "full" && file.owner === owner).length);
    assert.equal(byOwner[0]! + byOwner[1]!, 15);
    assert.ok(Math.max(...byOwner) <= 10);
  }, { maxUserFilesBytes: 100_000, maxFilesBytes: 150_000, demand: "several servers" });

  test("Files are the same on every server", async ({ store, place }) => {
    const other = await place.open();
    const file = await begun(store, draft("a"));
    assert.equal(await other.files.put(file.id, 0, "one"), 1);
    assert.equal(await store.files.put(file.id, 1, "two"), 2);
    assert.deepEqual([await other.files.get(file.id, 1), (await other.files.find(file.id))!.have], ["two", 2]);
    assert.deepEqual(await begun(other, draft("a")).then(({ id, have }) => [id, have]), [file.id, 2]);
    await other.files.remove(file.id);
    assert.equal(await store.files.find(file.id), undefined);
  }, { demand: "several servers" });
}
