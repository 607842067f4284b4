/** What access tokens may be used for: the table of groups, and the gate's rule. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { allCommands } from "../../../lib/server/commands/all.ts";
import { allScopes, scopeGroups } from "../../../lib/server/registry/access.ts";
import { Registry } from "../../../lib/server/registry/registry.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import { test } from "../../support/declare.ts";

const registry = new Registry(allCommands, { maxMessageBytes: 4096 });

/** What the gate says to a token: undefined where it lets it in. */
function said(scopes: string[], topics: string[], cmd: string, fields = {}, room?: string): string | undefined {
  const access = { id: "i", name: "ci", hash: "h", scopes, topics, created: 1 };
  try {
    registry.admit(cmd, { fields }, { user: "a", side: false, room, access } as unknown as UserSession);
    return undefined;
  } catch (error) {
    assert(error instanceof ChatError && error.code === "forbidden", String(error));
    return error.message;
  }
}

test("scopeGroups names commands that there are, and none that no token may give", () => {
  for (const name of Object.values(scopeGroups).flat()) assert.equal(registry.find(name)?.tokens, "scoped", name);
});

test("allScopes() has no command of the account itself", () => {
  const scopes = allScopes(allCommands);
  for (const scope of ["say", "history", "read", "session"]) assert(scopes.includes(scope), scope);
  for (const scope of ["login", "passwd", "token", "tokens", "revoke", "devices", "key", "unkey", "help"]) {
    assert(!scopes.includes(scope), scope);
  }
});

test("Registry.admit() lets a token give what its scopes name, by a command or by a group", () => {
  assert.equal(said(["say"], [], "say", { text: "hi" }), undefined);
  assert.equal(said(["write"], [], "say", { text: "hi" }), undefined);
  assert.equal(said(["msg"], [], "keys", { user: "b" }), undefined);
  assert.equal(said([], [], "whoami"), undefined);
  assert.equal(said(["read"], [], "say", { text: "hi" }), "The token ci may not say: it is for read");
  assert.equal(said(["tokens"], [], "tokens"), "The token ci may not tokens: it is for tokens");
});

test("Registry.admit() holds a bound token to its topics, whichever argument names them", () => {
  const bound = (cmd: string, fields = {}, room?: string) =>
    said(["read", "write"], ["room:ops", "inbox:b"], cmd, fields, room) === undefined;
  const hi = { text: "hi" };
  assert(bound("say", { ...hi, room: "OPS" }));
  assert(bound("say", hi, "ops"));
  assert(!bound("say", hi, "lobby"));
  assert(!bound("say", hi));
  assert(!bound("say", { ...hi, room: "lobby" }, "ops"));
  assert(bound("msg", { ...hi, to: "B" }));
  assert(!bound("msg", { ...hi, to: "c" }));
  assert(bound("history", { user: "b" }));
  assert(!bound("history", { user: "c" }));
  assert(bound("history", { topic: "room:ops" }));
  assert(!bound("history", { topic: "inbox:a" }));
  // A user is asked for before a topic and a room: so is the user compared.
  assert(!bound("history", { user: "c", topic: "room:ops", room: "ops" }));
  // And a topic before a room.
  assert(!bound("history", { topic: "room:lobby", room: "ops" }));
  assert(!bound("publish", hi));
  assert(!bound("talks"));
  assert(bound("rooms"));
  assert(bound("join", { room: "ops" }));
  assert(!bound("join", { room: "lobby" }));
  assert(bound("upload", { name: "x", size: 1, sha256: "0f".repeat(32), room: "ops" }));
  assert(!bound("upload", { name: "x", size: 1, sha256: "0f".repeat(32), to: "c", room: "ops" }));
});
