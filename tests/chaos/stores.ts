/** The stores that a run can have, and what there is to do to each. */

import { commonKinds, type Kind } from "./faults.ts";
import { redisKinds } from "./redis_faults.ts";
import { RedisNode } from "./redis_node.ts";
import { sqliteKinds } from "./sqlite_faults.ts";
import { SqliteFile } from "./sqlite_file.ts";
import type { Older, Store, StoreOptions } from "./store.ts";

/** A kind of store. */
export interface StoreKind<S extends Store = Store> {
  open(options: StoreOptions): Promise<S>;
  /** How many servers share it, unless told, and at most. */
  readonly servers: { readonly usual: number; readonly most: number };
  /** Every kind of fault, by name. */
  readonly faults: Readonly<Record<string, Kind<S>>>;
  /** What puts it back to an older copy of its data; not there where no server could live through that, and notice. */
  older?(store: S): Older;
}

const redis: StoreKind<RedisNode> = {
  open: RedisNode.start,
  servers: { usual: 2, most: 100 },
  faults: { ...commonKinds, ...redisKinds },
  older: (store) => store,
};

const sqlite: StoreKind<SqliteFile> = {
  open: SqliteFile.start,
  servers: { usual: 1, most: 1 },
  faults: { ...commonKinds, ...sqliteKinds },
};

/** All of them, by name. */
export const stores = { redis, sqlite } as const;

/** One of {@linkcode stores}. */
export type StoreName = keyof typeof stores;

/** A kind of fault, of whatever store. */
export type FaultName = keyof typeof commonKinds | keyof typeof redisKinds | keyof typeof sqliteKinds;

/** Every kind of fault that there is with a store. */
export function faultsOf(store: StoreName): FaultName[] {
  return Object.keys(stores[store].faults) as FaultName[];
}
