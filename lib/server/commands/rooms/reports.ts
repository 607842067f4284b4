import { ChatError } from "../../../common/errors.ts";
import type { Entry, Topics } from "../../../store/topics.ts";
import type { MessageEvent } from "../../../wire/event.ts";
import { fold, roomTopic, type Topic } from "../../../wire/names.ts";
import { topicEvent } from "../../delivery/events.ts";
import { defineRoomCommand, type RoomCallAbout } from "../../registry/room_command.ts";
import { reasonOf } from "./moderation.ts";

/** How many reports may be open: an operator closes them. */
export const maxReports = 1_000;

/** How many of a user's messages a report has. */
const maxMessages = 5;

/** How far back they are looked for, in messages of the room, and how many are read at once. */
const [maxSearched, pieceSize] = [1_000, 100];

const whomAndWhy = [{ name: "user", kind: "user" }, { name: "reason", kind: "text" }] as const;

/** What members tell those who look after a room. */
export const reportCommands = [
  defineRoomCommand<typeof whomAndWhy, RoomCallAbout>({
    name: "report",
    arguments: whomAndWhy,
    right: "member",
    about: "names",
    help: "tell those who look after your room what a user has done, with the user's last messages",
    audited: true,
    async run({ room, record, caller: { session }, target: { name: user } }, { reason: given }, services) {
      const { store: { topics, reports }, limits, sessions } = services;
      const { user: by } = session;
      const reason = reasonOf(given);
      limits.pace.reports.spend(fold(by), "reports", "rate_limited");
      const { epoch, entries } = await lastOf(topics, roomTopic(room), user);
      const messages = entries.map(({ seq, time, from, text }) => ({ seq, time, from, text }));
      const report = await reports.add({ room, by, user, reason, time: Date.now(), messages }, maxReports);
      if (report === undefined) {
        throw new ChatError("rate_limited", `${maxReports} reports are open, as many as may be; tell an operator`);
      }
      const looksAfter = [record.owner, ...record.moderators].filter((name) => name !== undefined)
        .filter((name) => fold(name) !== fold(user));
      await sessions.tellModerators({
        ...{ type: "system", code: "report", message: `${by} reported ${user} in ${room}: ${reason}`, report, room },
        ...{ by, user, reason },
        messages: entries.map((entry) => topicEvent(topics.positions, roomTopic(room), epoch, entry) as MessageEvent),
      }, looksAfter);
      return { reply: { of: "report", room, user } };
    },
  }),
];

/** The last messages of a user in a room, ascending. */
async function lastOf(
  topics: Pick<Topics, "read">,
  topic: Topic,
  user: string,
): Promise<{ epoch: string; entries: Entry[] }> {
  const entries: Entry[] = [];
  let epoch = "";
  for (let [searched, before] = [0, Infinity]; searched < maxSearched; searched += pieceSize) {
    const range = { limit: pieceSize, make: false, ...(before === Infinity ? {} : { before }) };
    const page = await topics.read(topic, range);
    if (epoch !== "" && page.epoch !== epoch) break; // another log by now
    epoch = page.epoch;
    for (const entry of page.entries.toReversed()) {
      if (fold(entry.from) === fold(user) && entries.push(entry) === maxMessages) {
        return { epoch, entries: entries.reverse() };
      }
    }
    if (page.entries.length < pieceSize) break;
    before = page.entries[0].seq;
  }
  return { epoch, entries: entries.reverse() };
}
