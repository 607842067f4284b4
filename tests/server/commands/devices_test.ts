/** The commands that know devices, over a session manager that only notes what it is asked. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { allCommands } from "../../../lib/server/commands/all.ts";
import type { Caller, Outcome, Services } from "../../../lib/server/registry/command.ts";
import { Registry } from "../../../lib/server/registry/registry.ts";
import type { DeviceLine } from "../../../lib/server/sessions/devices.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { Reply } from "../../../lib/wire/event.ts";
import { encodeReply } from "../../../lib/wire/format.ts";
import { test } from "../../support/declare.ts";
import { wideLimits } from "../../support/store_limits.ts";

const registry = new Registry(allCommands, { maxMessageBytes: 4096 });
const session = { user: "a", side: false } as UserSession;

/** What the session manager was asked, and what it answers. */
class FakeSessions {
  readonly asked: unknown[] = [];
  lines: readonly DeviceLine[] = [];
  revoked: readonly string[] | ChatError = [];
  readonly login = {
    login: (account: { name: string }, _caller: Caller, device?: string) => this.#enter("login", account.name, device),
    side: (account: { name: string }, ...rest: unknown[]) => this.#enter("side", account.name, ...rest.slice(1)),
  };

  devices(of: UserSession): Promise<readonly DeviceLine[]> {
    assert.equal(of, session);
    return Promise.resolve(this.lines);
  }

  revoke(of: UserSession, device?: string): Promise<readonly string[]> {
    assert.equal(of, session);
    this.asked.push(device);
    return this.revoked instanceof ChatError ? Promise.reject(this.revoked) : Promise.resolve(this.revoked);
  }

  tell(): Promise<void> {
    return Promise.resolve();
  }

  #enter(...what: unknown[]) {
    this.asked.push(what);
    return Promise.resolve({ session, loggedIn: { user: "a", room: "lobby", positions: {} }, start: () => {} });
  }
}

/** Runs a command as a JSON client gives it. */
async function run(
  sessions: FakeSessions,
  { cmd, ...fields }: { readonly cmd: string; readonly [field: string]: unknown },
  services: Partial<Services> = {},
): Promise<Outcome> {
  const guest = ["login", "register", "hello"].includes(cmd);
  const { command, values } = registry.admit(cmd, { fields }, guest ? undefined : session);
  const account = (name: string) => Promise.resolve({ name });
  return await command.run({ id: "c", session: guest ? undefined : session, pending: {} } as Caller, values, {
    sessions,
    accounts: {
      logIn: async (name: string) => ({ account: await account(name), codeMissing: false }),
      logInByToken: () => Promise.resolve(undefined),
      register: account,
    },
    ...services,
  } as unknown as Services);
}

function text({ reply }: Outcome): string {
  return new TextDecoder().decode(encodeReply(reply as Reply, "text"));
}

const hello = (options: unknown) => ({ cmd: "hello", options: JSON.stringify(options) });
const withLimits = (maxDevices: number) => ({ serverId: "server1", config: { maxDevices } }) as Partial<Services>;

test("login and register pass the device on, and a side connection has none to pass", async () => {
  const sessions = new FakeSessions();
  const credentials = { user: "a", password: "12345678" };
  await run(sessions, { cmd: "login", ...credentials, device: "My.phone_2-x" });
  await run(sessions, { cmd: "login", ...credentials });
  await run(sessions, { cmd: "register", ...credentials, device: "laptop" });
  await run(sessions, { cmd: "login", ...credentials, device: "laptop", side: true });
  assert.deepEqual(sessions.asked, [
    ["login", "a", "My.phone_2-x"],
    ["login", "a", undefined],
    ["login", "a", "laptop"],
    ["side", "a"],
  ]);
});

test("login refuses a device that is none in one line with the rule, before the password is looked at", async () => {
  const sessions = new FakeSessions();
  for (const device of ["", "my phone", "é", "x".repeat(33), "a\nb"]) {
    await assert.rejects(
      run(sessions, { cmd: "login", user: "a", password: "1", device }, { accounts: undefined }),
      { code: "usage", message: /^".*" is not a device: 1–32 of A-Z a-z 0-9 _ \. -$/ },
    );
  }
  for (const device of [7, {}, []]) {
    const typed = { code: "usage", message: 'The field "device" must be a string' };
    await assert.rejects(run(sessions, { cmd: "login", user: "a", password: "1", device }), typed);
  }
});

test("LOGIN and REGISTER as people type them have no device: a password may look like one", () => {
  for (const name of ["login", "register"]) {
    const { values } = registry.admit(name, { rest: "a pass word" }, undefined);
    assert.deepEqual(values, { user: "a", password: "pass word" });
  }
});

test("devices tells each with the time of its login, in JSON to the millisecond and in text to the second", async () => {
  const sessions = new FakeSessions();
  const since = Date.parse("2026-11-28T09:00:00.123Z");
  const line = { server: "server1", since, client: "chat/1", here: true, side: false };
  sessions.lines = [{ device: "laptop", ...line }, { device: "phone", ...line, server: "server2", here: false }];
  const outcome = await run(sessions, { cmd: "devices" });
  const time = "2026-11-28T09:00:00.123Z";
  assert.deepEqual(outcome.reply, {
    of: "devices",
    devices: [
      { device: "laptop", server: "server1", since: time, client: "chat/1", here: true, side: false },
      { device: "phone", server: "server2", since: time, client: "chat/1", here: false, side: false },
    ],
  });
  assert.equal(
    text(outcome),
    "Devices: laptop (server1, since 2026-11-28T09:00:00Z), phone (server2, since 2026-11-28T09:00:00Z)\n",
  );
});

test("revoke ends the device that it names, or with the word all every other one", async () => {
  const sessions = new FakeSessions();
  sessions.revoked = ["phone"];
  assert.equal(text(await run(sessions, { cmd: "revoke", device: "phone" })), "Revoked phone\n");
  sessions.revoked = ["phone", "tablet"];
  const all = await run(sessions, { cmd: "revoke", device: "all" });
  assert.deepEqual(all.reply, { of: "revoke", device: "all", revoked: ["phone", "tablet"] });
  assert.equal(text(all), "Revoked phone, tablet\n");
  sessions.revoked = [];
  assert.equal(text(await run(sessions, { cmd: "revoke", device: "all" })), "Revoked none\n");
  assert.deepEqual(sessions.asked, ["phone", undefined, undefined]);
  sessions.revoked = new ChatError("unknown_device", "You have no such device");
  await assert.rejects(run(sessions, { cmd: "revoke", device: "nosuch" }), { code: "unknown_device" });
});

test("revoke is in the audit log, and both are for whoever is logged in, side connections too", () => {
  const side = { user: "a", side: true } as UserSession;
  for (const [name, audited] of [["devices", false], ["revoke", true]] as const) {
    const given = { fields: { device: "phone" } };
    assert.equal(registry.admit(name, given, side).command.audited, audited);
    assert.throws(() => registry.admit(name, given, undefined), { code: "login_required" });
  }
});

test("hello keeps what a client calls itself, clean and short, and nothing else", async () => {
  const client = async (options: Record<string, unknown>) => {
    return (await run(new FakeSessions(), hello({ version: 1, ...options }), withLimits(16))).client;
  };
  assert.equal(await client({ format: "json", client: "name/1.2" }), "name/1.2");
  assert.equal(await client({ format: "json", client: "a\x1b[2J\nb\x9f" }), "a[2Jb");
  assert.equal(await client({ format: "json", client: "x".repeat(64) }), "x".repeat(64));
  for (const none of ["x".repeat(65), 7, null, {}, ["x"], undefined]) {
    assert.equal(await client({ format: "json", client: none }), "");
  }
  assert.equal(await client({ format: "text", client: "name/1.2" }), "");
});

test("hello and key go by MAX_DEVICES: one key more is forbidden, and pushes none out", async () => {
  const { reply } = await run(new FakeSessions(), hello({ format: "json" }), withLimits(3));
  assert.equal((reply as Reply & { of: "hello" }).limits.devices, 3);
  await using store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  const keys = Array.from({ length: 4 }, () => {
    return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  });
  const services = { ...withLimits(3), store };
  for (const key of keys.slice(0, 3)) await run(new FakeSessions(), { cmd: "key", public: key }, services);
  await assert.rejects(run(new FakeSessions(), { cmd: "key", public: keys[3] }, services), {
    code: "forbidden",
    message: /^You have 3 device keys/,
  });
  const { reply: listed } = await run(new FakeSessions(), { cmd: "keys", user: "a" }, {
    ...services,
    store: { ...store, deviceKeys: store.deviceKeys, accounts: { find: () => Promise.resolve({ name: "a" }) } },
  } as unknown as Partial<Services>);
  assert.deepEqual((listed as Reply & { of: "keys" }).keys.map((key) => key.public), keys.slice(0, 3));
});
