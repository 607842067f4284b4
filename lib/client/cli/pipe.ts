/**
 * `chat send`, `chat tail` and `chat history`: a pipe's end in a room, beside the user's other sessions.
 *
 * What is asked for goes to the output, what went wrong beside it; a reader that has seen enough ends it quietly.
 */

import { ChatError } from "../../common/errors.ts";
import type { TopicEvent } from "../../wire/event.ts";
import { eventText, replyText, withActions } from "../../wire/format.ts";
import type { Bot, RoomEvent } from "../bot.ts";
import { cleanLine } from "../../wire/clean.ts";
import { type Topic, topicName } from "../../wire/names.ts";
import type { Exit } from "../base/exit.ts";
import type { Destination } from "./options/options.ts";
import type { Output } from "./output.ts";
import { errorLine } from "../terminal/render.ts";
import { marked } from "../e2ee/privacy.ts";

/** How many messages may be unanswered at once. */
const maxUnanswered = 64;

/**
 * Sends each line as a message, in order; empty lines are left out. It stops at the first that is refused.
 *
 * @throws {ClientError} when a message's fate is not known
 */
export async function runSend(
  bot: Bot,
  { cmd, ...where }: Destination,
  lines: AsyncIterable<string>,
  { err }: Output,
): Promise<Exit> {
  const unanswered = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // it may come when nobody waits any more
  try {
    for await (const text of untilFailed(lines, failure.promise)) {
      if (text.trim() === "") continue;
      const answer = bot.request({ cmd, ...where, text }).then(() => {}, failure.reject).finally(() => {
        unanswered.delete(answer);
      });
      unanswered.add(answer);
      if (unanswered.size >= maxUnanswered) await Promise.race([...unanswered, failure.promise]);
    }
    await Promise.race([Promise.all(unanswered), failure.promise]);
    await Promise.race([failure.promise, Promise.resolve()]);
    return "ok";
  } catch (error) {
    return await refused(error, err);
  }
}

/**
 * Prints the last messages of each room, and then what is said in them, until it is ended. Where there are several rooms,
 * each line says which it is of, in front.
 *
 * @throws {ClientError} when the connection is lost for good
 */
export async function runTail(
  bot: Bot,
  { rooms, count, json }: { rooms: readonly string[]; count: number; json: boolean },
  { out, err }: Output,
): Promise<Exit> {
  try {
    for await (const event of bot.listen(rooms, count)) {
      if (event.type === "presence") continue;
      const room = json || rooms.length === 1 ? "" : `#${topicName(event.topic as Topic)} `;
      await out([cleanLine(room) + eventLine(event, json)]);
    }
    return "ok";
  } catch (error) {
    return await refused(error, err);
  }
}

/** Prints a room's last messages, or those of the talk with a user; a line each, oldest first. */
export async function runHistory(
  bot: Bot,
  { from, count, json }: { from: { room: string } | { user: string }; count: number; json: boolean },
  { out, err }: Output,
): Promise<Exit> {
  try {
    const messages = await bot.history(from, count);
    if (messages.length > 0) await out(messages.map((event) => eventLine(event, json)));
    return "ok";
  } catch (error) {
    return await refused(error, err);
  }
}

function eventLine(event: RoomEvent | TopicEvent, json: boolean): string {
  if (json) return JSON.stringify(event);
  const isGap = event.type === "gap" || event.type === "presence";
  return cleanLine(isGap ? eventText(event) : replyText({ of: "history", messages: [marked(event)] }, withActions));
}

async function refused(error: unknown, err: Output["err"]): Promise<Exit> {
  if (!(error instanceof ChatError)) throw error;
  await err([errorLine(error)]);
  return "refused";
}

/** The lines until they end, or until something has failed: their writer need not write on to be told. */
async function* untilFailed(lines: AsyncIterable<string>, failed: Promise<never>): AsyncGenerator<string, void, void> {
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), failed]);
    if (next.done) return;
    yield next.value;
  }
}
