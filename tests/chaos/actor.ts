/**
 * One client of a chaos run: it talks, moves about, follows others, loses its connection and comes back.
 *
 * It behaves as a good client does: keeps what is unanswered and sends it again in order, names its positions when it
 * resumes, answers pings, marks what it has read, and logs in anew where its token is worth nothing any more.
 */

import type { Account } from "./account.ts";
import type { Connection, Json, Ways } from "./connection.ts";
import { Entrance, type Guest } from "./entrance.ts";
import { Outgoing } from "./outgoing.ts";
import type { Prng } from "./prng.ts";
import type { Move, Place, Sent } from "./record.ts";
import { Roster } from "./roster.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";
import { type Sink, View } from "./view.ts";
import { Whereabouts } from "./whereabouts.ts";
import { textOf } from "./words.ts";

/** What an actor is made from. */
export interface ActorOptions {
  /** What it is called in reports, and in its messages' cids: its account's name, and its device's if there are several. */
  readonly name: string;
  readonly account: Account;
  /** What its device is called; undefined where its user has one only. */
  readonly device: string | undefined;
  /** Whether it is in many rooms. */
  readonly many: boolean;
  /** All who take part. */
  readonly names: readonly string[];
  readonly rooms: readonly string[];
  readonly nodes: readonly ServerNode[];
  readonly prng: Prng;
  readonly ways: Ways;
  readonly sink: Sink & { readonly sent: Sent[]; readonly moves: Move[]; count(what: string): void };
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

/** What is done on one of a user's devices: more that the others must hear of. */
const sharedHabits = { ...habits, join: 12, leave: 9, seen: 10 };

/** See the file's first lines. */
export class Actor implements Guest {
  readonly name: string;
  readonly account: Account;
  readonly device: string | undefined;
  readonly many: boolean;
  readonly #options: ActorOptions;
  readonly #acts: Prng;
  readonly #routes: Prng;
  readonly #entrance: Entrance;
  readonly view: View;
  /** Who is in its rooms, as it was told on its connection. */
  readonly roster = new Roster();
  readonly #outgoing: Outgoing;
  #connection: Connection | undefined;
  #ended = Promise.withResolvers<void>();
  readonly #whereabouts: Whereabouts;
  #count = 0;
  #quiet = false;
  #still = false;
  #stopped = new AbortController();
  #forcedOut = false;
  #comeBackAfter = 0;
  #unmarked: string | undefined;
  /** The newest of its sessions that was revoked. */
  #revokedSession = -1;

  constructor(options: ActorOptions) {
    this.#options = options;
    this.name = options.name;
    this.account = options.account;
    this.device = options.device;
    this.many = options.many;
    this.#acts = options.prng.fork(`${options.name} acts`);
    this.#routes = options.prng.fork(`${options.name} routes`);
    this.view = new View(options.name, options.sink, options.account, options.many);
    this.#entrance = new Entrance({ ...options, prng: this.#routes }, this);
    this.#outgoing = new Outgoing(options.ways.timeline, (code) => options.sink.count(`refused: ${code}`));
    this.#whereabouts = new Whereabouts({
      ...options,
      prng: this.#acts,
      view: this.view,
      roster: this.roster,
      hasToSay: (room) => this.#outgoing.has(`room:${room}`),
    });
  }

  /** Whether it is logged in and connected. */
  get live(): boolean {
    return this.#connection !== undefined;
  }

  get rooms(): ReadonlySet<string> {
    return this.#whereabouts.rooms;
  }

  /** Where it stands in each topic that it follows. */
  get places(): Map<string, Place> {
    return new Map(this.view.topics.map((topic) => [topic, this.view.place(topic)!]));
  }

  /** Whether all that it had to say is answered. */
  get done(): boolean {
    return this.live && this.#outgoing.size === 0 && this.#connection!.unanswered === 0 &&
      !this.#whereabouts.moving;
  }

  /** Whether the session that it has, or had last, was revoked. */
  get isRevoked(): boolean {
    return this.session <= this.#revokedSession;
  }

  /** Which of its sessions it has, or had last: counts its logins. */
  get session(): number {
    return this.#outgoing.session;
  }

  /** How it is connected; undefined while it is not. */
  get connection(): Connection | undefined {
    return this.#connection;
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

  /** From now on, asks nothing of itself: what it learns it is told. */
  still(): void {
    this.#still = true;
  }

  /** Leaves a room of its account's, or enters one where there is none. @returns whether that was answered in time */
  async changeRooms(): Promise<boolean> {
    const connection = this.#connection;
    if (!connection) return false;
    const [room] = this.rooms;
    if (room === undefined) this.#whereabouts.join(connection, this.#options.rooms[0]);
    else this.#whereabouts.leave(connection, room);
    const deadline = this.#options.ways.timeline.now + patienceMs;
    while (this.#whereabouts.moving && this.#options.ways.timeline.now < deadline) await pause(5);
    return this.live && this.rooms.has(room ?? this.#options.rooms[0]) === (room === undefined);
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

  /** Another device of its user's was answered that a session of it is revoked. */
  revoked(session: number): void {
    this.#revokedSession = session;
    if (this.isRevoked) this.#outgoing.giveUp();
  }

  /** Says something in every log that another device of its user's may write to as well. @returns what and where */
  sayEverywhere(): Sent[] {
    const rooms = [...this.rooms].map((room) => this.#add("say", `room:${room}`, { room }));
    const all = [...rooms, this.#add("publish", `feed:${this.account.user}`, {})];
    if (this.#connection) this.#outgoing.pump(this.#connection, this.rooms);
    return all;
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
        this.#options.sink.count(`told of a room ${event.state}`);
        return this.#whereabouts.told(event, this.#connection!.server.id);
      case "presence":
        return this.roster.take(event);
      case "removed":
        this.#options.sink.count("removed from a room");
        return this.#whereabouts.removed(event, this.#connection!.server.id);
      case "seen":
        this.#options.sink.count("marks heard of");
        return this.view.seen(event);
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
    this.#whereabouts.interrupted();
    this.#outgoing.interrupted();
    if (this.#forcedOut) {
      this.#options.sink.count("forced logouts");
      if (!this.#entrance.hasRival && !this.isRevoked) {
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
    this.roster.clear();
    if (cmd !== "resume") this.#outgoing.session++;
    if (cmd === "resume") this.view.resumed(reply.positions, connection.server.id);
    else this.view.loggedIn(reply.positions, connection.server.id);
    this.#whereabouts.entered(new Set(reply.rooms ?? [reply.room]), connection.server.id);
    // What was meant for a room that it is no longer in is said there later, or never; and now and then it gives up.
    for (const topic of this.#outgoing.topics) {
      if (!this.#acts.chance(this.#isElsewhere(topic) ? 0.5 : 0.25)) continue;
      this.#outgoing.giveUp(topic);
      sink.count("given up");
    }
    this.#outgoing.pump(connection, this.rooms);
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
    if (this.#quiet && !this.#still && connection.unanswered === 0) connection.request("whoami", {});
    const elsewhere = this.#outgoing.topics.find((topic) => this.#isElsewhere(topic));
    if (elsewhere) this.#whereabouts.join(connection, elsewhere.slice("room:".length));
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
    const whereabouts = this.#whereabouts;
    switch (this.#acts.weighted(this.account.shared ? sharedHabits : habits)) {
      case "say":
        return this.#say();
      case "publish":
        return this.#tell("publish", `feed:${this.account.user}`, {});
      case "msg":
        return this.#tell("msg", `inbox:${other}`, { to: other });
      case "join":
        return whereabouts.join(connection, this.#acts.pick(rooms));
      case "leave":
        return whereabouts.leave(connection, this.many ? this.#acts.pick(rooms) : "lobby");
      case "subscribe":
        return whereabouts.follow(connection, other);
      case "unsubscribe":
        return whereabouts.unfollow(connection, other);
      case "seen":
        return this.#markAsRead(connection);
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

  /** Marks its inbox as read, or another topic that it follows. */
  #markAsRead(connection: Connection): void {
    const { user } = this.account;
    const inbox = `inbox:${user}`;
    const topic = this.many ? this.#acts.pick([inbox, `sent:${user}`, this.#acts.pick(this.view.topics)]) : inbox;
    const pos = topic === inbox ? this.#unmarked : this.view.present(false)[topic];
    if (pos === undefined) return;
    if (topic === inbox) this.#unmarked = undefined;
    this.#mark(connection, topic, pos);
    // Where somebody reads again what is old, a mark that is further on stays.
    const old = this.view.beginning(topic);
    if (old !== undefined && this.#acts.chance(0.5)) this.#mark(connection, topic, old);
  }

  #mark(connection: Connection, topic: string, pos: string): void {
    const { account } = this;
    account.mark(topic, pos);
    connection.request("seen", topic === `inbox:${account.user}` ? { pos } : { topic, pos }, (reply) => {
      if (reply.type === "ok") account.marked(topic, pos);
    });
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
    if (this.#whereabouts.moving || this.#outgoing.size > 200) return;
    for (let left = this.#acts.pick([1, 1, 2, 4]); left > 0; left--) this.#add(cmd, topic, fields);
    this.#outgoing.pump(this.#connection!, this.rooms);
  }

  #add(cmd: "say" | "publish" | "msg", topic: string, fields: Json): Sent {
    const cid = `${this.name}-${++this.#count}`;
    const text = textOf(cid, this.#acts);
    const sent: Sent = {
      publisher: this.account.user,
      device: this.name,
      topic,
      n: this.#count,
      cid,
      text,
      attempts: [],
      outcome: { kind: "unknown" },
    };
    this.#options.sink.sent.push(sent);
    this.#outgoing.add(sent, cmd, { ...fields, text, cid });
    return sent;
  }
}
