/** How a line of the JSON lines format becomes a request, and how its id comes back. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError, type ErrorCode } from "../../lib/common/errors.ts";
import { encodeReply } from "../../lib/wire/format.ts";
import { maxRequestIdLength, parseRequest } from "../../lib/wire/request.ts";
import { test } from "../support/declare.ts";

function refused(code: ErrorCode, line: string, message?: RegExp): void {
  assert.throws(() => parseRequest(line), (error) => {
    assert(error instanceof ChatError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

/** The id as a reply carries it, when a request has it so. */
function echoed(id: string, line = `{"id":${id},"cmd":"pong"}`): string {
  const reply = new TextDecoder().decode(encodeReply({ of: "pong" }, "json", parseRequest(line).id));
  return /^\{"type":"ok"(?:,"id":(.*))?\}\n$/.exec(reply)![1] ?? "";
}

test("parseRequest() reads one object with a command's name, and the id that the reply carries", () => {
  assert.deepEqual(parseRequest('{"id":7,"cmd":"JOIN","room":"x"}'), {
    id: 7,
    cmd: "join",
    fields: { id: 7, cmd: "JOIN", room: "x" },
  });
  assert.equal(parseRequest(' {"id":"a","cmd":"x"} ').id, "a");
  for (const line of ['{"cmd":"x"}', '{"id":null,"cmd":"x"}']) assert.equal(parseRequest(line).id, undefined);
});

test("parseRequest() refuses what is not one object, and what names no command", () => {
  for (const bad of ['{"id":1', "", "hello", "[]", '[{"cmd":"x"}]', "null", "7", '"cmd"', '{"cmd":"x"}{"cmd":"y"}']) {
    refused("invalid_json", bad);
  }
  for (const bad of ["{}", '{"cmd":7}', '{"cmd":null}', '{"cmd":["x"]}']) refused("usage", bad, /"cmd"/);
  assert.throws(() => parseRequest('{"id":9}'), (error) => (error as ChatError).extra.id === 9);
  assert.throws(() => parseRequest("{}"), (error) => !Object.hasOwn((error as ChatError).extra, "id"));
});

test("parseRequest() takes no other character for a letter of a command's name", () => {
  assert.equal(parseRequest('{"cmd":"\\u212aEYS"}').cmd, "\u212aeys");
});

test("encodeReply() carries a request's id exactly as it came", () => {
  const numbers = [
    "0",
    "7",
    "-7",
    "1.0",
    "-0",
    "1e400",
    "1E2",
    "0.1",
    "1.10",
    "9007199254740993",
    "1e-7",
    "100000000000000000000000",
  ];
  for (const id of numbers) assert.equal(echoed(id), id);
  for (const id of ['""', '"a"', '"1.0"', '"é\\n\\u0000"', '"\\ud800"', `"${"x".repeat(maxRequestIdLength)}"`]) {
    assert.equal(echoed(id), JSON.stringify(JSON.parse(id)));
  }
});

test("parseRequest() takes the request's own number, wherever it stands and whatever else is called id", () => {
  assert.equal(echoed("", '{"id":1,"id":2.0,"cmd":"x"}'), "2.0");
  assert.equal(echoed("", '{"cmd":"x","positions":{"id":3.00},"id":2.0,"more":[{"id":4.0}]}'), "2.0");
  assert.equal(echoed("", '{"a":{"id":1.0},"cmd":"x"}'), "");
  assert.equal(echoed("", ' { "id" : 9007199254740993 , "cmd" : "x" } '), "9007199254740993");
  assert.equal(echoed("", '{"__proto__":{"id":1.0},"cmd":"x"}'), "");
});

test("parseRequest() refuses an id that is neither text nor number, or too long, and names none then", () => {
  for (const id of ["true", "false", "[1]", "{}", '{"id":1}']) {
    refused("usage", `{"id":${id},"cmd":"x"}`, /"id" must be a text or a number/);
  }
  const long = maxRequestIdLength + 1;
  for (const id of [`"${"x".repeat(long)}"`, "1".repeat(long), `1.${"0".repeat(long)}`]) {
    refused("usage", `{"id":${id},"cmd":"x"}`, /at most 256 are allowed/);
    assert.throws(() => parseRequest(`{"id":${id},"cmd":"x"}`), (error) => !("id" in (error as ChatError).extra));
  }
});

test("parseRequest() reads a number id in any line in a time that goes by the line's length, however it is nested", () => {
  for (const inside of [`${"[".repeat(100_000)}${"]".repeat(100_000)}`, `[${"{},".repeat(60_000)}1]`]) {
    assert.equal(echoed("", `{"cmd":"resume","positions":{"a":${inside}},"id":1.0}`), "1.0");
  }
  const many = `{"cmd":"resume","positions":[${"1,".repeat(120_000)}1],"id":1.0}`;
  parseRequest(many);
  const since = performance.now();
  parseRequest(many);
  const took = performance.now() - since; // 170 ms where a function is called for each value
  assert.ok(took < 60, `${took} ms`);
});

test("parseRequest() takes the last id where one stands twice, with its own text", () => {
  for (const second of ['"id":1.0', '"\\u0069d":1.0', '"i\\u0064" : 1.0']) {
    assert.equal(echoed("", `{"id":1,${second},"cmd":"pong"}`), "1.0");
  }
});

test("parseRequest() finds the id that JSON.parse() does, with its own text", () => {
  const key = fc.constantFrom('"id"', '"\\u0069d"', '"i\\u0064"', '"idx"', '"a"', '"\\"id"', '"\\\\"', '"cmd"');
  const space = fc.constantFrom("", " ", "\n\t ");
  const number = fc.constantFrom("1", "1.0", "-0", "2e3", "9007199254740993");
  const inner = fc.oneof(
    fc.json(),
    number,
    fc.constantFrom('"id:1"', '{"id":5.0}', '"\\\\"', '"\\"id\\":7"', '[{"id":6.0}]'),
  );
  const member = fc.tuple(space, key, space, space, fc.oneof(number, inner))
    .map(([before, key, colon, after, value]) => `${before}${key}${colon}:${after}${value}`);
  fc.assert(fc.property(fc.array(member, { maxLength: 6 }), number, (members, last) => {
    const line = `{${[...members, `"id":${last},"x":"\\"id\\":3","cmd":"pong"`].join()}}`;
    assert.equal(echoed("", line), last);
  }));
});
