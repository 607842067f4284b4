import type { Json } from "../../../tests/support/client.ts";
import { type Attack, attackersPassword, type Scene } from "../attack.ts";

/** Messages that somebody misses while away. */
const missing = 3;

export const forgedPositions: Attack = {
  point: 1,
  name: "forged-positions",
  does: "resumes again and again in rooms of others with positions that no server ever gave out",
  async prepare(scene) {
    const forger = await scene.newcomer("forger");
    const traveller = await scene.newcomer("traveller");
    const { positions } = await traveller.ask("join", { room: "forgers" });
    const away = { token: traveller.session.resume, positions };
    traveller.drop();
    const joined = await forger.ask("join", { room: "forgers" });
    for (let n = 1; n <= missing; n++) await forger.ask("say", { text: `while you were away, ${n}` });
    let known: Known | undefined = { token: forger.session.resume, positions: joined.positions };
    forger.drop();
    return async () => {
      const rooms = [...scene.honest.rooms, "forgers"];
      let round = 0;
      await scene.repeat(async () => {
        known = known && await forge(scene, known, rooms[round % rooms.length], round++) || await logIn(scene);
        if (!known) await scene.pause(1000);
      });
      await comesBack(scene, away);
    };
  },
};

/** What somebody needs to come back. */
interface Known {
  readonly token: string;
  readonly positions: Json;
}

/** Resumes with positions that are changed, and goes into the next room. @returns what to resume with from there */
async function forge(scene: Scene, { token, positions }: Known, room: string, n: number): Promise<Known | undefined> {
  const intruder = await scene.dial();
  const changed = Object.entries(positions).map(([topic, pos]) => [topic, forged(pos, n)]);
  const resumed = await intruder.ask("resume", { token, positions: Object.fromEntries(changed) });
  const joined = resumed.type === "ok" ? await intruder.ask("join", { room }) : resumed;
  intruder.drop();
  if (joined.type !== "ok") await scene.pause(200);
  return resumed.type === "ok"
    ? { token: resumed.resume, positions: { ...resumed.positions, ...joined.positions } }
    : undefined;
}

async function logIn(scene: Scene): Promise<Known | undefined> {
  const intruder = await scene.dial();
  const answer = await intruder.ask("login", { user: "forger", password: attackersPassword });
  intruder.drop();
  return answer.type === "ok" ? { token: answer.resume, positions: answer.positions } : undefined;
}

/** A position that was given out → one far ahead, one whose message never was, one of an epoch that never was. */
function forged(pos: string, round: number): string {
  const [epoch, seq, ...rest] = pos.split(".");
  const ways = [
    [epoch, "99999999", "aaaaaa"],
    [epoch, "99999999", ...rest],
    [epoch, seq, "aaaaaa"],
    [epoch.split("").reverse().join(""), "99999999", "aaaaaa"],
    [epoch, `${Number(seq) + 1}`, ...rest],
  ];
  return ways[round % ways.length].join(".");
}

/** Comes back to the room where messages were said meanwhile. */
async function comesBack(scene: Scene, { token, positions }: Known): Promise<void> {
  const traveller = await scene.dial();
  let [heard, gaps] = [0, 0];
  traveller.onEvent = ({ type, topic }) => {
    if (topic !== "room:forgers") return;
    if (type === "gap") gaps++;
    if (type === "message") heard++;
  };
  const answer = await traveller.ask("resume", { token, positions });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  traveller.drop();
  const whole = heard === missing && gaps === 0 && answer.missed === missing;
  const seen = `${answer.code ?? `missed ${answer.missed}`}, ${heard} came, ${gaps} gaps`;
  scene.finds(`somebody who was away gets the ${missing} messages and no gap`, whole, seen);
}
