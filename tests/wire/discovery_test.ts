import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Announcement,
  datagramBytes,
  encodeAnnouncement,
  encodeQuestion,
  isMulticastGroup,
  isQuestion,
  parseAnnouncement,
} from "../../lib/wire/discovery.ts";
import { test } from "../support/declare.ts";

const fingerprint = Array.from({ length: 32 }, () => "AB").join(":");
const announcement: Announcement = {
  server: "server1",
  host: "chat.example",
  port: 8000,
  fingerprint,
  ca: fingerprint,
  rooms: ["general", "tech"],
};

test("parseAnnouncement() reads what encodeAnnouncement() wrote", () => {
  assert.deepEqual(parseAnnouncement(encodeAnnouncement(announcement)), announcement);
  const { rooms: _, ...earlier } = announcement;
  const bytes = new TextEncoder().encode(JSON.stringify({ chat: "server", version: 1, ...earlier }));
  assert.deepEqual(parseAnnouncement(bytes), { ...earlier, rooms: [] }, "of an earlier server");
  const bare = { ...announcement, host: undefined, ca: undefined };
  assert.deepEqual(parseAnnouncement(encodeAnnouncement(bare)), bare);
});

test("an announcement is never longer than its question", () => {
  const long = { ...announcement, server: "s".repeat(64), host: "h".repeat(200), port: 65_535 };
  const rooms = Array.from({ length: 500 }, (_, n) => `room-${"x".repeat(n % 50)}-${n}`);
  for (let from = 0; from < 400; from += 7) {
    for (const one of [announcement, long]) {
      const bytes = encodeAnnouncement({ ...one, rooms: rooms.slice(from) });
      assert.ok(bytes.length <= encodeQuestion().length);
      const named = parseAnnouncement(bytes)!.rooms;
      assert.deepEqual(named, rooms.slice(from, from + named.length));
      const next = JSON.stringify(rooms[from + named.length]).length + 1;
      assert.ok(bytes.length + next > datagramBytes, "the next one does not fit");
    }
  }
  assert.equal(encodeQuestion().length, datagramBytes);
  assert.ok(isQuestion(encodeQuestion()));
  assert.ok(!isQuestion(encodeQuestion().subarray(0, 100)));
});

const bad: [string, Record<string, unknown>][] = [
  ["a name that moves the cursor", { server: "\x1b[2J" }],
  ["a host that is none", { host: "a b" }],
  ["a port that is none", { port: 0 }],
  ["a fingerprint that is none", { fingerprint: "AB" }],
  ["an authority that is none", { ca: 7 }],
  ["rooms that are none", { rooms: ["a b"] }],
];
for (const [what, fields] of bad) {
  test(`parseAnnouncement() refuses ${what}`, () => {
    assert.equal(parseAnnouncement(encodeAnnouncement({ ...announcement, ...fields } as Announcement)), undefined);
  });
}

test("parseAnnouncement() refuses rooms that are not a list", () => {
  const text = JSON.stringify({ chat: "server", version: 1, ...announcement, rooms: { length: 1e9 } });
  assert.equal(parseAnnouncement(new TextEncoder().encode(text)), undefined);
});

test("parseAnnouncement() and isQuestion() take any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    parseAnnouncement(bytes);
    isQuestion(bytes);
  }));
});

test("parseAnnouncement() takes a real answer with bytes changed, and shows nothing that is unclean", () => {
  const bytes = encodeAnnouncement(announcement);
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
    const changed = bytes.slice();
    for (const [at, byte] of changes) changed[at] = byte;
    const read = parseAnnouncement(changed);
    assert.doesNotMatch(JSON.stringify(read) ?? "", /\p{C}/u);
  }));
});

test("isMulticastGroup() knows the addresses of groups", () => {
  for (const group of ["224.1.1.1", "239.255.67.72", "224.0.0.0", "239.255.255.255"]) assert(isMulticastGroup(group));
  for (const other of ["223.1.1.1", "240.0.0.1", "224.1.1", "224.1.1.256", "224.01.1.1", "ff02::1", "", "224.1.1.1 "]) {
    assert(!isMulticastGroup(other), other);
  }
});
