/**
 * What a new password must be like. Passwords that there are already are not asked.
 */

import { ChatError } from "../common/errors.ts";
import { cleanLine } from "../wire/clean.ts";
import { fold } from "../wire/names.ts";
import { maxPasswordBytes, passwordBytes } from "./password.ts";

/** The shortest new password, in bytes. */
const minPasswordBytes = 8;

/**
 * Refuses a new password that is shorter than 8 bytes, longer than 72, holds a zero byte or half a character, is one of
 * the most common, or is the user's name, digits aside.
 *
 * @param name the user's, whose case does not matter; nor does the password's where it is compared
 * @throws {ChatError} `invalid_password`
 */
export async function checkNewPassword(name: string, password: string): Promise<void> {
  const bytes = passwordBytes(password);
  if (password.includes("\0")) throw refused("A password must not contain a zero byte");
  // Halves of characters are all the same byte sequence once they are hashed.
  if (!password.isWellFormed()) throw refused("A password must not contain half a character");
  if (bytes < minPasswordBytes || bytes > maxPasswordBytes) {
    throw refused(`The password is ${bytes} bytes; ${minPasswordBytes} to ${maxPasswordBytes} are allowed`);
  }
  if (isName(fold(name), password.toLowerCase())) {
    throw refused("The password must be more than the username and digits");
  }
  if ((await commonPasswords()).includes(plainForm(password))) {
    throw refused("The password is one of the most common, which are tried first; choose another one");
  }
}

/** Whether nothing is left of a password without a name but digits. */
function isName(name: string, password: string): boolean {
  return password.includes(name) && /^[0-9]*$/.test(password.replaceAll(name, ""));
}

/** What is left of a password without what nobody would find hard to guess: case, invisible characters, wide letters. */
function plainForm(password: string): string {
  return cleanLine(password.normalize("NFKC")).toLowerCase();
}

/** In small letters. Loaded with the first new password, since it takes a moment and two megabytes. */
async function commonPasswords(): Promise<readonly string[]> {
  const { default: list } = await import("@zxcvbn-ts/language-common/src/passwords.json", { with: { type: "json" } });
  return list;
}

function refused(message: string): ChatError {
  return new ChatError("invalid_password", message);
}
