/**
 * Who looks after the rooms of a run: owns them, and bans, mutes and kicks users between the faults. Behind each answer it
 * says something in the room, so that the log shows what was stored while the user had no right to speak.
 */

import { Connection, type Json, type Ways } from "./connection.ts";
import type { Prng } from "./prng.ts";
import type { Sanction, Sent } from "./record.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";

const account = { user: "warden", password: "password of the warden" };

/** How long it tries to take a sanction back, in milliseconds: servers may be away. */
const patienceMs = 20_000;

/** What a warden is made from. */
export interface WardenOptions {
  readonly ways: Ways;
  /** The rooms that it comes to own: all but the lobby. */
  readonly rooms: readonly string[];
  readonly sent: Sent[];
  readonly sanctions: Sanction[];
}

/** See the file's first lines. */
export class Warden {
  readonly rooms: readonly string[];
  readonly #options: WardenOptions;
  #count = 0;

  constructor(options: WardenOptions) {
    this.rooms = options.rooms.filter((room) => room !== "lobby");
    this.#options = options;
  }

  /** Makes its account, and is the first visitor of its rooms. */
  async settleIn(node: ServerNode): Promise<void> {
    await this.#on(node, true, async (ask) => {
      await ask("register", account);
      for (const room of this.rooms) await ask("join", { room });
      for (const room of ["lobby", ...this.rooms]) await ask("leave", { room });
      await ask("quit", {});
    });
  }

  /**
   * Removes or silences a user, in one of the rooms that the user is in, if there is any.
   *
   * @returns what takes it back
   */
  async sanction(
    nodes: readonly ServerNode[],
    server: number,
    prng: Prng,
    user: string,
    present: ReadonlySet<string>,
  ): Promise<() => Promise<void>> {
    const there = this.rooms.filter((room) => present.has(room));
    const room = prng.pick(there.length > 0 ? there : this.rooms);
    const kind = prng.pick(["ban", "ban", "mute", "kick"] as const);
    const { timeline } = this.#options.ways;
    let begun: Sanction | undefined;
    try {
      await this.#aside(nodes[server], async (ask) => {
        await ask(kind, { room, user });
        const sanction: Sanction = { kind, user, room, at: timeline.now, marker: undefined, until: undefined };
        if (kind !== "kick") this.#options.sanctions.push(begun = sanction);
        sanction.marker = await this.#mark(ask, room, nodes[server]);
      });
    } catch (error) {
      timeline.note(`${kind} of ${user} in ${room}: ${(error as Error).message}`);
      if (!begun && error instanceof Refused && !error.isPassing) return async () => {};
    }
    return kind === "kick" ? async () => {} : () => this.#takeBack(nodes, { kind, user, room }, begun);
  }

  /** Whatever came of it, the user may speak again: it is asked until a server says so. */
  async #takeBack(
    nodes: readonly ServerNode[],
    { kind, user, room }: Pick<Sanction, "kind" | "user" | "room">,
    sanction: Sanction | undefined,
  ): Promise<void> {
    const { timeline } = this.#options.ways;
    const deadline = timeline.now + patienceMs;
    for (let tries = 0; timeline.now < deadline; tries++) {
      const node = nodes[tries % nodes.length];
      try {
        await this.#aside(node, async (ask) => {
          if (sanction?.marker && !sanction.until) {
            const cid = await this.#mark(ask, room, node);
            if (cid !== undefined) sanction.until = { cid, at: timeline.now };
          }
          await ask(`un${kind}`, { room, user });
        });
        return;
      } catch {
        await pause(200);
      }
    }
    timeline.note(`un${kind} of ${user} in ${room} was never answered`);
  }

  /** Says something. @returns its cid where that was answered */
  async #mark(ask: Ask, room: string, node: ServerNode): Promise<string | undefined> {
    const { ways: { timeline }, sent } = this.#options;
    const n = ++this.#count;
    const cid = `warden-${n}`;
    const message: Sent = {
      ...{ publisher: account.user, device: account.user, topic: `room:${room}`, n, cid, text: `${cid} is here` },
      attempts: [{ at: timeline.now, server: node.id, session: n }],
      outcome: { kind: "unknown" },
    };
    sent.push(message);
    const { seq } = await ask("say", { room, text: message.text, cid });
    message.outcome = { kind: "acknowledged", seq, at: timeline.now };
    return cid;
  }

  async #aside(node: ServerNode, work: (ask: Ask) => Promise<void>): Promise<void> {
    await this.#on(node, false, async (ask) => {
      await ask("login", { ...account, side: true });
      await work(ask);
    });
  }

  async #on(node: ServerNode, many: boolean, work: (ask: Ask) => Promise<void>): Promise<void> {
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => {});
    const listener = { event: () => {}, ended: (why: string) => reject(new Error(why)) };
    const connection = await Connection.open(node, "the warden", this.#options.ways, listener, many);
    const late = setTimeout(() => connection.drop("no answer"), 8_000);
    const ask: Ask = (cmd, fields) =>
      Promise.race([
        ended,
        new Promise<Json>((resolve, refuse) =>
          connection.request(cmd, fields, (reply) => {
            if (reply.type === "ok") resolve(reply);
            else refuse(new Refused(cmd, reply.code));
          })
        ),
      ]);
    try {
      await work(ask);
    } finally {
      clearTimeout(late);
      connection.drop("it is done");
    }
  }
}

type Ask = (cmd: string, fields: Json) => Promise<Json>;

/** A server has refused a command. */
class Refused extends Error {
  /** Whether that says nothing about the command itself: it may have been done. */
  readonly isPassing: boolean;

  constructor(cmd: string, code: string) {
    super(`${cmd} is refused: ${code}`);
    this.isPassing = ["store_unavailable", "server_draining", "internal"].includes(code);
  }
}
