import type { Account } from "../store/accounts.ts";
import type { Store } from "../store/store.ts";

/** Why an operation was not done: one line for the operator. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

/** What an operation is given: it may have come over a socket. */
export type Given = Readonly<Record<string, unknown>>;

/** How long a server may take to report, in milliseconds. */
export const orderMs = 5_000;

/** What was done, as an item. */
export function done(text: string): { done: string } {
  return { done: text };
}

/** A text that an operation needs. @throws {AdminError} where it is missing */
export function textOf(given: Given, name: string): string {
  const value = given[name];
  if (typeof value !== "string" || value === "") throw new AdminError(`${name} is missing`);
  return value;
}

/** The account that an operation is about. @throws {AdminError} where there is none of that name */
export async function knownAccount(store: Store, given: Given): Promise<Account> {
  const name = textOf(given, "user");
  const account = await store.accounts.find(name);
  if (!account) throw new AdminError(`There is no account ${JSON.stringify(name)}`);
  return account;
}
