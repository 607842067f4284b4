/**
 * One client of a chaos run: it talks, moves about, follows others, loses its connection and comes back.
 *
 * It behaves as a good client does: keeps what is unanswered and sends it again in order, names its positions when it
 * resumes, answers pings, marks what it has read, and logs in anew where its token is worth nothing any more.
 */

import type { Connection, Json, Ways } from "./connection.ts";
import { Entrance, type Guest } from "./entrance.ts";
import { Outgoing } from "./outgoing.ts";
import type { Prng } from "./prng.ts";
import type { Place, Sent } from "./record.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";
import { type Sink, View } from "./view.ts";
import { textOf } from "./words.ts";

/** What an actor is made from. */
export interface ActorOptions {
  readonly name: string;
  /** Whether it is in many rooms. */
  readonly many: boolean;
  /** All who take part. */
  readonly names: readonly string[];
  readonly rooms: readonly string[];
  readonly nodes: readonly ServerNode[];
  readonly prng: Prng;
  readonly ways: Ways;
  readonly sink: Sink & { readonly sent: Sent[]; count(what: string): void };
  /** How long it waits between two things that it does, on average, in milliseconds. */
  readonly paceMs: number;
}

/** How long it waits for an answer before it takes the connection for dead, in milliseconds. */
const patienceMs = 4_000;

/** How often it looks after its connection, in milliseconds. */
const tickMs = 250;

/** What it does, and how often. */
const habits = {
  say: 54,
  publish: 14,
  msg: 16,
  join: 5,
  leave: 2,
  subscribe: 3,
  unsubscribe: 1,
  seen: 4,
  look: 1.5,
  drop: 0.5,
};

/** See the file's first lines. */
export class Actor implements Guest {
  readonly name: string;
  readonly password: string;
  readonly #options: ActorOptions;
  readonly #acts: Prng;
  readonly #routes: Prng;
  readonly #entrance: Entrance;
  readonly view: View;
  readonly #outgoing: Outgoing;
  #connection: Connection | undefined;
  #ended = Promise.withResolvers<void>();
  /** Where it is; undefined before it was told. */
  #rooms: ReadonlySet<string> | undefined;
  /** Whether it has asked for another set of rooms, and does not know what came of it. */
  #unsure = false;
  #count = 0;
  #moving = false;
  #quiet = false;
  #stopped = new AbortController();
  #forcedOut = false;
  #comeBackAfter = 0;
  #unmarked: string | undefined;

  constructor(options: ActorOptions) {
    this.#options = options;
    this.name = options.name;
    this.password = `password of ${options.name}`;
    this.#acts = options.prng.fork(`${options.name} acts`);
    this.#routes = options.prng.fork(`${options.name} routes`);
    this.view = new View(options.name, options.sink);
    this.#entrance = new Entrance({ ...options, password: this.password, prng: this.#routes }, this);
    this.#outgoing = new Outgoing(options.ways.timeline, (code) => options.sink.count(`refused: ${code}`));
  }

  /** Whether it is logged in and connected. */
  get live(): boolean {
    return this.#connection !== undefined;
  }

  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? new Set();
  }

  /** Where it stands in each topic that it follows. */
  get places(): Map<string, Place> {
    return new Map(this.view.topics.map((topic) => [topic, this.view.place(topic)!]));
  }

  /** Whether all that it had to say is answered. */
  get done(): boolean {
    return this.live && this.#outgoing.size === 0 && this.#connection!.unanswered === 0 && !this.#moving;
  }

  /** Lives until it is told to stop. */
  async run(): Promise<void> {
    const { signal } = this.#stopped;
    const acting = this.#actOn(signal);
    const looking = setInterval(() => this.#lookAfter(), tickMs);
    for (let failures = 0; !signal.aborted;) {
      this.#ended = Promise.withResolvers();
      if (await this.#entrance.comeIn(signal)) {
        failures = 0;
        await this.#ended.promise;
      } else failures++;
      const most = Math.min(1_500, 100 * 2 ** Math.min(failures, 4));
      await pause(this.#comeBackAfter + this.#routes.next() * most, signal);
      this.#comeBackAfter = 0;
    }
    clearInterval(looking);
    await acting;
  }

  /** Begins nothing new, and finishes what it has begun. */
  quiet(): void {
    this.#quiet = true;
  }

  /** Leaves in the orderly way. @returns whether that was answered */
  async quit(): Promise<boolean> {
    const connection = this.#connection;
    let answered = false;
    this.#stopped.abort();
    connection?.request("quit", {}, (reply) => answered = reply.type === "ok");
    const late = new AbortController();
    void pause(patienceMs, late.signal).then(() => connection?.drop("no answer to quit"));
    if (connection) await this.#ended.promise;
    late.abort();
    return answered;
  }

  /** Breaks off everything. */
  stop(): void {
    this.#stopped.abort();
    this.#connection?.drop("the run is over");
  }

  /** Loses its connection; @param twin whether it comes back on two connections at once, with one token */
  drop(twin = false): void {
    if (twin) this.#entrance.comeTwice();
    this.#connection?.drop(twin ? "to come back twice" : "pulled the plug");
  }

  /** Somebody else is about to log in under its name. */
  expectRival(): void {
    this.#entrance.expectRival();
  }

  event(event: Json): void {
    switch (event.type) {
      case "message":
      case "notification":
      case "direct":
        this.#options.sink.count("deliveries");
        this.view.take(event);
        if (event.topic.startsWith("inbox:")) this.#unmarked = event.pos;
        return;
      case "gap":
        this.#options.sink.count("gaps");
        return this.view.take(event);
      case "membership":
        return this.#membership(event);
      case "ping":
        return this.#connection?.request("pong", {});
      case "system":
        if (event.code === "forced_logout") this.#forcedOut = true;
        this.#comeBackAfter = event.retry_after_ms ?? 0;
        return;
      case "error":
        return this.#options.sink.count(`ended: ${event.code}`);
    }
  }

  ended(why: string): void {
    const { server } = this.#connection ?? {};
    this.#connection = undefined;
    this.#unsure ||= this.#moving;
    this.#moving = false;
    this.#outgoing.interrupted();
    if (this.#forcedOut) {
      this.#options.sink.count("forced logouts");
      if (!this.#entrance.hasRival) {
        const text = `${this.name} was forced out of ${server?.id}; ${why}`;
        this.#options.sink.notice("nobody is forced out by nobody", text);
      }
      this.loggedOut("forced out");
    }
    this.#ended.resolve();
  }

  entered(connection: Connection, cmd: string, reply: Json): void {
    const { sink } = this.#options;
    this.#connection = connection;
    this.#forcedOut = false;
    this.#moving = false;
    if (cmd === "resume") this.view.resumed(reply.positions, connection.server.id);
    else this.view.loggedIn(reply.positions, connection.server.id);
    this.#enteredRooms(new Set(reply.rooms ?? [reply.room]), connection);
    // What was meant for a room that it is no longer in is said there later, or never; and now and then it gives up.
    for (const topic of this.#outgoing.topics) {
      if (!this.#acts.chance(this.#isElsewhere(topic) ? 0.5 : 0.25)) continue;
      this.#outgoing.giveUp(topic);
      sink.count("given up");
    }
    this.#outgoing.pump(connection, this.rooms);
  }

  /** It is told that its account is in a room now, or no longer: another connection's doing, or what it has asked itself. */
  #membership(event: Json): void {
    const { room, state } = event;
    this.#options.sink.count(`told of a room ${state}`);
    this.view.membership(event, this.#connection!.server.id);
    this.#rooms = new Set([...this.rooms].filter((other) => other !== room).concat(state === "joined" ? [room] : []));
  }

  /** The rooms of one who is in many are the account's: they are what they were, however it comes in. */
  #enteredRooms(rooms: ReadonlySet<string>, { server }: Connection): void {
    const { many, sink } = this.#options;
    if (many && this.#rooms && !this.#unsure && this.#rooms.symmetricDifference(rooms).size > 0) {
      const text = `${this.name} came to ${server.id} into ${[...rooms]}, and was in ${[...this.#rooms]}`;
      sink.notice("an account's rooms last", text);
    }
    this.#rooms = rooms;
    this.#unsure = false;
  }

  /** Whether a topic is a room that it is not in. */
  #isElsewhere(topic: string): boolean {
    return topic.startsWith("room:") && !this.rooms.has(topic.slice("room:".length));
  }

  loggedOut(by: string): void {
    this.#forcedOut = false;
    this.#entrance.forget();
    this.view.closeAll(by);
  }

  #lookAfter(): void {
    const connection = this.#connection;
    if (!connection) return;
    if (connection.waiting > patienceMs) return connection.drop("no answer");
    if (this.#quiet && connection.unanswered === 0) connection.request("whoami", {});
    const elsewhere = this.#outgoing.topics.find((topic) => this.#isElsewhere(topic));
    if (elsewhere) this.#join(elsewhere.slice("room:".length));
    this.#outgoing.pump(connection, this.rooms);
  }

  async #actOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#acts.wait(this.#options.paceMs), signal);
      if (this.#quiet) return;
      if (this.#connection && !signal.aborted) this.#act();
    }
  }

  #act(): void {
    const connection = this.#connection!;
    const { names, rooms } = this.#options;
    const other = this.#acts.pick(names);
    switch (this.#acts.weighted(habits)) {
      case "say":
        return this.#say();
      case "publish":
        return this.#tell("publish", `feed:${this.name}`, {});
      case "msg":
        return this.#tell("msg", `inbox:${other}`, { to: other });
      case "join":
        return this.#join(this.#acts.pick(rooms));
      case "leave":
        return this.#options.many ? this.#leave(this.#acts.pick(rooms)) : this.#join("lobby");
      case "subscribe":
        return this.#follow(other);
      case "unsubscribe":
        return this.#unfollow(other);
      case "seen":
        if (this.#unmarked === undefined) return;
        this.view.mark(this.#unmarked);
        connection.request("seen", { pos: this.#unmarked });
        this.#unmarked = undefined;
        return;
      case "look":
        return this.#look(connection);
      case "drop":
        return this.drop();
    }
  }

  #say(): void {
    if (this.rooms.size === 0) return;
    const room = this.#acts.pick([...this.rooms]);
    this.#tell("say", `room:${room}`, { room });
  }

  #look(connection: Connection): void {
    const cmd = this.#acts.pick(["users", "rooms", "who", "whoami", "subs", "history"]);
    const [room] = this.rooms;
    const named = this.#options.many && (cmd === "who" || cmd === "history");
    if (!named) connection.request(cmd, {});
    else if (room !== undefined) connection.request(cmd, { room });
  }

  /** Says something, or several things at once. */
  #tell(cmd: "say" | "publish" | "msg", topic: string, fields: Json): void {
    // It does not run away from what it has still to say elsewhere, nor pile up without end.
    if (this.#moving || this.#outgoing.size > 200) return;
    for (let left = this.#acts.pick([1, 1, 2, 4]); left > 0; left--) {
      const cid = `${this.name}-${++this.#count}`;
      const text = textOf(cid, this.#acts);
      const sent: Sent = {
        publisher: this.name,
        topic,
        n: this.#count,
        cid,
        text,
        attempts: [],
        outcome: { kind: "unknown" },
      };
      this.#options.sink.sent.push(sent);
      this.#outgoing.add(sent, cmd, { ...fields, text, cid });
    }
    this.#outgoing.pump(this.#connection!, this.rooms);
  }

  /** Joins a room; who is in one only leaves that, unless there is something to say in it yet. */
  #join(room: string): void {
    const { many } = this.#options;
    const olds = many ? [] : [...this.rooms];
    if (this.rooms.has(room) || olds.some((old) => this.#outgoing.has(`room:${old}`))) return;
    const leaving = !many && room === "lobby" && this.#acts.chance(0.5);
    this.#move(leaving ? "leave" : "join", leaving ? {} : { room }, (reply, { server }) => {
      for (const old of olds) this.view.close(`room:${old}`, "join");
      this.#rooms = new Set([...(many ? this.rooms : []), reply.room]);
      const topic = `room:${reply.room}`;
      this.view.open(topic, reply.positions[topic], "join", server.id);
    });
  }

  /** Of one who is in many rooms: leaves one, unless there is something to say in it yet. */
  #leave(room: string): void {
    if (!this.rooms.has(room) || this.#outgoing.has(`room:${room}`)) return;
    this.#move("leave", { room }, () => {
      this.view.close(`room:${room}`, "leave");
      this.#rooms = new Set([...this.rooms].filter((other) => other !== room));
    });
  }

  #move(cmd: "join" | "leave", fields: Json, moved: (reply: Json, connection: Connection) => void): void {
    if (this.#moving) return;
    const connection = this.#connection!;
    this.#moving = true;
    this.view.doubt("room:");
    connection.request(cmd, fields, (reply) => {
      this.#moving = false;
      if (reply.type !== "ok") {
        this.#unsure = true;
        return this.#options.sink.count(`${cmd} refused: ${reply.code}`);
      }
      this.view.sure("room:");
      moved(reply, connection);
    });
  }

  #follow(user: string): void {
    const topic = `feed:${user}`;
    const connection = this.#connection!;
    this.view.doubt(topic);
    connection.request("subscribe", { user }, (reply) => {
      if (reply.type !== "ok") return;
      this.view.sure(topic);
      this.view.open(topic, reply.positions[topic], "subscribe", connection.server.id);
    });
  }

  #unfollow(user: string): void {
    const topic = `feed:${user}`;
    this.view.doubt(topic);
    this.#connection!.request("unsubscribe", { user }, (reply) => {
      if (reply.type !== "ok") return;
      this.view.sure(topic);
      this.view.close(topic, "unsubscribe");
    });
  }
}
