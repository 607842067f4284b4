import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { target } from "../../../lib/client/transfer/commands.ts";
import { downloadFolder, expanded, goalOf, readFile } from "../../../lib/client/transfer/local.ts";
import { labelOf, Offers, offerText, readOffer } from "../../../lib/client/transfer/offers.ts";
import { firstWord, pathCandidates, readPath } from "../../../lib/client/transfer/paths.ts";
import { progressOf, progressText } from "../../../lib/client/transfer/progress_text.ts";
import { numberedName, safeName } from "../../../lib/client/transfer/safe_name.ts";
import { formatSeconds, formatSize } from "../../../lib/client/transfer/size.ts";
import type { TopicEvent } from "../../../lib/wire/event.ts";
import { isFilename } from "../../../lib/wire/files.ts";
import { withFolder } from "./fake_files.ts";
import { test } from "../fakes.ts";

test("safeName() keeps what is harmless", () => {
  for (
    const name of ["report.pdf", "Ünïcode Bericht.pdf", "日本語.txt", "👩‍👩‍👧.png", "a b  c.tar.gz", "x", "no-extension"]
  ) {
    assert.equal(safeName(name), name);
  }
});

test("safeName() takes away what leads elsewhere, hides, lies about its order, or names a device", () => {
  const cases = [
    ["../../etc/passwd", "_.._etc_passwd"],
    ["..\\..\\x", "_.._x"],
    ["..", "file"],
    [".", "file"],
    ["", "file"],
    ["   ", "file"],
    [".bashrc", "bashrc"],
    ["-rf", "rf"],
    ["--.- x", "x"],
    ["/", "_"],
    ["a/b", "a_b"],
    ["C:\\x", "C__x"],
    ["CON", "_CON"],
    ["con.txt", "_con.txt"],
    ["Com1.tar.gz", "_Com1.tar.gz"],
    ["lpt¹", "_lpt¹"],
    ...["Prn", "aux.h", "conin$", "CONOUT$.txt", "clock$", "com0", "LPT9.log"].map((name) => [name, `_${name}`]),
    ["nul .txt", "_nul .txt"],
    ["CON. . .", "_CON"],
    ["report\u202efdp.exe", "reportfdp.exe"],
    ["a\u0000b\u001b[2Jc\nd", "ab[2Jcd"],
    ["a\tb", "a_b"],
    ["name. . ", "name"],
    ['a<b>c:"d|e?f*', "a_b_c__d_e_f_"],
    ["e\u0301.txt", "é.txt"],
    ["x\ud800y", "x\ufffdy"],
    ["a\u2215b\uff0fc", "a_b_c"],
    ["a\u2044b\u29f5c\u29f8d\uff3ce", "a_b_c_d_e"],
    ["\u200fx\u200e.txt", "x.txt"],
  ];
  for (const [name, safe] of cases) assert.equal(safeName(name), safe, JSON.stringify(name));
});

test("safeName() keeps the extension of a name that is too long", () => {
  const long = safeName("ä".repeat(300) + ".tar.gz");
  assert.ok(long.endsWith("ä.tar.gz"));
  assert.equal(new TextEncoder().encode(long).length, 255);
  assert.equal(numberedName("report.pdf", 1), "report.pdf");
  assert.equal(numberedName("report.pdf", 2), "report (2).pdf");
  assert.equal(numberedName("logs.tar.gz", 12), "logs (12).tar.gz");
  assert.equal(numberedName(".pdf", 2), ".pdf (2)");
  assert.equal(new TextEncoder().encode(numberedName(long, 999)).length, 255);
});

test("safeName() always gives a single safe segment, and nothing else the second time", () => {
  const pieces = fc.constantFrom(
    ...'../\\:*?"<>| .-~ab\t\n\0\x1b\u202e\u2066\u200d\u200e\u0301é日👩\ud800',
    "CON",
    "nul",
    "com1",
    ".txt",
    ".tar.gz",
    "x".repeat(200),
    "日".repeat(90),
  );
  const name = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(name, fc.integer({ min: 1, max: 1000 }), (name, n) => {
      const safe = safeName(name);
      assert.equal(safeName(safe), safe);
      for (const result of [safe, numberedName(safe, n)]) {
        assert.ok(isFilename(result), result);
        assert.equal(join("/folder", result), `/folder/${result}`);
        assert.doesNotMatch(result, /[/\\:*?"<>|\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
        assert.doesNotMatch(result, /^[.\-\s]|[.\s]$/u);
        assert.doesNotMatch(result, /^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/i);
        assert.ok(new TextEncoder().encode(result).length <= 255);
      }
      assert.equal(safe.normalize("NFC"), safe);
    }),
    { numRuns: 2_000 },
  );
});

test("formatSize() and formatSeconds() are for people", () => {
  const sizes = [1, 999, 1000, 1234, 9_949, 9_950, 999_499, 999_500, 1_234_567, 268_435_456, 5e12];
  assert.deepEqual(sizes.map(formatSize), [
    "1 byte",
    "999 bytes",
    "1.0 kB",
    "1.2 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "1.2 MB",
    "268 MB",
    "5.0 TB",
  ]);
  assert.deepEqual([0.1, 8.4, 89, 90, 5_399, 7_200].map(formatSeconds), [
    "1 s",
    "8 s",
    "89 s",
    "2 min",
    "90 min",
    "2 h",
  ]);
});

const file = {
  id: "abc",
  name: "report.pdf",
  size: 1_234_567,
  sha256: "0".repeat(64),
  expires: "2026-11-28T09:00:00.000Z",
};

function offering(fields: Record<string, unknown> = {}, about: Record<string, unknown> = {}): TopicEvent {
  const event = { type: "message", topic: "room:ops", seq: 1, from: "bob", time: "", pos: "", text: offerText(file) };
  return { ...event, ...fields, file: { ...file, ...about } } as unknown as TopicEvent;
}

test("Offers.labelled() gives each file a number, and the same file the same", () => {
  const offers = new Offers();
  const first = offers.labelled(offering());
  assert.equal(first.text, "offers report.pdf (1.2 MB): /get 1");
  assert.deepEqual(labelOf(first), { action: "/get 1", alone: true });
  assert.equal(
    offers.labelled(offering({ text: "look" }, { id: "d", name: "x\u202e.pdf" })).text,
    "look · offers x.pdf (1.2 MB): /get 2",
  );
  assert.equal(offers.labelled(offering()).text, first.text);
  // The same id with other bytes is another file, and the first stays what it was.
  assert.match(offers.labelled(offering({ from: "eve" }, { sha256: "1".repeat(64) })).text, /\/get 3$/);
  assert.equal(offers.get(1)?.sha256, "0".repeat(64));
  const { number, from, room, to, key, expires } = offers.get(1)!;
  assert.deepEqual([number, from, room, to, key, expires], [
    1,
    "bob",
    "ops",
    undefined,
    undefined,
    Date.UTC(2026, 10, 28, 9),
  ]);
  const direct = offering({ type: "direct", topic: "inbox:a", to: "a" }, { id: "e", key: "k" });
  offers.labelled(direct);
  assert.deepEqual([offers.get(4)?.room, offers.get(4)?.to, offers.get(4)?.key], [undefined, "a", "k"]);
});

test("Offers.label() labels events and histories, and leaves the rest alone", () => {
  const offers = new Offers();
  const event = offers.label({ kind: "event", event: offering() });
  assert.match(JSON.stringify(event), /\/get 1/);
  const request = { cmd: "history" };
  const messages = [offering(), offering({ text: "plain" }, { id: undefined }), null] as TopicEvent[];
  const reply = offers.label({ kind: "reply", request, reply: { of: "history", messages } });
  assert.ok(reply.kind === "reply" && reply.reply.of === "history");
  assert.deepEqual(reply.reply.messages.map((message) => message?.text), [
    "offers report.pdf (1.2 MB): /get 1",
    "plain",
    undefined,
  ]);
  const odd = { kind: "reply", request, reply: { of: "history", messages: "none" } } as const;
  assert.deepEqual(offers.label(odd as never), odd);
});

test("Offers forgets the oldest of very many", () => {
  const offers = new Offers();
  for (let i = 0; i < 600; i++) offers.labelled(offering({}, { id: `f${i}` }));
  assert.equal(offers.all.length, 500);
  assert.equal(offers.get(100), undefined);
  assert.equal(offers.get(600)?.id, "f599");
});

test("readOffer() takes no file that cannot be one", () => {
  const wrong = [
    null,
    "x",
    [],
    ...[
      { id: "../x" },
      { id: "" },
      { id: "x".repeat(65) },
      { id: 7 },
      { name: 7 },
      { size: -1 },
      { size: 1.5 },
      { size: 1e15 },
      { size: "1" },
      { sha256: "x" },
      { sha256: "0".repeat(63) },
    ].map((fields) => ({ ...file, ...fields })),
  ];
  for (const value of wrong) assert.equal(readOffer(value), undefined, JSON.stringify(value));
  assert.deepEqual(readOffer({ ...file, expires: "soon" }), {
    ...{ id: "abc", name: "report.pdf", size: 1_234_567, sha256: "0".repeat(64) },
    ...{ expires: undefined, key: undefined },
  });
});

test("labelOf() believes no label that the text does not end with", () => {
  const event = (text: string, label: unknown) => ({ text, file: { ...file, label } }) as unknown as TopicEvent;
  const whole = "offers report.pdf (1.2 MB): /get 1";
  assert.deepEqual(labelOf(event(`offers x · ${whole}`, "/get 1")), { action: "/get 1", alone: false });
  for (const [text, label] of [["x: /get 1", "/get 1"], [whole, "/get 2"], ["x: \x1b[2J", "\x1b[2J"], ["x: 1", 1]]) {
    assert.equal(labelOf(event(String(text), label)), undefined);
  }
});

test("target() tells users from rooms", () => {
  assert.deepEqual(target("@ops", "ops"), { to: "ops" });
  assert.deepEqual(target("#Ops", "lobby"), { room: "ops" });
  assert.deepEqual(target("OPS", "ops"), { room: "ops" });
  assert.deepEqual(target("bob", "ops"), { to: "bob" });
  for (const word of ["@", "#", "@a b", "a/b", "@#x"]) {
    assert.throws(() => target(word, "ops"), /neither a user nor a room/);
  }
});

test("readPath() takes quotes and escapes off, and keeps blanks", () => {
  assert.deepEqual(firstWord("@bob  my file.pdf "), { word: "@bob", rest: "my file.pdf" });
  assert.deepEqual(firstWord(""), { word: "", rest: "" });
  for (const typed of ['"my file.pdf"', "'my file.pdf'", "my file.pdf", "my\\ file.pdf", "file:///my%20file.pdf"]) {
    assert.equal(readPath(typed, false).replace(/^\//, ""), "my file.pdf");
  }
  assert.equal(readPath("C:\\x\\y z.pdf", true), "C:\\x\\y z.pdf");
  assert.equal(readPath("file:///%zz", false), "/%zz");
});

test("progressOf() folds several transfers into one", () => {
  const one = { number: 3, kind: "send", name: "a.bin", size: 1000, peer: "bob", done: 430, rate: 100 } as const;
  assert.equal(progressText(one), "3: a.bin to bob, 43 % of 1.0 kB, 100 bytes/s, 6 s left");
  assert.equal(progressText({ ...one, kind: "get", rate: undefined }), "3: a.bin from bob, 43 % of 1.0 kB");
  assert.equal(progressOf([]), undefined);
  assert.deepEqual(progressOf([one]), { text: progressText(one), share: 0.43 });
  const many = [one, ...[4, 5, 6].map((number) => ({ ...one, number, done: 0, rate: undefined }))];
  assert.equal(
    progressOf(many)?.text,
    "4 files, 10 % of 4.0 kB, 100 bytes/s, 36 s left (3: a.bin, 4: a.bin, 5: a.bin, …)",
  );
});

withFolder("pathCandidates() completes files and folders, hidden ones only when asked for", async (folder) => {
  await Deno.mkdir(join(folder, "my docs"));
  await Deno.symlink(join(folder, "my docs"), join(folder, "my link"));
  for (const name of ["my file.txt", ".hidden", "evil\x1b[2J", "back\\slash", "other"]) {
    await Deno.writeTextFile(join(folder, name), "x");
  }
  const found = (typed: string) => pathCandidates(typed.replace("~", folder)).map((path) => path.replace(folder, "~"));
  assert.deepEqual(found("~/my"), ["~/my docs/", "~/my file.txt", "~/my link/"]);
  assert.deepEqual(found("~/"), ["~/back\\\\slash", "~/my docs/", "~/my file.txt", "~/my link/", "~/other"]);
  assert.deepEqual(found("~/.h"), ["~/.hidden"]);
  assert.deepEqual(found('"~/my f'), ['"~/my file.txt"']);
  assert.deepEqual(found("~/my\\ d"), ["~/my docs/"]);
  assert.deepEqual(found("~/nowhere/x"), []);
});

withFolder("readFile() reads a regular file that is not too large, an empty one as well", async (folder) => {
  const path = join(folder, "-x .txt");
  await Deno.writeTextFile(path, "12345");
  assert.equal((await readFile(path, 5)).name, "x .txt");
  await Deno.writeTextFile(join(folder, "empty"), "");
  assert.equal((await readFile(join(folder, "empty"), 10)).bytes.length, 0);
  for (
    const [path, most, why] of [
      ["-x .txt", 4, /it has 5 bytes, and the server takes at most 4 bytes/],
      ["-x .txt", 0, /this server takes no files/],
      ["empty", 0, /this server takes no files/],
      ["nothing", 10, /there is no such file/],
      [".", 10, /it is a folder/],
      ["/dev/null", 10, /it is no regular file/],
    ] as const
  ) {
    await assert.rejects(readFile(path.startsWith("/") ? path : join(folder, path), most), why);
  }
});

withFolder("downloadFolder() is the chosen one, the desktop's, ~/Downloads or the present one", async (home) => {
  const env = (values: Record<string, string>) => (name: string) => values[name];
  await Deno.mkdir(join(home, ".config"));
  for (const name of ["Downloads", "Getragenes", "set"]) await Deno.mkdir(join(home, name));
  assert.equal(downloadFolder(undefined, env({})), Deno.cwd());
  assert.equal(downloadFolder(undefined, env({ HOME: home })), join(home, "Downloads"));
  await Deno.writeTextFile(join(home, ".config", "user-dirs.dirs"), '# x\nXDG_DOWNLOAD_DIR="$HOME/Getragenes"\n');
  assert.equal(downloadFolder(undefined, env({ HOME: home })), join(home, "Getragenes"));
  await Deno.writeTextFile(join(home, ".config", "user-dirs.dirs"), '\ufeffXDG_DOWNLOAD_DIR="$HOME/set"\r\n');
  assert.equal(downloadFolder(undefined, env({ HOME: home })), join(home, "set"));
  await Deno.writeTextFile(join(home, ".config", "user-dirs.dirs"), '# x\nXDG_DOWNLOAD_DIR="$HOME/Getragenes"\n');
  assert.equal(downloadFolder(undefined, env({ HOME: home, XDG_DOWNLOAD_DIR: join(home, "set") })), join(home, "set"));
  assert.equal(downloadFolder("~/x", env({ HOME: home })), join(home, "x"));
  assert.equal(expanded("~", env({ HOME: home })), home);
  assert.deepEqual(await goalOf(undefined, "n", () => join(home, "new", "one")), {
    folder: join(home, "new", "one"),
    name: "n",
  });
  assert.ok((await Deno.stat(join(home, "new", "one"))).isDirectory);
  assert.deepEqual(await goalOf(join(home, "set"), "n", () => ""), { folder: join(home, "set"), name: "n" });
  assert.deepEqual(await goalOf(join(home, "set", "other"), "n", () => ""), { path: join(home, "set", "other") });
  await assert.rejects(goalOf(join(home, "nowhere") + "/", "n", () => ""), /is no folder/);
});
