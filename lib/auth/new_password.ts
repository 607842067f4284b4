/**
 * What a new password must be like. Passwords that there are already are not asked.
 */

import { ChatError } from "../common/errors.ts";
import { cleanLine } from "../wire/clean.ts";
import { newPasswordFault } from "../wire/passwords.ts";

/**
 * Refuses a new password that breaks a rule of {@linkcode newPasswordFault}, or is one of the most common.
 *
 * @throws {ChatError} `invalid_password`
 */
export async function checkNewPassword(name: string, password: string): Promise<void> {
  const fault = newPasswordFault(name, password);
  if (fault !== undefined) throw refused(fault);
  if ((await commonPasswords()).includes(plainForm(password))) {
    throw refused("The password is one of the most common, which are tried first; choose another one");
  }
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
