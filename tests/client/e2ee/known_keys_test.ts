/**
 * What a client keeps of keys: its device's, and everybody's.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { toBase64url } from "../../../lib/client/e2ee/bytes.ts";
import { makePair, openDevice, readDevice } from "../../../lib/client/e2ee/device.ts";
import { KnownKeys } from "../../../lib/client/e2ee/known_keys.ts";
import type { UserKeys } from "../../../lib/wire/event.ts";
import { withFolder } from "../transfer/fake_files.ts";
import { test } from "../fakes.ts";

const account = "alice@chat.example.org:8000";
const keys = (await Promise.all(Array.from({ length: 4 }, makePair))).map((pair) => pair.public);

function list(user: string, ...present: readonly string[]): UserKeys {
  return { user, keys: present.map((key) => ({ public: key, added: "2026-11-21T09:00:00.000Z" })), version: "v" };
}

withFolder("openDevice() makes a key once, and keeps it for its owner's eyes only", async (folder) => {
  const place = { folder, account };
  assert.equal(await readDevice(place), undefined);
  const device = await openDevice(place);
  assert.ok(device.kept);
  assert.equal((await openDevice(place)).public, device.public);
  assert.equal((await readDevice(place))?.public, device.public);
  assert.notEqual((await openDevice({ folder, account: "bob@chat.example.org:8000" })).public, device.public);
  const names = [...Deno.readDirSync(join(folder, "keys"))].map(({ name }) => name).sort();
  assert.deepEqual(names, ["alice%40chat.example.org%3A8000", "bob%40chat.example.org%3A8000"]);
  if (Deno.build.os === "windows") return;
  assert.equal(Deno.statSync(join(folder, "keys", names[0])).mode! & 0o777, 0o600);
});

withFolder("openDevice() gives all who ask at once the same key", async (folder) => {
  const devices = await Promise.all(Array.from({ length: 5 }, () => openDevice({ folder, account })));
  assert.equal(new Set(devices.map((device) => device.public)).size, 1);
  assert.equal([...Deno.readDirSync(join(folder, "keys"))].length, 1);
});

withFolder("openDevice() makes no new key in the place of one that is damaged", async (folder) => {
  const { public: key } = await openDevice({ folder, account });
  const file = join(folder, "keys", encodeURIComponent(account));
  const kept = JSON.parse(Deno.readTextFileSync(file));
  const other = (await makePair()).public;
  for (
    const text of ["", "{}", '{"version":2}', JSON.stringify({ ...kept, public: other }), '{"version":1,"private":1}']
  ) {
    Deno.writeTextFileSync(file, text);
    await assert.rejects(openDevice({ folder, account }), ClientError);
  }
  Deno.writeTextFileSync(file, JSON.stringify(kept));
  assert.equal((await openDevice({ folder, account })).public, key);
});

test("openDevice() makes a key for this run where nothing can be kept", async () => {
  const device = await openDevice({ folder: undefined, account });
  assert.equal(device.kept, false);
  assert.equal(await readDevice({ folder: undefined, account }), undefined);
});

withFolder("KnownKeys.learn() tells what has changed, and remembers every key that it saw", async (folder) => {
  await Promise.resolve();
  let now = "2026-11-21T09:00:00.000Z";
  const known = new KnownKeys({ folder, account }, () => new Date(now));
  assert.equal(known.learn(list("Bob", keys[0])), undefined); // the first that is known of bob
  assert.equal(known.learn(list("bob", keys[0])), undefined);
  now = "2026-11-22T09:00:00.000Z";
  assert.deepEqual(known.learn(list("bob", keys[1], keys[2])), { added: 2, removed: 1 });
  const other = new KnownKeys({ folder, account }, () => new Date(now));
  assert.deepEqual(other.present("BOB"), [keys[1], keys[2]]);
  assert.ok(other.has("bob", keys[0]) && !other.has("bob", keys[3]) && !other.has("carol", keys[0]));
  assert.deepEqual(other.peer("bob").keys[0], {
    public: keys[0],
    since: "2026-11-21T09:00:00.000Z",
    until: "2026-11-22T09:00:00.000Z",
  });
  // A key that comes back is news again.
  assert.deepEqual(other.learn(list("bob", keys[0], keys[1], keys[2])), { added: 1, removed: 0 });
  assert.deepEqual(other.learn(list("bob")), { added: 0, removed: 3 });
  // What one program learned, another knows.
  assert.deepEqual(known.learn(list("bob", keys[3])), { added: 1, removed: 0 });
});

withFolder("KnownKeys.learn() does not tell of the device that it runs on", async (folder) => {
  await Promise.resolve();
  const known = new KnownKeys({ folder, account });
  assert.equal(known.learn(list("alice", keys[0]), keys[0]), undefined);
  assert.equal(known.learn(list("alice", keys[0], keys[1]), keys[1]), undefined);
  assert.deepEqual(known.learn(list("alice", keys[0], keys[1], keys[2]), keys[1]), { added: 1, removed: 0 });
});

withFolder("KnownKeys keeps what was verified and accepted", async (folder) => {
  await Promise.resolve();
  const known = new KnownKeys({ folder, account });
  known.learn(list("bob", keys[0]));
  const sets = { theirs: [keys[0]], ours: [keys[1]] };
  known.show("bob", sets);
  known.verify("bob", sets);
  const again = new KnownKeys({ folder, account });
  assert.deepEqual(again.peer("bob").verified, sets);
  assert.deepEqual(again.peer("bob").shown, sets);
  again.accept("bob");
  assert.equal(again.peer("bob").verified, undefined);
  assert.equal(again.peer("bob").plain, undefined);
  again.learn(list("bob"));
  again.accept("bob");
  assert.equal(again.peer("bob").plain, true);
  again.learn(list("bob", keys[2]));
  assert.equal(again.peer("bob").plain, undefined);
});

withFolder("KnownKeys writes nothing over what another program has learned meanwhile", async (folder) => {
  await Promise.resolve();
  const sets = { theirs: [keys[0]], ours: [keys[1]] };
  const acts: ((known: KnownKeys) => void)[] = [
    (known) => void known.learn(list("carol", keys[3])),
    (known) => known.show("carol", sets),
    (known) => known.verify("carol", sets),
    (known) => known.accept("carol"),
  ];
  for (const [index, act] of acts.entries()) {
    const [one, other] = [new KnownKeys({ folder, account }), new KnownKeys({ folder, account })];
    one.learn(list(`bob${index}`, keys[0]));
    one.verify(`bob${index}`, sets);
    act(other);
    assert.deepEqual(new KnownKeys({ folder, account }).peer(`bob${index}`).verified, sets, `${act}`);
  }
});

withFolder("KnownKeys does not begin anew where its file was changed", async (folder) => {
  await Promise.resolve();
  const known = new KnownKeys({ folder, account });
  known.learn(list("bob", keys[0]));
  const file = join(folder, "known_keys", encodeURIComponent(account));
  const peers = { bob: { keys: [{ public: "short", since: "2026-11-21T09:00:00.000Z" }] } };
  for (
    const text of [
      "",
      "{}",
      "[]",
      '{"version":1}',
      JSON.stringify({ version: 1, peers }),
      '{"version":1,"peers":{"b c":{}}}',
    ]
  ) {
    Deno.writeTextFileSync(file, text);
    assert.throws(() => new KnownKeys({ folder, account }), ClientError);
    assert.throws(() => known.learn(list("bob", keys[1])), ClientError);
  }
});

withFolder("KnownKeys remembers a bounded number of keys, and all that are in use", async (folder) => {
  await Promise.resolve();
  const known = new KnownKeys({ folder, account });
  for (let round = 0; round < 25; round++) {
    const many = Array.from(
      { length: 20 },
      (_, index) => toBase64url(new Uint8Array(new Uint32Array(8).fill(round * 20 + index).buffer)),
    );
    known.learn(list("bob", ...many));
    assert.deepEqual(known.present("bob"), many);
  }
  assert.equal(known.peer("bob").keys.length, 200);
});
