/** Whatever a JSON line holds, a server answers it, and never with a fault of its own. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { allCommands } from "../../lib/server/commands/all.ts";
import type { Json, JsonClient } from "../support/client.ts";
import { onEachStore, type TestServer } from "../support/server.ts";

/** Values that some piece of code may not expect, and any others. */
const value = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  fc.constantFrom(
    ...[{ toString: 1 }, { toString: null }, { valueOf: {}, length: -1 }, { toJSON: 1 }, { then: 1 }, [[]], [null]],
    ...["__proto__", "constructor", "toString", "", "\ud800", "a\0b", "room:lobby", "inbox:a", "feed:b", "lobby", "a"],
    ...[0, -1, 1, 1.5, 500, 2 ** 31, 2 ** 53, 1e308, true, false, null],
  ),
  fc.string({ unit: "binary", maxLength: 50 }),
);

/** What `HELLO` is given inside of its one text. */
const wish = fc.record({ format: value, version: value }, { requiredKeys: [] }).map((wish) => JSON.stringify(wish));

/** A command with any values for the fields that it has, and for some that it has not. */
const request = fc.constantFrom(...allCommands.filter(({ name }) => name !== "quit")).chain((
  { name, arguments: all },
) =>
  fc.record({
    cmd: fc.constant(name),
    ...Object.fromEntries(all.map((argument) => [argument.name, argument.kind === "user" ? userOr : value])),
    ...(name === "hello" ? { options: fc.oneof(wish, value) } : {}),
    ...(name === "resume" ? { positions: fc.dictionary(fc.oneof(topic, fc.string()), value) } : {}),
    extra: value,
  }, { requiredKeys: ["cmd"] })
).map((request): Json => request);
const userOr = fc.oneof(fc.constantFrom("a", "b", "nobody"), value);
const topic = fc.constantFrom("__proto__", "room:lobby", "inbox:a", "constructor", "toString");

/** What once was a fault. */
const known = [
  { cmd: "hello", options: '{"format":{"toString":1}}' },
  { cmd: "hello", options: '{"format":"json","version":{"toString":null}}' },
  { cmd: "hello", options: "null" },
  { cmd: "resume", token: "a.a", positions: JSON.parse('{"__proto__":{"toString":1},"room:lobby":{}}') },
];

/** The answer to a line, among all else that is told; as text where the line has chosen that format. */
async function answerTo(client: JsonClient, line: string): Promise<string> {
  await client.send(line);
  for (;;) {
    const told = await client.line(`an answer to ${line}`);
    if (!told.startsWith("{")) return told;
    const { id, type } = JSON.parse(told) as Json;
    if (id === "fuzz" || (type === "error" && id === undefined)) return told;
  }
}

/** Sends a line as somebody who is not logged in, or is, and says what was answered. */
async function ask(server: TestServer, who: "guest" | "member" | "side", line: string): Promise<string> {
  await using client = who === "guest"
    ? await server.json()
    : await server.jsonLogin("c", who === "side" ? { side: true } : {});
  return await answerTo(client, line);
}

onEachStore("no JSON line is answered with internal, whoever says it", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  const who = fc.constantFrom<"guest" | "member" | "side">("guest", "member", "side");
  await fc.assert(
    fc.asyncProperty(who, request, async (who, request) => {
      const answer = await ask(server, who, JSON.stringify({ ...request, id: "fuzz" }));
      assert.doesNotMatch(answer, /"code":"internal"|^\[ERROR\] internal/);
    }),
    { numRuns: 200, endOnFailure: true, examples: known.map((request) => ["guest", request] as ["guest", Json]) },
  );
});
