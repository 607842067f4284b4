/**
 * A bridge from a log file to a room: each line that is appended and matches is said there.
 *
 *     CHAT_PASSWORD=1 deno run --allow-net --allow-read --allow-env \
 *       examples/log_bridge.ts localhost:8000 a ops /var/log/app.log ERROR
 *
 * It begins at the file's end, and at the start of a new file by the same name, as log rotation makes it. A line is
 * stored before the next is read, so a chat that is away holds the bridge up, and nothing is left out.
 */

import { Bot } from "../lib/client/mod.ts";

/** How the bridge reads. */
export interface BridgeOptions {
  readonly file: string;
  /** What a line must hold to be passed on. */
  readonly matching: RegExp;
  readonly room: string;
  /** Ends the bridge. */
  readonly signal: AbortSignal;
  /** Resolves when it is time to look at the file again; a second by default. */
  readonly pause?: () => Promise<void>;
}

/** The longest line that is passed on, in characters; the rest of a longer one is left out. */
const maxLine = 1_000;

/** Passes lines on until the signal is aborted. @throws {ChatError} when the room is refused */
export async function bridge(bot: Bot, options: BridgeOptions): Promise<void> {
  const { file, matching, room, signal, pause = second } = options;
  for await (const line of appended(file, signal, pause)) {
    if (matching.test(line)) await bot.say(room, line.slice(0, maxLine));
  }
}

/** The lines that are appended to a file, whichever file has the name. */
async function* appended(path: string, signal: AbortSignal, pause: () => Promise<void>): AsyncGenerator<string> {
  let { ino, size: offset } = await Deno.stat(path);
  let decoder = new TextDecoder();
  let partial = "";
  while (!signal.aborted) {
    const now = await Deno.stat(path).catch(() => undefined);
    if (now && (now.ino !== ino || now.size < offset)) {
      [ino, offset, partial] = [now.ino, 0, ""];
      decoder = new TextDecoder();
    }
    if (!now || now.size === offset) {
      await pause();
      continue;
    }
    using file = await Deno.open(path);
    await file.seek(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(64 * 1024);
    const count = await file.read(bytes) ?? 0;
    offset += count;
    const lines = (partial + decoder.decode(bytes.subarray(0, count), { stream: true })).split("\n");
    partial = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield line.trimEnd();
  }
}

function second(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000));
}

if (import.meta.main) {
  const [servers = "localhost:8000", user = "a", room = "ops", file = "app.log", matching = "."] = Deno.args;
  const password = Deno.env.get("CHAT_PASSWORD") ?? "";
  const ca = await Deno.readTextFile("certs/ca.pem");
  await using bot = await Bot.connect({ servers, ca, user, password });
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  await bridge(bot, { file, matching: new RegExp(matching), room, signal: stop.signal });
  Deno.exit(); // the signal's listener would keep it alive
}
