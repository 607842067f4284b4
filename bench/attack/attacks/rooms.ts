import type { Attack } from "../attack.ts";

/** How many rooms one account may bring to life in a minute without harm. */
const bearable = 500;

export const rooms: Attack = {
  point: 4,
  name: "rooms",
  does: "makes rooms on one side connection as fast as it can",
  async prepare(scene) {
    await scene.account("builder");
    const ready = await scene.ready("builder");
    return async () => {
      let asked = 0;
      await scene.repeat(async () => {
        const builder = await ready();
        if (!builder) return false;
        const batch = Array.from({ length: 50 }, () => builder.ask("say", { room: `shanty${asked++}`, text: "mine" }));
        return (await Promise.all(batch)).some(({ type }) => type === "ok");
      });
      const made = scene.accepted.get("say");
      scene.finds(`one account makes no more than ${bearable} rooms`, made <= bearable, made);
    };
  },
};
