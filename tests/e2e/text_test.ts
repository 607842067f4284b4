/**
 * The text format: what a person at `openssl s_client` types and reads, line for line, on both stores.
 */

import assert from "node:assert/strict";
import { allCommands } from "../../lib/server/commands/all.ts";
import { eventually, forcedOut, type TextClient } from "../support/client.ts";
import { onEachStore, onSqlite } from "../support/server.ts";

const encoder = new TextEncoder();
const stamp = String.raw`\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\]`;

/** A line of the history: its time differs from run to run. */
async function expectSaid(client: TextClient, ...said: string[]): Promise<void> {
  for (const line of said) assert.match(await client.line(), new RegExp(`^${stamp} ${line}$`));
}

onEachStore("rooms, presence and what is said read as the protocol's table has it", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await a.expect("b joined lobby");
  await using eve = await server.text();
  await eve.send("REGISTER eve pass word 1");
  await eve.expect("Registered eve", "Login successful. Room: lobby");
  await a.expect("eve joined lobby");
  await b.expect("eve joined lobby");

  await a.send("hello everyone");
  for (const client of [a, b, eve]) await client.expect("a: hello everyone");

  assert.equal(await a.ask("/join general"), "Joined room general");
  await b.expect("a left lobby");
  await eve.expect("a left lobby");
  assert.equal(await b.ask("/JOIN General"), "Joined room general");
  await a.expect("b joined general");
  await eve.expect("b left lobby");

  assert.equal(await a.ask("/rooms"), "Available rooms: general(2), lobby(1)");
  assert.equal(await a.ask("/users"), "Users online: a, b, eve");
  assert.equal(await a.ask("/who"), "Members of general: a, b");
  assert.equal(await a.ask("/who lobby"), "Members of lobby: eve");
  assert.equal(await a.ask("/who nowhere"), "Members of nowhere: none");
  assert.equal(await a.ask("/whoami"), "a in general on server1");

  // What is said in a room stays in it: the next line in the lobby is of the leave.
  await b.send("only here");
  await a.expect("b: only here");
  await b.expect("b: only here");
  assert.equal(await b.ask("/leave"), "Returned to lobby");
  await a.expect("b left general");
  await eve.expect("b joined lobby");
  assert.equal(await a.ask("/rooms"), "Available rooms: general(1), lobby(2)");

  assert.equal(await eve.ask("/logout"), "Logged out");
  await b.expect("eve left lobby");
  assert.equal(await eve.ask("LOGIN eve pass word 1"), "Login successful. Room: lobby");
  await b.expect("eve joined lobby");
  assert.equal(await eve.ask("/quit"), "Goodbye");
  await eve.expectEnd();
  await b.expect("eve left lobby");
  a.drop();
  assert.equal(await b.ask("/who lobby"), "Members of lobby: b");
});

onEachStore("/rooms lists those of ROOMS when they are empty, and forgets others", async (start) => {
  await using server = await start({ ROOMS: "news,help" });
  await using a = await server.login("a");
  assert.equal(await a.ask("/rooms"), "Available rooms: help(0), lobby(1), news(0)");
  await a.ask("/join zoo");
  assert.equal(await a.ask("/rooms"), "Available rooms: help(0), lobby(0), news(0), zoo(1)");
  await a.ask("/leave");
  assert.equal(await a.ask("/rooms"), "Available rooms: help(0), lobby(1), news(0)");
});

onEachStore("follows and /publish read as the protocol's table has it, and outlive a logout", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await using c = await server.login("c");
  await a.expect("b joined lobby", "c joined lobby");
  await b.expect("c joined lobby");
  assert.equal(await a.ask("/publish nobody listens"), "Published to 0 subscribers");
  assert.equal(await b.ask("/subs"), "Subscriptions: none");
  assert.equal(await b.ask("/subscribe c"), "Subscribed to c");
  assert.equal(await b.ask("/subscribe A"), "Subscribed to a");
  assert.equal(await b.ask("/subscribe a"), "Subscribed to a");
  assert.equal(await b.ask("/subs"), "Subscriptions: a, c");
  assert.equal(await c.ask("/subscribe a"), "Subscribed to a");

  assert.equal(await a.ask("/publish hi  there"), "Published to 2 subscribers");
  await b.expect("Notification from a: hi  there");
  await c.expect("Notification from a: hi  there");

  assert.equal(await b.ask("/logout"), "Logged out");
  await c.expect("b left lobby");
  await a.expect("b left lobby");
  assert.equal(await a.ask("/publish while b is away"), "Published to 1 subscribers");
  await c.expect("Notification from a: while b is away");
  assert.equal(await b.ask("LOGIN b 1"), "Login successful. Room: lobby");
  await a.expect("b joined lobby");
  await c.expect("b joined lobby");
  assert.equal(await b.ask("/subs"), "Subscriptions: a, c");
  assert.equal(await c.ask("/unsubscribe a"), "Unsubscribed from a");
  assert.equal(await a.ask("/publish again"), "Published to 1 subscribers");
  await b.expect("Notification from a: again");
  assert.equal(await c.ask("/subs"), "Subscriptions: none");
});

onEachStore("/msg reaches who is there, waits for who is not, and comes once", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  {
    await using b = await server.login("b");
    await a.expect("b joined lobby");
    assert.equal(await a.ask("/msg B hi there"), "DM to b: hi there");
    await b.expect("DM from a: hi there");
    assert.equal(await b.ask("/quit"), "Goodbye");
  }
  await a.expect("b left lobby");
  assert.equal(await a.ask("/msg b first"), "DM to b: first");
  assert.equal(await a.ask("/msg b second"), "DM to b: second");
  {
    await using b = await server.login("b");
    await b.expect("DM from a: first", "DM from a: second");
  }
  await a.expect("b joined lobby", "b left lobby");
  await a.ask("/msg b third");
  await using b = await server.login("b");
  await b.expect("DM from a: third"); // and not those again that were read
  assert.equal(await a.line(), "b joined lobby");
  await a.send("/msg a note");
  assert.deepEqual((await a.lines(2)).sort(), ["DM from a: note", "DM to a: note"]);
});

onEachStore("a full inbox refuses, and takes again once it is read", async (start) => {
  await using server = await start({ MAX_INBOX: "2" });
  await using a = await server.login("a");
  await a.ask("/msg b 1");
  await a.ask("/msg b 2");
  assert.match(await a.ask("/msg b 3"), /^\[ERROR\] inbox_full: ./);
  await using b = await server.login("b");
  await b.expect("DM from a: 1", "DM from a: 2");
  await a.expect("b joined lobby");
  assert.equal(await a.ask("/msg b 4"), "DM to b: 4");
  await b.expect("DM from a: 4");
});

onEachStore("one sender's messages fill nobody's inbox, by whatever connection they come", async (start) => {
  await using server = await start({ MAX_INBOX: "6", MAX_INBOX_PER_SENDER: "2" });
  await using a = await server.login("a");
  await using c = await server.login("c");
  await using side = await server.jsonLogin("a", { side: true });
  await a.expect("c joined lobby");
  await a.ask("/msg b 1");
  await side.ok("msg", { to: "B", text: "2", cid: "x" });
  const refusal = "[ERROR] inbox_full: b has 2 unread messages of yours; this one was not sent";
  assert.equal(await a.ask("/msg b 3"), refusal);
  await side.refused("msg", { to: "b", text: "3" }, "inbox_full");
  await side.ok("msg", { to: "b", text: "2", cid: "x" });
  assert.equal(await c.ask("/msg b hi"), "DM to b: hi");
  for (const text of ["1", "2", "3"]) await side.ok("msg", { to: "a", text });
  await using b = await server.login("b");
  await b.expect("DM from a: 1", "DM from a: 2", "DM from c: hi");
  await c.expect("b joined lobby");
  await eventually(async () => (await c.ask("/msg b there?")) === "DM to b: there?", "the mark has moved");
  await side.ok("msg", { to: "b", text: "4" });
});

onEachStore("/history gives the room's and a talk's last messages, oldest first", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  assert.equal(await a.ask("/history"), "[SYSTEM] No messages");
  for (const text of ["one", "two", "three"]) assert.equal(await a.ask(text), `a: ${text}`);
  await a.send("/history");
  await expectSaid(a, "a: one", "a: two", "a: three");
  await a.send("/history 2");
  await expectSaid(a, "a: two", "a: three");

  await using b = await server.login("b");
  await using c = await server.login("c");
  await b.expect("c joined lobby");
  await c.ask("/msg a not of this talk");
  await a.ask("/msg b ping");
  await b.expect("DM from a: ping");
  const sent = Date.now();
  await eventually(() => Date.now() > sent, "the clock has gone on"); // a talk is sorted by time, in milliseconds
  await b.ask("/msg a pong");
  await a.until("DM from b: pong");
  await a.send("/history @b");
  await expectSaid(a, "a: ping", "b: pong");
  await b.send("/history @A 1");
  await expectSaid(b, "b: pong");
  assert.equal(await b.ask("/history @c"), "[SYSTEM] No messages");
  assert.equal(await b.ask("/join empty"), "Joined room empty");
  assert.equal(await b.ask("/history"), "[SYSTEM] No messages");
  for (const count of ["0", "-1", "1.5", "x", "501", "9".repeat(400)]) {
    assert.match(await b.ask(`/history ${count}`), /^\[ERROR\] usage: ./);
  }
});

onEachStore("FOLLOW_ROOM_MESSAGES hands room messages to followers who are elsewhere", async (start) => {
  await using server = await start({ FOLLOW_ROOM_MESSAGES: "true" });
  await using a = await server.login("a");
  await using b = await server.login("b");
  await using c = await server.login("c");
  await b.expect("c joined lobby");
  await b.ask("/subscribe a");
  await c.ask("/subscribe a");
  await c.ask("/join elsewhere");
  await b.expect("c left lobby");
  await a.until("c left lobby");
  assert.equal(await a.ask("from the lobby"), "a: from the lobby");
  await c.expect("Notification from a: from the lobby");
  await b.expect("a: from the lobby");
  assert.equal(await a.ask("/publish to all"), "Published to 2 subscribers");
  await b.expect("Notification from a: to all"); // b, who is in the room, got the message once
});

onEachStore("a second login forces the first one out, which is told so exactly and closed", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using first = await server.login("a");
  await b.expect("a joined lobby");
  await first.ask("/join general");
  await b.expect("a left lobby");
  await using second = await server.login("A");
  await first.expect(forcedOut);
  await first.expectEnd();
  await b.expect("a joined lobby");
  assert.equal(await second.ask("/whoami"), "a in lobby on server1");
  assert.equal(await second.ask("/rooms"), "Available rooms: lobby(2)");
});

onEachStore("DUPLICATE_LOGIN=reject refuses the second login, and the first notices nothing", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "reject" });
  await using first = await server.login("a");
  await using second = await server.text();
  assert.match(await second.ask("LOGIN a 1"), /^\[ERROR\] already_logged_in: ./);
  assert.equal(await first.ask("/whoami"), "a in lobby on server1");
  assert.equal(await second.ask("LOGIN b 1"), "Login successful. Room: lobby");
  await first.expect("b joined lobby");
  await first.ask("/quit");
  await second.expect("a left lobby");
  await using third = await server.login("a");
  assert.equal(await third.ask("/users"), "Users online: a, b");
});

onSqlite("what is said is said as it was typed, without control characters", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await a.expect("b joined lobby");
  const said: [typed: string, shown: string][] = [
    ["//x is a path", "/x is a path"],
    ["///", "//"],
    ["  two blanks before and after  ", "  two blanks before and after  "],
    ["a\ttab stays", "a\ttab stays"],
    ["\x1b[31mred\x07 \x00\x08bell\x7f", "[31mred bell"],
    ["C1 \u0080\u0085\u009b31m too", "C1 31m too"],
    ["CR\rinside", "CRinside"],
    ["日本語 🦕 e\u0301", "日本語 🦕 e\u0301"],
    ["LOGIN is a verb", "a: no"],
    ["login a 1", "login a 1"],
    ["q".repeat(4096), "q".repeat(4096)],
  ];
  for (const [typed, shown] of said) {
    if (shown === "a: no") {
      assert.match(await a.ask(typed), /^\[ERROR\] already_authenticated: ./);
      continue;
    }
    assert.equal(await a.ask(typed), `a: ${shown}`);
    await b.expect(`a: ${shown}`);
  }
  assert.equal(await a.ask("/msg b \x1b]0;title\x07 hi"), "DM to b: ]0;title hi");
  await b.expect("DM from a: ]0;title hi");
  await a.sendBytes(encoder.encode("\n\r\n \n\x07\n\u0085\nwith CR\r\n"));
  await a.expect("a: with CR"); // an empty line is ignored
  assert.match(await a.ask("q".repeat(4097)), /^\[ERROR\] message_too_long: ./);
  assert.match(await a.ask("🦕".repeat(1025)), /^\[ERROR\] message_too_long: ./);
});

onSqlite("/help has a line for each command that is typed, and explains one", async (start) => {
  await using server = await start();
  await using client = await server.text();
  const typed = allCommands.filter((command) => command.typed);
  for (const line of ["/help", "help", "/HELP"]) {
    await client.send(line);
    const lines = await client.lines(typed.length);
    for (const [index, { name, help }] of typed.entries()) {
      assert.ok(lines[index].startsWith(`/${name}`), lines[index]);
      assert.ok(lines[index].includes(help), lines[index]);
    }
  }
  assert.match(await client.ask("/help msg"), /^\/msg <to> <text> — /);
  assert.match(await client.ask("/help /DM"), /^\/msg <to> <text> — /);
  assert.match(await client.ask("/help leave"), /^\/leave — /, "the room is for programs");
  assert.match(await client.ask("/help nonsense"), /^\[ERROR\] unknown_command: ./);
  assert.match(await client.ask("/help resume"), /^\[ERROR\] unknown_command: ./); // programs only
});
