import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin, { partOf, parts, violation } from "../../scripts/import_directions.ts";

/** What the plugin says of a file of the project with this text. */
function lint(file: string, source: string): string[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return Deno.lint.runPlugin(plugin, path, source).map(({ message }) => message);
}

const test = (name: string, fn: () => void) => Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("import-direction reports a store that imports the hub, in each way of importing", () => {
  for (
    const source of [
      'import { Hub } from "../../server/delivery/hub.ts";',
      'import type { Hub } from "../../server/delivery/hub.ts";',
      'import "../../server/delivery/hub.ts";',
      'export { Hub } from "../../server/delivery/hub.ts";',
      'export * from "../../server/delivery/hub.ts";',
      'const { Hub } = await import("../../server/delivery/hub.ts");',
      'let hub: import("../../server/delivery/hub.ts").Hub;',
    ]
  ) {
    const messages = lint("lib/store/redis/redis_store.ts", source);
    assert.equal(messages.length, 1, source);
    assert.match(
      messages[0],
      /^lib\/store\/redis may not import lib\/server\/delivery \(lib\/server\/delivery\/hub\.ts\): a store knows no connection$/,
    );
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
    'import { Keys } from "./keys.ts";',
    'import { ChatError } from "../../common/errors.ts";',
    'export const own = "../../server/delivery/hub.ts";',
  ].join("\n");
  assert.deepEqual(lint("lib/store/redis/redis_store.ts", source), []);
});

test("violation() keeps the promises of the design", () => {
  const forbidden: readonly (readonly [from: string, to: string])[] = [
    ["lib/common/errors.ts", "lib/wire/event.ts"],
    ["lib/wire/lines.ts", "lib/config/config.ts"],
    ["lib/config/config.ts", "lib/store/store.ts"],
    ["lib/store/redis/redis_store.ts", "lib/server/delivery/hub.ts"],
    ["lib/auth/accounts.ts", "lib/server/registry/registry.ts"],
    ["lib/tls/certificates.ts", "lib/client/net/dial.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/connection/connection.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/connection/listener.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/service/service.ts"],
    ["lib/server/registry/registry.ts", "lib/server/commands/all.ts"],
    ["lib/server/sessions/session_manager.ts", "lib/server/connection/connection.ts"],
    ["lib/server/delivery/hub.ts", "lib/server/connection/connection.ts"],
    ["lib/server/delivery/relay.ts", "lib/server/sessions/session_manager.ts"],
    ["lib/server/connection/connection.ts", "lib/client/net/dial.ts"],
    ["lib/client/net/dial.ts", "lib/server/registry/registry.ts"],
    ["lib/client/net/dial.ts", "lib/tls/certificates.ts"],
    ["lib/client/net/dial.ts", "lib/config/config.ts"],
    ["lib/wire/lines.ts", "server.ts"],
    ["lib/observability/log.ts", "tests/support/redis.ts"],
    ["client.ts", "lib/store/open.ts"],
    ["client.ts", "server.ts"],
    ["client.ts", "lib/client/net/dial.ts"],
    ["lib/client/net/dial.ts", "lib/client/session/link.ts"],
    ["lib/client/session/session.ts", "lib/client/e2ee/sealing.ts"],
    ["lib/client/terminal/editor.ts", "lib/client/tui/text/theme.ts"],
    ["server.ts", "lib/client/net/dial.ts"],
    ["scripts/certs.ts", "tests/support/redis.ts"],
    ["lib/store/store.ts", "lib/nowhere/new.ts"],
  ];
  for (const [from, to] of forbidden) assert.ok(violation(from, to, "type"), `${from} → ${to}`);
  const allowed: readonly (readonly [from: string, to: string])[] = [
    ["lib/store/redis/redis_store.ts", "lib/observability/log.ts"],
    ["lib/server/connection/connection.ts", "lib/server/registry/registry.ts"],
    ["lib/server/service/service.ts", "lib/server/connection/connection.ts"],
    ["lib/server/service/service.ts", "lib/server/commands/all.ts"],
    ["lib/server/commands/rooms.ts", "lib/server/registry/registry.ts"],
    ["server.ts", "lib/tls/certificates.ts"],
    ["client.ts", "lib/client/cli/program.ts"],
    ["tests/e2e/rooms_test.ts", "server.ts"],
    ["scripts/certs.ts", "lib/tls/certificates.ts"],
  ];
  for (const [from, to] of allowed) assert.equal(violation(from, to, "value"), undefined, `${from} → ${to}`);
});

test("parts names only parts that exist", () => {
  const names = parts.map(({ folder }) => folder);
  for (const { imports, types = [] } of parts) {
    for (const name of [...imports, ...types]) assert.ok(names.includes(name), name);
  }
  assert.equal(new Set(names).size, names.length);
});

test("partOf() takes a file of a folder that nobody has placed yet as nobody's", () => {
  assert.equal(partOf("lib/new/thing.ts"), undefined);
  assert.equal(partOf("lib/server/delivery/hub.ts")?.folder, "lib/server/delivery");
});
