import assert from "node:assert/strict";
import { mentionsOf } from "../../../../lib/client/tui/text/mentions.ts";
import { itemRows } from "../../../../lib/client/tui/text/item.ts";
import { makeTheme } from "../../../../lib/client/tui/text/theme.ts";
import { test } from "../../fakes.ts";

const naming = [
  ...["charlie", "hi charlie!", "@Charlie: x", "(charlie)", "charlie's", "charlie,@bob", "ask charlie.", "…charlie…"],
  ...[
    "hm...charlie?",
    "charlie: hi",
    "charlie:hi",
    "„Charlie“",
    "bob/@charlie",
    "https://a.example/ charlie",
    "*charlie*",
  ],
  ...["bob@example.com, charlie", "see x.txt charlie", "(https://a.example/x) charlie", "日本charlie".slice(2)],
];
for (const text of naming) {
  test(`mentionsOf() hears ${text}`, () => {
    const [{ start, end }, ...more] = mentionsOf(text, "charlie");
    assert.deepEqual([text.slice(start, end).toLowerCase(), more], ["charlie", []]);
  });
}

const silent = [
  ...["", "bob", "charlies", "charlie-x", "charlie_", "ä-charlie1"],
  ...["https://github.com/charlie/repo", "see (https://a.example/?u=charlie)", "https://charlie@a.example/"],
  ...[
    "ssh://charlie@a.example",
    "git+ssh://a.example/charlie",
    "a.example/?user=charlie&x",
    "https://köln.example/charlie",
  ],
  ...["charlie@example.com", "Charlie.Brown@example.com", "x+charlie@example.com", "mailto:charlie@example.com"],
  ...["root@charlie", "/home/charlie/x", "/charlie", "charlie/x", "~charlie", "C:\\Users\\charlie", "\\\\charlie\\x"],
  ...[
    "charlie.txt",
    "charlie.tar.gz",
    ".charlie",
    "www.charlie.org",
    "charlie:8000",
    "#charlie",
    "$charlie",
    "--charlie",
  ],
];
for (const text of silent) {
  test(`mentionsOf() hears nobody in ${JSON.stringify(text)}`, () => assert.deepEqual(mentionsOf(text, "charlie"), []));
}

test("mentionsOf() hears nobody where nobody is logged in", () => assert.deepEqual(mentionsOf("x", undefined), []));

test("itemRows() sets off the name and not the file", () => {
  const theme = { ...makeTheme(false), mention: (text: string) => `<${text}>` };
  const said = {
    kind: "said",
    how: "room",
    user: "b",
    mention: true,
    own: false,
    at: new Date(2026, 10, 21, 9),
  } as const;
  const [row] = itemRows({ ...said, text: "charlie, see charlie.txt and charlie" }, 80, theme, "charlie");
  assert.match(row, /<charlie>, see charlie\.txt and <charlie>$/);
});
