import type { GapEvent, MembershipEvent, Reply, SeenEvent, TopicEvent } from "../../wire/event.ts";
import type { RemovedEvent } from "../../wire/room_event.ts";
import type { Request } from "../net/connection.ts";
import { ownChangeText } from "../../wire/room_text.ts";
import type { Update } from "./update.ts";
import { Progress } from "./progress.ts";
import { fold } from "../../wire/names.ts";
import { type JsonObject, toPositions } from "../base/shape.ts";

/**
 * Called with what resumes the session, whenever that changes; undefined when nothing does any more.
 *
 * @returns what a person is to be told where it cannot be kept: the session goes on
 */
export type KeepToken = (token: string | undefined) => string | undefined;

/** More topics than anyone follows: a server that names more makes the client forget the oldest. */
const maxSeen = 10_000;

/** Who and where a client is by what servers told it: user, rooms, resume token, and how far it has read. */
export class SessionIdentity {
  readonly #keep: KeepToken;
  readonly #progress = new Progress();
  /** Topic → how far the account has read it, as other devices told. */
  readonly #seen = new Map<string, string>();
  #user: string | undefined;
  #device: string | undefined;
  #rooms: ReadonlySet<string> = new Set();
  /** Whether there may be any number of rooms; else there is one. */
  #many = false;
  #token: string | undefined;
  #notice: string | undefined;

  constructor(keep: KeepToken) {
    this.#keep = keep;
  }

  get user(): string | undefined {
    return this.#user;
  }

  /** The device that the user is logged in on, where it has a name. */
  get device(): string | undefined {
    return this.#device;
  }

  /** Topic → how far the account has read it, as far as other devices told. */
  get seen(): ReadonlyMap<string, string> {
    return this.#seen;
  }

  /** The one room; undefined where there may be many. */
  get room(): string | undefined {
    return this.#many ? undefined : [...this.#rooms][0];
  }

  /** All rooms, sorted. */
  get rooms(): string[] {
    return [...this.#rooms].sort();
  }

  /** Whether a lost connection can be resumed. */
  get resumable(): boolean {
    return this.#token !== undefined;
  }

  /** The request that resumes the session, where one can. */
  resume(): Request | undefined {
    return this.#token === undefined
      ? undefined
      : { cmd: "resume", token: this.#token, positions: this.#progress.positions() };
  }

  /** Takes what the answer to a command changes. */
  take(reply: Reply): void {
    const before = this.#token;
    this.#take(reply);
    if (this.#token !== before) this.#notice = this.#keep(this.#token);
  }

  /** What a person is to be told of what the last reply changed; undefined the next time. */
  takeNotice(): string | undefined {
    const notice = this.#notice;
    this.#notice = undefined;
    return notice;
  }

  #take(reply: Reply): void {
    const { user, device, resume, positions } = reply as Readonly<Record<string, unknown>>;
    switch (reply.of) {
      case "login":
      case "register":
        this.#clear();
        // falls through
      case "resume":
        if (typeof user === "string") this.#user = user;
        if (typeof device === "string") this.#device = device;
        this.#arrive(reply as unknown as JsonObject);
        break;
      case "join":
      case "leave":
        if (this.#many) return this.#move(reply.room, reply.of === "join" ? "joined" : "left", positions);
        this.#arrive(reply as unknown as JsonObject);
        break;
      case "unsubscribe":
        this.#progress.unfollow(reply.user);
        break;
      case "logout":
        return this.#clear();
    }
    if (positions !== undefined) this.#progress.follow(toPositions(positions));
    if (typeof resume === "string") this.#token = resume;
  }

  /** Takes where the session is: in its one room, or in all of these. */
  #arrive({ room, rooms }: JsonObject): void {
    this.#many = Array.isArray(rooms);
    if (Array.isArray(rooms)) this.#enter(rooms.filter((name) => typeof name === "string"));
    else if (typeof room === "string") this.#enter([room]);
  }

  /** One room more, or one fewer. */
  #move(room: unknown, state: unknown, positions: unknown): void {
    if (typeof room !== "string") return;
    const name = fold(room);
    const others = this.rooms.filter((other) => other !== name);
    if (state === "left") return this.#enter(others);
    // In a room that it is in already, it goes on from what it has shown.
    if (state !== "joined" || this.#rooms.has(name)) return;
    this.#enter([...others, name]);
    this.#progress.follow(toPositions(positions));
  }

  #enter(rooms: readonly string[]): void {
    this.#rooms = new Set(rooms.map(fold));
    this.#progress.enter(this.#rooms);
    for (const topic of this.#seen.keys()) {
      if (topic.startsWith("room:") && !this.#rooms.has(topic.slice("room:".length))) this.#seen.delete(topic);
    }
  }

  /** Takes what another device of the user did to the rooms of both. */
  follow({ room, state, positions }: MembershipEvent): void {
    if (this.#many) this.#move(room, state, positions);
  }

  /** Takes that the user was removed from a room: it is in another then, or in one fewer. */
  removed({ room, now, positions }: RemovedEvent): void {
    if (this.#many) return this.#move(room, "left", undefined);
    if (typeof now !== "string") return;
    this.#enter([now]);
    this.#progress.follow(toPositions(positions));
  }

  /** An update as the user reads it: what a room's change says to the one whom it is about. */
  addressed(update: Update): Update {
    if (update.kind !== "event" || update.event.type !== "room_changed") return update;
    const { event } = update;
    const isOwn = "user" in event && this.#user !== undefined && fold(event.user) === fold(this.#user);
    const message = isOwn ? ownChangeText(event) : undefined;
    return message === undefined ? update : { kind: "event", event: { type: "system", code: "notice", message } };
  }

  /** Takes how far another device of the user has read a topic. */
  read({ topic, pos }: SeenEvent): void {
    if (!this.#many) return;
    this.#seen.delete(topic);
    this.#seen.set(topic, pos);
    if (this.#seen.size > maxSeen) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** @returns whether the message is to be shown */
  show(event: TopicEvent): boolean {
    return this.#progress.take(event, this.#rooms);
  }

  /** Takes a gap. */
  skip(event: GapEvent): void {
    this.#progress.skip(event, this.#rooms);
  }

  /** Is nobody and nowhere. */
  clear(): void {
    if (this.resumable) this.forfeit();
    this.#clear();
  }

  /** Nothing resumes the session any more. */
  forfeit(): void {
    this.#token = undefined;
    this.#keep(undefined);
  }

  #clear(): void {
    this.#user = this.#device = this.#token = undefined;
    this.#rooms = new Set();
    this.#many = false;
    this.#progress.clear();
    this.#seen.clear();
  }
}
