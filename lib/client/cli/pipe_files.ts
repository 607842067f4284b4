/**
 * `chat send --file` and `chat get`: files at a pipe's end, beside the user's other sessions.
 */

import { ChatError, isSystemError } from "../../common/errors.ts";
import type { TopicEvent } from "../../wire/event.ts";
import type { ByteOutput, Output } from "./output.ts";
import type { Bot } from "../bot.ts";
import { cleanLine } from "../../wire/clean.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { errorLine } from "../terminal/render.ts";
import type { Where } from "../transfer/chunks.ts";
import { fetchInto, fetchWhole, sizeThere } from "../transfer/fetching.ts";
import { downloadFolder, goalOf, readFile } from "../transfer/local.ts";
import { readOffer, type SafeOffer } from "../transfer/offers.ts";
import { PartFile } from "../transfer/part_file.ts";
import { formatSize } from "../transfer/size.ts";

/** How many messages are looked through for files. */
const lookedThrough = 2_000;

/** Sends a file and offers it. @throws {ClientError} where it cannot be read, or its fate is not known */
export async function runSendFile(
  bot: Bot,
  { where, path, text }: { where: Where; path: string; text?: string },
  { err }: Output,
): Promise<Exit> {
  const file = await readFile(path, bot.maxFileBytes);
  try {
    await bot.offer(where, file, text);
    return "ok";
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    await err([errorLine(error)]);
    return "refused";
  }
}

/** What is to be fetched, and where to. */
export interface GetOptions {
  readonly from: { readonly room: string } | { readonly user: string };
  /** Names, of which the newest is meant, or ids; none lists what there is. */
  readonly files: readonly string[];
  /** A file, a folder, or `-` for the output. */
  readonly output?: string;
  readonly downloads?: string;
  readonly json: boolean;
}

/**
 * Fetches files that were offered, and prints where they are; or lists what there is.
 *
 * @throws {ClientError} where one is not there, or cannot be written
 */
export async function runGet(
  bot: Bot,
  { from, files, output, downloads, json }: GetOptions,
  { out, err, write }: ByteOutput,
): Promise<Exit> {
  try {
    const events = (await bot.history(from, lookedThrough)).filter((event) => readOffer(event.file));
    if (files.length === 0) {
      const lines = events.map((event) => json ? JSON.stringify(event) : listed(event));
      if (lines.length > 0) await out(lines);
    }
    const wanted = files.map((file) => found(file, events));
    for (const offer of wanted) {
      if (output === "-") {
        await write(await fetchWhole(offer, bot.wire()));
        continue;
      }
      const goal = await goalOf(output, offer.name, () => downloadFolder(downloads));
      using part = await PartFile.open(goal, offer.id, sizeThere(offer));
      const path = await fetchInto(part, offer, bot.wire());
      await out([json ? JSON.stringify({ id: offer.id, path }) : path]);
    }
    return "ok";
  } catch (error) {
    if (error instanceof ClientError || !(error instanceof Error) || isSystemError(error)) throw error;
    await err([errorLine(error)]);
    return "refused";
  }
}

/** @throws {ClientError} where there is none */
function found(wanted: string, events: readonly TopicEvent[]): SafeOffer {
  const event = events.findLast(({ file }) => file!.id === wanted) ??
    events.findLast(({ file }) => file!.name === wanted || readOffer(file)!.name === wanted);
  if (event) return readOffer(event.file)!;
  throw new ClientError("refused", `No file "${wanted}" was offered there`);
}

function listed({ from, file, time }: TopicEvent): string {
  const { id, name, size } = readOffer(file)!;
  return cleanLine(`${id}  ${String(time).slice(0, 10)}  ${from}  ${name} (${formatSize(size)})`);
}
