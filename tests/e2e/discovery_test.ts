/** Two servers in the local network, found by a question to the multicast group, and a client that goes to a room. */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { encodeQuestion, parseAnnouncement } from "../../lib/wire/discovery.ts";
import { chat } from "../support/chat.ts";
import { eventually } from "../support/client.ts";
import { need } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

const group = "224.1.1.1";

/** Whether this machine's network carries multicast datagrams back to it. */
const multicast = processes.ignored || await carriesMulticast() ? need() : need("this machine carries no multicast");

async function carriesMulticast(): Promise<boolean> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  let timer;
  try {
    const heard = new Promise<boolean>((resolve) => {
      socket.on("message", () => resolve(true));
      socket.on("error", () => resolve(false));
      timer = setTimeout(() => resolve(false), 500);
    });
    await new Promise<void>((resolve) => socket.bind(0, () => resolve()));
    socket.addMembership(group);
    socket.send(new Uint8Array(1), socket.address().port, group, () => {});
    return await heard;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** A UDP port that is free now. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, () => resolve()));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

test(
  "one question finds both servers with their rooms, and chat --discover --join goes to one",
  async () => {
    await using folders = new AsyncDisposableStack();
    const DISCOVERY_PORT = String(await freePort());
    const settings = {
      DISCOVERY: "on",
      DISCOVERY_PORT,
      SERVER_HOST: "0.0.0.0",
      DEMO_ACCOUNTS: "on",
      ROOMS: "general,tech,random",
    };
    const start = async (SERVER_ID: string) => {
      const folder = folders.use(await temporaryFolder());
      await Deno.mkdir(`${folder.path}/certs`); // each makes its own, for this machine's addresses
      return folders.use(await ServerProcess.start(folder.path, { ...settings, SERVER_ID }));
    };
    const [one, two] = [await start("one"), await start("two")];

    const socket = createSocket("udp4");
    const found = new Map<string, unknown>();
    socket.on("message", (bytes) => {
      const { server, port, rooms } = parseAnnouncement(bytes)!;
      found.set(server, { port, rooms });
    });
    await new Promise<void>((resolve) => socket.bind(0, () => resolve()));
    socket.send(encodeQuestion(), Number(DISCOVERY_PORT), group);
    await eventually(() => found.size === 2, "both have answered");
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    const rooms = ["general", "random", "tech"];
    assert.deepEqual(Object.fromEntries(found), { one: { port: one.port, rooms }, two: { port: two.port, rooms } });

    // Only the second server can be trusted with this authority.
    const args = ["--discover", "--join", "tech", "--ca", two.caFile, "--username", "a"];
    const { code, out, err } = await chat(args, {
      env: { CHAT_PASSWORD: "1", DISCOVERY_PORT },
      input: "hello\n/room_msg again\n",
    });
    assert.deepEqual(
      [code, out],
      [0, ["Login successful. Room: lobby", "Joined room tech", "a: hello", "a: again"]],
      err.join("\n"),
    );
  },
  processes,
  multicast,
);
