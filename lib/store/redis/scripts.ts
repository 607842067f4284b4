/**
 * The Lua scripts, by name: each is one atomic step within one hash slot.
 */

import admit from "../redis_scripts/admit.lua" with { type: "text" };
import amend from "../redis_scripts/amend.lua" with { type: "text" };
import announceKey from "../redis_scripts/announce_key.lua" with { type: "text" };
import claim from "../redis_scripts/claim.lua" with { type: "text" };
import create from "../redis_scripts/create.lua" with { type: "text" };
import end from "../redis_scripts/end.lua" with { type: "text" };
import fileBegin from "../redis_scripts/file_begin.lua" with { type: "text" };
import fileCount from "../redis_scripts/file_count.lua" with { type: "text" };
import fileFree from "../redis_scripts/file_free.lua" with { type: "text" };
import filePut from "../redis_scripts/file_put.lua" with { type: "text" };
import fileRemove from "../redis_scripts/file_remove.lua" with { type: "text" };
import fileReserve from "../redis_scripts/file_reserve.lua" with { type: "text" };
import files from "../redis_scripts/files.lua" with { type: "text" };
import fileSweep from "../redis_scripts/file_sweep.lua" with { type: "text" };
import follow from "../redis_scripts/follow.lua" with { type: "text" };
import epoch from "../redis_scripts/epoch.lua" with { type: "text" };
import grant from "../redis_scripts/grant.lua" with { type: "text" };
import head from "../redis_scripts/head.lua" with { type: "text" };
import hold from "../redis_scripts/hold.lua" with { type: "text" };
import leaseBury from "../redis_scripts/lease_bury.lua" with { type: "text" };
import leaseList from "../redis_scripts/lease_list.lua" with { type: "text" };
import leaseRenew from "../redis_scripts/lease_renew.lua" with { type: "text" };
import leaseTake from "../redis_scripts/lease_take.lua" with { type: "text" };
import mark from "../redis_scripts/mark.lua" with { type: "text" };
import publish from "../redis_scripts/publish.lua" with { type: "text" };
import purge from "../redis_scripts/purge.lua" with { type: "text" };
import putTopic from "../redis_scripts/put_topic.lua" with { type: "text" };
import read from "../redis_scripts/read.lua" with { type: "text" };
import reassert from "../redis_scripts/reassert.lua" with { type: "text" };
import renewEpoch from "../redis_scripts/renew_epoch.lua" with { type: "text" };
import revoke from "../redis_scripts/revoke.lua" with { type: "text" };
import setHash from "../redis_scripts/set_hash.lua" with { type: "text" };
import tide from "../redis_scripts/tide.lua" with { type: "text" };

/** Name → source. */
export const scripts = {
  admit,
  amend,
  announceKey,
  claim,
  create,
  end,
  fileBegin,
  fileCount: files + fileCount,
  fileFree: files + fileFree,
  filePut,
  fileRemove,
  fileReserve: files + fileReserve,
  fileSweep: files + fileSweep,
  follow,
  grant,
  head: epoch + head,
  hold,
  leaseBury,
  leaseList,
  leaseRenew,
  leaseTake,
  mark,
  publish: epoch + publish,
  purge,
  putTopic,
  read: epoch + read,
  reassert,
  renewEpoch,
  revoke,
  setHash,
  tide,
} as const;

/** One of {@linkcode scripts}. */
export type ScriptName = keyof typeof scripts;
