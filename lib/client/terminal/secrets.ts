/**
 * Which typed lines hold a password, or look as if they did: they are not kept, and not said without a question.
 *
 * Somebody who means to log in and misses it by a blank, a letter or a second slash would tell the room instead.
 */

import { closest } from "../../common/similar.ts";

/** Words that a login begins with, and how many words follow at least. */
const strong: ReadonlyMap<string, number> = new Map([
  ["login", 2],
  ["logon", 2],
  ["signin", 2],
  ["signup", 2],
  ["register", 2],
  ["passwd", 1],
  ["delete_account", 1],
  ["delete-account", 1],
  ["password", 1],
  ["passphrase", 1],
  ["totp", 1],
]);

/** Words that begin many other sentences too, but only logins behind a slash. */
const weak = ["auth", "identify", "otp", "pass", "passcode", "pw", "token"] as const;

const allWords = [...strong.keys(), ...weak];

/** What is known beside the line. */
export interface LoginHints {
  /** The reader's own name: whoever logs in types it. */
  readonly user?: string | undefined;
  /** The names of commands that take a secret. */
  readonly names?: Iterable<string>;
}

/**
 * Whether a line looks like a login, or like another command with a secret, that was meant for the server.
 *
 * 1. Behind a slash of any kind, blanks or a second slash, a word that is one of a login's or nearly one is enough,
 *    where something follows.
 * 2. Without a slash, a login's word counts with as many words behind it as a login has, in whatever case.
 * 3. Without a slash, a misspelt word and one that begins many other sentences count where the end is made up as
 *    passwords are, or the user's own name stands before it.
 *
 * Of a text with several lines, also where they were joined, each line is looked at.
 */
export function looksLikeLogin(text: string, hints: LoginHints = {}): boolean {
  return text.split(/[\n⏎]/).some((line) => isLogin(line, hints));
}

function isLogin(line: string, { user, names = [] }: LoginHints): boolean {
  // What was typed with another keyboard: full-width letters and slashes, blanks that are none of ASCII.
  const plain = line.normalize("NFKC").replace(/\p{Cf}/gu, "").toLowerCase();
  const [, sign, rest] = /^([\s/\\\u2044\u2215\u2571\u29f8]*)(.*)$/s.exec(plain)!;
  // "password: x" and "password=x" as well.
  const words = rest.replace(/^([^\s:=]+)\s*[:=]/, "$1 ").split(/\s+/).filter((word) => word !== "");
  if (sign.trim() !== "") {
    const known = [...allWords, ...names];
    return words.length > 1 && (known.includes(words[0]) || closest(words[0], known) !== undefined);
  }
  const [verb = "", ...behind] = words;
  if (behind.length >= (strong.get(verb) ?? Infinity)) return true;
  const [joined, ...fewer] = [verb + (behind[0] ?? ""), ...behind.slice(1)]; // "log in a pw"
  return [[verb, behind] as const, [joined, fewer] as const].some(([word, after]) => {
    if (!(weak as readonly string[]).includes(word) && closest(word, strong.keys()) === undefined) return false;
    return after.length === 2 && after[0] === user?.toLowerCase() ||
      (after.length === 1 || after.length === 2) && isMadeUp(after.at(-1)!);
  });
}

/** Whether a word is like a password or a code: letters with digits among them, or digits alone. */
function isMadeUp(word: string): boolean {
  return /^\d{6,8}$/.test(word) || /^(?=.*\p{L})(?=.*\d).{6,}$/u.test(word) && !word.includes("://");
}
