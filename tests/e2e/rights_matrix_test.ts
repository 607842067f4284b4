/** Who may do what in which room on which connection: the whole table, written by hand from the protocol. */

import assert from "node:assert/strict";
import { type Json, JsonClient, type TextClient } from "../support/client.ts";
import { onSqlite, type TestServer } from "../support/server.ts";

const roles = ["outsider", "member", "moderator", "owner", "server_moderator", "admin"] as const;
type Role = typeof roles[number];

/** Who has which role; g is acted on, h is nowhere. */
const names: Readonly<Record<Role, string>> = {
  ...{ outsider: "a", member: "b", moderator: "c", owner: "d", server_moderator: "e", admin: "f" },
};

/** Each command once, in an order in which each finds the room as it needs it: what is typed, what programs send. */
const steps: Readonly<Record<string, readonly [typed: string, cmd: string, fields: Json]>> = {
  "topic": ["/topic", "topic", {}],
  "room": ["/room", "room", {}],
  "set topic": ["/topic plans", "topic", { text: "plans" }],
  "invite": ["/invite h", "invite", { user: "h" }],
  "uninvite": ["/uninvite h", "uninvite", { user: "h" }],
  "mute": ["/mute g 10m", "mute", { user: "g", for: 600 }],
  "unmute": ["/unmute g", "unmute", { user: "g" }],
  "kick": ["/kick g", "kick", { user: "g" }],
  "ban": ["/ban g spam", "ban", { user: "g", reason: "spam" }],
  "unban": ["/unban g", "unban", { user: "g" }],
  "op": ["/op g", "op", { user: "g" }],
  "deop": ["/deop g", "deop", { user: "g" }],
  "slow": ["/slow off", "slow", { for: 0 }],
  "private on": ["/private on", "private", { on: true }],
  "private off": ["/private off", "private", { on: false }],
  "owner": ["/owner g", "owner", { user: "g" }],
  "announce": ["/announce hi", "announce", { text: "hi" }],
};

const no = "forbidden";

/** Command → what comes of it, in the order of {@linkcode roles}: `ok` or a code. */
type Table = Readonly<Record<keyof typeof steps, readonly string[]>>;

const publicRoom: Table = {
  //              outsider      member moderator owner server_moderator admin
  "topic": ["ok", "ok", "ok", "ok", "ok", "ok"],
  "room": ["wrong_room", "ok", "ok", "ok", "ok", "ok"],
  "set topic": [no, no, "ok", "ok", "ok", "ok"],
  "invite": ["wrong_room", "ok", "ok", "ok", "ok", "ok"],
  "uninvite": ["wrong_room", "ok", "ok", "ok", "ok", "ok"],
  "mute": [no, no, "ok", "ok", "ok", "ok"],
  "unmute": [no, no, "ok", "ok", "ok", "ok"],
  "kick": [no, no, "ok", "ok", "ok", "ok"],
  "ban": [no, no, "ok", "ok", "ok", "ok"],
  "unban": [no, no, "ok", "ok", "ok", "ok"],
  "op": [no, no, no, "ok", "ok", "ok"],
  "deop": [no, no, no, "ok", "ok", "ok"],
  "slow": [no, no, no, "ok", "ok", "ok"],
  "private on": [no, no, no, "ok", "ok", "ok"],
  "private off": [no, no, no, "ok", "ok", "ok"],
  "owner": [no, no, no, "ok", "ok", "ok"],
  "announce": [no, no, no, no, no, "ok"],
};

const closed = ["invite_only", "ok", "ok", "ok", "ok", "ok"];
const privateRoom: Table = { ...publicRoom, "topic": closed, "room": closed, "invite": closed, "uninvite": closed };

/** From the lobby nobody is removed, and it is never private; it belongs to the server's moderators. */
const lobby: Table = {
  ...publicRoom,
  ...{ kick: [no, no, no, no, no, no], ban: [no, no, no, no, no, no], "private on": [no, no, no, no, no, no] },
};

/** On a side connection one is in no room, and hears any that is public. */
const fromAside = ["ok", "ok", "ok", "ok", "ok", "ok"];
const publicFromAside: Table = { ...publicRoom, room: fromAside, invite: fromAside, uninvite: fromAside };

const kinds = {
  text: { rooms: { public: publicRoom, private: privateRoom, lobby } },
  json: { rooms: { public: publicRoom, private: privateRoom, lobby } },
  many: { rooms: { public: publicRoom, private: privateRoom, lobby } },
  side: {
    rooms: {
      public: publicFromAside,
      private: privateRoom,
      lobby: { ...lobby, room: fromAside, invite: fromAside, uninvite: fromAside },
    },
  },
} as const;
type Kind = keyof typeof kinds;

/** An answer that is no event of the room. */
async function answerOf(client: TextClient, line: string): Promise<string> {
  await client.send(line);
  for (;;) {
    const answer = await client.line(`an answer to ${line}`);
    if (/^\[ERROR\] /.test(answer)) return answer.split(" ")[1].slice(0, -1);
    if (!/^\[SYSTEM\] |^\w+ (left|joined) /.test(answer)) return "ok";
  }
}

/** A connection of somebody, and what comes of a step there. */
async function open(server: TestServer, kind: Kind, user: string) {
  if (kind === "text") {
    const client = await server.login(user);
    const join = async (room: string) => assert.equal(await answerOf(client, `/join ${room}`), "ok");
    return { client, join, run: (step: string) => answerOf(client, steps[step][0]) };
  }
  const client = kind === "many"
    ? await JsonClient.many(server, user)
    : await server.jsonLogin(user, kind === "side" ? { side: true } : {});
  const run = async (step: string, room: string) => {
    const [, cmd, fields] = steps[step];
    const reply = await client.request(cmd, cmd === "announce" ? fields : { room, ...fields });
    return reply.type === "ok" ? "ok" : String(reply.code);
  };
  return { client, run, join: async (room: string) => void await client.ok("join", { room }) };
}

/** Sees to it that a room is as a row of the table needs it. */
async function prepare(server: TestServer, room: string, kind: "public" | "private" | "lobby", g: JsonClient) {
  const { records } = server.store;
  const change = async (change: Parameters<typeof records.change>[2]) => {
    assert.ok(await records.change(room, (await records.read(room)).revision, change));
  };
  if (kind !== "lobby") {
    await g.ok("join", { room });
    await change({ kind: "owner", user: names.owner, by: "operator" });
    await change({ kind: "op", user: names.moderator, by: "operator" });
    for (const user of [names.member, "g"]) await change({ kind: "invite", user, by: "operator" });
  }
  if (kind === "private") await change({ kind: "private", on: true, by: "operator" });
}

for (const kind of Object.keys(kinds) as Kind[]) {
  onSqlite(`the whole table of rights holds on a ${kind} connection`, async (start) => {
    await using server = await start({ RATE_LIMIT: "off", DUPLICATE_LOGIN: "share" });
    const { admin } = server.store;
    await admin.setRole(names.server_moderator, "moderator");
    await admin.setRole(names.admin, "admin");
    await using g = await JsonClient.many(server, "g");
    let rooms = 0;
    const wrong: string[] = [];
    for (const [room, table] of Object.entries(kinds[kind].rooms) as ["public" | "private" | "lobby", Table][]) {
      for (const role of roles) {
        // A person is in the room that is meant; and nobody in one room is outside of the lobby who was not sent there.
        if (role === "outsider" && (kind === "text" || room === "lobby")) continue;
        if (room === "lobby" && (role === "owner" || role === "moderator")) continue;
        const name = room === "lobby" ? "lobby" : `r${++rooms}`;
        await prepare(server, name, room, g);
        const { client, join, run } = await open(server, kind, names[role]);
        await using _ = client;
        if (role !== "outsider" && room !== "lobby" && kind !== "side") await join(name);
        for (const [step, codes] of Object.entries(table)) {
          const got = await run(step, name);
          const expected = codes[roles.indexOf(role)];
          if (got !== expected) wrong.push(`${step} by ${role} in ${room}: ${got} instead of ${expected}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
}
