import type { Attack, Scene } from "../attack.ts";
import type { Intruder } from "../intruder.ts";

const connections = 4;

/** What others have sent to each of the two; it is in their inboxes, and not in their talk. */
const [messages, text] = [1000, "y".repeat(2000)];

export const talkHistory: Attack = {
  point: 9,
  name: "talk-history",
  does: `asks for the talk of two whose inboxes are full of other things, on ${connections} connections in a loop`,
  async prepare(scene) {
    const talkers: Intruder[] = [];
    for (const user of ["gossip0", "gossip1"]) talkers.push(await scene.newcomer(user));
    for (const each of talkers) each.onEvent = ({ type, pos }) => void (type === "direct" && each.ask("seen", { pos }));
    await Promise.all(["gossip0", "gossip1"].map((to, index) => fill(scene, `writer${index}`, to)));
    for (const each of talkers) each.drop();
    const sides = await scene.readyTimes(connections, "gossip0");
    return async () => {
      await scene.together(connections, async (index) => {
        const side = await sides[index]();
        const { type } = await side?.ask("history", { user: "gossip1", n: 20 }) ?? {};
        return type === "ok";
      });
    };
  },
};

async function fill(scene: Scene, user: string, to: string): Promise<void> {
  const writer = await scene.newcomer(user);
  for (let sent = 0; sent < messages; sent += 50) {
    const batch = Array.from({ length: 50 }, () => writer.ask("msg", { to, text }, "filling msg"));
    const answers = await Promise.all(batch);
    if (!answers.some(({ type }) => type === "ok")) break;
  }
  writer.drop();
}
