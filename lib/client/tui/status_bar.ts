/**
 * The status line: as much of what there is to tell as fits, the most important first.
 */

import { cleanLine } from "../../wire/clean.ts";
import { fitted, textWidth } from "../terminal/width.ts";
import type { Theme } from "./text/theme.ts";

/** What there is to tell. */
export interface StatusFacts {
  readonly room: string | undefined;
  /** How many are in the room; undefined where it is not known. */
  readonly members: number | undefined;
  readonly user: string | undefined;
  /** The connection's state, as words. */
  readonly connection: string;
  readonly connected: boolean;
  /** Private messages and notifications that were not on the screen yet. */
  readonly unread: { readonly direct: number; readonly feed: number };
  /** Items below the screen. */
  readonly below: number;
  /** How many typed lines are not sent yet. */
  readonly waiting: number;
  /** Something that must never be overlooked, as that the server is not verified. */
  readonly warning: string | undefined;
}

/** The row, exactly `columns` wide. */
export function statusBar(facts: StatusFacts, columns: number, theme: Theme): string {
  const { warning } = facts;
  const alarm = warning === undefined ? "" : fitted(` ${cleanLine(warning)} `, columns);
  const space = columns - textWidth(alarm);
  const text = joinedWithin(partsOf(facts), space);
  const bar = text + " ".repeat(Math.max(0, space - textWidth(text)));
  return (alarm === "" ? "" : theme.barAlarm(alarm)) + theme.bar(bar);
}

/** What there is to tell as words, the most important first. */
function partsOf({ room, members, user, connection, connected, unread, below, waiting }: StatusFacts): string[] {
  const parts: (string | false | undefined)[] = [
    room !== undefined && (members === undefined ? room : `${room} (${members})`),
    !connected && connection,
    below > 0 && `↓ ${below} more below`,
    unread.direct > 0 && counted(unread.direct, "DM"),
    unread.feed > 0 && counted(unread.feed, "notification"),
    waiting > 0 && `${waiting} to be sent`,
    connected && connection,
    user,
  ];
  return parts.filter((part) => typeof part === "string");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count > 1 ? "s" : ""}`;
}

/**
 * As many of the parts as fit into so many columns; of the first, as much as fits. One that does not fit otherwise does
 * without its parenthesis.
 */
function joinedWithin(parts: readonly string[], columns: number): string {
  let text = "";
  for (const part of parts) {
    const start = `${text}${text === "" ? " " : " · "}`;
    const whole = start + cleanLine(part);
    const longer = [whole, start + cleanLine(part).replace(/ \([^()]*\)/, "")].find((longer) =>
      textWidth(longer) <= columns - 1
    );
    if (longer === undefined) return text === "" && columns > 0 ? fitted(whole, columns) : text;
    text = longer;
  }
  return text;
}
