import { connect } from "../../../tests/support/client.ts";
import { type Attack, attackersPassword, type Scene } from "../attack.ts";

const connections = 60;

/** What the room has: as many as one answer may hold, as long as a message may be. */
const [messages, text] = [500, "x".repeat(4000)];

export const unreadHistory: Attack = {
  point: 6,
  name: "unread-history",
  does: `asks for all of a room's history on ${connections} side connections, and reads no answer`,
  async prepare(scene) {
    const hoarse = await scene.newcomer("hoarse");
    await hoarse.ask("join", { room: "library" });
    await Promise.all(Array.from({ length: messages }, () => hoarse.ask("say", { text })));
    hoarse.drop();
    const open: Deno.TlsConn[] = [];
    for (let refused = 0; open.length < connections && refused < 3;) {
      const conn = await deaf(scene);
      if (conn) open.push(conn);
      else refused++;
    }
    return async () => {
      const ask = { cmd: "history", topic: "room:library", room: "library", n: messages };
      const lines = new TextEncoder().encode(`${JSON.stringify(ask)}\n`.repeat(60));
      for (const conn of open) conn.write(lines).catch(() => {});
      await scene.pause(scene.seconds * 1000);
      for (const conn of open) conn.close();
    };
  },
};

/**
 * Logs in, and reads no further; undefined where it is refused. It comes from the address that the honest come from:
 * `node:net`, which can choose another, reads on into its own memory.
 */
async function deaf(scene: Scene): Promise<Deno.TlsConn | undefined> {
  const conn = await connect(scene.at);
  const login = { id: 1, cmd: "login", user: "hoarse", password: attackersPassword, side: true };
  const lines = ['HELLO {"format":"json","version":1,"client":"deaf/1"}', JSON.stringify(login)];
  const encoder = new TextEncoder();
  await conn.write(encoder.encode(lines.map((line) => `${line}\n`).join("")));
  const answer = await answerOf(conn);
  const code = /"code":"(\w+)"/.exec(answer)?.[1];
  if (code !== undefined || answer === "") {
    scene.refused.add(`login: ${code ?? "closed"}`);
    conn.close();
    return undefined;
  }
  scene.accepted.add("login");
  return conn;
}

/** The line that answers the first request, or nothing where the connection ends. */
async function answerOf(conn: Deno.TlsConn): Promise<string> {
  const buffer = new Uint8Array(16_384);
  let text = "";
  for (let count; (count = await conn.read(buffer).catch(() => null)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
    const answer = text.split("\n").slice(0, -1).find((line) => line.includes('"id":1') || line.includes('"error"'));
    if (answer) return answer;
  }
  return "";
}
