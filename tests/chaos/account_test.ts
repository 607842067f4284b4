import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { Account } from "./account.ts";

test("an account is owed what was answered to be marked, but in what a device asked to leave", () => {
  const account = new Account("ann");
  for (const topic of ["inbox:ann", "room:tea", "feed:bob"]) account.mark(topic, "epochxyz.7.abcdef");
  account.marked("inbox:ann", "epochxyz.7.abcdef");
  account.marked("inbox:ann", "epochxyz.3.abcdef");
  account.marked("room:tea", "epochxyz.7.abcdef");
  account.leaves("room:tea");
  assert.deepEqual(account.owedMarks, [{ topic: "inbox:ann", least: 7 }]);
});
