import { Buffer } from "node:buffer";
import type { Attack } from "../attack.ts";

const guests = 6;
const bytes = 244 * 1024;

export const longResumes: Attack = {
  point: 9,
  name: "long-resumes",
  does: `sends resume lines of ${bytes / 1024} KB on the connections of ${guests} guests, in a loop`,
  prepare(scene) {
    const positions: Record<string, string> = {};
    let length = 0;
    for (let n = 0; length < bytes - 200; n++) {
      positions[`room:reef${n}`] = `abcdefgh.${n}.aaaaaa`;
      length += `"room:reef${n}":"abcdefgh.${n}.aaaaaa",`.length;
    }
    const line = Buffer.from(JSON.stringify({ id: 0, cmd: "resume", token: "nonesuch".repeat(5), positions }) + "\n");
    return Promise.resolve(() =>
      scene.together(guests, async () => {
        const guest = await scene.dial();
        while (!guest.ended && !scene.signal.aborted) {
          const answered = new Promise<string>((resolve) => {
            guest.onEvent = ({ type, code }) => void (type === "error" && resolve(code));
          });
          guest.write(line);
          const code = await Promise.race([answered, guest.gone.then(() => guest.lastWord ?? "closed")]);
          scene.refused.add(`resume: ${code}`);
          if (code !== "invalid_credentials") await scene.pause(50);
        }
        guest.drop();
      })
    );
  },
};
