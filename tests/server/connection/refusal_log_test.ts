/** Which refused attempts to log in the logs have, and what a connection's log makes of them. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import { peerOf } from "../../../lib/limits/peer.ts";
import type { AuditRecord } from "../../../lib/observability/audit.ts";
import { allCommands } from "../../../lib/server/commands/all.ts";
import { ConnectionLog } from "../../../lib/server/connection/connection_log.ts";
import { RefusalLog } from "../../../lib/server/connection/refusal_log.ts";
import { test } from "../../support/declare.ts";
import { makeLimits } from "../../support/limits.ts";

test("RefusalLog.write() leaves out what one network is refused too often, and counts it", () => {
  const { limits, clock, refusals } = makeLimits();
  const log = new RefusalLog(limits);
  for (let i = 0; i < 30; i++) assert.equal(log.write("one", true), 0);
  for (let i = 0; i < 100; i++) assert.equal(log.write("one", true), undefined);
  assert.equal(refusals.written_refusals.value, 100);
  assert.equal(log.write("two", true), 0);
  assert.equal(log.write("one", false), 100, "a success is always written");
  assert.equal(log.write("one", false), 0);
  assert.equal(log.write("one", true), undefined);
  clock.time += 2_000;
  assert.equal(log.write("one", true), 1);
});

test("ConnectionLog.ran() writes a bounded number of refused resumes, with how many are left out, and all else", () => {
  const { limits } = makeLimits();
  const records: AuditRecord[] = [];
  const audit = { record: (record: AuditRecord) => void records.push(record), reopen() {}, [Symbol.dispose]() {} };
  const refusals = new RefusalLog(limits);
  const connect = (address: string) => new ConnectionLog("s", "c", peerOf(address), { audit, now: () => 0, refusals });
  const find = (name: string) => allCommands.find((command) => command.name === name)!;
  const error = new ChatError("invalid_credentials", "no");
  for (let i = 0; i < 200; i++) connect(`2001:db8::${i}`).ran(find("resume"), {}, undefined, error);
  assert.equal(records.length, 30);
  connect("2001:db8::1").ran(find("passwd"), {}, "a", error);
  connect("192.0.2.1").ran(find("login"), { user: "a" }, undefined, error);
  connect("2001:db8::1").ran(find("login"), { user: "a" }, "a");
  const [passwd, other, login] = records.slice(30);
  assert.deepEqual([passwd.event, passwd.omitted, other.address, other.omitted], [
    "passwd",
    undefined,
    "192.0.2.1",
    undefined,
  ]);
  assert.deepEqual([login.event, login.outcome, login.omitted], ["login", "ok", 170]);
});
