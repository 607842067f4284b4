/** What is done before any login. */

import { randomBytes } from "node:crypto";
import { type Attack, attackersPassword, type Scene } from "../attack.ts";
import { idleSeconds } from "../stage.ts";

const idlers = 20;

/** How long after its time a guest's connection may be there still, in seconds. */
const graceSeconds = 5;

/** What one address may learn in a minute's attack: the limits' bursts, and what comes back meanwhile. */
const bearable = { probes: 250, tokens: 150 };

export const idleGuests: Attack = {
  point: 10,
  name: "idle-guests",
  does: `sends an empty line a second on ${idlers} connections that never log in`,
  prepare: (scene) =>
    Promise.resolve(async () => {
      let longest = 0;
      await scene.together(idlers, async () => {
        const guest = await scene.dial();
        const since = performance.now();
        while (!guest.ended && !scene.signal.aborted) {
          guest.write("\n");
          await Promise.race([guest.gone, scene.pause(1000)]);
        }
        longest = Math.max(longest, (performance.now() - since) / 1000);
        if (guest.ended) scene.refused.add(`idling: ${guest.lastWord ?? "closed"}`);
        guest.drop();
      });
      if (scene.seconds < idleSeconds + graceSeconds) return; // too short to tell
      const seen = `${longest.toFixed(1)} s at most`;
      scene.finds("a guest is gone when its time is over", longest <= idleSeconds + graceSeconds, seen);
    }),
};

export const registerProbes: Attack = {
  point: 10,
  name: "register-probes",
  does: "registers names that there are, to learn which there are",
  prepare: (scene) =>
    Promise.resolve(async () => {
      const { users } = scene.honest;
      let n = 0;
      await hammer(
        scene,
        "register",
        "username_taken",
        () => ({ user: users[n++ % users.length], password: attackersPassword }),
      );
      const learned = scene.refused.get("register: username_taken");
      scene.finds(`at most ${bearable.probes} names are told`, learned <= bearable.probes, learned);
    }),
};

export const badTokens: Attack = {
  point: 10,
  name: "bad-tokens",
  does: "resumes with tokens that it makes up",
  prepare: (scene) =>
    Promise.resolve(async () => {
      await hammer(scene, "resume", "invalid_credentials", () => ({ token: randomBytes(24).toString("base64url") }));
      const looked = scene.refused.get("resume: invalid_credentials");
      scene.finds(`at most ${bearable.tokens} tokens are looked at`, looked <= bearable.tokens, looked);
    }),
};

export const oddHellos: Attack = {
  point: 10,
  name: "odd-hellos",
  does: "says HELLO with values that are not of their kind",
  prepare: (scene) =>
    Promise.resolve(async () => {
      const odd = [
        '{"format":{"toString":1},"version":1}',
        '{"format":"json","version":{"toString":null}}',
        '{"format":["json"],"version":[1],"client":{"toString":0}}',
        '{"__proto__":null,"format":{"valueOf":{}},"version":{}}',
      ];
      let n = 0;
      await scene.together(2, async () => {
        const guest = await scene.dial();
        for (let tries = 0; tries < 100 && !guest.ended && !scene.signal.aborted; tries++) {
          const answered = new Promise<string>((resolve) => {
            guest.onEvent = ({ type, code }) => resolve(code ?? type);
          });
          guest.write(`HELLO ${odd[n++ % odd.length]}\n`);
          const answer = await Promise.race([answered, guest.gone.then(() => "closed")]);
          if (answer === "hello") scene.accepted.add("HELLO");
          else scene.refused.add(`HELLO: ${answer}`);
          await scene.pause(50);
        }
        guest.drop();
      });
      const internal = scene.refused.get("HELLO: internal");
      scene.finds("nothing is internal", internal === 0, internal);
    }),
};

/** Asks the same on four connections as fast as it is answered, slower where the answer tells nothing. */
async function hammer(scene: Scene, cmd: string, telling: string, fields: () => Record<string, string>): Promise<void> {
  await scene.together(4, async () => {
    const guest = await scene.dial();
    while (!guest.ended && !scene.signal.aborted) {
      const { code } = await guest.ask(cmd, fields());
      if (code !== telling) await scene.pause(100);
    }
    guest.drop();
  });
}
