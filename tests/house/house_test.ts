import assert from "node:assert/strict";
import { join, posix } from "node:path";
import { permitted } from "../support/needs.ts";

const root = join(import.meta.dirname!, "..", "..");
const files = await permitted("read");

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: files.named(name), ignore: files.ignored, fn });
}

/** Every file below a folder, as paths from the project's root. */
async function below(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    if (isDirectory) found.push(...await below(`${folder}/${name}`));
    else found.push(`${folder}/${name}`);
  }
  return found.sort();
}

function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf("/"));
}

const read = (file: string) => Deno.readTextFile(join(root, file));

test("No folder under lib has more than 20 files, Lua scripts excepted, and no file more than 350 lines", async () => {
  const sources = (await below("lib")).filter((file) => !file.endsWith(".lua"));
  for (const [folder, within] of Map.groupBy(sources, folderOf)) {
    assert.ok(within.length <= 20, `${folder} has ${within.length} files`);
  }
  for (const file of sources) {
    const lines = (await read(file)).split("\n").length - 1;
    assert.ok(lines <= 350, `${file} has ${lines} lines`);
  }
});

test("The map of docs/design.md has each folder, and no other", async () => {
  const design = await read("docs/design.md");
  const mapped = [...design.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, folder]) => folder);
  const folders = new Set((await below("lib")).map(folderOf));
  const outside = ["scripts", "examples", "bench", "tests"];
  assert.deepEqual(mapped.toSorted(), [...folders, ...outside].toSorted());
});

test("A message's way in docs/design.md and in the README names files that there are, in the same order", async () => {
  const all = new Set(await below("lib"));
  const ways = [
    /\*\*A message, socket to socket:\*\*([\s\S]*?)\n\n/.exec(await read("docs/design.md"))![1],
    /\n## A message's way\n([\s\S]*?)\n## /.exec(await read("README.md"))![1],
  ].map((way) => [...new Set([...way.matchAll(/[`(](lib\/[^`)]+\.(?:ts|lua))[`)]/g)].map(([, file]) => file))]);
  for (const named of ways) {
    assert.ok(named.length >= 10, named.join(", "));
    assert.deepEqual(named.filter((file) => !all.has(file)), []);
  }
  const [brief, whole] = ways;
  assert.deepEqual(whole.filter((file) => brief.includes(file)), brief);
});

test("tests/ mirrors lib/ folder by folder", async () => {
  const besides = ["chaos", "monkey", "contract", "e2e", "examples", "fixtures", "house", "scripts", "support"];
  const folders = new Set((await below("lib")).map((file) => folderOf(file).slice("lib/".length)));
  for (const folder of new Set((await below("tests")).map((file) => folderOf(file).slice("tests/".length)))) {
    assert.ok(besides.includes(folder.split("/")[0]) || folders.has(folder), `tests/${folder} mirrors no folder`);
  }
});

test("No file imports itself on a way round, types included", async () => {
  const files = [...await below("lib"), "server.ts", "client.ts", "admin.ts"].filter((file) => file.endsWith(".ts"));
  const imports = new Map<string, string[]>();
  for (const file of files) {
    const code = (await read(file)).replaceAll(/\/\*[\s\S]*?\*\//g, "");
    const named = [...code.matchAll(/\bfrom\s+"(\.[^"]+\.ts)"/g)].map(([, path]) =>
      posix.join(posix.dirname(file), path)
    );
    imports.set(file, named);
  }
  assert.deepEqual(circleIn(imports), undefined);
});

/** The first way round that is found, as the files on it; undefined where there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  function visit(file: string, way: readonly string[]): string[] | undefined {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
  }
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
}

test("circleIn() finds a way round of any length, and none in a diamond", () => {
  const graph = (edges: Record<string, string[]>) => circleIn(new Map(Object.entries(edges)));
  assert.deepEqual(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }), undefined);
  assert.deepEqual(graph({ a: ["b"], b: ["c"], c: ["b"] }), ["b", "c", "b"]);
  assert.deepEqual(graph({ a: ["a"] }), ["a", "a"]);
  return Promise.resolve();
});

/** What this house called things once; the reasons are in docs/design.md. */
const formerPaths = [
  ...["lib/errors.ts", "lib/log.ts", "lib/config.ts", "lib/metrics.ts", "lib/pause.ts", "lib/store/office.ts"],
  ...["lib/store/place.ts", "lib/store/redis_scripts", "lib/client/screen", "lib/client/seal", "lib/client/side.ts"],
  ...["lib/client/resume.ts", "lib/client/homecoming.ts", "lib/client/session/homecoming.ts", "lib/server/session.ts"],
  ...["lib/server/members.ts", "lib/server/entrance.ts", "lib/server/seats.ts", "lib/server/endings.ts"],
];

const formerNames =
  /\b(?:ClientSession|SessionHost|Members?|Seats?|Entrance|Endings|Reassertion|Following|Followed|Answers|Journal|Flusher|Kernel|Orders|Office|RedisOffice|SqliteOffice|MasterLink|ClusterLink|encodePlace|decodePlace|Standing|Admission|Homecoming|HeldSteps|OwnCommands?|Talk|makeLook|ailment|watchTide|renewDoubt)\b/;

test("Names and paths that were left behind do not return", async () => {
  for (const path of formerPaths) {
    await assert.rejects(Deno.stat(join(root, path)), Deno.errors.NotFound, path);
  }
  for (const file of await below("lib")) {
    const code = withoutWords(await read(file));
    const found = formerNames.exec(code);
    assert.equal(found?.[0], undefined, `${file} has a name that was left behind`);
  }
});

/** What releases of Deno before 2.5 do not have: the client is compiled with these as well. */
const laterThanClient = /\bUint8Array\.from(?:Base64|Hex)\b|\.(?:toHex|setFrom(?:Base64|Hex))\(|\.toBase64\(\{/;

test("The client uses nothing that an earlier release of Deno does not have", async () => {
  for (const part of ["lib/client", "lib/wire", "lib/common"]) {
    for (const file of await below(part)) {
      assert.doesNotMatch(withoutWords(await read(file)), laterThanClient, file);
    }
  }
});

/** Code without comments and texts, which may say what they like. */
function withoutWords(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "");
}
