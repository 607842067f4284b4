/**
 * Every command, in the order in which `help` lists them.
 */

import { accountCommands } from "./accounts.ts";
import { announcementCommands } from "./announcements.ts";
import { awayCommands } from "./away.ts";
import { blockCommands } from "./blocks.ts";
import { connectionCommands } from "./connection.ts";
import { deletingCommands } from "./deleting/deleting.ts";
import { deletionCommands } from "./accounts/delete_account.ts";
import { deviceCommands } from "./devices.ts";
import { fileCommands } from "./files.ts";
import { followCommands } from "./follows.ts";
import { keyCommands } from "./keys.ts";
import { moderationCommands } from "./rooms/moderation.ts";
import { messageCommands } from "./messages.ts";
import { roomSettingCommands } from "./rooms/settings.ts";
import { reportCommands } from "./rooms/reports.ts";
import { requestCommands } from "./accounts/requests.ts";
import { roomCommands } from "./rooms.ts";
import { tokenCommands } from "./accounts/tokens.ts";
import type { CommandSpec } from "../registry/command.ts";

/** The registry is made from these. */
export const allCommands: readonly CommandSpec[] = [
  ...accountCommands,
  ...messageCommands,
  ...deletingCommands,
  ...roomCommands,
  ...roomSettingCommands,
  ...moderationCommands,
  ...reportCommands,
  ...announcementCommands,
  ...awayCommands,
  ...followCommands,
  ...blockCommands,
  ...requestCommands,
  ...fileCommands,
  ...keyCommands,
  ...deviceCommands,
  ...tokenCommands,
  ...deletionCommands,
  ...connectionCommands,
];
