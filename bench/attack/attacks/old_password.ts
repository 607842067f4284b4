import { randomBytes } from "node:crypto";
import { type Attack, attackersPassword, type Scene } from "../attack.ts";
import type { Intruder } from "../intruder.ts";

/** Device keys that are tried, one more than a user may have. */
const keys = 9;

/** How long a connection may outlive its password, in milliseconds. */
const graceMs = 2000;

export const oldPassword: Attack = {
  point: 5,
  name: "old-password",
  does: "stays on a side connection when the password changes: reads, writes, announces device keys, logs in again",
  async prepare(scene) {
    const owner = await scene.newcomer("owner");
    const friend = await scene.newcomer("ownersfriend");
    const own = randomBytes(32).toString("base64url");
    await owner.ask("key", { public: own });
    const seen = { outlived: 0, read: 0, sent: 0, oldLogins: 0, rounds: 0 };
    let [password, thief] = [attackersPassword, await scene.side("owner")];
    return async () => {
      await scene.repeat(async () => {
        thief ??= await scene.side("owner", password);
        if (!thief) return false;
        const fresh = `${attackersPassword} ${seen.rounds}`;
        if (await round(scene, { owner, friend, thief }, password, fresh, seen)) password = fresh;
        thief = undefined;
        await scene.pause(5000);
      });
      const { keys } = await friend.ask("keys", { user: "owner" });
      const there = (keys as { public: string }[] | undefined)?.some((key) => key.public === own);
      const { rounds, outlived, read, sent, oldLogins } = seen;
      scene.finds("the owner can change the password", rounds > 0, `${rounds} times`);
      scene.finds("a new password ends side connections", outlived === 0, `${outlived} of ${rounds} outlived it`);
      scene.finds("nothing is read or sent after it", read + sent === 0, `${read} read, ${sent} sent`);
      scene.finds("an old password logs nobody in", oldLogins === 0, `${oldLogins} of ${rounds}`);
      scene.finds("the owner's device key is still there", there === true, `${keys?.length} keys`);
    };
  },
};

interface People {
  readonly owner: Intruder;
  readonly friend: Intruder;
  /** Has a side connection of the owner's. */
  readonly thief: Intruder;
}

type Seen = { outlived: number; read: number; sent: number; oldLogins: number; rounds: number };

/** Changes the password, and tries what the old one is still good for. @returns whether it was changed */
async function round(
  scene: Scene,
  { owner, friend, thief }: People,
  old: string,
  fresh: string,
  seen: Seen,
): Promise<boolean> {
  for (let n = 0; n < keys; n++) await thief.ask("key", { public: randomBytes(32).toString("base64url") });
  const changed = await owner.ask("passwd", { old, new: fresh });
  if (changed.type !== "ok") {
    thief.drop();
    return false;
  }
  seen.rounds++;
  await Promise.race([thief.gone, scene.pause(graceMs)]);
  if (!thief.ended) {
    seen.outlived++;
    const secret = `secret ${seen.rounds}`;
    await friend.ask("msg", { to: "owner", text: secret });
    const inbox = await thief.ask("history", { user: "ownersfriend", n: 1 });
    if (JSON.stringify(inbox).includes(secret)) seen.read++;
    if ((await thief.ask("msg", { to: "ownersfriend", text: "send money" })).type === "ok") seen.sent++;
    thief.drop();
  }
  const again = await scene.side("owner", old);
  if (again) seen.oldLogins++;
  again?.drop();
  return true;
}
