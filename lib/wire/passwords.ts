/**
 * What a new password must be like, as far as it can be told without a list. Passwords that there are already are not
 * asked.
 */

import { fold } from "./names.ts";

/** The shortest new password, in bytes. */
const minPasswordBytes = 8;

/** bcrypt reads no more than this many bytes of a password. */
export const maxPasswordBytes = 72;

/** The rule for new passwords, in words; which are the most common only a server knows. */
export const newPasswordRule = `${minPasswordBytes}–${maxPasswordBytes} bytes, more than the username and digits, ` +
  "and none of the most common";

/** A password's length in UTF-8 bytes, of which bcrypt reads {@linkcode maxPasswordBytes}. */
export function passwordBytes(password: string): number {
  return new TextEncoder().encode(password).length;
}

/**
 * What is wrong with a new password, as a sentence: it is shorter than 8 bytes, longer than 72, holds a zero byte or half
 * a character, or is the user's name, digits aside.
 *
 * @param name the user's, whose case does not matter; nor does the password's where it is compared
 * @returns undefined where nothing is
 */
export function newPasswordFault(name: string, password: string): string | undefined {
  const bytes = passwordBytes(password);
  if (password.includes("\0")) return "A password must not contain a zero byte";
  // Halves of characters are all the same byte sequence once they are hashed.
  if (!password.isWellFormed()) return "A password must not contain half a character";
  if (bytes < minPasswordBytes || bytes > maxPasswordBytes) {
    return `The password is ${bytes} bytes; ${minPasswordBytes} to ${maxPasswordBytes} are allowed`;
  }
  if (isName(fold(name), password.toLowerCase())) return "The password must be more than the username and digits";
  return undefined;
}

/** Whether nothing is left of a password without a name but digits. */
function isName(name: string, password: string): boolean {
  return password.includes(name) && /^[0-9]*$/.test(password.replaceAll(name, ""));
}
