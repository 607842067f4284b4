/** Links in what was said: which parts of a text can be opened, and where they lead. */

import { domainToUnicode } from "node:url";
import type { Theme } from "./theme.ts";

/** A part of a text that can be opened. */
export interface Link {
  readonly start: number;
  readonly end: number;
  /** Where it leads: the shown address, encoded as browsers do, in ASCII. */
  readonly target: string;
}

/** The longest target, in characters; terminals pass over longer ones. */
const maxTarget = 2000;

/**
 * An address as far as it can go: blanks end it, and what no browser leaves in one: quotes, `<`, `>`, a backtick, and
 * the marks that end a part of a sentence in scripts that are written without blanks.
 */
const candidate = /(?<![A-Za-z0-9])https?:\/\/[^\s<>"`“”„«»‹›、，。；：！？｡､]+/giu;

/** What ends a sentence, sets a word off or opens a bracket is no address's end. */
const trailing = ".,;:!?'’*|…([{";

const opening = "([{（［｛「『【《〈";
const closing = ")]}）］｝」』】》〉";

/** Finds the addresses in a clean text. */
export function findAddresses(text: string): { start: number; end: number }[] {
  const addresses = [];
  const search = new RegExp(candidate);
  for (let found; (found = search.exec(text));) {
    const end = found.index + lengthOf(found[0]);
    addresses.push({ start: found.index, end });
    search.lastIndex = end; // another one may follow a bracket
  }
  return addresses;
}

/**
 * Finds the links in a clean text.
 *
 * What is shown is what is opened, or it is no link: the whole address is linked or nothing of it, and none whose host
 * is another one than it looks.
 */
export function findLinks(text: string): Link[] {
  return findAddresses(text).flatMap(({ start, end }) => {
    const target = targetOf(text.slice(start, end));
    return target === undefined ? [] : [{ start, end, target }];
  });
}

/** Makes the links in a clean text clickable; `rest` is applied to the text between them. */
export function linked(text: string, theme: Theme, rest: (text: string) => string = (text) => text): string {
  let result = "";
  let done = 0;
  for (const { start, end, target } of findLinks(text)) {
    result += rest(text.slice(done, start)) + theme.link(text.slice(start, end), target);
    done = end;
  }
  return result + rest(text.slice(done));
}

/** How much of an address is one: not the sentence's end, and no bracket that was opened before it. */
function lengthOf(address: string): number {
  const stray = new Set<number>();
  const open: string[] = [];
  let length = address.length;
  for (let at = 0; at < length; at++) {
    const character = address[at];
    if (opening.includes(character)) open.push(closing[opening.indexOf(character)]);
    if (!closing.includes(character)) continue;
    const opened = open.lastIndexOf(character);
    if (opened >= 0) open.length = opened;
    else if (character > "\x7f") length = at; // a wide one is no part of an address
    else stray.add(at);
  }
  while (stray.has(length - 1) || trailing.includes(address[length - 1])) length--;
  return length;
}

function targetOf(address: string): string | undefined {
  // Browsers read \ as /, and pass over what is not to be seen: it would lead elsewhere than it looks.
  if (/[\\\u200e\u200f]|(?![\u200c\u200d])\p{Cf}/u.test(address)) return undefined;
  const [, host] = /^https?:\/\/(\[[^\]]*\]|[^/?#:@]+)(?::\d+)?(?:[/?#]|$)/iu.exec(address) ?? [];
  if (host === undefined) return undefined; // also with a name or a password before the host
  const url = URL.parse(address);
  if (!url || url.href.length > maxTarget || !isHost(host, url.hostname)) return undefined;
  return url.href;
}

/** Whether a host is the one that it looks like. */
function isHost(shown: string, hostname: string): boolean {
  const plain = shown.toLowerCase();
  if (plain === hostname) return true;
  return plain.normalize("NFC") === domainToUnicode(hostname) && plain.split(".").every(isOneScript) &&
    !imitates(plain);
}

/** Scripts that are written together; every other label of a host is in one script. */
const together = [["Latin", "Han", "Hiragana", "Katakana"], ["Latin", "Han", "Bopomofo"], ["Latin", "Han", "Hangul"]];

/** The scripts of languages in use (Unicode UAX 31, table 5) that hosts are written in. */
const scripts = [
  ...["Latin", "Cyrillic", "Greek", "Armenian", "Georgian", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi"],
  ...["Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar"],
  ...["Ethiopic", "Khmer", "Thaana"],
];

const labels = [...together, ...scripts.map((script) => [script])].map((allowed) => {
  const letters = allowed.map((script) => `\\p{scx=${script}}`).join("");
  return new RegExp(`^[${letters}\\p{N}\\p{M}\\u200c\\u200d-]*$`, "u");
});

/** Whether the letters of a label are of one script, or of those that are written together. */
function isOneScript(label: string): boolean {
  return labels.some((allowed) => allowed.test(label));
}

/** Labels of nothing but letters that look like those of Latin, as browsers list them. */
const imitation = /^[аысԁеԍһіюјӏорԗԛѕԝхуъьҽпгѵѡαικνρυωηοτ\d-]+$/u;

/** Whether a host looks like one in Latin letters and is none; below a top level of the same script it is one's own. */
function imitates(host: string): boolean {
  const parts = host.split(".");
  // deno-lint-ignore no-control-regex
  if (/[^\x00-\x7f]/.test(parts.at(-1)!)) return false;
  // deno-lint-ignore no-control-regex
  return parts.some((label) => /[^\x00-\x7f]/.test(label) && imitation.test(label));
}
