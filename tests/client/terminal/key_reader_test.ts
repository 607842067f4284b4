import assert from "node:assert/strict";
import type { Clock } from "../../../lib/common/time.ts";
import { KeyReader } from "../../../lib/client/terminal/key_reader.ts";
import type { Key } from "../../../lib/client/terminal/keys.ts";
import { FakeClock } from "../fakes.ts";

/** Reads pieces, each after what happens before it. @returns the keys */
async function keysOf(clock: Clock, ...pieces: readonly (readonly [before: () => Promise<void>, text: string])[]) {
  const keys: Key[] = [];
  const reader = new KeyReader({}, clock, { ahead: () => false, take: (key) => keys.push(key) });
  const left = [...pieces];
  await reader.run(async (buffer) => {
    const piece = left.shift();
    if (!piece) return null;
    await piece[0]();
    return new TextEncoder().encodeInto(piece[1], buffer).written;
  }, () => true);
  return keys;
}

const atOnce = () => Promise.resolve();

Deno.test("KeyReader takes the rest of a key for its own where the process could not read it earlier", async () => {
  let now = 0;
  // While the process is stopped, nothing is woken.
  const stopped: Clock = { now: () => now, sleep: (_, signal) => new Promise((_, no) => signal!.onabort = no) };
  const stop = () => Promise.resolve(void (now += 10_000));
  assert.deepEqual(await keysOf(stopped, [atOnce, "\x1b"], [stop, "[D"]), [{ kind: "key", name: "left" }]);
});

Deno.test("KeyReader takes what comes later than an Escape waits for itself", async () => {
  const clock = new FakeClock();
  const typed = await keysOf(clock, [atOnce, "\x1b"], [() => clock.advance(60), "[D"]);
  assert.deepEqual(typed, [{ kind: "text", text: "[D" }]);
  const cut = await keysOf(clock, [atOnce, "\x1b"], [() => clock.advance(40), "[D"]);
  assert.deepEqual(cut, [{ kind: "key", name: "left" }]);
});
