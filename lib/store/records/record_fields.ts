/**
 * A room's record as fields, which every store keeps as they are, and what a change does to them.
 *
 * `rev`, `owner`, `topic`, `private` (`1`), `slow` (seconds); by folded user `op:` and `ban:` and `list:` → name, `mute:` →
 * until when and name, `inv:` → when, by whom and name, `out:` → revision, by whom
 * and why. A field that says nothing is not there.
 */

import { fold, isUsername } from "../../wire/names.ts";
import {
  type EntryResult,
  invitationLifeMs,
  isListed,
  type RecordChange,
  type RecordNews,
  type Removal,
  type RoomRecord,
} from "../room_records.ts";

/** Field → value. */
export type Fields = Readonly<Record<string, string>>;

/** What becomes of a record's fields in one step; the revision grows by one with it. */
export interface RecordStep {
  readonly set: Fields;
  readonly remove: readonly string[];
  /** Who is no longer in the room, folded. */
  readonly struck?: string;
  /** Whether those who are in the room are put on the list. */
  readonly listsPresent?: boolean;
  /** What the room is told. */
  readonly news: RecordNews;
}

/** A mute without an end. */
const endless = "-";

/** A record from its fields; some of them give what is in them. @param now the store's clock, in milliseconds since 1970 */
export function toRecord(fields: Fields, now: number): RoomRecord {
  const of: Record<string, [key: string, value: string][]> = { op: [], ban: [], mute: [], list: [], inv: [], out: [] };
  for (const [field, value] of Object.entries(fields)) {
    const colon = field.indexOf(":");
    if (colon > 0) of[field.slice(0, colon)]?.push([field.slice(colon + 1), value]);
  }
  const mutes = of.mute.map(([key, value]) => [key, toMute(value)] as const);
  const invitations = of.inv.map(([key, value]) => [key, toInvitation(value)] as const);
  return {
    revision: Number(fields.rev ?? 0),
    owner: fields.owner,
    moderators: of.op.map(([, name]) => name).sort(),
    private: fields.private === "1",
    topic: fields.topic ?? "",
    slowSeconds: Number(fields.slow ?? 0),
    banned: of.ban.map(([, name]) => name).sort(),
    muted: new Map(mutes.filter(([, { until }]) => until > now)),
    listed: new Set(of.list.map(([key]) => key)),
    invited: new Map(invitations.filter(([, { at }]) => at + invitationLifeMs > now)),
    removed: new Map(of.out.map(([key, value]) => [key, toRemoval(value)])),
  };
}

function toMute(value: string): { user: string; until: number } {
  const [until, user] = value.split(" ");
  return { user, until: until === endless ? Infinity : Number(until) };
}

function toInvitation(value: string): { user: string; by: string; at: number } {
  const [at, by, user] = value.split(" ");
  return { user, by, at: Number(at) };
}

function toRemoval(value: string): Removal {
  const [revision, by = "", ...reason] = value.split(" ");
  return { revision: Number(revision), by, reason: reason.join(" ") };
}

/** Until when the mute of a field's value lasts. */
export function mutedUntil(value: string): number {
  return toMute(value).until;
}

/** Whether the invitation of a field's value is not too old. */
export function isInvitationGood(value: string, now: number): boolean {
  return toInvitation(value).at + invitationLifeMs > now;
}

/** The value of an invitation's field. */
function invitationOf(user: string, by: string, at: number): string {
  return `${at} ${by} ${user}`;
}

/** The fields that the gate of joining looks at for a user. */
export function gateFields(user: string): string[] {
  const key = fold(user);
  return ["rev", "owner", "private", ...["op", "ban", "list", "inv", "out"].map((kind) => `${kind}:${key}`)];
}

const name = String.raw`[\w-]{1,32}`;

/** How the value of each field looks; of fields that users have, by what stands before the colon. */
const shapes: Readonly<Record<string, string>> = {
  rev: String.raw`[1-9]\d{0,14}`,
  owner: name,
  topic: ".{1,4096}",
  private: "1",
  slow: String.raw`[1-9]\d{0,8}`,
  "op:": name,
  "ban:": name,
  "list:": name,
  "mute:": String.raw`(-|\d{1,16}) ${name}`,
  "inv:": String.raw`\d{1,16} ${name} ${name}`,
  "out:": String.raw`\d{1,15}( ${name}( .{0,4096})?)?`,
};

/** Whether these are a record's fields: of an export that may be anybody's. */
export function isRecord(fields: Readonly<Record<string, unknown>>): fields is Fields {
  return Object.hasOwn(fields, "rev") && Object.entries(fields).every(([field, value]) => {
    const [, kind, user] = /^([a-z]+:?)(.*)$/.exec(field) ?? [];
    if (kind === undefined || !Object.hasOwn(shapes, kind) || typeof value !== "string") return false;
    const isNamed = kind.endsWith(":") ? isUsername(user) && fold(user) === user : user === "";
    return isNamed && new RegExp(`^(?:${shapes[kind]})$`, "s").test(value);
  });
}

/** What a new room's record begins with. */
export function firstFields(owner: string): Fields {
  return { rev: "1", owner };
}

/** Whether a record outlives its room: an idle room may be forgotten, and neither a ban nor a private room's list with it. */
export function isKept(fields: Fields): boolean {
  return fields.private === "1" || Object.keys(fields).some((field) => field.startsWith("ban:"));
}

/** What a change does to a record, which is as these fields say. */
export function stepOf(fields: Fields, now: number, change: RecordChange): RecordStep {
  const step = stepFor(fields, now, change);
  const over = Object.keys(fields).filter((field) => !(field in step.set) && isOver(field, fields[field], now));
  return { ...step, remove: [...new Set([...step.remove, ...over])].filter((field) => field in fields), news: change };
}

function stepFor(fields: Fields, now: number, change: RecordChange): Omit<RecordStep, "news"> {
  switch (change.kind) {
    case "topic":
      return put("topic", change.text);
    case "slow":
      return put("slow", change.seconds > 0 ? `${change.seconds}` : "");
    case "private":
      if (change.on) return { set: { private: "1" }, remove: [], listsPresent: true };
      return { set: {}, remove: ["private", ...Object.keys(fields).filter((field) => field.startsWith("list:"))] };
    case "owner":
      return ownedBy(fields, change.user);
    default:
      return stepOn(fields, now, fold(change.user), change);
  }
}

type ChangeOfUser = Exclude<RecordChange, { readonly kind: "topic" | "slow" | "private" | "owner" }>;

function stepOn(fields: Fields, now: number, key: string, change: ChangeOfUser): Omit<RecordStep, "news"> {
  const { user } = change;
  switch (change.kind) {
    case "op":
      return { set: { [`op:${key}`]: user }, remove: [`ban:${key}`, `mute:${key}`] };
    case "deop":
      return { set: listedIfPrivate(fields, user), remove: [`op:${key}`] };
    case "invite":
      return put(`inv:${key}`, invitationOf(user, change.by, now));
    case "uninvite":
      return put(`inv:${key}`, "");
    case "kick":
    case "ban":
      return removal(fields, key, change);
    case "unban":
      return put(`ban:${key}`, "");
    case "mute": {
      const until = change.seconds === undefined ? endless : Math.ceil(now + change.seconds * 1000);
      return put(`mute:${key}`, `${until} ${user}`);
    }
    case "unmute":
      return put(`mute:${key}`, "");
  }
}

function put(field: string, value: string): Omit<RecordStep, "news"> {
  return value === "" ? { set: {}, remove: [field] } : { set: { [field]: value }, remove: [] };
}

function ownedBy(fields: Fields, user: string): Omit<RecordStep, "news"> {
  const before = fields.owner === undefined || fields.owner === user ? {} : listedIfPrivate(fields, fields.owner);
  if (user === "") return { set: before, remove: ["owner"] };
  const key = fold(user);
  return { set: { ...before, owner: user }, remove: ["op", "ban", "mute"].map((kind) => `${kind}:${key}`) };
}

function removal(
  fields: Fields,
  key: string,
  { kind, user, by, reason }: ChangeOfUser & { readonly kind: "kick" | "ban" },
): Omit<RecordStep, "news"> {
  const out = { [`out:${key}`]: `${Number(fields.rev ?? 0) + 1} ${by} ${reason}` };
  const remove = ["op", "list", "inv"].map((field) => `${field}:${key}`);
  if (kind === "kick") return { set: out, remove, struck: key };
  if (fields.owner !== undefined && fold(fields.owner) === key) remove.push("owner");
  return { set: { ...out, [`ban:${key}`]: user }, remove, struck: key };
}

function listedIfPrivate(fields: Fields, user: string): Fields {
  return fields.private === "1" ? { [`list:${fold(user)}`]: user } : {};
}

/** Whether a field is of a mute or an invitation that is over. */
function isOver(field: string, value: string, now: number): boolean {
  if (field.startsWith("mute:")) return mutedUntil(value) <= now;
  return field.startsWith("inv:") && !isInvitationGood(value, now);
}

/**
 * What comes of a user's wish to enter, and what it does to the record.
 *
 * @param fields at least those of {@linkcode gateFields}
 * @returns the step that comes before the user is admitted; undefined where there is nothing to do
 */
export function entryOf(
  fields: Fields,
  now: number,
  user: string,
  overrides: boolean,
): { readonly result: EntryResult; readonly step?: RecordStep } {
  const key = fold(user);
  const record = toRecord(fields, now);
  if (!overrides && fields[`ban:${key}`] !== undefined) return { result: "banned" };
  if (!overrides && !isListed(record, key)) return { result: "invite_only" };
  const remove = [`out:${key}`, `inv:${key}`, `ban:${key}`].filter((field) => field in fields);
  const isNew = record.invited.has(key) || !isListed(record, key);
  if (remove.length === 0 && !isNew) return { result: "admitted" };
  const set = isNew ? listedIfPrivate(fields, user) : {};
  return { result: "admitted", step: { set, remove, news: { kind: "entered", by: user, user } } };
}

/** The fields after a step. @param present who is in the room */
export function after(fields: Fields, { set, remove, listsPresent }: RecordStep, present: readonly string[]): Fields {
  const next: Record<string, string> = { ...fields, rev: `${Number(fields.rev ?? 0) + 1}` };
  for (const field of remove) delete next[field];
  if (listsPresent) { for (const user of present) next[`list:${fold(user)}`] ??= user; }
  return Object.assign(next, set);
}
