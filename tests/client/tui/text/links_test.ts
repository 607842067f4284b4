import assert from "node:assert/strict";
import { findLinks, linked } from "../../../../lib/client/tui/text/links.ts";
import { makeTheme } from "../../../../lib/client/tui/text/theme.ts";
import { test } from "../../fakes.ts";

/** The links of a text: what is shown, and what is opened where that is written in another way. */
function found(text: string): string[] {
  return findLinks(text).map(({ start, end, target }) => {
    const shown = text.slice(start, end);
    return shown === target ? shown : `${shown} → ${target}`;
  });
}

const links: [string, string[]][] = [
  ["https://de.wikipedia.org/wiki/Köln.", [
    "https://de.wikipedia.org/wiki/Köln → https://de.wikipedia.org/wiki/K%C3%B6ln",
  ]],
  ["see https://a.example/x(y), (http://b.example/z). Or https://c.example/?q=1#f!", [
    "https://a.example/x(y)",
    "http://b.example/z",
    "https://c.example/?q=1#f",
  ]],
  ["https://münchen.de/ö?ü=ß#ä", [
    "https://münchen.de/ö?ü=ß#ä → https://xn--mnchen-3ya.de/%C3%B6?%C3%BC=%C3%9F#%C3%A4",
  ]],
  ["HTTPS://A.example", ["HTTPS://A.example → https://a.example/"]],
  ["https://a.example:8443/x http://localhost:8000/ http://10.0.0.1/x https://[::1]:8000/x", [
    "https://a.example:8443/x",
    "http://localhost:8000/",
    "http://10.0.0.1/x",
    "https://[::1]:8000/x",
  ]],
  ["https://a.example/a|b/{id}/x^y", ["https://a.example/a|b/{id}/x^y → https://a.example/a|b/%7Bid%7D/x^y"]],
  ["https://a.example/~u/$x*y+z@2x;v=1,2/a--b/c...d/#!/x", ["https://a.example/~u/$x*y+z@2x;v=1,2/a--b/c...d/#!/x"]],
  ["https://a.example/?q=a&b[]=1 https://a.example/a[1]", ["https://a.example/?q=a&b[]=1", "https://a.example/a[1]"]],
  ["[x](https://a.example/x), <https://a.example/y> `https://a.example/z` **https://a.example/w**", [
    "https://a.example/x",
    "https://a.example/y",
    "https://a.example/z",
    "https://a.example/w",
  ]],
  ["'https://a.example/x' “https://a.example/y” «https://a.example/z»… https://a.example/w… {https://a.example/v}", [
    "https://a.example/x",
    "https://a.example/y",
    "https://a.example/z",
    "https://a.example/w",
    "https://a.example/v",
  ]],
  ["(https://a.example/x?), https://a.example/y: (see https://a.example/z_(w)).", [
    "https://a.example/x",
    "https://a.example/y",
    "https://a.example/z_(w)",
  ]],
  ["请看https://a.example/x，然后（https://a.example/y）再「https://a.example/z」。", [
    "https://a.example/x",
    "https://a.example/y",
    "https://a.example/z",
  ]],
  ["https://日本語.jp/例（一）", [
    "https://日本語.jp/例（一） → https://xn--wgv71a119e.jp/%E4%BE%8B%EF%BC%88%E4%B8%80%EF%BC%89",
  ]],
  ["https://xn--mnchen-3ya.de/ https://пример.рф/", [
    "https://xn--mnchen-3ya.de/",
    "https://пример.рф/ → https://xn--e1afmkfd.xn--p1ai/",
  ]],
];
for (const [text, expected] of links) {
  test(`findLinks() finds what a person means in ${text}`, () => assert.deepEqual(found(text), expected));
}

const none: [string, string][] = [
  ["is no address", "no ftp://a.example, javascript:x or https:// or xhttps://a.example or https:///a.example"],
  [
    "has a name before the host",
    "https://bank.example@evil.example/ https://u:p@evil.example/ https://a.example:1@b.example",
  ],
  [
    "has another host than it shows",
    "https://a.example\\@evil.example/ http://0x7f.1/ http://2130706433/ https://ｅvil.example/",
  ],
  ["hides something in the host", "https://ex\u200fample.com/ https://ex\u200dample.com/ https://%65xample.com/"],
  ["hides something in the path", "https://a.example/\u200fx"],
  ["mixes scripts", "https://аpple.com/ https://gооgle.com/ https://a.ехample.com/"],
  ["imitates another script", "https://аррӏе.com/ https://www.сосо.com/"],
  ["has no such port", "https://a.example:99999/ https://a.example:x/"],
  ["has no such host", "https://[::z]/ https://a%b.example/"],
  ["is too long to be opened", `https://a.example/${"x".repeat(2000)} https://a.example/${"ö".repeat(400)}`],
];
for (const [why, text] of none) {
  test(`findLinks() links nothing of what ${why}`, () => {
    assert.deepEqual(found(text), []);
  });
}

test("findLinks() takes no longer for what was made to hold it up", () => {
  const since = performance.now();
  for (const piece of [")", ".)", "(", "https://", "）", "([{"]) findLinks(`https://a.example/${piece.repeat(20_000)}`);
  assert.ok(performance.now() - since < 1_000);
});

test("linked() shows what was written, and opens its ASCII form", () => {
  const theme = makeTheme(false);
  const marked = linked("ö https://a.example/ö!", theme, (text) => `<${text}>`);
  // deno-lint-ignore no-control-regex
  const [, before, target, shown, after] = /^(.*)\x1b\]8;id=\w+;([!-~]+)\x1b\\\x1b\[4m(.*)\x1b\[24m\x1b\]8;;\x1b\\(.*)$/
    .exec(marked)!;
  assert.deepEqual([before, target, shown, after], ["<ö >", "https://a.example/%C3%B6", "https://a.example/ö", "<!>"]);
});
