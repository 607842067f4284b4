/** Registration by invitation: on both stores, from outside. */

import assert from "node:assert/strict";
import { hashInvitation } from "../../lib/auth/invitation_code.ts";
import { JsonClient } from "../support/client.ts";
import { onEachStore, onRedis, onSqlite, type TestServer } from "../support/server.ts";

/** Makes invitations as an operator does. */
async function invite({ store }: TestServer, ...codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    const hash = await hashInvitation(code);
    await store.invitations.add({ hash, maker: "root", created: Date.now(), expires: Date.now() + 60_000 });
  }
}

onEachStore("REGISTER takes an invitation that was shown before, and uses it up", async (start) => {
  await using server = await start({ REGISTRATION: "invite" });
  await invite(server, "first", "second");
  await using a = await server.text();
  assert.match(await a.ask("REGISTER eve long enough"), /^\[ERROR\] invitation_required: \S/);
  assert.match(await a.ask("INVITATION nonsense"), /^\[ERROR\] invalid_invitation: \S/);
  assert.match(await a.ask("REGISTER eve long enough"), /^\[ERROR\] invitation_required: \S/);
  assert.equal(await a.ask("INVITATION First "), "Invitation accepted");
  assert.match(await a.ask("REGISTER a long enough"), /^\[ERROR\] username_taken: \S/);
  await a.send("REGISTER eve long enough");
  await a.expect("Registered eve", "Login successful. Room: lobby");
  await using b = await server.text();
  assert.match(await b.ask("INVITATION first"), /^\[ERROR\] invalid_invitation: \S/);

  await using json = await JsonClient.open(server);
  const fay = { user: "fay", password: "long enough" };
  await json.refused("register", fay, "invitation_required");
  await json.refused("register", { ...fay, invitation: "first" }, "invalid_invitation");
  await json.ok("register", { ...fay, invitation: "second" });
  const used = (await server.store.invitations.list()).map(({ user }) => user);
  assert.deepEqual(used.sort(), ["eve", "fay"]);
});

onSqlite("wrong invitations are limited as wrong passwords are", async (start) => {
  await using server = await start({ REGISTRATION: "invite", LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "2" });
  await invite(server, "good");
  await using client = await server.text();
  for (let n = 0; n < 2; n++) assert.match(await client.ask("INVITATION bad"), /^\[ERROR\] invalid_invitation: /);
  assert.match(await client.ask("INVITATION good"), /^\[ERROR\] too_many_attempts: /);
});

onSqlite("REGISTRATION decides what becomes of an invitation", async (start) => {
  await using closed = await start({ REGISTRATION: "closed" });
  await using guest = await closed.text();
  assert.match(await guest.ask("INVITATION x"), /^\[ERROR\] registration_closed: /);
  await using open = await start();
  await invite(open, "kept");
  await using json = await JsonClient.open(open);
  await json.ok("register", { user: "eve", password: "long enough", invitation: "kept" });
  assert.equal((await open.store.invitations.list())[0]!.user, undefined, "nobody needs it there");
});

onRedis("two servers make one account of one invitation", async (start) => {
  await using one = await start({ REGISTRATION: "invite" });
  await using two = await start({ REGISTRATION: "invite" });
  await invite(one, "once");
  const answers = await Promise.all(["u0", "u1", "u2", "u3", "u4", "u5"].map(async (user, at) => {
    await using client = await JsonClient.open([one, two][at % 2]!);
    const { type, code } = await client.request("register", { user, password: "long enough", invitation: "once" });
    return code ?? type;
  }));
  assert.deepEqual(answers.sort(), [...Array(5).fill("invalid_invitation"), "ok"]);
});
