import { type Attack, attackersPassword } from "../attack.ts";
import type { Intruder } from "../intruder.ts";

const connections = 100;

export const loginLoop: Attack = {
  point: 3,
  name: "login-loop",
  does: `logs one account in and out on ${connections} connections, in a loop`,
  async prepare(scene) {
    await scene.account("looper");
    return async () => {
      const open: (Intruder | undefined)[] = [];
      await scene.together(connections, async (index) => {
        const intruder = open[index] = open[index]?.ended === false ? open[index] : await scene.dial();
        const { type } = await intruder.ask("login", { user: "looper", password: attackersPassword, side: true });
        if (type !== "ok") return false;
        await intruder.ask("logout");
      });
    };
  },
};
