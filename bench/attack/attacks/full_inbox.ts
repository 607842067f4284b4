import type { Attack } from "../attack.ts";

const messages = 1000;

export const fullInbox: Attack = {
  point: 8,
  name: "full-inbox",
  does: `sends ${messages} private messages to somebody who is away`,
  async prepare(scene) {
    await scene.account("hermit");
    const friend = await scene.newcomer("hermitsfriend");
    await scene.account("stranger");
    const ready = await scene.ready("stranger");
    return async () => {
      for (let sent = 0; sent < messages && !scene.signal.aborted; sent += 50) {
        const side = await ready();
        if (!side) break;
        const batch = Array.from({ length: 50 }, () => side.ask("msg", { to: "hermit", text: "buy, buy, buy" }));
        if (!(await Promise.all(batch)).some(({ type }) => type === "ok")) await scene.pause(1000);
      }
      await scene.pause(scene.seconds * 1000);
      const { type, code } = await friend.ask("msg", { to: "hermit", text: "how are you?" }, "friend's msg");
      scene.finds("the inbox takes a friend's message", type === "ok", code ?? "ok");
    };
  },
};
