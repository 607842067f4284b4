import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { Attack, Scene } from "../attack.ts";
import type { Intruder } from "../intruder.ts";

const accounts = 4;
const fileBytes = 16 * 1024 * 1024;
/** As many as one account may have by default, and as four accounts need to take all the room there is. */
const filesEach = 4;

export const files: Attack = {
  point: 4,
  name: "files",
  does: `uploads with ${accounts} fresh accounts as many files as the server takes`,
  async prepare(scene) {
    const hoarders: Intruder[] = [];
    for (let n = 0; n < accounts; n++) hoarders.push(await scene.newcomer(`hoarder${n}`));
    const other = await scene.newcomer("photographer");
    return async () => {
      await Promise.all(hoarders.map(async (hoarder, index) => {
        for (let n = 0; n < filesEach && !scene.signal.aborted; n++) {
          await upload(scene, hoarder, `hoarder${(index + 1) % accounts}`, fileBytes);
        }
      }));
      await scene.pause(scene.seconds * 1000);
      const code = await upload(scene, other, "hoarder0", 1_000_000, true);
      scene.finds("another account can offer a file of 1 MB", code === undefined, code ?? "complete");
    };
  },
};

/** Uploads a file of any bytes. @returns the code of the refusal, undefined where it is complete */
async function upload(
  scene: Scene,
  from: Intruder,
  to: string,
  size: number,
  afterwards = false,
): Promise<string | undefined> {
  const sha256 = randomBytes(32).toString("hex");
  const begun = await from.ask("upload", { name: "loot.bin", size, sha256, to });
  if (begun.type !== "ok") return begun.code;
  const chunk = Number(begun.chunk_bytes);
  const chunks = Math.ceil(size / chunk);
  const whole = Buffer.alloc(chunk, 65).toString("base64");
  const rest = Buffer.alloc(size - (chunks - 1) * chunk, 65).toString("base64");
  for (let n = 0; n < chunks && (afterwards || !scene.signal.aborted);) {
    const next = Array.from({ length: Math.min(4, chunks - n) }, (_, index) => n + index);
    n += next.length;
    const answers = await Promise.all(
      next.map((n) => from.ask("chunk", { file: begun.file, n, data: n === chunks - 1 ? rest : whole })),
    );
    const refused = answers.find(({ type }) => type !== "ok");
    if (refused) return refused.code;
  }
  return undefined;
}
