/**
 * A bot that says again what is said to it: `echo hello` is answered with `hello`.
 *
 *     CHAT_PASSWORD=1 deno run --allow-net --allow-read --allow-env examples/echo_bot.ts localhost:8000 a lobby
 *
 * It logs in beside its user, so the same person can be there as well, and it comes back by itself when the server goes.
 */

import { Bot } from "../lib/client/mod.ts";

/**
 * Answers until the bot is closed.
 *
 * @param bot logged in; it answers nobody of its own name, or two of its kind would never stop
 */
export async function echo(bot: Bot, room: string): Promise<void> {
  for await (const event of bot.listen(room)) {
    if (event.type !== "message" || event.from === bot.user) continue;
    const [, text] = /^echo (.+)$/.exec(event.text) ?? [];
    if (text !== undefined) await bot.say(room, text);
  }
}

if (import.meta.main) {
  const [servers = "localhost:8000", user = "a", room = "lobby"] = Deno.args;
  const password = Deno.env.get("CHAT_PASSWORD") ?? "";
  const ca = await Deno.readTextFile("certs/ca.pem");
  await using bot = await Bot.connect({ servers, ca, user, password });
  console.log(`${bot.user} echoes in ${room}`);
  await echo(bot, room);
}
