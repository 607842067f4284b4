/** The promises of `lib/store/store.ts`, as tests: every store is held to all of them. */

import type { Subject } from "../support/stores.ts";
import { accountsContract } from "./accounts.ts";
import { awayContract } from "./away.ts";
import { channelsContract } from "./channels.ts";
import { claimsContract } from "./claims.ts";
import { copiesContract } from "./copies.ts";
import { accessTokensContract } from "./access_tokens.ts";
import { requestsContract } from "./requests.ts";
import { deviceKeysContract } from "./device_keys.ts";
import { deviceRoomsContract } from "./device_rooms.ts";
import { deviceTokensContract } from "./device_tokens.ts";
import { devicesContract } from "./devices.ts";
import { filesContract } from "./files.ts";
import { lastingContract } from "./lasting.ts";
import { invitationsContract } from "./invitations.ts";
import { twoFactorContract } from "./two_factor.ts";
import { historyContract } from "./history.ts";
import { inboxContract } from "./inbox.ts";
import { networkBansContract } from "./network_bans.ts";
import { membershipsContract } from "./memberships.ts";
import { marksContract } from "./marks.ts";
import { officeContract } from "./admin_store.ts";
import { presenceContract } from "./presence.ts";
import { publishContract } from "./publish.ts";
import { readContract } from "./read.ts";
import { reportsContract } from "./reports.ts";
import { roomRecordsContract } from "./room_records.ts";
import { roomsContract } from "./rooms.ts";
import { declare } from "./suite.ts";
import { talkListContract } from "./talk_list.ts";
import { talksContract } from "./talks.ts";
import { tokensContract } from "./tokens.ts";

/** Declares the whole contract for one kind of store. */
export function storeContract(subject: Subject): void {
  const test = declare(subject);
  accountsContract(test);
  invitationsContract(test);
  twoFactorContract(test);
  awayContract(test);
  claimsContract(test);
  devicesContract(test);
  deviceTokensContract(test);
  membershipsContract(test);
  deviceRoomsContract(test);
  tokensContract(test);
  presenceContract(test);
  publishContract(test);
  readContract(test);
  talksContract(test);
  copiesContract(test);
  talkListContract(test);
  historyContract(test);
  inboxContract(test);
  marksContract(test);
  roomsContract(test);
  roomRecordsContract(test);
  reportsContract(test);
  channelsContract(test);
  filesContract(test);
  deviceKeysContract(test);
  accessTokensContract(test);
  networkBansContract(test);
  requestsContract(test);
  lastingContract(test);
  officeContract(test);
}
