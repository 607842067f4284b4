import assert from "node:assert/strict";
import { composeNames, misspelt, unreadLines } from "../../lib/config/misspelt.ts";
import { options } from "../../lib/config/table.ts";
import { permitted } from "../support/needs.ts";
import { test } from "../support/declare.ts";

test("misspelt() names what looks like an option, and lets alone what others read from the same file", () => {
  const text =
    "SERVER_PROT=9000\nSEVER_HOST=127.0.0.1\nROOMS=ops\nSERVER_2_PORT=9\nCOMPOSE_PROJECT_NAME=x\nPATH_TO=y\n";
  assert.deepEqual(misspelt(text), [
    { name: "SERVER_PROT", meant: "SERVER_PORT" },
    { name: "SEVER_HOST", meant: "SERVER_HOST" },
  ]);
  assert.deepEqual(misspelt(""), []);
});

test("unreadLines() tells of lines without a =, and lets alone comments and values of several lines", () => {
  assert.deepEqual(unreadLines("SERVER_HOST: 127.0.0.1\r\n# a: b\n\n  \nROOMS=ops\n\tSERVER_PORT 9000\n"), [1, 6]);
  assert.deepEqual(unreadLines('A="one\ntwo\n"\nB=1\nC=\'it\nD=2\n# "\nexport E = `f\ng`\nsaid\n'), [10]);
  assert.deepEqual(unreadLines(""), []);
});

test("misspelt() knows all names that compose.yaml reads", () => {
  const compose = Deno.readTextFileSync(new URL("../../compose.yaml", import.meta.url));
  const read = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name).filter((name) =>
    !Object.hasOwn(options, name)
  );
  assert.deepEqual([...new Set(read)].sort(), [...composeNames].sort());
}, await permitted("read"));
