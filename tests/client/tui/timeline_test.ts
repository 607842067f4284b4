/** What stands on the screen of what a session tells: times, findings, and what was meant. */

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { ChatError } from "../../../lib/common/errors.ts";
import { CommandTable } from "../../../lib/client/net/commands.ts";
import { momentText } from "../../../lib/client/tui/text/item.ts";
import { ReadMarks } from "../../../lib/client/tui/read_marks.ts";
import { makeTheme } from "../../../lib/client/tui/text/theme.ts";
import { Timeline } from "../../../lib/client/tui/timeline.ts";
import type { Reply, ServerEvent } from "../../../lib/wire/event.ts";
import { fakeCommands, type Json, said, settled, test } from "../fakes.ts";

const theme = makeTheme(false);

/** A timeline in front of a server whose room has so many messages. */
function scene({ messages = 0, rooms = ["general", "lobby"] }: { messages?: number; rooms?: string[] } = {}) {
  const log = Array.from(
    { length: messages },
    (_, at) =>
      said(at + 1, at % 100 === 0 ? `needle ${at + 1}` : "hay", {
        time: new Date(Date.UTC(2026, 10, 21, 9, 0, 0, at)).toISOString(),
      }),
  );
  const session = {
    user: "a",
    room: "lobby",
    server: undefined,
    commands: new CommandTable(fakeCommands),
    maxMessageBytes: 1000,
    waiting: [],
    storeAway: false,
    ending: undefined,
    ask({ cmd, n, before }: Json): Promise<Reply> {
      const answers: Json = {
        rooms: { rooms: rooms.map((room) => ({ room, members: 1 })) },
        users: { users: ["bob", "charlie"] },
        who: { room: session.room, members: ["a"] },
        history: {
          messages: session.room === "lobby"
            ? log.filter(({ seq }) => !before || seq as number < before).slice(-n)
            : [],
        },
      };
      return Promise.resolve({ of: cmd, ...answers[cmd] });
    },
  };
  const timeline = new Timeline({
    session,
    theme,
    marks: new ReadMarks(undefined),
    labelled: (event) => event,
    now: () => 0,
    notify: () => {},
    changed: () => {},
  });
  const take = async (of: string, fields: Json = {}) => {
    timeline.take({ kind: "reply", request: { cmd: of }, reply: { of, ...fields } as Reply });
    await settled();
  };
  const rows = (columns = 80) => timeline.backlog.view(100_000, columns).rows.map(stripVTControlCharacters);
  return { session, timeline, take, rows };
}

test("Timeline shows what was said before with one time, when it was said", async () => {
  const { take, rows } = scene();
  const at = new Date("2026-11-21T09:00:00Z");
  await take("history", { messages: [said(1, "hi")] });
  assert.deepEqual(rows().slice(1), [`      ${momentText(at)} b: hi`]);
  assert.deepEqual(rows(20).join("").match(/\d\d:\d\d/g), [momentText(at).slice(-5)]);
});

test("Timeline tells that who was written to is away, behind what was written", async () => {
  const { take, rows } = scene();
  const answer = { to: "b", text: "hi", time: new Date().toISOString(), topic: "inbox:b", seq: 1 };
  await take("msg", answer);
  await take("msg", { ...answer, away: "lunch\x1b[2J" });
  assert.deepEqual(rows().slice(1).map((row) => row.slice(6)), [
    "DM to b: hi",
    "DM to b: hi",
    "[SYSTEM] b is away: lunch[2J",
  ]);
});

test("Timeline numbers what /search finds, and goes to it, also where it is not loaded yet", async () => {
  const { session, timeline, take, rows } = scene({ messages: 1_500 });
  await assert.rejects(timeline.finding(1), /has the number 1; \/search <words> comes first/);
  await take("login", { user: "a", room: "lobby" });
  await timeline.search("needle", undefined);
  const findings = rows().filter((row) => row.includes("needle") && row.startsWith(" "));
  assert.deepEqual(
    findings.map((row) => /^ {6}(\d+): 20/.exec(row)?.[1]),
    Array.from({ length: 15 }, (_, at) => `${at + 1}`),
  );
  assert.match(findings[0]!, /^ {6}1: 2026-11-21 \d\d:00 b: needle 1$/);
  const item = await timeline.finding(1);
  assert.ok(item.kind === "said" && item.text === "needle 1");
  timeline.backlog.show(item, 10, 80);
  assert.ok(timeline.backlog.view(10, 80).visible.includes(item));
  const seqs = timeline.backlog.items.flatMap((item) => item.kind === "said" ? [item.seq] : []);
  assert.deepEqual(
    seqs,
    Array.from({ length: 1_500 }, (_, at) => at + 1),
    "nothing is missing in between, nor twice there",
  );
  await assert.rejects(timeline.finding(16), /has the number 16; allowed: 1 to 15/);
  session.room = "general";
  timeline.backlog.clear();
  await assert.rejects(timeline.finding(1), /Number 1 is not on this screen; go to its room, and search there/);
});

test("Timeline says which user or room may have been meant", async () => {
  const { session, timeline, take, rows } = scene();
  await take("login", { user: "a", room: "lobby" });
  const request = { cmd: "msg", to: "chalrie", text: "hi" };
  const error = new ChatError("unknown_user", "There is no user chalrie");
  timeline.take({ kind: "refused", request, error });
  assert.match(rows().at(-1)!, /\[CLIENT\] Did you mean charlie\?$/);
  timeline.take({ kind: "refused", request: { ...request, to: "xyz" }, error });
  assert.match(rows().at(-1)!, /\[ERROR\] unknown_user/);
  session.room = "genral";
  await take("join", { room: "genral" });
  assert.match(rows().at(-1)!, /\[CLIENT\] Nobody else is in genral; did you mean general\? \/join general$/);
  for (const room of ["general", "ops"]) {
    session.room = room;
    await take("join", { room });
    assert.match(rows().at(-1)!, /Joined room/);
  }
});

test("Timeline shows a message as deleted in its place, and says so where it is not there", () => {
  const { timeline, rows } = scene();
  const take = (event: Json) => timeline.take({ kind: "event", event: event as ServerEvent });
  take(said(1, "secret"));
  take(said(2, "more"));
  const { topic } = said(1, "");
  const deleted = (seq: number) => ({ type: "deleted", topic, seq, by: "c", from: "b", pos: "p" });
  take(deleted(1));
  take(deleted(9));
  take({ ...said(3, ""), deleted: true });
  assert.deepEqual(rows().filter((row) => !row.startsWith("──")).map((row) => row.slice(6)), [
    "b: (deleted)",
    "b: more",
    "[SYSTEM] c deleted a message of b",
    "b: (deleted)",
  ]);
});
