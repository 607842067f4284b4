import type { Attack } from "../attack.ts";

export const wrongPasswords: Attack = {
  point: 2,
  name: "wrong-passwords",
  does: "tries wrong passwords on the accounts of users who log in meanwhile",
  prepare: (scene) =>
    Promise.resolve(async () => {
      const victims = scene.honest.returners.filter((_, index) => index % 4 === 0); // few: each is soon locked out
      await scene.together(8, async (index) => {
        const intruder = await scene.dial();
        const user = victims[index % victims.length];
        for (let n = 0; n < 100 && !intruder.ended && !scene.signal.aborted; n++) {
          const { code } = await intruder.ask("login", { user, password: `wrong horse ${n}` });
          if (code !== "invalid_credentials") await scene.pause(100);
        }
        intruder.drop();
      });
    }),
};
