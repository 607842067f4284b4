/**
 * `/verify` and `/keys`, with a server that the test plays.
 */

import assert from "node:assert/strict";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { LocalCommands } from "../../../lib/client/session/local_commands.ts";
import { Account } from "../../../lib/client/e2ee/account.ts";
import { sealCommands } from "../../../lib/client/e2ee/commands.ts";
import { makePair } from "../../../lib/client/e2ee/device.ts";
import { KnownKeys } from "../../../lib/client/e2ee/known_keys.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { fold } from "../../../lib/wire/names.ts";
import { type Json, test } from "../fakes.ts";

const added = "2026-11-21T09:00:00.123Z";
const pairs = await Promise.all(Array.from({ length: 4 }, makePair));
const keys = pairs.map((pair) => pair.public);

/** The commands of alice, whose device is the first of the keys. */
function scene(lists: Record<string, string[]>) {
  const known = new KnownKeys({ folder: undefined, account: "" }, () => new Date(added));
  const account = new Account("alice", { ...pairs[0], kept: true }, known);
  const asked: string[] = [];
  const ask = (request: Json): Promise<Json> => {
    asked.push(request.cmd);
    const user = fold(request.cmd === "unkey" ? "alice" : request.user);
    if (!lists[user]) return Promise.reject(new ChatError("unknown_user", `There is no user "${user}"`));
    if (request.cmd === "unkey") lists.alice = lists.alice.filter((key) => key !== request.public);
    const reply = { of: request.cmd, user, version: "v", keys: lists[user].map((key) => ({ public: key, added })) };
    account.learn(reply);
    return Promise.resolve(reply);
  };
  const commands = new LocalCommands();
  commands.add(...sealCommands({ account, mindTheDevice: () => {} }, { ask }));
  async function type(line: string): Promise<string[]> {
    const told: string[] = [];
    const { command, rest } = commands.call(line)!;
    try {
      await command.run(rest, {
        answer: (text) => void told.push(text),
        note: (text) => void told.push(`* ${text}`),
      });
    } catch (error) {
      if (!(error instanceof ChatError || error instanceof ClientError)) throw error;
      told.push(`! ${error instanceof ChatError ? error.code : error.exit}: ${error.message}`);
    }
    return told;
  }
  return { account, type, lists, asked };
}

test("/verify shows the number of the two and whose devices there are, and marks it when it is the same", async () => {
  const { account, type } = scene({ alice: [keys[0]], bob: [keys[1], keys[2]] });
  const shown = await type("/verify @Bob");
  assert.equal(shown[0], "Safety number of alice and bob:");
  assert.match(shown[1], /^ {2}\d{5}( \d{5}){5}$/);
  assert.match(shown[2], /^ {2}\d{5}( \d{5}){5}$/);
  assert.deepEqual(shown.slice(3, 5), [
    "bob has 2 devices, known here since 2026-11-21, 2026-11-21",
    "alice (you) has 1 device, known here since 2026-11-21",
  ]);
  assert.match(shown[5], /^\* Not verified\. Compare .*: \/verify bob yes$/);
  assert.match((await type("/verify bob YES")).join(), /^\* bob is verified/);
  assert.ok(account.isVerified("BOB"));
  assert.deepEqual((await type("/verify bob")).slice(-1), ["* bob is verified"]);
  await type("/verify bob no");
  assert.ok(!account.isVerified("bob"));
});

test("/verify yes marks only the number that was shown", async () => {
  const { account, type, lists } = scene({ alice: [keys[0]], bob: [keys[1]] });
  const first = await type("/verify bob yes");
  assert.match(first[0], /^Safety number/);
  assert.match(first.at(-1)!, /^! refused: The number was not shown before/);
  lists.bob.push(keys[2]);
  assert.match((await type("/verify bob yes")).at(-1)!, /^! refused: The devices have changed since/);
  assert.ok(!account.isVerified("bob"));
  assert.match((await type("/verify bob yes")).join(), /is verified/);
  // Nor one that was shown before a device went and came back: somebody else may have it.
  await type("/verify bob");
  lists.bob.pop();
  await type("/verify bob no");
  lists.bob.push(keys[2]);
  assert.match((await type("/verify bob yes")).at(-1)!, /^! refused: The devices have changed since/);
});

test("/verify accept goes on with changed devices, and with none", async () => {
  const { account, type, lists } = scene({ alice: [keys[0]], bob: [keys[1]] });
  await type("/verify bob");
  await type("/verify bob yes");
  lists.bob.push(keys[2]);
  const changed = await type("/verify bob");
  assert.match(changed.at(-1)!, /The devices have changed since you verified it/);
  assert.match(
    account.refusal("bob", account.sets("bob"))!.message,
    /^bob's devices have changed since you verified bob/,
  );
  assert.match((await type("/verify bob accept")).join(), /^\* Messages to bob are encrypted .* not verified$/);
  assert.equal(account.refusal("bob", account.sets("bob")), undefined);
  lists.bob = [];
  assert.match((await type("/verify bob")).join(), /^\* bob has no device any more .*\/verify bob accept/);
  assert.match((await type("/verify bob yes")).join(), /^! refused/);
  assert.match((await type("/verify bob accept")).join(), /without encryption/);
  assert.equal(account.refusal("bob", account.sets("bob")), undefined);
});

test("a device that is gone leaves a verified user verified, a new one on either side does not", async () => {
  const { account, type, lists } = scene({ alice: [keys[0], keys[3]], bob: [keys[1], keys[2]] });
  await type("/verify bob");
  await type("/verify bob yes");
  lists.bob.pop();
  await type("/verify bob");
  assert.ok(account.isVerified("bob"));
  lists.alice.push(keys[2]);
  await type("/verify bob");
  assert.ok(!account.isVerified("bob"));
  assert.match(account.refusal("bob", account.sets("bob"))!.message, /^Your own devices have changed/);
});

test("/verify refuses what it cannot do", async () => {
  const { type } = scene({ alice: [keys[0]], bob: [keys[1]], carol: [] });
  for (const line of ["/verify", "/verify bob maybe", "/verify bob yes really", "/verify b(b"]) {
    assert.deepEqual(await type(line), ["! usage: Usage: /verify <user> [yes|no|accept]"]);
  }
  assert.match((await type("/verify ALICE")).join(), /^! refused: That is you/);
  assert.match((await type("/verify nobody")).join(), /^! unknown_user/);
  assert.deepEqual(await type("/verify carol"), ["* carol has no device that can decrypt"]);
});

test("/keys lists one's devices, and removes another one by the number that was seen", async () => {
  const { type, lists } = scene({ alice: [keys[3], keys[0], keys[1]], bob: [] });
  const lines = await type("/keys");
  assert.deepEqual(lines, [
    `1: ${keys[3].slice(0, 8)}…, added 2026-11-21 09:00 UTC`,
    `2: ${keys[0].slice(0, 8)}…, added 2026-11-21 09:00 UTC (this device)`,
    `3: ${keys[1].slice(0, 8)}…, added 2026-11-21 09:00 UTC`,
  ]);
  lists.alice.shift(); // elsewhere, meanwhile
  const removed = await type("/keys remove 3");
  assert.match(removed[0], /^\* Removed: .*\/passwd/);
  assert.deepEqual(lists.alice, [keys[0]]);
  assert.match((await type("/keys remove 1")).join(), /^! refused: That is the device that you are on/);
  assert.match((await type("/keys remove 2")).join(), /^! refused: No device has the number 2/);
  for (const line of ["/keys all", "/keys remove", "/keys remove x"]) {
    assert.deepEqual(await type(line), ["! usage: Usage: /keys [remove <n>]"]);
  }
});

test("/verify and /keys say so where nothing can be encrypted", async () => {
  const commands = sealCommands({ account: undefined, mindTheDevice: () => {} }, { ask: () => Promise.reject() });
  const tell = { answer: () => {}, note: () => {} };
  for (const [index, rest] of ["bob", ""].entries()) {
    await assert.rejects(async () => await commands[index].run(rest, tell), { code: "forbidden" });
  }
});

test("/verify does nothing about anybody but the asked user, whoever the answer is about", async () => {
  const { account, lists } = scene({ alice: [keys[0]], bob: [keys[1]], carol: [keys[2]] });
  for (const user of ["alice", "carol"]) {
    account.learn({ user, keys: [{ public: lists[user][0], added }], version: "v" });
  }
  account.known.verify("carol", account.sets("carol"));
  account.known.show("carol", account.sets("carol"));
  const redirected = (user: string, keys: Json) => ({
    ask: (request: Json) =>
      Promise.resolve(request.user === "bob" ? { of: "keys", user, version: "v", keys } : {} as Json),
  });
  const tell = { answer: () => {}, note: () => assert.fail("nothing was done") };
  for (const word of ["", " yes", " no", " accept"]) {
    for (
      const session of [redirected("carol", []), redirected("bob", "none"), { ask: () => Promise.resolve({} as Json) }]
    ) {
      const [verify, list] = sealCommands({ account, mindTheDevice: () => {} }, session);
      await assert.rejects(async () => await verify.run(`bob${word}`, tell), /makes no sense/);
      await assert.rejects(async () => await list.run("", tell), /makes no sense/);
    }
  }
  assert.ok(account.isVerified("carol"));
  assert.equal(account.known.peer("bob").plain, undefined);
});
