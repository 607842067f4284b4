/** The table of scenarios. */

import type { Scenario } from "../scenario.ts";
import { direct } from "./direct.ts";
import { fanIn } from "./fan_in.ts";
import { fanOut } from "./fan_out.ts";
import { fullLogin } from "./full_login.ts";
import { idleMemory } from "./idle_memory.ts";
import { loginStorm } from "./login_storm.ts";
import { manyDevices } from "./many_devices.ts";
import { ordinaryTalk } from "./ordinary_talk.ts";
import { resumeStorm } from "./resume_storm.ts";
import { smallRooms } from "./small_rooms.ts";

/** In the order in which they are run and shown. */
export const scenarios: readonly Scenario[] = [
  fanOut,
  fanIn,
  smallRooms,
  ordinaryTalk,
  direct,
  loginStorm,
  idleMemory,
  manyDevices,
  fullLogin,
  resumeStorm,
];
