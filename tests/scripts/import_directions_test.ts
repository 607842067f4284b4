import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin, { partOf, parts, violation } from "../../scripts/import_directions.ts";

/** What the plugin says of a file of the project with this text. */
function lint(file: string, source: string): string[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return Deno.lint.runPlugin(plugin, path, source).map(({ message }) => message);
}

const test = (name: string, fn: () => void) => Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("import-direction reports a store that imports a session, in each way of importing", () => {
  for (
    const source of [
      'import { Session } from "../server/session.ts";',
      'import type { Session } from "../server/session.ts";',
      'import "../server/session.ts";',
      'export { Session } from "../server/session.ts";',
      'export * from "../server/session.ts";',
      'const { Session } = await import("../server/session.ts");',
      'let session: import("../server/session.ts").Session;',
    ]
  ) {
    const messages = lint("lib/store/redis.ts", source);
    assert.equal(messages.length, 1, source);
    assert.match(messages[0], /^store may not import session \(lib\/server\/session\.ts\): a store knows no session$/);
  }
});

test("import-direction lets types through where only types are allowed", () => {
  const type = 'import type { Accounts } from "../store/store.ts";';
  assert.deepEqual(lint("lib/auth/accounts.ts", type), []);
  assert.match(lint("lib/auth/accounts.ts", type.replace("type ", ""))[0], /only types/);
});

test("import-direction leaves packages, its own part and what stands below alone", () => {
  const source = [
    'import { createClient } from "redis";',
    'import { join } from "node:path";',
    'import { place } from "./place.ts";',
    'import { ChatError } from "../errors.ts";',
    'export const own = "../server/session.ts";',
  ].join("\n");
  assert.deepEqual(lint("lib/store/redis.ts", source), []);
});

test("violation() keeps the promises of the design", () => {
  const forbidden: readonly (readonly [from: string, to: string])[] = [
    ["lib/errors.ts", "lib/wire/event.ts"],
    ["lib/wire/lines.ts", "lib/config.ts"],
    ["lib/config.ts", "lib/store/store.ts"],
    ["lib/store/redis.ts", "lib/server/hub.ts"],
    ["lib/auth/accounts.ts", "lib/server/registry.ts"],
    ["lib/tls/certificates.ts", "lib/client/dial.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/session.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/listener.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/service.ts"],
    ["lib/server/registry.ts", "lib/server/commands/all.ts"],
    ["lib/server/members.ts", "lib/server/session.ts"],
    ["lib/server/hub.ts", "lib/server/session.ts"],
    ["lib/server/relay.ts", "lib/server/members.ts"],
    ["lib/server/session.ts", "lib/client/dial.ts"],
    ["lib/client/dial.ts", "lib/server/registry.ts"],
    ["lib/client/dial.ts", "lib/tls/certificates.ts"],
    ["lib/client/dial.ts", "lib/config.ts"],
    ["lib/wire/lines.ts", "server.ts"],
    ["lib/log.ts", "tests/support/redis.ts"],
    ["client.ts", "lib/store/open.ts"],
    ["client.ts", "server.ts"],
    ["server.ts", "lib/client/dial.ts"],
    ["scripts/certs.ts", "tests/support/redis.ts"],
    ["lib/store/store.ts", "lib/nowhere/new.ts"],
  ];
  for (const [from, to] of forbidden) assert.ok(violation(from, to, "type"), `${from} → ${to}`);
  const allowed: readonly (readonly [from: string, to: string])[] = [
    ["lib/store/redis.ts", "lib/log.ts"],
    ["lib/server/session.ts", "lib/server/registry.ts"],
    ["lib/server/service.ts", "lib/server/session.ts"],
    ["lib/server/service.ts", "lib/server/commands/all.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/registry.ts"],
    ["server.ts", "lib/tls/certificates.ts"],
    ["client.ts", "lib/client/dial.ts"],
    ["tests/e2e/rooms_test.ts", "server.ts"],
    ["scripts/certs.ts", "lib/tls/certificates.ts"],
  ];
  for (const [from, to] of allowed) assert.equal(violation(from, to, "value"), undefined, `${from} → ${to}`);
});

test("parts names only parts that exist", () => {
  const names = parts.map(({ name }) => name);
  for (const { imports, types = [] } of parts) {
    for (const name of [...imports, ...types]) assert.ok(names.includes(name), name);
  }
  assert.equal(new Set(names).size, names.length);
});

test("partOf() takes a file of a folder that nobody has placed yet as nobody's", () => {
  assert.equal(partOf("lib/new/thing.ts"), undefined);
  assert.equal(partOf("lib/server/hub.ts")?.name, "delivery");
});
