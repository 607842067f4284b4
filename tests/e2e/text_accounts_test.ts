/**
 * Accounts, and every error that a person can be shown, in the text format.
 */

import assert from "node:assert/strict";
import { demoAccounts } from "../../lib/auth/accounts.ts";
import { TextClient } from "../support/client.ts";
import { onEachStore, onSqlite } from "../support/server.ts";

/** A line must be answered by one error of this code, with a sentence behind it. */
async function refused(client: TextClient, line: string, code: string): Promise<void> {
  assert.match(await client.ask(line), new RegExp(`^\\[ERROR\\] ${code}: \\S.*`), JSON.stringify(line).slice(0, 100));
}

onEachStore("LOGIN takes the password to the line's end, and the name in any case", async (start) => {
  await using server = await start();
  await using client = await server.text();
  await client.send("REGISTER Eve  two blanks first, and one last ");
  await client.expect("Registered Eve", "Login successful. Room: lobby");
  assert.equal(await client.ask("/whoami"), "Eve in lobby on server1");
  assert.equal(await client.ask("/logout"), "Logged out");
  await refused(client, "LOGIN Eve two blanks first, and one last ", "invalid_credentials");
  await refused(client, "LOGIN Eve  two blanks first, and one last", "invalid_credentials");
  assert.equal(
    await client.ask("/login eVE  two blanks first, and one last "),
    "Login successful. Room: lobby",
  );
  assert.equal(await client.ask("/users"), "Users online: Eve");
});

onEachStore("verbs are written in any case, with or without a slash", async (start) => {
  await using server = await start();
  for (const line of ["LOGIN a 1", "login a 1", "/login a 1", "/Login a 1", "LOGIN  a 1"]) {
    await using client = await server.text();
    assert.equal(await client.ask(line), "Login successful. Room: lobby", line);
    await client.ask("/quit");
  }
});

onEachStore("REGISTER keeps to the rules for names and passwords", async (start) => {
  await using server = await start();
  await using client = await server.text();
  const longest = "n".repeat(32);
  await refused(client, "REGISTER", "usage");
  await refused(client, "REGISTER eve", "usage");
  await refused(client, `REGISTER ${longest}n password`, "invalid_username");
  for (const name of ["e.ve", "e@ve", "éve", "e\x1bve", "#eve", "eve:", "../eve"]) {
    await refused(client, `REGISTER ${name} password`, "invalid_username");
  }
  await refused(client, "REGISTER eve 1234567", "invalid_password");
  await refused(client, `REGISTER eve ${"p".repeat(73)}`, "invalid_password");
  await refused(client, `REGISTER eve ${"€".repeat(25)}`, "invalid_password"); // 75 bytes
  await refused(client, "REGISTER A pass word", "username_taken");
  for (const common of ["password", "Password1", "12345678", "eve19700", "eveEVEeve"]) {
    await refused(client, `REGISTER eve ${common}`, "invalid_password");
  }
  for (const name of ["admin", "Root", "SYSTEM", "server", "everyone"]) {
    await refused(client, `REGISTER ${name} long enough`, "invalid_username");
  }

  await client.send(`REGISTER ${longest} ${"€".repeat(24)}`); // 72 bytes
  await client.expect(`Registered ${longest}`, "Login successful. Room: lobby");
  await client.ask("/logout");
  await refused(client, `REGISTER ${longest.toUpperCase()} pass word`, "username_taken");
  await refused(client, `LOGIN ${longest} ${"€".repeat(24)}x`, "invalid_credentials"); // not cut at 72
});

onSqlite("REGISTRATION=closed makes no accounts", async (start) => {
  await using server = await start({ REGISTRATION: "closed" });
  await using client = await server.text();
  await refused(client, "REGISTER eve password", "registration_closed");
  await refused(client, "LOGIN eve password", "invalid_credentials");
  assert.equal(await client.ask("LOGIN a 1"), "Login successful. Room: lobby");
});

onEachStore("an unknown user and a wrong password are answered alike", async (start) => {
  await using server = await start();
  await using client = await server.text();
  const wrong = await client.ask("LOGIN a 2");
  assert.match(wrong, /^\[ERROR\] invalid_credentials: ./);
  assert.equal(await client.ask("LOGIN nobody 2"), wrong);
  assert.equal(await client.ask("LOGIN a 1"), "Login successful. Room: lobby"); // a wrong one does no harm
});

onEachStore("/passwd changes the password, and takes either in double quotes", async (start) => {
  await using server = await start();
  await using client = await server.login("a");
  await refused(client, "/passwd", "usage");
  await refused(client, "/passwd 1", "usage");
  await refused(client, "/passwd 2 long enough", "invalid_credentials");
  await refused(client, "/passwd 1 short", "invalid_password");
  await refused(client, "/passwd 1 Password1", "invalid_password");
  assert.equal(await client.ask("/passwd 1 now with blanks"), "Password changed");
  assert.equal(await client.ask(String.raw`/passwd "now with blanks" "and a \" quote"`), "Password changed");
  await client.ask("/logout");
  await refused(client, "LOGIN a 1", "invalid_credentials");
  await refused(client, "LOGIN a now with blanks", "invalid_credentials");
  assert.equal(await client.ask('LOGIN a and a " quote'), "Login successful. Room: lobby");
});

onEachStore("the demo accounts are there, and one whose password was changed stays so", async (start) => {
  await using server = await start();
  assert.equal(Object.keys(demoAccounts).length, 11);
  for (const [name, password] of Object.entries(demoAccounts)) {
    await using client = await server.login(name, password);
    await client.ask("/quit");
  }
  await using alice = await server.login("alice", "password123");
  assert.equal(await alice.ask("/passwd password123 my own password"), "Password changed");
  assert.deepEqual(await server.accounts.makeDemoAccounts(), []); // as the next start does
  await alice.ask("/logout");
  await refused(alice, "LOGIN alice password123", "invalid_credentials");
  assert.equal(await alice.ask("LOGIN alice my own password"), "Login successful. Room: lobby");
});

onEachStore("before login there is nothing but LOGIN, REGISTER, HELLO, /help and /quit", async (start) => {
  await using server = await start();
  await using client = await server.text();
  const lines = ["hello there", "hello", "/rooms", "/users", "/say hi", "/join x", "/logout", "/nonsense", "//x", "/"];
  for (const line of lines) await refused(client, line, "login_required");
  await refused(client, "LOGIN", "usage");
  await refused(client, "LOGIN a", "usage");
  await refused(client, "HELLO {", "invalid_json");
  await refused(client, 'HELLO {"format":"xml"}', "usage");
  assert.match(await client.ask("/help login"), /^\/login <user> <password> — /);
  assert.equal(await client.ask("/quit"), "Goodbye");
  await client.expectEnd();
});

onEachStore("every command says what is wrong with its arguments", async (start) => {
  await using server = await start({ JOINS_PER_MINUTE: "3", MAX_FOLLOWS: "1" });
  await using client = await server.login("a");
  const expected: [line: string, code: string][] = [
    ["LOGIN b 1", "already_authenticated"],
    ["/login b 1", "already_authenticated"],
    ["/register eve password", "already_authenticated"],
    ["/hello {}", "already_authenticated"],
    ["/nonsense", "unknown_command"],
    ["/resume token", "unknown_command"],
    ["/", "unknown_command"],
    ["/join", "usage"],
    ["/join #hash", "invalid_room"],
    ["/join .dot", "invalid_room"],
    ["/join two words", "invalid_room"],
    ["/join ../etc", "invalid_room"],
    [`/join ${"r".repeat(65)}`, "invalid_room"],
    ["/who #hash", "invalid_room"],
    ["/msg", "usage"],
    ["/msg b", "usage"],
    ["/msg b  ", "usage"],
    ["/msg nobody hi", "unknown_user"],
    ["/msg n@body hi", "invalid_username"],
    [`/msg b ${"q".repeat(4097)}`, "message_too_long"],
    ["/subscribe", "usage"],
    ["/subscribe nobody", "unknown_user"],
    ["/subscribe b c", "invalid_username"],
    ["/unsubscribe nobody", "unknown_user"],
    ["/publish", "usage"],
    ["/publish \x07", "usage"],
    ["/history @nobody", "unknown_user"],
    ["/history @", "invalid_username"],
    ["x".repeat(8193), "line_too_long"],
  ];
  for (const [line, code] of expected) await refused(client, line, code);
  await client.sendBytes(new Uint8Array([0x68, 0xff, 0xfe, 0x0a]));
  assert.match(await client.line(), /^\[ERROR\] invalid_utf8: ./);

  assert.equal(await client.ask("/subscribe b"), "Subscribed to b");
  await refused(client, "/subscribe c", "rate_limited");
  assert.equal(await client.ask("/join r#1.x"), "Joined room r#1.x");
  assert.equal(await client.ask(`/join ${"R".repeat(64)}`), `Joined room ${"r".repeat(64)}`);
  assert.equal(await client.ask("/join third"), "Joined room third");
  await refused(client, "/join fourth", "rate_limited");
  assert.equal(await client.ask("/join third"), "Joined room third"); // where one is already costs nothing
  assert.equal(await client.ask("/whoami"), "a in third on server1");
});

onSqlite("who never logs in is told and closed; a person who only reads is not", async (start) => {
  await using server = await start({ IDLE_TIMEOUT_SECONDS: "0.2" });
  await using reader = await server.login("a");
  await using guest = await server.text();
  assert.match(await guest.line(), /^\[ERROR\] idle_timeout: ./);
  await guest.expectEnd();
  assert.equal(await reader.ask("/whoami"), "a in lobby on server1");
});

onEachStore("a server that stops tells everybody, closes, and takes nobody in", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using guest = await server.text();
  const drained = server.service.drain();
  for (const client of [a, guest]) {
    assert.match(await client.line(), /^\[SYSTEM\] .*stopping/);
    await client.expectEnd();
  }
  await assert.rejects(TextClient.open(server), Deno.errors.ConnectionRefused);
  await drained;
});
