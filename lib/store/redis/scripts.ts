/**
 * The Lua scripts, by name: each is one atomic step within one hash slot.
 */

import admit from "./scripts/admit.lua" with { type: "text" };
import amend from "./scripts/amend.lua" with { type: "text" };
import announce from "./scripts/announce.lua" with { type: "text" };
import announceKey from "./scripts/announce_key.lua" with { type: "text" };
import claim from "./scripts/claim.lua" with { type: "text" };
import clock from "./scripts/clock.lua" with { type: "text" };
import countUnread from "./scripts/count_unread.lua" with { type: "text" };
import copy from "./scripts/copy.lua" with { type: "text" };
import countTalks from "./scripts/count_talks.lua" with { type: "text" };
import create from "./scripts/create.lua" with { type: "text" };
import end from "./scripts/end.lua" with { type: "text" };
import fileBegin from "./scripts/file_begin.lua" with { type: "text" };
import fileCount from "./scripts/file_count.lua" with { type: "text" };
import fileFree from "./scripts/file_free.lua" with { type: "text" };
import filePut from "./scripts/file_put.lua" with { type: "text" };
import fileRemove from "./scripts/file_remove.lua" with { type: "text" };
import fileReserve from "./scripts/file_reserve.lua" with { type: "text" };
import files from "./scripts/files.lua" with { type: "text" };
import fileSweep from "./scripts/file_sweep.lua" with { type: "text" };
import follow from "./scripts/follow.lua" with { type: "text" };
import enter from "./scripts/enter.lua" with { type: "text" };
import epoch from "./scripts/epoch.lua" with { type: "text" };
import grant from "./scripts/grant.lua" with { type: "text" };
import head from "./scripts/head.lua" with { type: "text" };
import hold from "./scripts/hold.lua" with { type: "text" };
import leaseBury from "./scripts/lease_bury.lua" with { type: "text" };
import leaseClock from "./scripts/lease_clock.lua" with { type: "text" };
import leaseList from "./scripts/lease_list.lua" with { type: "text" };
import leaseRenew from "./scripts/lease_renew.lua" with { type: "text" };
import leaseTake from "./scripts/lease_take.lua" with { type: "text" };
import listeners from "./scripts/listeners.lua" with { type: "text" };
import leave from "./scripts/leave.lua" with { type: "text" };
import locateMark from "./scripts/locate_mark.lua" with { type: "text" };
import listTalks from "./scripts/list_talks.lua" with { type: "text" };
import mark from "./scripts/mark.lua" with { type: "text" };
import moments from "./scripts/moments.lua" with { type: "text" };
import own from "./scripts/own.lua" with { type: "text" };
import noteCopies from "./scripts/note_copies.lua" with { type: "text" };
import publish from "./scripts/publish.lua" with { type: "text" };
import purge from "./scripts/purge.lua" with { type: "text" };
import putTopic from "./scripts/put_topic.lua" with { type: "text" };
import read from "./scripts/read.lua" with { type: "text" };
import readTalk from "./scripts/read_talk.lua" with { type: "text" };
import reassert from "./scripts/reassert.lua" with { type: "text" };
import recent from "./scripts/recent.lua" with { type: "text" };
import renewEpoch from "./scripts/renew_epoch.lua" with { type: "text" };
import replaceHash from "./scripts/replace_hash.lua" with { type: "text" };
import revoke from "./scripts/revoke.lua" with { type: "text" };
import talks from "./scripts/talks.lua" with { type: "text" };
import revokeToken from "./scripts/revoke_token.lua" with { type: "text" };
import trim from "./scripts/trim.lua" with { type: "text" };
import unread from "./scripts/unread.lua" with { type: "text" };
import roomFind from "./scripts/room_find.lua" with { type: "text" };
import roomForget from "./scripts/room_forget.lua" with { type: "text" };
import roomMake from "./scripts/room_make.lua" with { type: "text" };
import roomReserve from "./scripts/room_reserve.lua" with { type: "text" };
import roomSettle from "./scripts/room_settle.lua" with { type: "text" };
import writeSmall from "./scripts/write_small.lua" with { type: "text" };
import setAway from "./scripts/set_away.lua" with { type: "text" };
import setMark from "./scripts/set_mark.lua" with { type: "text" };
import setHash from "./scripts/set_hash.lua" with { type: "text" };
import dataGeneration from "./scripts/data_generation.lua" with { type: "text" };

/** Scripts that put more into the store: where Redis' memory is full they are refused, and have changed nothing. */
const growing = {
  copy: epoch + moments + talks + copy,
  create,
  enter,
  fileBegin,
  fileCount: files + fileCount,
  filePut,
  fileReserve: files + fileReserve,
  follow,
  publish: recent + epoch + unread + talks + publish,
  putTopic,
  roomMake: clock + epoch + roomMake,
  roomReserve: clock + roomReserve,
  setAway,
} as const;

/**
 * The others write next to nothing, or take something out. They go on where Redis' memory is full, so that people log in,
 * read and log out, servers keep their leases, and room is made.
 */
const steady = {
  announce,
  announceKey,
  admit,
  amend,
  claim,
  countUnread: moments + own + countUnread,
  end,
  fileFree: files + fileFree,
  fileRemove,
  fileSweep: files + fileSweep,
  grant,
  head: epoch + head,
  hold,
  leave,
  leaseBury,
  leaseList: leaseClock + leaseList,
  leaseRenew: leaseClock + leaseRenew,
  leaseTake,
  listeners,
  countTalks: moments + talks + countTalks,
  listTalks: moments + talks + listTalks,
  locateMark: own + locateMark,
  mark,
  noteCopies,
  purge,
  read: epoch + moments + read,
  readTalk: epoch + moments + talks + readTalk,
  reassert,
  renewEpoch,
  replaceHash,
  revoke,
  revokeToken,
  roomFind: clock + roomFind,
  roomForget: clock + roomForget,
  roomSettle,
  setHash,
  setMark,
  trim: moments + talks + trim,
  dataGeneration,
  writeSmall,
} as const;

/** Name → source. */
export const scripts = { ...growing, ...allowedWhenFull(steady) };

function allowedWhenFull<T extends Readonly<Record<string, string>>>(scripts: T): T {
  const allowed = Object.entries(scripts).map(([name, source]) => [name, `#!lua flags=allow-oom\n${source}`]);
  return Object.fromEntries(allowed) as T;
}

/** One of {@linkcode scripts}. */
export type ScriptName = keyof typeof scripts;
