import assert from "node:assert/strict";
import { join } from "node:path";
import { openAudit } from "../../lib/observability/audit.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";
import { smallDisk, smallDisks } from "../support/small_disk.ts";
import { until } from "../support/turns.ts";

const files = every(await permitted("read", "write"));
const now = () => new Date("2026-11-21T09:00:00.123Z");

test(
  "openAudit() appends one line a record, also to what others have written, and closes the file to others",
  async () => {
    await using folder = await temporaryFolder();
    const auditLog = join(folder.path, "audit.jsonl");
    using one = openAudit({ auditLog }, now);
    using other = openAudit({ auditLog }, now);
    one.record({ event: "login", outcome: "ok", user: "a" });
    other.record({ event: "kick", outcome: "forbidden", user: "a", target: "b\n" });
    one.record({ event: "logout", outcome: "ok", user: undefined });
    assert.equal(
      await Deno.readTextFile(auditLog),
      '{"time":"2026-11-21T09:00:00.123Z","event":"login","outcome":"ok","user":"a"}\n' +
        '{"time":"2026-11-21T09:00:00.123Z","event":"kick","outcome":"forbidden","user":"a","target":"b\\n"}\n' +
        '{"time":"2026-11-21T09:00:00.123Z","event":"logout","outcome":"ok"}\n',
    );
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(auditLog)).mode! & 0o777, 0o600);
  },
  files,
);

test(
  "Audit.reopen() goes on in a new file where the old one was moved, and in another one where it is named",
  async () => {
    await using folder = await temporaryFolder();
    const config = { auditLog: join(folder.path, "audit.jsonl") };
    using audit = openAudit(config, now);
    audit.record({ event: "login", outcome: "ok" });
    await Deno.rename(config.auditLog, `${config.auditLog}.1`);
    audit.record({ event: "login", outcome: "ok" });
    audit.reopen();
    audit.record({ event: "login", outcome: "ok" });
    const lines = async (path: string) => (await Deno.readTextFile(path)).split("\n").length - 1;
    assert.deepEqual([await lines(`${config.auditLog}.1`), await lines(config.auditLog)], [2, 1]);

    const kept = config.auditLog;
    config.auditLog = join(folder.path, "no", "such", "folder");
    audit.reopen(); // it cannot be: what was in use stays in use
    audit.record({ event: "login", outcome: "ok" });
    assert.equal(await lines(kept), 2);
    config.auditLog = "off";
    audit.reopen();
    audit.record({ event: "login", outcome: "ok" });
    assert.equal(await lines(kept), 2);
  },
  files,
);

test("openAudit() says which file it cannot open", () => {
  assert.throws(
    () => openAudit({ auditLog: "/no/such/folder/audit" }),
    /^Error: The audit log \/no\/such\/folder\/audit /,
  );
  return Promise.resolve();
}, files);

test("Audit.record() begins on a line of its own after a line that somebody else tore", async () => {
  await using folder = await temporaryFolder();
  const auditLog = join(folder.path, "audit.jsonl");
  await Deno.writeTextFile(auditLog, '{"time":"2026-11-21T08:59:59.999Z","event":"log');
  using audit = openAudit({ auditLog }, now);
  audit.record({ event: "login", outcome: "ok" });
  await Deno.writeTextFile(auditLog, '{"time":"2026-11-21T09:0', { append: true }); // another server was killed
  audit.record({ event: "logout", outcome: "ok" });
  const lines = (await Deno.readTextFile(auditLog)).split("\n");
  const whole = lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line).event);
  assert.deepEqual([lines.length, whole], [5, ["login", "logout"]]);
}, files);

test("Audit.record() keeps what a full disk does not take, and writes it when there is room", async () => {
  await using disk = await smallDisk(8_192);
  const auditLog = join(disk.path, "audit.jsonl");
  using audit = openAudit({ auditLog }, now);
  const names = Array.from({ length: 200 }, (_, i) => `user${i}`);
  for (const user of names) audit.record({ event: "login", outcome: "ok", user });
  const written = async () => {
    const lines = (await Deno.readTextFile(auditLog)).split("\n");
    return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line).user);
  };
  assert.ok((await written()).length < 200);
  await disk.resize(1_048_576);
  await until("all are there", async () => (await written()).length === 200);
  assert.deepEqual(await written(), names);
}, smallDisks);
