/** How a connection ends when its socket breaks, when our own code fails, or in the middle of a login. */

import assert from "node:assert/strict";
import type { Outcome } from "../../../lib/server/registry/command.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import { answered, command, connect, ended, member, reply } from "../../support/connection_scene.ts";
import { test } from "../../support/declare.ts";

test("Connection.run() ends as connection_broken where the socket breaks, and drops who was logged in", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.give("/enter\n");
  await scene.told();
  scene.socket.give(new Error("reset"));
  await scene.over;
  assert.deepEqual(scene.logged, [["closed", "connection_broken", "a"]]);
  assert.deepEqual(scene.dropped, [member]);
});

test("Connection tells and logs a fault of a handler with a reference, and goes on", async () => {
  const scene = connect(command("fault", () => Promise.reject(new TypeError("a bug"))));
  await scene.told();
  scene.socket.give("/fault\n/first\n");
  const [told, next] = await scene.told();
  const reference = /internal: .* (\w+)$/.exec(told)![1];
  assert.deepEqual(next, answered("first")[0]);
  assert.deepEqual(scene.logged.map(([what, word, error]) => [what, word, String(error)]), [
    ["failed", reference, "TypeError: a bug"],
  ]);
  await ended(scene);
});

test("Connection ends as internal where the loop itself fails: logged once, told, and not as a broken connection", async () => {
  const after = () => {
    throw new TypeError("a bug behind the answer");
  };
  for (const pipelined of [undefined, true] as const) {
    const scene = connect(command("fault", () => ({ reply: reply("fault"), after }), pipelined));
    await scene.told();
    scene.socket.give("/enter\n/fault\n/first\n");
    const told = await scene.told();
    assert.deepEqual(told.slice(0, 2), answered("entered", "fault"));
    assert.match(told.at(-1)!, /internal: Something went wrong/);
    await ended(scene);
    assert.deepEqual(scene.logged.map(([what, why]) => what === "failed" ? what : [what, why]), [
      "failed",
      ["closed", "internal"],
    ]);
    assert.deepEqual(scene.dropped, [member]);
  }
});

test("Connection that fails behind an answer is over all the same, though a line waits for that answer", async () => {
  const slow = Promise.withResolvers<Outcome>();
  const after = () => {
    throw new TypeError("a bug behind the answer");
  };
  const scene = connect(command("slow", () => slow.promise, true));
  await scene.told();
  scene.socket.give("/enter\n/slow\n/first\n");
  await scene.told();
  slow.resolve({ reply: reply("slow"), after });
  await scene.told();
  await ended(scene);
  assert.deepEqual(scene.logged.map(([what]) => what), ["failed", "closed"]);
  assert.deepEqual(scene.dropped, [member]);
});

test("Connection that fails before an answer is over all the same, and says so once", async () => {
  let isBroken = false;
  const catchUp = () => {
    if (isBroken) throw new TypeError("a bug before the answer");
  };
  const broken = { ...member, topics: { catchUp } } as unknown as UserSession;
  const slow = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
  let ran = 0;
  const scene = connect(
    command("come", () => ({ reply: reply("came"), session: broken })),
    command("slow", () => slow[ran++].promise, true),
  );
  await scene.told();
  scene.socket.give("/come\n/slow\n/slow\n/first\n");
  assert.deepEqual(await scene.told(), answered("came"));
  isBroken = true;
  slow[0].resolve({ reply: reply("slow") });
  assert.match((await scene.told())[0], /internal: Something went wrong/);
  slow[1].resolve({ reply: reply("slow") });
  await ended(scene);
  assert.deepEqual(scene.logged.map(([what]) => what), ["failed", "closed"]);
  assert.deepEqual(scene.dropped, [broken]);
});

test("Connection that cannot write its log of a command answers that command, and is over", async () => {
  const scene = connect(command("noisy", () => ({ reply: reply("noisy") })));
  scene.failing.push("ran");
  await scene.told();
  scene.socket.give("/enter\n");
  const told = await scene.told();
  assert.deepEqual(told[0], answered("entered")[0]);
  assert.match(told[1], /internal: Something went wrong/);
  await ended(scene);
  assert.deepEqual(scene.logged.map(([what]) => what), ["failed", "closed"]);
  assert.deepEqual(scene.dropped, [member]);
});

test("Connection that ends while somebody logs in drops the session that the login made", async () => {
  const login = Promise.withResolvers<Outcome>();
  const scene = connect(command("login", () => login.promise));
  await scene.told();
  scene.socket.give("/login\n");
  await scene.told();
  scene.connection.end({ type: "system", code: "notice", message: "over" });
  scene.socket.give(null);
  await scene.told();
  assert.deepEqual(scene.dropped, []);
  login.resolve({ reply: reply("in"), session: member });
  await scene.over;
  assert.deepEqual(scene.dropped, [member]);
});
