/** Who closes its side behind its last request is answered all the same: a script that pipes its lines in. */

import assert from "node:assert/strict";
import { connect, type Endpoint, within } from "../support/client.ts";
import { onEachStore } from "../support/server.ts";

/** Sends lines, closes the writing side at once, and reads to the end. */
async function pipe(at: Endpoint, lines: readonly string[]): Promise<string[]> {
  const conn = await connect(at);
  try {
    const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    await conn.closeWrite();
    let text = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    const read = async () => {
      for (let count; (count = await conn.read(buffer)) !== null;) {
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
      }
    };
    await within(read(), () => `the end, behind ${JSON.stringify(text.slice(-200))}`);
    return text.split("\n").slice(0, -1);
  } finally {
    conn.close();
  }
}

onEachStore("a client that closes its side after its last request gets all its answers", async (start) => {
  await using server = await start();
  for (let i = 0; i < 8; i++) {
    const lines = await pipe(server, ["LOGIN b 1", `said ${i}`, "/whoami", "/history 3"]);
    assert.ok(lines.includes("Login successful. Room: lobby"), lines.join("\n"));
    assert.ok(lines.some((line) => line === "b in lobby on server1"), lines.join("\n"));
    assert.match(lines.at(-1)!, new RegExp(`b: said ${i}$`), "the history's last line is the last of all");
  }
});

onEachStore("a program that closes its side gets the answers to all that it pipelined", async (start) => {
  await using server = await start();
  const requests = Array.from(
    { length: 50 },
    (_, id) => JSON.stringify({ id, cmd: "say", text: `${id}`, cid: `c${id}` }),
  );
  const login = JSON.stringify({ id: "in", cmd: "login", user: "a", password: "1" });
  const lines = await pipe(server, ['HELLO {"format":"json","version":1}', login, ...requests]);
  const replies = lines.slice(2).map((line) => JSON.parse(line)).filter(({ type }) => type === "ok");
  assert.deepEqual(replies.map(({ id }) => id), ["in", ...Array.from({ length: 50 }, (_, id) => id)]);
});

onEachStore(
  "a client that quits and closes its side gets the answers before its last line, and that line",
  async (start) => {
    await using server = await start();
    for (let i = 0; i < 8; i++) {
      const lines = await pipe(server, ["LOGIN b 1", "/join tech", `said ${i}`, "/whoami", "/history 1", "/quit"]);
      // Where in between one's own message comes is nobody's promise.
      const answers = lines.filter((line) => line !== `b: said ${i}`);
      assert.equal(answers.length, lines.length - 1, lines.join("\n"));
      const [whoami, history, goodbye] = answers.slice(-3);
      assert.match(history, new RegExp(`b: said ${i}$`));
      assert.deepEqual([whoami, goodbye], ["b in tech on server1", "Goodbye"]);
    }
  },
);
