/** What the log promises: one line an event, the level that was asked for, and no secrets under their own names. */

import assert from "node:assert/strict";
import { configureLog, getLog, type LogOptions, secretProperties } from "../../lib/observability/log.ts";
import { test } from "../support/declare.ts";

/** The lines that are written while `fn` logs. */
function written(options: Partial<LogOptions>, fn: () => void): string[] {
  const lines: string[] = [];
  using _ = configureLog({
    level: "debug",
    format: "json",
    isTerminal: false,
    write: (line) => void lines.push(line),
    ...options,
  });
  fn();
  return lines;
}

test("configureLog() writes an event as one JSON line with its level, category and properties", () => {
  const lines = written({}, () => getLog("server", "session").info("session_opened", { user: "a\nb", count: 2 }));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^[^\n]*\n$/);
  const { "@timestamp": time, ...rest } = JSON.parse(lines[0]!);
  assert.deepEqual(rest, {
    level: "INFO",
    message: "session_opened",
    logger: "chat.server.session",
    properties: { user: "a\nb", count: 2 },
  });
  assert(Math.abs(Date.now() - Date.parse(time)) < 60_000);
});

test("configureLog() writes an error with its stack and its cause", () => {
  const error = new TypeError("outer", { cause: new Error("inner") });
  const [line] = written({}, () => getLog("store").error("store_failed", { error }));
  const { properties } = JSON.parse(line!);
  assert.equal(properties.error.name, "TypeError");
  assert.match(properties.error.stack, /log_test\.ts/);
  assert.equal(properties.error.cause.message, "inner");
});

test("configureLog() writes nothing below its level", () => {
  const levels = ["debug", "info", "warn", "error"] as const;
  for (const [i, level] of levels.entries()) {
    const lines = written({ level }, () => {
      for (const each of levels) getLog("server")[each](`${each}_event`);
    });
    assert.deepEqual(lines.map((line) => JSON.parse(line).message), levels.slice(i).map((each) => `${each}_event`));
  }
});

test("configureLog() with auto is pretty on a terminal and JSON elsewhere", () => {
  const log = () => getLog("server").warn("clock_moved", { seconds: 3, by: "a\u001b[2J" });
  const [json] = written({ format: "auto", isTerminal: false }, log);
  assert.equal(JSON.parse(json!).level, "WARN");
  const [pretty] = written({ format: "auto", isTerminal: true }, log);
  assert.match(pretty!, /warning.*server.*clock_moved seconds=/);
  assert(!pretty!.includes("\u001b[2J"), "a value cannot steer the terminal");
  const [plain] = written({ format: "pretty", isTerminal: false }, log);
  assert.match(plain!, /^\d\d:\d\d:\d\d\.\d{3}  +warning +server +clock_moved seconds=3 by=.*\n$/);
});

test("configureLog() strikes out what goes by the name of a secret, in both formats", () => {
  for (const format of ["json", "pretty"] as const) {
    const lines = written({ format }, () => {
      for (const name of secretProperties) getLog("auth").info("login_failed", { user: "a", [name]: "hunter2" });
      getLog("auth").with({ token: "hunter2" }).info("login_failed");
    });
    assert.equal(lines.length, secretProperties.size + 1);
    for (const line of lines) assert(!line.includes("hunter2") && line.includes("***"), line);
  }
});

test("configureLog() puts what it is told into every line", () => {
  const [line] = written({ properties: { worker: 2, token: "abc" } }, () => getLog("server").info("x", { port: 1 }));
  assert.deepEqual(JSON.parse(line!).properties, { worker: 2, token: "***", port: 1 });
});

test("Log.with() gives every event its properties", () => {
  const [line] = written({}, () => getLog("server").with({ connection: 7 }).debug("line_read", { bytes: 3 }));
  assert.deepEqual(JSON.parse(line!).properties, { connection: 7, bytes: 3 });
});

test("configureLog() takes over from what was configured before, and writes nothing once it is disposed of", () => {
  const [first, second]: [string[], string[]] = [[], []];
  const options = { level: "info", format: "json", isTerminal: false } as const;
  const before = getLog("server");
  before.info("unheard");
  configureLog({ ...options, write: (line) => void first.push(line) });
  {
    using _ = configureLog({ ...options, write: (line) => void second.push(line) });
    before.info("heard");
  }
  before.info("unheard");
  assert.deepEqual([first.length, second.length], [0, 1]);
});

test("Log.error() does not throw where the line cannot be written", () => {
  let tries = 0;
  written({
    write: () => {
      tries++;
      throw new Error("broken pipe");
    },
  }, () => getLog("server").error("anything"));
  assert(tries > 0);
});
