import { isoTime } from "../delivery/events.ts";
import { defineCommand } from "../registry/command.ts";

/** Stands for all of one's devices but the one that asks. */
const allOthers = "all";

/** The devices that a user is logged in on. */
export const deviceCommands = [
  defineCommand({
    name: "devices",
    who: "user",
    help: "list the devices that you are logged in on, and since when",
    tokens: "never",
    async run({ session }, _, { sessions }) {
      const lines = await sessions.devices(session);
      return { reply: { of: "devices", devices: lines.map((line) => ({ ...line, since: isoTime(line.since) })) } };
    },
  }),
  defineCommand({
    name: "revoke",
    arguments: [{ name: "device", kind: "device" }],
    who: "user",
    help: "log a device of yours out, or all others; it needs the password again",
    tokens: "never",
    audited: true,
    async run({ session }, { device }, { sessions }) {
      if (device !== allOthers) {
        const [revoked = device] = await sessions.revoke(session, device);
        return { reply: { of: "revoke", device: revoked } };
      }
      return { reply: { of: "revoke", device, revoked: await sessions.revoke(session, undefined) } };
    },
  }),
];
