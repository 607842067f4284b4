import assert from "node:assert/strict";
import { Additions } from "../../../lib/client/terminal/additions.ts";
import type { Exit } from "../../../lib/client/base/exit.ts";
import { runInteractive } from "../../../lib/client/cli/interactive.ts";
import type { LoginChoice } from "../../../lib/client/cli/login.ts";
import { Session } from "../../../lib/client/session/session.ts";
import type { ReadOptions, Screen } from "../../../lib/client/terminal/screen.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { FakeClock, FakeServers, type Peer, said, settled, soon, test } from "../fakes.ts";

/** A screen on which a test types. */
class FakeScreen implements Screen {
  readonly lines: string[] = [];
  readonly asked: string[] = [];
  readonly forgotten: string[] = [];
  prompt = "";
  #typed: (string | undefined)[] = [];
  #serve = () => {};

  /** Types lines; undefined leaves. */
  type(...lines: (string | undefined)[]): void {
    this.#typed.push(...lines);
    this.#serve();
  }

  print(line: string): void {
    this.lines.push(line);
  }

  farewell(line: string): void {
    this.lines.push(line);
  }

  setPrompt(prompt: string): void {
    this.prompt = prompt;
  }

  read({ prompt, secret, signal }: ReadOptions): Promise<string | undefined> {
    this.prompt = prompt;
    this.asked.push(secret ? prompt + "(hidden)" : prompt);
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      this.#serve = () => {
        if (this.#typed.length === 0 || signal?.aborted) return;
        this.#serve = () => {};
        resolve(this.#typed.shift());
      };
      this.#serve();
    });
  }

  forget(line: string): void {
    this.forgotten.push(line);
  }

  dismissed(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Scene {
  readonly screen: FakeScreen;
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly peer: Peer;
  readonly exit: Promise<Exit>;
}

async function started(choice: LoginChoice = {}, downloads?: string, join?: string): Promise<Scene> {
  const screen = new FakeScreen();
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "t/1",
    clock,
    random: () => 1,
  });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const additions = downloads === undefined ? undefined : new Additions(session, { downloads: () => downloads, clock });
  return { screen, servers, clock, peer, exit: runInteractive(session, screen, choice, { additions, join }) };
}

async function leave({ screen, peer, exit }: Scene, last = peer): Promise<void> {
  screen.type(undefined);
  last.ok(await last.expect("quit"));
  last.close();
  assert.equal(await soon(exit), "ok");
}

test("runInteractive() asks who one is, hides the password, and asks again after a refusal", async () => {
  const scene = await started();
  const { screen, peer } = scene;
  screen.type("what?", "", "a", "2", "l", "a", "1");
  peer.error(await peer.expect("login"), "invalid_credentials");
  await peer.admit();
  await settled();
  const questions = ["Log in or register? [login] ", "Username: ", "Password: (hidden)"];
  assert.deepEqual(screen.asked, [questions[0], ...questions, ...questions, "lobby> "]);
  assert.deepEqual(screen.lines, [
    "[CLIENT] Answer login or register, or l or r; Enter alone is login",
    "[ERROR] invalid_credentials: No: invalid_credentials",
    "Login successful. Room: lobby",
  ]);
  await leave(scene);
  assert.equal(screen.lines.at(-1), "Goodbye");
});

const rule = "[CLIENT] A password is 8–72 bytes, more than the username and digits, and none of the most common";

test("runInteractive() tells a new password's rule first, and has it typed twice", async () => {
  const scene = await started({ user: "eve", register: true });
  const { screen, peer } = scene;
  screen.type("1234567", "eve12345", "12345678", "1234567", "12345678", "12345678");
  const { id, password } = await peer.expect("register");
  assert.equal(password, "12345678");
  peer.send({ type: "ok", id, user: "eve", room: "lobby", resume: "t", positions: {} });
  await settled();
  assert.deepEqual(screen.lines, [
    rule,
    "[CLIENT] The password is 7 bytes; 8 to 72 are allowed",
    "[CLIENT] The password must be more than the username and digits",
    "[CLIENT] The two passwords differ",
    "Registered eve",
    "Login successful. Room: lobby",
  ]);
  const [once, again] = ["Password: (hidden)", "Once more: (hidden)"];
  assert.deepEqual(screen.asked, [once, once, once, again, once, again, "lobby> "]);
  await leave(scene);
});

test("runInteractive() asks only for what was wrong with a registration", async () => {
  const scene = await started();
  const { screen, peer } = scene;
  screen.type("r", "no name", "eve", "password", "password");
  peer.error(await peer.expect("register"), "invalid_password");
  screen.type("correct horse", "correct horse");
  peer.error(await peer.expect("register"), "username_taken");
  screen.type("eva");
  const { id, user, password } = await peer.expect("register");
  assert.deepEqual([user, password], ["eva", "correct horse"]);
  peer.send({ type: "ok", id, user: "eva", room: "lobby", resume: "t", positions: {} });
  await settled();
  const [name, once, again] = ["Username: ", "Password: (hidden)", "Once more: (hidden)"];
  assert.deepEqual(screen.asked, [
    "Log in or register? [login] ",
    ...[name, name, once, again],
    ...[once, again],
    ...[name, "lobby> "],
  ]);
  await leave(scene);
});

test("runInteractive() asks for a code where the server wants one, hidden, and for another where it was wrong", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  const first = await peer.expect("login");
  assert.equal(first.code, undefined);
  peer.error(first, "code_required");
  screen.type("111111");
  const second = await peer.expect("login");
  assert.deepEqual([second.user, second.password, second.code], ["a", "1", "111111"]);
  peer.error(second, "invalid_code");
  screen.type("222222");
  const third = await peer.expect("login");
  assert.deepEqual([third.password, third.code], ["1", "222222"]);
  peer.ok(third, { user: "a", room: "lobby", resume: "t", positions: {} });
  await settled();
  assert.deepEqual(screen.asked, ["Code: (hidden)", "Code: (hidden)", "lobby> "]);
  const errors = screen.lines.filter((line) => line.startsWith("[ERROR]"));
  assert.deepEqual(errors, ["[ERROR] invalid_code: No: invalid_code"], "to be asked for a code is no error");
  await leave(scene);
});

test("runInteractive() asks for an invitation, and keeps it where the name was taken", async () => {
  const scene = await started({ register: true, user: "eve" });
  const { screen, peer } = scene;
  screen.type("correct horse", "correct horse");
  peer.error(await peer.expect("register"), "invitation_required");
  screen.type("k7q");
  const second = await peer.expect("register");
  assert.deepEqual([second.user, second.password, second.invitation], ["eve", "correct horse", "k7q"]);
  peer.error(second, "username_taken");
  screen.type("eva");
  const third = await peer.expect("register");
  assert.deepEqual([third.user, third.password, third.invitation], ["eva", "correct horse", "k7q"]);
  peer.ok(third, { user: "eva", room: "lobby", resume: "t", positions: {} });
  await settled();
  assert.deepEqual(screen.asked.slice(2), ["Invitation: (hidden)", "Username: ", "lobby> "]);
  await leave(scene);
});

test("runInteractive() asks for a login where the server makes no accounts", async () => {
  const scene = await started({ register: true, user: "eve" });
  const { screen, peer } = scene;
  screen.type("12345678", "12345678");
  peer.error(await peer.expect("register"), "registration_closed");
  screen.type("12345678");
  await peer.admit();
  await settled();
  assert.deepEqual(screen.asked.slice(2), ["Password: (hidden)", "lobby> "]);
  await leave(scene);
});

test("runInteractive() tries at once to connect again, at Enter alone or /reconnect", async () => {
  for (const typed of ["", "/reconnect"]) {
    const scene = await started({ user: "a", password: "1" }, "/nowhere");
    const { screen, servers, peer, clock } = scene;
    await peer.admit();
    servers.down.add("one:1");
    peer.close();
    await settled();
    servers.down.clear();
    screen.type(typed);
    const again = await servers.accept();
    await again.readmit({ missed: 0 });
    await settled();
    assert.equal(clock.now(), 0);
    screen.type("/reconnect");
    await settled();
    assert.deepEqual(screen.lines.slice(-2), [
      "[CLIENT] Back on one:1; nothing was missed",
      "[CLIENT] You are connected to one:1",
    ]);
    await leave(scene, again);
  }
});

test("runInteractive() uses what it was given, once", async () => {
  const scene = await started({ user: "a", password: "wrong" });
  const { screen, peer } = scene;
  peer.error(await peer.expect("login"), "invalid_credentials");
  screen.type("1");
  await peer.admit();
  await settled();
  assert.deepEqual(screen.asked, ["Password: (hidden)", "lobby> "]);
  await leave(scene);
});

test("runInteractive() joins the room that it was given, once", async () => {
  const scene = await started({ user: "a", password: "1" }, undefined, "tech");
  await scene.peer.admit();
  const joined = await scene.peer.expect("join");
  assert.equal(joined.room, "tech");
  scene.peer.ok(joined, { room: "tech", positions: {} });
  await leave(scene);
});

test("runInteractive() tells what is wrong with a line, and goes on", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  await peer.admit();
  screen.type("/nosuch", "/join", "/join general");
  peer.ok(await peer.expect("join"), { room: "general", positions: {} });
  await settled();
  assert.deepEqual(screen.lines.slice(1), [
    '[ERROR] unknown_command: There is no command "/nosuch"; /help lists them',
    "[ERROR] usage: Usage: /join <room>",
    "Joined room general",
  ]);
  assert.equal(screen.prompt, "general> ");
  await leave(scene);
});

test("runInteractive() asks for the passwords of /passwd, and forgets a line that holds them", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  await peer.admit();
  screen.type("/passwd", "1", "1234567", "12345678", "12345678", "/passwd 12345678 87654321");
  const first = await peer.expect("passwd");
  assert.deepEqual([first.old, first.new], ["1", "12345678"]);
  peer.ok(first);
  peer.ok(await peer.expect("passwd"));
  await settled();
  const asked = ["Old password: (hidden)", "New password: (hidden)", "New password: (hidden)", "Once more: (hidden)"];
  assert.deepEqual(screen.asked.slice(1, 5), asked);
  assert.ok(screen.lines.includes(rule));
  assert.deepEqual(screen.forgotten, ["/passwd", "/passwd 12345678 87654321"]);
  await leave(scene);
});

test("runInteractive() goes on where the passwords of /passwd are given up", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  await peer.admit();
  screen.type("/passwd", "1", undefined, "/join x");
  peer.ok(await peer.expect("join"), { room: "x", positions: {} });
  await settled();
  assert.equal(screen.prompt, "x> ");
  await leave(scene);
});

test("runInteractive() asks before it says what looks like a login, and forgets it", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  await peer.admit();
  const lines = [" /login a pw", "LOGIN a pw", "//login a pw", "／login a pw", "logn a pw"];
  for (const line of lines) screen.type(line, "");
  screen.type("login works again", "well", "y", "/say login a pw", "/logn a pw");
  const said = await peer.expect("say");
  assert.equal(said.text, "login works again");
  peer.ok(said, { topic: "room:lobby", seq: 1, time: "" });
  const meant = await peer.expect("say");
  assert.equal(meant.text, "login a pw");
  peer.ok(meant, { topic: "room:lobby", seq: 2, time: "" });
  await settled();
  const [why, question] = [
    "[CLIENT] This looks like a login, and everybody in lobby would read it",
    "Say it all the same? [no] ",
  ];
  assert.deepEqual(screen.lines.slice(1, 3), [why, "[CLIENT] It was not said"]);
  assert.deepEqual(screen.lines.slice(-2), [
    why,
    '[ERROR] unknown_command: There is no command "/logn"; did you mean /login?',
  ]);
  assert.deepEqual(screen.asked.filter((prompt) => prompt !== "lobby> ").slice(-2), [
    question,
    `Answer yes or no. ${question}`,
  ]);
  assert.deepEqual(screen.forgotten, [...lines, "login works again", "/logn a pw"]);
  await leave(scene);
});

test("runInteractive() says once that no server can be reached, and sends later what was typed meanwhile", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer, servers, clock } = scene;
  await peer.admit();
  await settled();
  servers.down.add("one:1");
  peer.close();
  await clock.advance(2_000);
  assert.equal(screen.prompt, "(offline) lobby> ");
  screen.type("hello");
  servers.down.clear();
  await clock.advance(1_500);
  const again = await servers.accept();
  await again.readmit({ missed: 2 });
  again.ok(await again.expect("say"));
  await settled();
  assert.deepEqual(screen.lines.slice(1), [
    "[CLIENT] Connection lost; reconnecting…",
    "[CLIENT] Cannot connect to one:1; trying again…",
    "[CLIENT] Back on one:1; 2 messages were missed",
  ]);
  assert.equal(screen.prompt, "lobby> ");
  await leave(scene, again);
});

test("runInteractive() asks for a login when the session cannot be resumed", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer, servers } = scene;
  await peer.admit();
  await settled();
  peer.close();
  const again = await servers.accept();
  again.error(await again.expect("resume"), "invalid_credentials");
  await settled();
  screen.type("1");
  await again.admit();
  await settled();
  assert.deepEqual(screen.asked, ["lobby> ", "Password: (hidden)", "lobby> "]);
  await leave(scene, again);
});

test("runInteractive() asks for a login after a logout, as anybody", async () => {
  const scene = await started({ user: "a", password: "1" });
  const { screen, peer } = scene;
  await peer.admit();
  screen.type("/logout");
  peer.ok(await peer.expect("logout"));
  await settled();
  screen.type("l", "b", "1");
  await peer.admit();
  await settled();
  assert.deepEqual(screen.asked.slice(-4), [
    "Log in or register? [login] ",
    "Username: ",
    "Password: (hidden)",
    "lobby> ",
  ]);
  await leave(scene);
});

test("runInteractive() ends when another login takes over", async () => {
  const { screen, peer, exit } = await started({ user: "a", password: "1" });
  await peer.admit();
  peer.send({ type: "system", code: "forced_logout", message: "Logged in from another location." });
  peer.close();
  assert.equal(await soon(exit), "login");
  assert.equal(screen.lines.at(-1), "[SYSTEM] FORCED_LOGOUT: Logged in from another location.");
});

test("runInteractive() leaves at once while offline, and tells what was not sent", async () => {
  const { screen, peer, servers, exit } = await started({ user: "a", password: "1" });
  await peer.admit();
  await settled();
  servers.down.add("one:1");
  peer.close();
  await settled();
  screen.type("one", "two", "/quit");
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(screen.lines.slice(-2), ['[CLIENT] Not sent: "one"', '[CLIENT] Not sent: "two"']);
});

test("runInteractive() can be left at every question", async () => {
  for (let answers = 0; answers < 3; answers++) {
    const { screen, exit } = await started();
    screen.type(...["", "a"].slice(0, answers), undefined);
    assert.equal(await soon(exit), "ok");
  }
});

test("runInteractive() answers /help by itself: a short page by subject, a command, or all", async () => {
  const scene = await started({ user: "a", password: "1" }, "/nowhere");
  const { screen, peer } = scene;
  await peer.admit();
  await settled();
  const ask = async (line: string) => {
    const before = screen.lines.length;
    screen.type(line);
    await settled();
    return screen.lines.slice(before);
  };
  const page = await ask("/help");
  assert.deepEqual(page, [
    "Messages: /say /msg /publish /history",
    "Rooms: /join /leave /rooms",
    "Following: /subscribe /unsubscribe",
    "Files: /send /get /files /cancel /withdraw",
    "You: /whoami /passwd /logout /quit",
    "Here: /reconnect /help",
    "More: /novel",
    "/help <command> explains one, /help all lists them with what they do",
  ]);
  assert.deepEqual(await ask("/?"), page);
  assert.deepEqual(await ask("/help /dm"), ["/msg <to> <text> — does msg (also /dm)"]);
  assert.deepEqual(await ask("/help files"), ["/files — list what was offered here, and what is on its way"]);
  assert.deepEqual(await ask("/help fiels"), [
    '[ERROR] unknown_command: There is no command "/fiels"; did you mean /files?',
  ]);
  assert.deepEqual(await ask("/mgs b hi"), [
    '[ERROR] unknown_command: There is no command "/mgs"; did you mean /msg?',
  ]);
  const all = await ask("/help all");
  for (const name of ["login", "msg", "send", "help"]) {
    assert.equal(all.filter((line) => line.startsWith(`/${name} `)).length, 1);
  }
  assert.equal(all.filter((line) => /hello|seen/.test(line)).length, 0, "they are for programs");
  await leave(scene);
});

test("runInteractive() does the client's own commands while one goes on typing, and says what became of them", async () => {
  const scene = await started({ user: "a", password: "1" }, "/nowhere");
  const { screen, peer } = scene;
  await peer.admit();
  const file = { id: "x", name: "x.txt", size: 3, sha256: "0".repeat(64), expires: "" };
  peer.send(said(1, "offers x.txt (3 bytes)", { file }));
  await settled();
  assert.equal(screen.lines.at(-1), "b: offers x.txt (3 bytes): /get 1");
  screen.type("/files", "/get 7", "/help files", "/send b", "hello");
  peer.ok(await peer.expect("say"), { topic: "room:lobby", seq: 2, time: "" });
  await settled();
  assert.deepEqual(screen.lines.slice(-4), [
    "1: x.txt (3 bytes) from b in lobby",
    "[ERROR] No file has the number 7; /files lists them",
    "/files — list what was offered here, and what is on its way",
    "[ERROR] usage: Usage: /send <user|room> <path>",
  ]);
  await leave(scene);
});

const files = await permitted("read", "write");
Deno.test({
  name: files.named("runInteractive() tells at the end which transfers were not done"),
  ignore: files.ignored,
  async fn() {
    await using folder = await temporaryFolder();
    const scene = await started({ user: "a", password: "1" }, folder.path);
    const { screen, peer, exit } = scene;
    await peer.admit();
    const file = { id: "x", name: "x.txt", size: 3, sha256: "0".repeat(64), expires: "" };
    peer.send(said(1, "look", { file }));
    await settled();
    screen.type("/get 1");
    await peer.expect("download");
    peer.send({ type: "system", code: "forced_logout", message: "Logged in from another location." });
    assert.equal(await soon(exit), "login");
    const why = "the session has ended; the same command goes on with it";
    assert.equal(screen.lines.at(-1), `[ERROR] x.txt was not fetched: ${why}`);
  },
});
