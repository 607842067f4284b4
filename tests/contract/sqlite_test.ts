/** The store's contract, kept by the embedded store. */

import { sqlite } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

storeContract(sqlite);
