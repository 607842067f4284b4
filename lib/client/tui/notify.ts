/**
 * Telling a person who looks elsewhere: the terminal's bell, or a notification of the desktop.
 */

import { cleanLine } from "../../wire/clean.ts";
import { fitted } from "../terminal/width.ts";
import type { Notification } from "./choices.ts";

/** The longest text of a notification, in columns. */
const maxWidth = 200;

/** What is written to the terminal for a text; it is cleaned here, for no part of it may end the sequence. */
export function notification(how: Notification, title: string, text: string): string {
  const safe = (part: string) => fitted(cleanLine(part).replaceAll(";", ",").replaceAll("\t", " "), maxWidth);
  switch (how) {
    case "off":
      return "";
    case "bell":
      return "\x07";
    case "osc9":
      return `\x1b]9;${safe(`${title}: ${text}`)}\x1b\\`;
    case "osc777":
      return `\x1b]777;notify;${safe(title)};${safe(text)}\x1b\\`;
  }
}
