/** What `compose.yaml` promises that nothing else would notice. */

import assert from "node:assert/strict";
import { permitted } from "../support/needs.ts";
import { test } from "../support/declare.ts";

const files = await permitted("read");
const compose = () => Deno.readTextFileSync(new URL("../../compose.yaml", import.meta.url));

test("compose.yaml gives each server a name, a port and a variable of its own", () => {
  const text = compose();
  const services = [...text.matchAll(/^ {2}(server(?:-(\d+))?):([^]*?)(?=^ {0,2}[^ ])/gm)];
  assert.ok(services.length >= 3);
  for (const [index, [, service, number = "1", block]] of services.entries()) {
    assert.equal(Number(number), index + 1, service);
    assert.equal(/SERVER_ID: ([\w-]+)/.exec(block)?.[1], `server-${number}`);
    const variable = number === "1" ? "SERVER_PORT" : `SERVER_${number}_PORT`;
    const published = `\${SERVER_ADDRESS:-127.0.0.1}:\${${variable}:-${8000 + index}}:8000`;
    assert.deepEqual(/ports: \["(.*)"\]/.exec(block)?.[1], published);
    // The first alone comes with a plain `docker compose up`; the others have all else from it.
    assert.equal(/profiles: \[servers\]/.test(block), index > 0, service);
    assert.equal(/<<: \*server$/m.test(block), index > 0, service);
  }
}, files);

test("compose.yaml gives Redis less memory than its container, and lets it throw nothing out", () => {
  const text = compose();
  const redis = text.slice(text.indexOf("  redis:"), text.indexOf("  server:"));
  const mb = (pattern: RegExp) => {
    const [, number, unit] = pattern.exec(redis)!;
    return Number(number) * (unit === "g" ? 1024 : 1);
  };
  const share = mb(/--maxmemory \$\{REDIS_MAXMEMORY:-(\d+)(mb)\}/) /
    mb(/mem_limit: "\$\{REDIS_MEMORY:-(\d+)([gm])\}"/);
  assert.ok(share > 0.5 && share < 0.75, `${share}`);
  assert.match(redis, /--maxmemory-policy noeviction"/);
}, files);
