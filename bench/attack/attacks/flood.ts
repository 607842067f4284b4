import type { Attack } from "../attack.ts";

const connections = 10;

export const flood: Attack = {
  point: 7,
  name: "flood",
  does: `floods a room in which others talk, on ${connections} side connections of one account`,
  async prepare(scene) {
    await scene.account("flooder");
    await scene.account("reader");
    const [sides, read] = [await scene.readyTimes(connections, "flooder"), await scene.ready("reader")];
    return async () => {
      const room = scene.honest.rooms[0];
      await scene.together(connections, async (index) => {
        const side = await sides[index]();
        if (!side) return false;
        const batch = Array.from({ length: 20 }, () => side.ask("say", { room, text: "higher and higher" }));
        return (await Promise.all(batch)).some(({ type }) => type === "ok");
      });
      const reader = await read();
      const { messages = [] } = await reader?.ask("history", { room, before: 11, n: 10 }) ?? {};
      const first = (messages as { seq: number }[])[0]?.seq;
      scene.finds("the room's first message is still there", first === 1, `from ${first ?? "nothing"} on`);
    };
  },
};
