import assert from "node:assert/strict";
import { aclRules } from "../../../../lib/store/redis/transport/permissions.ts";
import { test } from "../../../support/declare.ts";
import { permitted } from "../../../support/needs.ts";

test("aclRules() are those that docs/operate.md tells", async () => {
  const docs = await Deno.readTextFile(new URL("../../../../docs/operate.md", import.meta.url));
  assert.ok(docs.includes(`ACL SETUSER chat on >PASSWORD ${aclRules("chat:").join(" ")}\n`));
}, await permitted("read"));
