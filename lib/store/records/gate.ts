import { fold } from "../../wire/names.ts";
import type { PublishResult } from "../topics.ts";
import { type Fields, isInvitationGood, mutedUntil } from "./record_fields.ts";

/**
 * Why a room's record lets a user not speak there; undefined where it does. Redis decides likewise: see room_gate.lua.
 *
 * @param now the store's clock, in milliseconds since 1970
 * @param spoke when the user last spoke in slow mode
 */
export function refusalOf(
  fields: Fields,
  user: string,
  now: number,
  spoke: number | undefined,
): PublishResult | undefined {
  const key = fold(user);
  if (fields[`ban:${key}`] !== undefined) return { kind: "banned" };
  if (fields[`out:${key}`] !== undefined) return { kind: "not_member" };
  const leads = fields[`op:${key}`] !== undefined || (fields.owner !== undefined && fold(fields.owner) === key);
  if (fields.private === "1" && !leads && !isOnList(fields, key, now)) return { kind: "not_member" };
  const mute = fields[`mute:${key}`];
  if (mute !== undefined && mutedUntil(mute) > now) return { kind: "muted" };
  if (fields.slow === undefined || leads || spoke === undefined) return undefined;
  const waits = Number(fields.slow) * 1000;
  return spoke + waits > now ? { kind: "slow", waitMs: Math.min(waits, spoke + waits - now) } : undefined;
}

function isOnList(fields: Fields, key: string, now: number): boolean {
  const invitation = fields[`inv:${key}`];
  return fields[`list:${key}`] !== undefined || (invitation !== undefined && isInvitationGood(invitation, now));
}
