/** The table of attacks: each is one row, from which the help derives. */

import type { Attack } from "../attack.ts";
import { files } from "./files.ts";
import { flood } from "./flood.ts";
import { forgedPositions } from "./forged_positions.ts";
import { fullInbox } from "./full_inbox.ts";
import { badTokens, idleGuests, oddHellos, registerProbes } from "./guests.ts";
import { loginLoop } from "./login_loop.ts";
import { longResumes } from "./long_resumes.ts";
import { oldPassword } from "./old_password.ts";
import { rooms } from "./rooms.ts";
import { talkHistory } from "./talk_history.ts";
import { unreadHistory } from "./unread_history.ts";
import { wrongPasswords } from "./wrong_passwords.ts";

/** All attacks, by point. */
export const attacks: readonly Attack[] = [
  forgedPositions,
  wrongPasswords,
  loginLoop,
  rooms,
  files,
  oldPassword,
  unreadHistory,
  flood,
  fullInbox,
  talkHistory,
  longResumes,
  idleGuests,
  registerProbes,
  badTokens,
  oddHellos,
];

/** A line for each, for a help text. */
export const attacksHelp: string = attacks
  .map(({ point, name, does }) => `  ${`${point}`.padStart(2)}  ${name.padEnd(17)} ${does}`).join("\n");
