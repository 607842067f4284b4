/** The store's contract, kept by Redis. */

import { redis } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

storeContract(redis);
