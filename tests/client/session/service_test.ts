/**
 * The client against the real service, over real TLS.
 */

import assert from "node:assert/strict";
import type { Status } from "../../../lib/client/net/status.ts";
import { onEachStore } from "../../support/server.ts";
import { soon } from "../fakes.ts";
import { isText, join } from "./joined.ts";
import { Proxy } from "../cli/proxy.ts";

onEachStore(
  "Session has every message shown and said once and in order, however often it is cut off",
  async (start) => {
    await using server = await start({ RATE_LIMIT: "off" });
    await using proxy = new Proxy(server.port);
    await using a = await join(server, "a", [proxy.port]);
    await using b = await join(server, "b", [server.port]);
    const rounds = 4;
    const each = 25;
    const answers: Promise<unknown>[] = [];
    const back = () =>
      a.told.updates.filter(({ kind, ...rest }) => {
        return kind === "status" && (rest as { status: Status }).status.state === "resumed";
      }).length;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < each; i++) {
        answers.push(a.session.send({ cmd: "say", text: `a${round * each + i}` }));
        answers.push(b.session.send({ cmd: "say", text: `b${round * each + i}` }));
      }
      answers.push(b.session.send({ cmd: "msg", to: "a", text: `dm${round}` }));
      await b.told.until(isText(`b${round * each}`), "the round's first message");
      proxy.cut();
      await a.told.until(() => back() > round, "the session's return");
    }
    await soon(Promise.all(answers), "an answer to every message");
    const all = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => prefix + i);
    for (const { told } of [a, b]) {
      for (const prefix of ["a", "b"]) {
        await told.until(isText(`${prefix}${rounds * each - 1}`), `the last of ${prefix}`);
        const texts = told.texts().filter((text) => text.startsWith(prefix));
        assert.deepEqual(texts, all(prefix, rounds * each));
      }
    }
    await a.told.until(isText(`dm${rounds - 1}`), "the last private message");
    assert.deepEqual(a.told.texts().filter((text) => text.startsWith("dm")), all("dm", rounds));
    for (const { session, told } of [a, b]) {
      await session.quit(2_000);
      await soon(told.done);
    }
  },
);

onEachStore("Session goes where it was led, and says there what was typed behind the command", async (start) => {
  await using server = await start();
  await using proxy = new Proxy(server.port);
  await using a = await join(server, "a", [proxy.port]);
  await using b = await join(server, "b", [server.port]);
  await soon(b.session.send({ cmd: "join", room: "general" }));
  proxy.cut();
  await a.told.status("lost");
  const typed = [{ cmd: "join", room: "general" }, { cmd: "say", text: "here" }, { cmd: "leave" }, {
    cmd: "say",
    text: "home",
  }];
  await soon(Promise.all(typed.map((request) => a.session.send(request))));
  await b.told.until(isText("here"), "what was said in the room");
  await a.told.until(isText("home"), "what was said in the lobby");
  assert.equal(a.session.room, "lobby");
  assert.deepEqual(b.told.texts(), ["here"]);
});

onEachStore("Session is told that another login took over, and stays away", async (start) => {
  await using server = await start();
  await using first = await join(server, "a", [server.port]);
  await using second = await join(server, "a", [server.port]);
  await soon(first.told.done, "the first session's end");
  assert.equal(first.session.ending?.reason, "forced_logout");
  assert.equal(second.session.ending, undefined);
});

onEachStore("Session marks a private message as read, so that it does not come again", async (start) => {
  await using server = await start();
  await using b = await join(server, "b", [server.port]);
  await soon(b.session.send({ cmd: "msg", to: "a", text: "waiting" }));
  await using first = await join(server, "a", [server.port]);
  await first.told.until(isText("waiting"), "the waiting message");
  await first.session.quit(2_000);
  await using again = await join(server, "a", [server.port]);
  await soon(b.session.send({ cmd: "msg", to: "a", text: "new" }));
  await again.told.until(isText("new"), "the new message");
  assert.deepEqual(again.told.texts(), ["new"]);
});
