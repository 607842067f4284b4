/** An invitation's code: who has it may make an account. The store keeps its hash only. */

import { hashCode, makeCode } from "./codes.ts";

/** How many of a hash's digits name an invitation to an operator. */
const idLength = 10;

/** Makes a code, of 100 random bits. */
export function makeInvitationCode(): string {
  return makeCode(20);
}

/** The hash that the store keeps; case and blanks around the code do not matter. */
export async function hashInvitation(code: string): Promise<string> {
  return await hashCode(code.trim().toLowerCase());
}

/** What an invitation is called where its code is not to be seen. */
export function invitationId(hash: string): string {
  return hash.slice(0, idLength);
}
