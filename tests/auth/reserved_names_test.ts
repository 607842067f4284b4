/** Which names nobody gets by registering. */

import assert from "node:assert/strict";
import { isReservedName } from "../../lib/auth/reserved_names.ts";
import { test } from "../support/declare.ts";

test("isReservedName() knows who speaks for the service, and everybody, in any case", () => {
  for (const name of ["admin", "Administrator", "ROOT", "system", "server", "moderator", "operator", "support"]) {
    assert.ok(isReservedName(name), name);
  }
  for (const name of ["server1", "SERVER12", "error", "DM"]) assert.ok(isReservedName(name), name);
  for (const name of ["help", "security", "everyone", "here", "channel", "all", "nobody", "null"]) {
    assert.ok(isReservedName(name), name);
  }
});

test("isReservedName() leaves names alone that only have one in them", () => {
  for (const name of ["eve", "admin2", "the-admin", "sys", "allan", "serverless", "constructor", "__proto__"]) {
    assert.ok(!isReservedName(name), name);
  }
});
