/**
 * A server is killed, ten thousand messages are sent meanwhile, and its clients come back on another.
 */

import assert from "node:assert/strict";
import { type Json, JsonClient } from "../support/client.ts";
import { hasty, pairs, programIn, startPair } from "../support/pair.ts";
import { type Settings, test } from "../support/server.ts";

/** How many messages are missed, and how long a resume may take to be answered, in milliseconds. */
const missed = 10_000;
const answerMs = 2_000;

/** Long ones: they must not fit into what the kernel keeps for a slow reader, nor into a queue. */
const padding = "x".repeat(2_000);

/** How long a slow reader reads nothing at a time, in milliseconds, and how many messages it reads then. */
const slowPauseMs = 700;
const slowGulp = 2_000;

/** Has a program say numbers as fast as it is answered. */
async function say(client: JsonClient, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) client.post("say", { text: `${n} ${padding}` });
  for (let n = from; n <= to; n++) assert.equal((await client.reply()).type, "ok");
}

/** What a client that came back got: the messages that its gaps cover, and how long it all took. */
interface Returned {
  readonly gaps: Json[];
  readonly answeredMs: number;
  readonly replayedMs: number;
}

/** Resumes, and reads on until a message; nothing may be missing but what a gap covers, and nothing come twice. */
async function comeBack(client: JsonClient, token: string, pos: string, last: number, slow: boolean) {
  let since = performance.now();
  client.post("resume", { token, positions: { "room:busy": pos } });
  const { type, missed: behind } = await client.reply();
  const answeredMs = performance.now() - since;
  assert.equal(type, "ok");
  assert.ok(behind >= missed, `${behind} were missed`);

  since = performance.now();
  const gaps: Json[] = [];
  let expected = 2; // the first was heard before
  for (let read = 0; expected <= last; read++) {
    if (slow && read % slowGulp === 0) {
      client.stopReading();
      await new Promise((resolve) => setTimeout(resolve, slowPauseMs)); // that is what makes it slow
      client.readOn();
    }
    const event = await client.event();
    if (event.topic !== "room:busy") continue;
    if (event.type === "gap") {
      assert.equal(event.from, expected);
      assert.ok(event.to >= event.from);
      gaps.push(event);
      expected = event.to + 1;
    } else {
      assert.deepEqual([event.type, event.seq, event.text], ["message", expected, `${expected} ${padding}`]);
      expected++;
    }
  }
  return { gaps, answeredMs, replayedMs: performance.now() - since };
}

async function afterKill(settings: Settings, check: (returned: Returned, slow: boolean) => void): Promise<void> {
  await using pair = await startPair({ ...hasty, ...settings });
  const { one, two } = pair;
  await using parts = new AsyncDisposableStack();
  const lost = await Promise.all(["a", "b", "c"].map(async (user) => parts.use(await programIn("busy", one, user))));
  const speaker = parts.use(await programIn("busy", two, "d"));
  await say(speaker, 1, 1);
  const positions = await Promise.all(lost.map(async (client) => {
    for (;;) {
      const { type, pos } = await client.event();
      if (type === "message") return pos as string;
    }
  }));
  await one.kill();
  await say(speaker, 2, missed + 1);

  // Whoever comes back is spoken to all the while.
  const last = missed + 501;
  const speaking = say(speaker, missed + 2, last);
  const clients = await Promise.all(lost.map(async () => parts.use(await two.json())));
  const returned = await Promise.all(clients.map((client, index) => {
    return comeBack(client, lost[index].session.resume, positions[index], last, index === 2);
  }));
  await speaking;
  returned.forEach((one, index) => {
    assert.ok(one.answeredMs < answerMs, `the resume was answered after ${one.answeredMs} ms`);
    check(one, index === 2);
  });
  await say(speaker, last + 1, last + 1);
  for (const client of clients) {
    let event;
    do event = await client.event(); while (event.type === "presence");
    assert.deepEqual([event.type, event.seq], ["message", last + 1]);
    assert.equal((await client.ok("whoami")).room, "busy");
  }
}

test("clients of a killed server resume on another and get all 10,000 missed messages, then live ones", async () => {
  await afterKill({ HISTORY_MAX_MESSAGES: "20000" }, ({ gaps }) => assert.deepEqual(gaps, []));
}, pairs);

test("where fewer are kept than were missed, a gap covers exactly those that are not", async () => {
  const kept = 3_000;
  await afterKill({ HISTORY_MAX_MESSAGES: `${kept}` }, ({ gaps }, slow) => {
    assert.equal(gaps[0]?.from, 2);
    if (!slow) assert.equal(gaps.length, 1); // a slow one may be overtaken by the log's end again
    const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    assert.ok(missing >= missed - kept && missing <= missed + 500 - kept, `${missing} are missing`);
  });
}, pairs);
