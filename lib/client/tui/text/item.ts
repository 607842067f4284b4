import wrapAnsi from "wrap-ansi";
import { actionOf } from "../../../wire/format.ts";
import { type Privacy, privateName } from "../../e2ee/privacy.ts";
import { textWidth } from "../../terminal/width.ts";
import { linked } from "./links.ts";
import { mentionsOf } from "./mentions.ts";
import type { Theme } from "./theme.ts";

interface Base {
  readonly at: Date;
}

/** Something that somebody said: in a room, to a user's followers, or to one person. */
export interface SaidItem extends Base {
  readonly kind: "said";
  readonly how: "room" | "feed" | "direct" | "direct_sent";
  /** The sender; of a private message that one sent, the recipient. */
  readonly user: string;
  readonly text: string;
  /** Whether it names the reader. */
  readonly mention: boolean;
  readonly own: boolean;
  /** How private it was; undefined where it was not encrypted. */
  readonly privacy?: Privacy;
  readonly topic?: string;
  readonly seq?: number;
  /** Where it is in its topic, as the server said. */
  readonly pos?: string;
  /** A file is offered: what can be typed to fetch it, which is the text's end, and whether nothing else is said. */
  readonly offer?: { readonly action: string; readonly alone: boolean };
}

/** Who came and went, gathered. */
export interface PresenceItem extends Base {
  readonly kind: "presence";
  readonly room: string;
  readonly joined: ReadonlySet<string>;
  readonly left: ReadonlySet<string>;
}

/** Any other line. */
export interface LineItem extends Base {
  readonly kind: "line";
  readonly tone: "answer" | "note" | "error" | "system";
  readonly text: string;
  /** A part that is highlighted wherever it stands in the text. */
  readonly marked?: string;
  /** Of what was said before and is shown again: when it was said. That is the one time that the line has. */
  readonly said?: Date;
  /** Its number among what a search found. */
  readonly number?: number;
}

/**
 * What stands in the scrollback, as data, and how it is drawn in so many columns.
 *
 * All texts in an item are clean: its maker cleans them.
 */
export type Item = SaidItem | PresenceItem | LineItem;

/** How many names a line of those who came or went shows. */
const maxNames = 3;

/** Terminals that are narrower have no columns for the time. */
const minWidthForTime = 30;

/** The time of day, as it stands before each line. */
export function timeOfDay(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

/** A day, as it stands in the line above its first message. */
export function dayOf(at: Date): string {
  return `${weekdays[at.getDay()]} ${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** A moment of any day, where the reader is: `2026-11-21 09:00`. */
export function momentText(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${timeOfDay(at)}`;
}

/** Whether two moments are of one day, where the reader is. */
export function isSameDay(one: Date, other: Date): boolean {
  return one.getDate() === other.getDate() && one.getMonth() === other.getMonth() &&
    one.getFullYear() === other.getFullYear();
}

/**
 * An item's rows.
 *
 * @param me the reader's own name, which is highlighted where it is mentioned
 * @returns at least one, each of at most `columns` columns and complete in itself
 */
export function itemRows(item: Item, columns: number, theme: Theme, me: string | undefined): string[] {
  const timed = columns >= minWidthForTime;
  const text = draw(item, theme, me).replaceAll("\t", "  ");
  const indent = timed ? 6 : 0;
  const rows = wrapAnsi(text, Math.max(1, columns - indent), { hard: true }).split("\n");
  if (!timed) return rows;
  const time = item.kind === "line" && item.said ? "     " : timeOfDay(item.at);
  const first = item.kind === "said" && item.mention ? theme.inverse(time) : theme.dim(time);
  return rows.map((row, index) => (index === 0 ? first + " " : "      ") + row);
}

/** A rule across the screen with a word in it. */
export function rule(word: string, columns: number, style: (text: string) => string): string {
  const label = `── ${word} `;
  const width = textWidth(label);
  return style(width > columns ? "─".repeat(columns) : label + "─".repeat(columns - width));
}

/** An item as plain text, for searching. */
export function itemText(item: Item): string {
  switch (item.kind) {
    case "said":
      return `${head(item)}${spokenText(item)}`;
    case "presence":
      return presenceText(item);
    case "line":
      return item.text;
  }
}

function draw(item: Item, theme: Theme, me: string | undefined): string {
  switch (item.kind) {
    case "said": {
      const { action, alone } = item.offer ?? { action: "", alone: false };
      const spoken = spokenText(item);
      const said = spoken.slice(0, spoken.length - action.length);
      const body = linked(said, theme, (text) => highlighted(text, item.own ? undefined : me, theme)) +
        theme.action(action);
      if (isAction(item)) return `* ${theme.user(item.user)} ${body}`;
      // "bob offers report.pdf" is what bob does, not what bob says.
      const colon = alone ? "" : ":";
      if (item.how === "room") return `${theme.user(item.user)}${colon} ${body}`;
      return `${theme.direct(head(item).slice(0, -2))}: ${body}`;
    }
    case "presence":
      return theme.dim(presenceText(item));
    case "line":
      if (item.tone === "error") return theme.alarm(item.text);
      if (item.tone === "note") return theme.dim(item.text);
      return (item.number === undefined ? "" : `${item.number}: `) +
        theme.dim(item.said ? `${momentText(item.said)} ` : "") +
        linked(item.text, theme, (text) => emphasized(text, item.marked, theme));
  }
}

/** Whether a room was told what somebody does: `/me waves`. */
function isAction({ how, text }: SaidItem): boolean {
  return how === "room" && actionOf(text) !== undefined;
}

/** An item's text, without the sign of an action. */
function spokenText(item: SaidItem): string {
  return isAction(item) ? actionOf(item.text)! : item.text;
}

function head(item: SaidItem): string {
  const { how, user, privacy } = item;
  switch (how) {
    case "room":
      return isAction(item) ? `* ${user} ` : `${user}: `;
    case "feed":
      return `Notification from ${user}: `;
    case "direct":
      return `DM from ${privateName(user, privacy)}: `;
    case "direct_sent":
      return `DM to ${privateName(user, privacy)}: `;
  }
}

/** A text with what names the reader set off. */
function highlighted(text: string, me: string | undefined, theme: Theme): string {
  let result = "";
  let done = 0;
  for (const { start, end } of mentionsOf(text, me)) {
    result += text.slice(done, start) + theme.mention(text.slice(start, end));
    done = end;
  }
  return result + text.slice(done);
}

/** A text with a part of it highlighted; upper and lower case are the same. */
function emphasized(text: string, part: string | undefined, theme: Theme): string {
  if (!part) return text;
  const wanted = new RegExp(part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
  return text.replace(wanted, (found) => theme.mention(found));
}

function presenceText({ room, joined, left }: PresenceItem): string {
  const parts = [];
  if (joined.size > 0) parts.push(`${names(joined)} joined`);
  if (left.size > 0) parts.push(`${names(left)} left`);
  return `${parts.join("; ")} ${room}`;
}

function names(users: ReadonlySet<string>): string {
  const all = [...users];
  if (all.length <= maxNames + 1) {
    return all.length < 2 ? all.join() : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
  }
  return `${all.slice(0, maxNames).join(", ")} and ${all.length - maxNames} others`;
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
