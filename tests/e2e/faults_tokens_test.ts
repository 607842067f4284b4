/**
 * Resume tokens across servers: used twice at once, used while the server that gave them sleeps, and after a newer login.
 */

import assert from "node:assert/strict";
import { eventually, type Json, type JsonClient } from "../support/client.ts";
import { hasty, pairs, personIn, programIn, startPair } from "../support/pair.ts";
import { onRedis, test } from "../support/server.ts";

/** The connection's last word, once it is closed. */
async function lastWord(client: JsonClient): Promise<Json> {
  return JSON.parse((await client.rest()).at(-1)!);
}

for (const policy of ["force", "reject"]) {
  onRedis(`two resumes at the same time with the same token leave one session, under ${policy}`, async (start) => {
    await using one = await start({ DUPLICATE_LOGIN: policy });
    await using two = await start({ DUPLICATE_LOGIN: policy });
    await using watcher = await two.login("b");
    await using first = await one.jsonLogin("a");
    await watcher.expect("a joined lobby");
    first.drop();
    let token: string = first.session.resume;
    for (let round = 1; round <= 20; round++) {
      await using parts = new AsyncDisposableStack();
      const rivals = await Promise.all(
        [one, two, one, two].map(async (server) => new Rival(parts.use(await server.json()))),
      );
      for (const { client } of rivals) client.post("resume", { token });
      // Each is let in, is told that the token is spent, or hears that another was let in after it.
      const settled = () => rivals.every(({ heard }) => heard.length > 0) && rivals.filter(isIn).length === 1;
      await eventually(settled, "one of them is in, and the others know that they are not");
      for (const rival of rivals) {
        const code = rival.heard.at(-1)!.code;
        if (!isIn(rival)) assert.ok(code === "invalid_credentials" || code === "forced_logout", code);
      }
      assert.equal(await watcher.ask("/users"), "Users online: a, b");
      assert.equal(await watcher.ask("/who"), "Members of lobby: a, b");
      const [{ client, heard }] = rivals.filter(isIn);
      client.post("say", { text: `round ${round}` });
      await watcher.expect(`a: round ${round}`); // it never left
      token = heard[0].resume;
    }
  });
}

/** A connection that tries to resume, and what it heard. */
class Rival {
  readonly client: JsonClient;
  readonly heard: Json[] = [];

  constructor(client: JsonClient) {
    this.client = client;
    void client.each((line) => void this.heard.push(JSON.parse(line)));
  }
}

function isIn({ heard }: Rival): boolean {
  return heard[0]?.type === "ok" && !heard.some(({ code }) => code === "forced_logout");
}

for (const policy of ["force", "reject"]) {
  test(`a resume takes the session from a server that sleeps, under ${policy}`, async () => {
    await using pair = await startPair({ ...hasty, DUPLICATE_LOGIN: policy, ACTIVE_TTL_SECONDS: "60" });
    const { one, two } = pair;
    await using watcher = await personIn("room", two, "b");
    await using old = await programIn("room", one, "a");
    await watcher.expect("a joined room");
    one.program.signal("SIGSTOP");
    await watcher.ask("missed");

    await using again = await two.json();
    const positions = old.session.positions;
    const session = await again.ok("resume", { token: old.session.resume, positions });
    assert.equal(session.room, "room");
    assert.equal((await again.event()).text, "missed");
    await again.ok("say", { text: "back" });
    await watcher.expect("a: back"); // and nobody heard of its going and coming

    old.post("say", { text: "late" });
    one.program.signal("SIGCONT");
    assert.equal((await lastWord(old)).code, "forced_logout");
    assert.equal(await watcher.ask("/users"), "Users online: a, b");
    await again.ok("say", { text: "still here" });
    await watcher.expect("a: still here");

    // The first token was spent with its successor's use, and that one is good.
    await using third = await one.json();
    await third.ok("resume", { token: session.resume });
    assert.equal((await lastWord(again)).code, "forced_logout");
    await using fourth = await two.json();
    await fourth.refused("resume", { token: old.session.resume }, "invalid_credentials");
    await third.ok("say", { text: "here" });
    await watcher.expect("a: here");
  }, pairs);
}

test("under force, who was forced out by a login elsewhere has a token that is worth nothing", async () => {
  await using pair = await startPair();
  const { one, two } = pair;
  await using old = await programIn("room", one, "a");
  one.program.signal("SIGSTOP");
  await using newer = await programIn("room", two, "a");
  one.program.signal("SIGCONT");
  assert.equal((await lastWord(old)).code, "forced_logout");
  for (const server of [one, two]) {
    await using again = await server.json();
    await again.refused("resume", { token: old.session.resume }, "invalid_credentials");
  }
  newer.drop();
  await using again = await one.json();
  await again.refused("resume", { token: old.session.resume }, "invalid_credentials");
  await again.ok("resume", { token: newer.session.resume });
}, pairs);

test("under reject, a login waits for a sleeping server's lease, and then the old token is worth nothing", async () => {
  await using pair = await startPair({ ...hasty, DUPLICATE_LOGIN: "reject" });
  const { one, two } = pair;
  await using watcher = await personIn("room", two, "b");
  await using old = await programIn("room", one, "a");
  await watcher.expect("a joined room");
  one.program.signal("SIGSTOP");
  await using newer = await two.json();
  await newer.refused("login", { user: "a", password: "1" }, "already_logged_in");
  await watcher.expect("a left room");
  await newer.ok("login", { user: "a", password: "1" });
  await using again = await two.json();
  await again.refused("resume", { token: old.session.resume }, "already_logged_in");
  one.program.signal("SIGCONT");
  assert.equal((await lastWord(old)).code, "forced_logout");
  await newer.ok("logout");
  await again.refused("resume", { token: old.session.resume }, "invalid_credentials");
  assert.equal(await watcher.ask("/users"), "Users online: b");
}, pairs);
