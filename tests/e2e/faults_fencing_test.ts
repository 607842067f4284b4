/**
 * A server that was stopped for longer than its lease and wakes up: what it may still do for users who have moved, and
 * how it goes on for those who have not.
 */

import assert from "node:assert/strict";
import { eventually, type Json, type LineClient } from "../support/client.ts";
import { hasty, pairs, personIn, programIn, startPair } from "../support/pair.ts";
import { test } from "../support/server.ts";
import { assertWhole, type Stream, Talker } from "../support/talker.ts";

const whatTheyAreTold = (lines: readonly string[]): Json[] => lines.map((line) => JSON.parse(line));

/** The next lines, whose order is nobody's promise. */
async function inAnyOrder(client: LineClient, ...expected: string[]): Promise<void> {
  assert.deepEqual((await client.lines(expected.length)).sort(), expected.sort());
}

for (const moment of ["after its lease is over", "while its lease still holds"] as const) {
  test(`a user who leaves a stopped server ${moment} is not spoken for by it when it wakes up`, async () => {
    await using pair = await startPair(
      moment === "after its lease is over" ? hasty : { ...hasty, ACTIVE_TTL_SECONDS: "60" },
    );
    const { one, two } = pair;
    await using watcher = await personIn("old", two, "c");
    assert.equal(await watcher.ask("/subscribe a"), "Subscribed to a");
    await using talks = await programIn("old", one, "a");
    await watcher.expect("a joined old");
    await using leaves = await programIn("old", one, "b");
    await watcher.expect("b joined old");
    // The rights to write are had before the fault: they must be taken away, not only not given.
    await talks.ok("say", { text: "before" });
    await watcher.expect("a: before");
    await talks.ok("publish", { text: "before" });
    await watcher.expect("Notification from a: before");
    await talks.ok("msg", { to: "c", text: "before" });
    await watcher.expect("DM from a: before");

    one.program.signal("SIGSTOP");
    for (let n = 0; n < 50; n++) {
      talks.post("say", { text: `late ${n}`, cid: `say ${n}` });
      talks.post("publish", { text: `late ${n}`, cid: `publish ${n}` });
      talks.post("msg", { to: "c", text: `late ${n}`, cid: `msg ${n}` });
    }
    leaves.post("join", { room: "new" });
    leaves.post("say", { text: "late" });
    leaves.post("quit");
    if (moment === "after its lease is over") await inAnyOrder(watcher, "a left old", "b left old");
    await using a = await programIn("new", two, "a");
    await using b = await programIn("new", two, "b");
    if (moment === "while its lease still holds") await watcher.expect("a left old", "b left old");
    assert.equal((await a.event()).user, "b");
    await a.ok("say", { text: "in the new room" });
    assert.equal((await a.event()).text, "in the new room");
    assert.equal((await b.event()).text, "in the new room");

    one.program.signal("SIGCONT");
    const last = whatTheyAreTold(await talks.rest());
    assert.equal(last.at(-1)!.code, "forced_logout");
    assert.deepEqual(last.filter(({ type, text }) => type === "ok" || text?.startsWith("late")), []);
    const others = whatTheyAreTold(await leaves.rest());
    assert.deepEqual(others.filter(({ type, topic }) => type === "ok" && topic), []);

    assert.equal(await watcher.ask("/users"), "Users online: a, b, c");
    assert.equal(await watcher.ask("/who new"), "Members of new: a, b");
    assert.equal(await watcher.ask("/who old"), "Members of old: c");
    await a.ok("publish", { text: "goes on" });
    await watcher.expect("Notification from a: goes on");
    await a.ok("msg", { to: "c", text: "goes on" });
    await watcher.expect("DM from a: goes on");
    await b.ok("say", { text: "goes on" });
    assert.deepEqual([(await a.event()).text, (await b.event()).text], ["goes on", "goes on"]);
    await watcher.ask("nothing else was said here");
    await watcher.send("/history");
    const history = (await watcher.lines(2)).map((line) => line.replace(/^\S+ /, ""));
    assert.deepEqual(history, ["a: before", "c: nothing else was said here"]);
  }, pairs);
}

test("the clients of a server that slept longer than its lease go on without a reconnect", async () => {
  await using pair = await startPair();
  const { one, two } = pair;
  await using watcher = await personIn("room", two, "c");
  await watcher.ask("/subscribe a");
  await using person = await personIn("room", one, "b");
  await watcher.expect("b joined room");
  await using program = await programIn("room", one, "a");
  await watcher.expect("a joined room");
  await person.expect("a joined room");
  await using mover = await one.jsonLogin("d");

  for (const round of ["first", "second"]) {
    one.program.signal("SIGSTOP");
    await inAnyOrder(watcher, "a left room", "b left room");
    await eventually(async () => await watcher.ask("/users") === "Users online: c", "all of them are gone");
    await watcher.ask(`said meanwhile, ${round}`);
    // What is on its way in when it wakes up may be refused, as the session was over; not lost, and not the connection.
    program.post("say", { text: `on its way, ${round}`, cid: `${round} say` });
    program.post("publish", { text: `on its way, ${round}`, cid: `${round} publish` });
    mover.post("join", { room: round });
    one.program.signal("SIGCONT");
    const replies = [await program.reply(), await program.reply()];
    for (const [index, cmd] of ["say", "publish"].entries()) {
      let reply = replies[index];
      await eventually(async () => {
        if (reply.type === "error") {
          assert.equal(reply.code, "store_unavailable");
          await program.ok("pong"); // it has read that the message was refused
          reply = await program.request(cmd, { text: `on its way, ${round}`, cid: `${round} ${cmd}` });
        }
        return reply.type === "ok";
      }, `the ${cmd} goes through`);
    }
    let moved = await mover.reply();
    await eventually(async () => {
      if (moved.type === "error") {
        assert.equal(moved.code, "store_unavailable");
        moved = await mover.request("join", { room: round });
      }
      return moved.type === "ok";
    }, "the other room can be joined");
    await mover.ok("say", { text: "here" });
    const heard = (await watcher.lines(4)).filter((line) => !line.endsWith("on its way, " + round)).sort();
    assert.deepEqual(heard, ["a joined room", "b joined room"]);
    await person.until(`c: said meanwhile, ${round}`);
    await person.until(`a: on its way, ${round}`);
    await person.send(`still here, ${round}`);
    await person.until(`b: still here, ${round}`);
    await watcher.expect(`b: still here, ${round}`);
    assert.equal(await watcher.ask("/users"), "Users online: a, b, c, d");
    assert.equal(await watcher.ask("/who"), "Members of room: a, b, c");
    const texts: string[] = [];
    while (texts.at(-1) !== `still here, ${round}`) {
      const event = await program.event();
      if (event.type === "message") texts.push(event.text);
    }
    assert.deepEqual(texts, [`said meanwhile, ${round}`, `on its way, ${round}`, `still here, ${round}`]);
  }
  // Their tokens are good as well.
  await using again = await two.json();
  assert.equal((await again.ok("resume", { token: program.session.resume })).room, "room");
}, pairs);

test(
  "what clients say while their server sleeps longer than its lease is neither lost nor doubled nor reordered",
  async () => {
    await using pair = await startPair({ ...hasty, MAX_INBOX: "100000", MAX_INBOX_PER_SENDER: "100000" });
    const { one, two } = pair;
    await using a = await Talker.start(one, "a", "room");
    await using b = await Talker.start(two, "b", "room");
    const talkers = [a, b];
    await a.ask("subscribe", { user: "b" });
    await b.ask("subscribe", { user: "a" });
    const stop = new AbortController();
    const streams = (
      to: Talker,
    ): Stream[] => [{ cmd: "say" }, { cmd: "publish" }, { cmd: "msg", fields: { to: to.user } }];
    const talking = Promise.all([a.talk(streams(b), stop.signal), b.talk(streams(a), stop.signal)]);
    talking.catch(() => stop.abort());
    const seen = (state: string) => b.presence.filter((line) => line === `a ${state}`).length;
    for (let round = 1; round <= 3; round++) {
      await b.hears(a, a.last);
      one.program.signal("SIGSTOP");
      await eventually(() => seen("left") === round, "the room hears that a left");
      one.program.signal("SIGCONT");
      await eventually(() => seen("joined") === round, "the room hears that a is there again");
      await Promise.race([Promise.all([b.hears(a, a.last), a.hears(b, b.last)]), talking]);
    }
    stop.abort();
    await talking;
    assert.deepEqual([a.told, b.told], [[], []]);
    assert.ok(a.refused > 0, "nothing of what was said was on its way when the server woke up");
    const follows = [["room:room", talkers], ["feed:a", [b]], ["feed:b", [a]], ["inbox:a", [a]], ["inbox:b", [
      b,
    ]]] as const;
    await assertWhole(talkers, new Map(follows.map(([topic, followers]) => [topic, [...followers]])));
    assert.deepEqual((await b.ask("users")).users, ["a", "b"]);
  },
  pairs,
);
