/**
 * The Lua scripts, by name: each is one atomic step within one hash slot, but for `publishMany`, which is not run in a cluster.
 */

import accessTokenAdd from "./access_token_add.lua" with { type: "text" };
import accessTokenUse from "./access_token_use.lua" with { type: "text" };
import admit from "./admit.lua" with { type: "text" };
import amend from "./amend.lua" with { type: "text" };
import announce from "./announce.lua" with { type: "text" };
import announceKey from "./announce_key.lua" with { type: "text" };
import addReport from "./add_report.lua" with { type: "text" };
import changeRecord from "./change_record.lua" with { type: "text" };
import claim from "./claim.lua" with { type: "text" };
import clock from "./clock.lua" with { type: "text" };
import countUnread from "./count_unread.lua" with { type: "text" };
import copy from "./copy.lua" with { type: "text" };
import countTalks from "./count_talks.lua" with { type: "text" };
import create from "./create.lua" with { type: "text" };
import createInvited from "./create_invited.lua" with { type: "text" };
import invitationAdd from "./invitation_add.lua" with { type: "text" };
import invitationClaim from "./invitation_claim.lua" with { type: "text" };
import invitationSettle from "./invitation_settle.lua" with { type: "text" };
import invitationVoid from "./invitation_void.lua" with { type: "text" };
import twoFactorBegin from "./two_factor_begin.lua" with { type: "text" };
import twoFactorConfirm from "./two_factor_confirm.lua" with { type: "text" };
import twoFactorRemove from "./two_factor_remove.lua" with { type: "text" };
import twoFactorSpend from "./two_factor_spend.lua" with { type: "text" };
import deleteAccount from "./delete_account.lua" with { type: "text" };
import devices from "./devices.lua" with { type: "text" };
import end from "./end.lua" with { type: "text" };
import erase from "./erase.lua" with { type: "text" };
import eraseAhead from "./erase_ahead.lua" with { type: "text" };
import fileBegin from "./file_begin.lua" with { type: "text" };
import fileCount from "./file_count.lua" with { type: "text" };
import fileFree from "./file_free.lua" with { type: "text" };
import filePut from "./file_put.lua" with { type: "text" };
import fileRemove from "./file_remove.lua" with { type: "text" };
import fileReserve from "./file_reserve.lua" with { type: "text" };
import files from "./files.lua" with { type: "text" };
import fileSweep from "./file_sweep.lua" with { type: "text" };
import follow from "./follow.lua" with { type: "text" };
import enter from "./enter.lua" with { type: "text" };
import epoch from "./epoch.lua" with { type: "text" };
import forgetRoom from "./forget_room.lua" with { type: "text" };
import grant from "./grant.lua" with { type: "text" };
import head from "./head.lua" with { type: "text" };
import hold from "./hold.lua" with { type: "text" };
import keepTokens from "./keep_tokens.lua" with { type: "text" };
import leaseBury from "./lease_bury.lua" with { type: "text" };
import leaseClock from "./lease_clock.lua" with { type: "text" };
import leaseList from "./lease_list.lua" with { type: "text" };
import leaseRenew from "./lease_renew.lua" with { type: "text" };
import leaseTake from "./lease_take.lua" with { type: "text" };
import listeners from "./listeners.lua" with { type: "text" };
import leave from "./leave.lua" with { type: "text" };
import locateMark from "./locate_mark.lua" with { type: "text" };
import listTalks from "./list_talks.lua" with { type: "text" };
import mark from "./mark.lua" with { type: "text" };
import moments from "./moments.lua" with { type: "text" };
import own from "./own.lua" with { type: "text" };
import noteCopies from "./note_copies.lua" with { type: "text" };
import publish from "./publish.lua" with { type: "text" };
import publishMany from "./publish_many.lua" with { type: "text" };
import purge from "./purge.lua" with { type: "text" };
import putAccount from "./put_account.lua" with { type: "text" };
import putRecord from "./put_record.lua" with { type: "text" };
import putTopic from "./put_topic.lua" with { type: "text" };
import read from "./read.lua" with { type: "text" };
import readRecord from "./read_record.lua" with { type: "text" };
import readTalk from "./read_talk.lua" with { type: "text" };
import reassert from "./reassert.lua" with { type: "text" };
import recent from "./recent.lua" with { type: "text" };
import renewEpoch from "./renew_epoch.lua" with { type: "text" };
import renewToken from "./renew_token.lua" with { type: "text" };
import replaceHash from "./replace_hash.lua" with { type: "text" };
import requestHold from "./request_hold.lua" with { type: "text" };
import revoke from "./revoke.lua" with { type: "text" };
import revokeDevice from "./revoke_device.lua" with { type: "text" };
import takeField from "./take_field.lua" with { type: "text" };
import talks from "./talks.lua" with { type: "text" };
import revokeToken from "./revoke_token.lua" with { type: "text" };
import trim from "./trim.lua" with { type: "text" };
import unread from "./unread.lua" with { type: "text" };
import roomGate from "./room_gate.lua" with { type: "text" };
import roomFind from "./room_find.lua" with { type: "text" };
import roomForget from "./room_forget.lua" with { type: "text" };
import roomMake from "./room_make.lua" with { type: "text" };
import roomReserve from "./room_reserve.lua" with { type: "text" };
import roomSettle from "./room_settle.lua" with { type: "text" };
import schemaBegin from "./schema_begin.lua" with { type: "text" };
import schemaEnd from "./schema_end.lua" with { type: "text" };
import writeSmall from "./write_small.lua" with { type: "text" };
import setAway from "./set_away.lua" with { type: "text" };
import setMark from "./set_mark.lua" with { type: "text" };
import setHash from "./set_hash.lua" with { type: "text" };
import dataGeneration from "./data_generation.lua" with { type: "text" };

const publishing = recent + epoch + unread + talks + roomGate;

/** Scripts that put more into the store: where Redis' memory is full they are refused, and have changed nothing. */
const growing = {
  addAccessToken: accessTokenAdd,
  copy: epoch + moments + talks + copy,
  create,
  createInvited: clock + createInvited,
  enter,
  fileBegin,
  fileCount: files + fileCount,
  filePut,
  fileReserve: files + fileReserve,
  follow,
  holdRequest: requestHold,
  invitationAdd,
  invitationClaim: clock + invitationClaim,
  publish: publishing + publish,
  publishMany: `${publishing}local function publish(KEYS, ARGV)\n${publish}end\n${publishMany}`,
  putAccount,
  putRecord,
  putTopic,
  roomMake: clock + epoch + roomMake,
  roomReserve: clock + roomReserve,
  setAway: devices + setAway,
  twoFactorBegin,
  twoFactorConfirm,
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
  changeRecord: clock + changeRecord,
  addReport,
  claim: clock + devices + claim,
  deleteAccount,
  countUnread: moments + own + countUnread,
  end: clock + devices + end,
  erase,
  eraseAhead,
  fileFree: files + fileFree,
  fileRemove,
  fileSweep: files + fileSweep,
  forgetRoom,
  grant,
  head: epoch + head,
  hold,
  invitationSettle,
  invitationVoid,
  keepTokens: clock + devices + keepTokens,
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
  readRecord: clock + readRecord,
  readTalk: epoch + moments + talks + readTalk,
  reassert: clock + devices + reassert,
  renewEpoch,
  renewToken: clock + renewToken,
  replaceHash,
  revoke,
  revokeDevice: clock + devices + revokeDevice,
  revokeToken,
  roomFind: clock + roomFind,
  roomForget: clock + roomForget,
  roomSettle,
  schemaBegin,
  schemaEnd,
  setHash,
  setMark,
  takeField,
  twoFactorRemove,
  twoFactorSpend,
  trim: moments + talks + trim,
  dataGeneration,
  useAccessToken: accessTokenUse,
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
