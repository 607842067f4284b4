/**
 * How the contract's tests are declared: each once, to be run against every kind of store.
 *
 * A test that a store cannot be asked for is ignored there, and its name says why.
 */

import assert from "node:assert/strict";
import type { Account } from "../../lib/store/accounts.ts";
import type { ClaimRequest, ClaimResult, Reasserted, Session } from "../../lib/store/sessions.ts";
import { test } from "../support/declare.ts";
import { need } from "../support/needs.ts";
import type { Demand, OpenOptions, StorePlace, Subject, TestStore } from "../support/stores.ts";

/** What a test is given. */
export interface Given {
  readonly place: StorePlace;
  /** The first server's store. */
  readonly store: TestStore;
}

/** Declares one of the contract's tests. */
export type Declare = (name: string, fn: (given: Given) => Promise<void>, options?: TestOptions) => void;

/** What a test needs. */
export interface TestOptions extends OpenOptions {
  readonly demand?: Demand;
}

/** Declares tests against one kind of store. */
export function declare(subject: Subject): Declare {
  return (name, fn, { demand, ...open } = {}) => {
    const demanded = (demand && subject.demands[demand]) ?? need();
    const run = async () => {
      await using place = await subject.place(demand);
      await fn({ place, store: await place.open(open) });
    };
    test(`${name} [${subject.name}]`, run, subject.need, demanded);
  };
}

/** An account of that name. */
export function account(name: string, more: Partial<Account> = {}): Account {
  return { name, hash: `hash of ${name}`, role: "user", created: 1_700_000_000_123, ...more };
}

let made = 0;

/** An id that no connection had before. */
export function connectionId(): string {
  return `connection-${++made}`;
}

/** Claims a user's session for a new connection. */
export function claim(store: TestStore, user: string, more: Partial<ClaimRequest> = {}): Promise<ClaimResult> {
  const connection = connectionId();
  const request = { user, connection, room: "lobby", policy: "force", tokenHash: `token of ${connection}` } as const;
  return store.sessions.claim({ ...request, ...more });
}

/** What came of a claim that must have gone through. */
export function claimed(result: ClaimResult): ClaimResult & { kind: "claimed" } {
  assert.equal(result.kind, "claimed");
  return result as ClaimResult & { kind: "claimed" };
}

/** What came of a session that must be held again. */
export function reasserted(result: Reasserted): Reasserted & { kind: "held" } {
  assert.equal(result.kind, "held");
  return result as Reasserted & { kind: "held" };
}

/** Logs a user in, who gets an account if there is none. */
export async function login(store: TestStore, user: string, more: Partial<ClaimRequest> = {}): Promise<Session> {
  await store.accounts.create(account(user));
  return claimed(await claim(store, user, more)).session;
}
