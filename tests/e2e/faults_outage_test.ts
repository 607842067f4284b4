/**
 * Redis away for ten seconds under load: everybody is answered in time, nobody has to reconnect, nothing is lost.
 */

import assert from "node:assert/strict";
import { type Endpoint, eventually, type Json, JsonClient, TextClient } from "../support/client.ts";
import { hasty, type Pair, pairs, startPair } from "../support/pair.ts";
import type { TestRedis } from "../support/redis.ts";
import { test } from "../support/server.ts";
import { assertWhole, Talker } from "../support/talker.ts";

/** How long Redis is away, an answer may take, and rooms may need to flow again, in milliseconds. */
const awayMs = 10_000;
const answerMs = 2_500;
const flowMs = 5_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What was asked, how long the slowest answer took and how many were errors. */
class Answers {
  slowest = 0;
  refused = 0;
  count = 0;
  what = "";

  note(what: string, since: number, refused: boolean): void {
    const took = performance.now() - since;
    this.count++;
    if (refused) this.refused++;
    if (took > this.slowest) [this.slowest, this.what] = [took, what];
  }
}

/** A JSON client that asks one thing after the other. */
async function askEverything(at: Endpoint, user: string, stop: AbortSignal, answers: Answers): Promise<void> {
  await using talker = await Talker.start(at, user, `rooms-of-${user}`);
  const requests: [cmd: string, fields?: Json][] = [
    ["users"],
    ["join", { room: `another-of-${user}` }],
    ["rooms"],
    ["subscribe", { user: "a" }],
    ["who"],
    ["subs"],
    ["history", { n: 5 }],
    ["leave"],
    ["whoami"],
    ["history", { user: "a" }],
    ["unsubscribe", { user: "a" }],
    ["join", { room: `rooms-of-${user}` }],
    ["who", { room: "one" }],
    ["help"],
  ];
  while (!stop.aborted) {
    for (const [cmd, fields] of requests) {
      const since = performance.now();
      const { type, code } = await talker.ask(cmd, fields);
      answers.note(`${cmd} of ${user}`, since, type === "error");
      assert.ok(type === "ok" || code === "store_unavailable", `${cmd} of ${user}: ${code}`);
      await pause(10);
    }
  }
  assert.deepEqual(talker.told, []);
}

/** Clients that come, in all ways that there are, and go. */
async function comeAndGo(at: Endpoint, user: string, stop: AbortSignal, answers: Answers): Promise<void> {
  let token: string | undefined;
  for (let n = 0; !stop.aborted; n++) {
    await using client = await JsonClient.open(at);
    const requests: [cmd: string, fields: Json][] = [
      ["login", { user, password: "1" }],
      ["resume", { token }],
      ["login", { user, password: "1", side: true }],
      ["register", { user: `${user}${n}`, password: "long enough" }],
      ["login", { user: "nobody", password: "1" }],
    ];
    const [cmd, fields] = token === undefined ? requests[0] : requests[n % requests.length];
    const since = performance.now();
    const { type, code, resume } = await client.request(cmd, fields);
    answers.note(`${cmd} of ${user}`, since, type === "error");
    const wrong = fields.user === "nobody" ? "invalid_credentials" : undefined;
    assert.ok(type === "ok" || code === "store_unavailable" || code === wrong, `${cmd} of ${user}: ${code}`);
    if (type === "ok" && cmd !== "register") token = resume ?? token;
    // A login that was not answered may have gone through all the same: it makes earlier tokens worthless.
    if (type === "error" && fields === requests[0][1]) token = undefined;
    if (type === "ok" && n % 2 === 0) {
      const { code } = await client.request("logout");
      if (!fields.side) token = undefined;
      assert.ok(code === undefined || code === "store_unavailable");
    }
    await pause(10);
  }
}

/** A person who says and asks; each line is answered by one, an error among them. */
async function talkAsPerson(person: TextClient, user: string, stop: AbortSignal, answers: Answers): Promise<void> {
  for (let n = 0; !stop.aborted; n++) {
    const lines: [line: string, answer: RegExp][] = [
      [`number ${n}`, new RegExp(`^${user}: number ${n}$`)],
      ["/users", /^Users online: ./],
      [`/publish ${n}`, /^Published to \d+ subscribers$/],
      ["/who", /^Members of ./],
      [`/msg ${user} ${n}`, new RegExp(`^DM to ${user}: ${n}$`)],
      ["/rooms", /^Available rooms: ./],
      [n % 100 < 50 ? "/join elsewhere" : "/leave", /^(Joined room|Returned to) ./],
      ["/history 1", /^\[20.*Z\] |^\[SYSTEM\] No messages$/],
      ["/subs", /^Subscriptions: /],
    ];
    const [line, answer] = lines[n % lines.length];
    const since = performance.now();
    await person.send(line);
    const [last] = (await person.until(new RegExp(`${answer.source}|^\\[ERROR\\] `))).slice(-1);
    const refused = last.startsWith("[ERROR]");
    answers.note(`${line} of ${user}`, since, refused);
    if (refused) assert.match(last, /^\[ERROR\] store_unavailable: ./, line);
    await pause(10);
  }
}

test("a server is stopped in good order also while Redis is away", async () => {
  await using pair = await startPair({ ...hasty, DRAIN_SECONDS: "1" });
  await using person = await pair.one.login("a");
  await using program = await pair.two.jsonLogin("b");
  await person.expect("b joined lobby");
  await pair.redis.kill("SIGSTOP");
  const hanging = pair.one.stop();
  await person.expect("[SYSTEM] The server is stopping; connect again");
  await pair.redis.kill("SIGKILL");
  const dead = pair.two.stop();
  assert.equal((await program.event()).code, "server_draining");
  for (const { code, text } of await Promise.all([hanging, dead])) assert.deepEqual([code, text], [0, ""]);
  for (const { program: { log } } of [pair.one, pair.two]) assert.equal(log.at(-1)?.message, "server_stopped");
}, pairs);

test("while Redis hangs, what was sent without waiting is answered in time too", async () => {
  await using pair = await startPair();
  const rooms = Array.from({ length: 5 }, (_, n) => `room${n}`);
  await using parts = new AsyncDisposableStack();
  const start = async (user: string, room: string) => parts.use(await Talker.start(pair.one, user, room));
  const leaving = await Promise.all(["a", "b"].map((user, n) => start(user, rooms[n])));
  const joining = await Promise.all(["c", "d", "e", "f", "g"].map((user) => start(user, "elsewhere")));
  const person = parts.use(await pair.two.login("h"));
  await pair.redis.kill("SIGSTOP");
  const since = performance.now();
  // Their rooms are subscribed to no longer, and are to be subscribed to again.
  await Promise.all(leaving.map((talker) => talker[Symbol.asyncDispose]()));
  const asked = joining.flatMap((talker, n) => [
    talker.ask("join", { room: rooms[n % 2] }),
    talker.ask("users"),
    ...rooms.map((room) => talker.ask("join", { room })),
    talker.ask("say", { text: "on its way" }),
    talker.ask("leave"),
  ]);
  await person.send(...rooms.map((room) => `/join ${room}`), "a line", "/users");
  const answers = await Promise.all(asked);
  const lines = await person.lines(rooms.length + 2);
  const took = performance.now() - since;
  await pair.redis.kill("SIGCONT");
  for (const { code } of answers) assert.ok(code === undefined || code === "store_unavailable", code);
  for (const line of lines) assert.match(line, /^\[ERROR\] store_unavailable: ./);
  assert.ok(took < answerMs, `the last was answered after ${took} ms`);
  for (const talker of joining) {
    await eventually(async () => (await talker.ask("join", { room: "together" })).type === "ok", "they can join again");
    await eventually(async () => (await talker.ask("say", { text: "flows" })).type === "ok", "they can speak again");
  }
  const [first] = joining;
  await eventually(() => first.heard.get("room:together")?.length === joining.length, "the room flows");
  const { members } = await first.ask("who", { room: "together" });
  assert.deepEqual(members, ["c", "d", "e", "f", "g"]);
  await eventually(async () => {
    const { rooms: listed } = await first.ask("rooms");
    return !listed.some(({ room }: Json) => rooms.includes(room));
  }, "nobody is in a room whose join failed, or left over from a connection that is gone");
}, pairs);

const faults: readonly {
  name: string;
  begin(redis: TestRedis): Promise<void>;
  end(redis: TestRedis): Promise<void>;
}[] = [
  {
    name: "stopped",
    begin: (redis) => redis.kill("SIGSTOP"),
    end: (redis) => redis.kill("SIGCONT"),
  },
  {
    name: "killed and started again",
    begin: (redis) => redis.kill("SIGKILL"),
    end: (redis) => redis.restart(),
  },
];

/** Two rooms, each with a talker on either server; all follow each other, and write to the next. */
async function startTalkers({ one, two }: Pair, parts: AsyncDisposableStack) {
  const talkers = await Promise.all(
    ([["a", "one", one], ["b", "one", two], ["c", "two", one], ["d", "two", two]] as const).map(
      async ([user, room, server]) => parts.use(await Talker.start(server, user, room)),
    ),
  );
  const [a, b, c, d] = talkers;
  for (const talker of talkers) {
    for (const other of talkers) {
      if (other !== talker) assert.equal((await talker.ask("subscribe", { user: other.user })).type, "ok");
    }
  }
  const follows = new Map([["room:one", [a, b]], ["room:two", [c, d]]]);
  for (const talker of talkers) {
    follows.set(`feed:${talker.user}`, talkers.filter((other) => other !== talker));
    follows.set(`inbox:${talker.user}`, [talker]);
  }
  return { talkers, follows };
}

for (const { name, begin, end } of faults) {
  test(`Redis ${name} under load: all are answered, rooms flow again, nothing is lost`, async () => {
    await using pair = await startPair({
      ...hasty,
      ACTIVE_TTL_SECONDS: "4",
      HEARTBEAT_INTERVAL_SECONDS: "1",
      MAX_INBOX: "100000",
      MAX_INBOX_PER_SENDER: "100000",
    });
    await using parts = new AsyncDisposableStack();
    const { talkers, follows } = await startTalkers(pair, parts);
    const stop = new AbortController();
    const answers = new Answers();
    const others: Promise<void>[] = [];
    for (const [server, json, comes, text] of [[pair.one, "e", "f", "alice"], [pair.two, "g", "h", "bob"]] as const) {
      const password = { alice: "password123", bob: "secret456" }[text];
      const person = parts.use(await server.login(text, password));
      others.push(
        askEverything(server, json, stop.signal, answers),
        comeAndGo(server, comes, stop.signal, answers),
        talkAsPerson(person, text, stop.signal, answers),
      );
    }
    /** Load: everybody has this many more messages acknowledged. */
    const everybodySays = async (more: number) => {
      const counts = talkers.map(({ acknowledged }) => acknowledged.length + more);
      const enough = () => talkers.every(({ acknowledged }, at) => acknowledged.length >= counts[at]);
      await eventually(enough, `everybody has said ${more} messages`);
    };
    const all = Promise.all([
      ...others,
      ...talkers.map((talker, index) =>
        talker.talk(
          [{ cmd: "say" }, { cmd: "publish" }, { cmd: "msg", fields: { to: talkers[(index + 1) % 4].user } }],
          stop.signal,
        )
      ),
    ]);
    all.catch(() => stop.abort());
    await everybodySays(30);

    await begin(pair.redis);
    await pause(awayMs); // the fault
    await end(pair.redis);
    const since = performance.now();
    const before = talkers.map(({ last }) => last);
    const rooms = [talkers.slice(0, 2), talkers.slice(2)];
    const flowing = rooms.flatMap((members) =>
      members.flatMap((one) => members.map((other) => one.hears(other, before[talkers.indexOf(other)])))
    );
    await Promise.race([Promise.all(flowing), all.then(() => assert.fail("they stopped talking"))]);
    const flows = performance.now() - since;
    await everybodySays(30);
    stop.abort();
    await all;

    const slowest = Math.max(...talkers.map(({ slowest }) => slowest));
    assert.ok(flows < flowMs, `the rooms flow again after ${flows} ms`);
    assert.ok(slowest < answerMs, `a message was answered after ${slowest} ms`);
    assert.ok(answers.slowest < answerMs, `${answers.what} was answered after ${answers.slowest} ms`);
    assert.ok(answers.refused > 0 && talkers.every(({ refused }) => refused > 0), "Redis was not missed");
    for (const { told, user } of talkers) assert.deepEqual(told, [], user);
    await assertWhole(talkers, follows);
    const [first] = talkers;
    assert.deepEqual((await first.ask("who", { room: "one" })).members, ["a", "b"]);
    assert.deepEqual((await first.ask("who", { room: "two" })).members, ["c", "d"]);
  }, pairs);
}
