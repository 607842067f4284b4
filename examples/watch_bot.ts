/**
 * A bot that watches several rooms for a word, and says in another what it heard where: `#lobby b: the alarm went off`.
 *
 *     CHAT_PASSWORD=1 deno run --allow-net --allow-read --allow-env examples/watch_bot.ts localhost:8000 a alarm ops lobby general
 *
 * One connection hears all the rooms, and after a lost one each is read back from where it was.
 */

import { Bot } from "../lib/client/mod.ts";

/**
 * Watches until the bot is closed.
 *
 * @param bot connected with the rooms to watch
 * @param word what to watch for, in any case
 * @param room where it is told; what is said there is not watched
 */
export async function watch(bot: Bot, word: string, room: string): Promise<void> {
  for await (const event of bot.listen()) {
    if (event.type !== "message" || event.topic === `room:${room}`) continue;
    if (!event.text.toLowerCase().includes(word.toLowerCase())) continue;
    await bot.say(room, `#${event.topic.slice("room:".length)} ${event.from}: ${event.text}`);
  }
}

if (import.meta.main) {
  const [servers = "localhost:8000", user = "a", word = "alarm", room = "ops", ...rooms] = Deno.args;
  const password = Deno.env.get("CHAT_PASSWORD") ?? "";
  const ca = await Deno.readTextFile("certs/ca.pem");
  await using bot = await Bot.connect({ servers, ca, user, password, rooms: rooms.length > 0 ? rooms : ["lobby"] });
  console.log(`${bot.user} watches ${bot.rooms.join(", ")}`);
  await watch(bot, word, room);
}
