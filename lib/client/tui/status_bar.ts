/**
 * The status line: as much of what there is to tell as fits, the most important first.
 */

import { cleanLine } from "../base/clean.ts";
import { fitted, textWidth } from "../terminal/width.ts";
import type { Theme } from "./theme.ts";

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
  const { room, members, user, connection, connected, unread, below, waiting, warning } = facts;
  const alarm = warning === undefined ? "" : fitted(` ${cleanLine(warning)} `, columns);
  const space = columns - textWidth(alarm);
  const parts: (string | false)[] = [
    room !== undefined && (members === undefined ? room : `${room} (${members})`),
    !connected && connection,
    below > 0 && `↓ ${below} more below`,
    unread.direct > 0 && `${unread.direct} DM${unread.direct > 1 ? "s" : ""}`,
    unread.feed > 0 && `${unread.feed} notification${unread.feed > 1 ? "s" : ""}`,
    waiting > 0 && `${waiting} to be sent`,
    connected && connection,
    user !== undefined && user,
  ];
  let text = "";
  for (const part of parts) {
    if (part === false) continue;
    const longer = `${text}${text === "" ? " " : " · "}${cleanLine(part)}`;
    if (textWidth(longer) > space - 1) {
      if (text === "" && space > 0) text = fitted(longer, space);
      break;
    }
    text = longer;
  }
  const bar = text + " ".repeat(Math.max(0, space - textWidth(text)));
  return (alarm === "" ? "" : theme.barAlarm(alarm)) + theme.bar(bar);
}
