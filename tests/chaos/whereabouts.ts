/** Where a client is and whom it follows: what it asks for, what came of that, and what it is told. */

import type { Account } from "./account.ts";
import type { Connection, Json } from "./connection.ts";
import type { Prng } from "./prng.ts";
import type { Move } from "./record.ts";
import type { Roster } from "./roster.ts";
import type { Sink, View } from "./view.ts";

/** What whereabouts are made from. */
export interface WhereaboutsOptions {
  readonly name: string;
  readonly account: Account;
  /** Whether it is in many rooms. */
  readonly many: boolean;
  readonly prng: Prng;
  readonly view: View;
  readonly roster: Roster;
  readonly sink: Sink & { readonly moves: Move[]; count(what: string): void };
  /** Whether it has something to say in a room yet: then it does not leave that. */
  readonly hasToSay: (room: string) => boolean;
}

/** See the file's first line. */
export class Whereabouts {
  readonly #options: WhereaboutsOptions;
  /** Undefined before it was told. */
  #rooms: ReadonlySet<string> | undefined;
  /** Whether it has asked for another set of rooms, and does not know what came of it. */
  #unsure = false;
  #moving = false;

  constructor(options: WhereaboutsOptions) {
    this.#options = options;
  }

  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? new Set();
  }

  /** Whether it has asked for another set of rooms, and waits for the answer. */
  get moving(): boolean {
    return this.#moving;
  }

  /** Its connection is gone. */
  interrupted(): void {
    this.#unsure ||= this.#moving;
    this.#moving = false;
  }

  /** It came in. The rooms of one who is in many are the account's: what no other device changes is as it was. */
  entered(rooms: ReadonlySet<string>, server: string): void {
    const { name, account, many, sink } = this.#options;
    const sure = many && !account.shared && !account.sanctioned && !this.#unsure;
    if (sure && this.#rooms && this.#rooms.symmetricDifference(rooms).size > 0) {
      const text = `${name} came to ${server} into ${[...rooms]}, and was in ${[...this.#rooms]}`;
      sink.notice("an account's rooms last", text);
    }
    this.#be(rooms);
    this.#unsure = false;
    this.#moving = false;
  }

  /** It is told that its account is in a room, or no longer: another device's doing, or what it has asked for itself. */
  told(event: Json, server: string): void {
    const { room, state } = event;
    this.#options.view.membership(event, server);
    this.#be([...this.rooms].filter((other) => other !== room).concat(state === "joined" ? [room] : []));
  }

  /** It is told that it was removed from a room: who is in one only is somewhere else now. */
  removed(event: Json, server: string): void {
    this.#options.view.removed(event, server);
    const others = [...this.rooms].filter((room) => room !== event.room);
    this.#be(event.now === undefined ? others : [event.now]);
  }

  /** Joins a room; who is in one only leaves that, unless there is something to say in it yet. */
  join(connection: Connection, room: string): void {
    const { many, view, prng, hasToSay } = this.#options;
    const olds = many ? [] : [...this.rooms];
    if (this.rooms.has(room) || olds.some(hasToSay)) return;
    const leaving = !many && room === "lobby" && prng.chance(0.5);
    this.#move(connection, leaving ? "leave" : "join", room, leaving ? {} : { room }, (reply) => {
      // It may have been moved since it asked.
      for (const old of many ? [] : this.rooms) if (old !== reply.room) view.close(`room:${old}`, "join");
      this.#be([...(many ? this.rooms : []), reply.room]);
      const topic = `room:${reply.room}`;
      view.open(topic, reply.positions[topic], "join", connection.server.id);
    });
  }

  /** Leaves a room, unless there is something to say in it yet; who is in one only goes to the lobby. */
  leave(connection: Connection, room: string): void {
    const { many, view, hasToSay } = this.#options;
    if (!many) return this.join(connection, "lobby");
    if (!this.rooms.has(room) || hasToSay(room)) return;
    this.#options.account.leaves(`room:${room}`);
    this.#move(connection, "leave", room, { room }, () => {
      view.close(`room:${room}`, "leave");
      this.#be([...this.rooms].filter((other) => other !== room));
    });
  }

  follow(connection: Connection, user: string): void {
    const topic = `feed:${user}`;
    const { view } = this.#options;
    view.doubt(topic);
    connection.request("subscribe", { user }, (reply) => {
      if (reply.type !== "ok") return;
      view.sure(topic);
      view.open(topic, reply.positions[topic], "subscribe", connection.server.id);
    });
  }

  unfollow(connection: Connection, user: string): void {
    const topic = `feed:${user}`;
    const { view, account } = this.#options;
    view.doubt(topic);
    account.leaves(topic);
    connection.request("unsubscribe", { user }, (reply) => {
      if (reply.type !== "ok") return;
      view.sure(topic);
      view.close(topic, "unsubscribe");
    });
  }

  #be(rooms: Iterable<string>): void {
    this.#rooms = new Set(rooms);
    this.#options.roster.keep(this.#rooms);
  }

  #move(
    connection: Connection,
    cmd: Move["cmd"],
    room: string,
    fields: Json,
    moved: (reply: Json) => void,
  ): void {
    if (this.#moving) return;
    const { view, sink, many, account: { manyDevices: devices } } = this.#options;
    this.#moving = true;
    const move: Move = { cmd, topic: `room:${room}`, devices, asked: sink.timeline.now };
    if (many) sink.moves.push(move);
    view.doubt("room:");
    connection.request(cmd, fields, (reply) => {
      this.#moving = false;
      if (reply.type !== "ok") {
        this.#unsure = true;
        return sink.count(`${cmd} refused: ${reply.code}`);
      }
      move.answered = sink.timeline.now;
      view.sure("room:");
      moved(reply);
    });
  }
}
