import type { Reply, ServerEvent, SystemEvent } from "../../wire/event.ts";
import { type Clock, pause } from "../../common/time.ts";
import { fold, roomTopic } from "../../wire/names.ts";
import type { ConnectionLost } from "../base/exit.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { EnginePolicy, EnginePort, Granted, Refused, Updates } from "./engine.ts";
import { RoomListener } from "./room_listener.ts";
import { passing, type Update } from "./update.ts";

/** For how long a request is sent again while the store is away, in milliseconds: a program is to know in the end. */
const patienceMs = 60_000;

/** How a side connection comes back: it logs in again, joins its rooms again, and tells what was said there meanwhile. */
export class SidePolicy implements EnginePolicy {
  readonly hold: EnginePolicy["hold"] = { waiting: ["message", "repeat"], giveUpMs: patienceMs };
  readonly tellsStoreAway = false;
  readonly room = undefined;
  /** Who is logged in. */
  user: string | undefined;
  readonly #engine: EnginePort;
  readonly #clock: Clock;
  #login: Request | undefined;
  /** By topic. */
  readonly #listeners = new Map<string, RoomListener>();
  /** Room → how many messages of before are told when it is joined next. */
  readonly #counts = new Map<string, number>();
  readonly #rejoining = new Map<Request, RoomListener>();
  /** It has come back: how many messages were missed as far as is known, while there is history to come. */
  #returned: { missed: number | null } | undefined;

  constructor(engine: EnginePort, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  get busy(): boolean {
    return this.#rejoining.size > 0;
  }

  /** The rooms that it listens to. */
  get rooms(): string[] {
    return [...this.#listeners.values()].map(({ room }) => room);
  }

  /** Has messages of before told first, when the room is joined next. */
  expect(room: string, count: number): void {
    this.#counts.set(fold(room), count);
  }

  comeback(): Request | undefined {
    return this.#login;
  }

  *entered(answer: Granted, back: boolean): Updates {
    if (!back) {
      const { code: _, ...login } = answer.request; // it was good once
      this.#login = login;
      yield answer;
    }
    for (const listener of this.#listeners.values()) this.#rejoin(listener);
    this.#returned = back ? { missed: 0 } : undefined;
    yield* this.#settle();
  }

  *shutOut(answer: Refused): Updates {
    yield* this.#engine.outgoing.abandon();
    yield answer;
    this.#engine.end({ reason: "gave_up", exit: "login", message: answer.error.message });
  }

  replied(reply: Reply): void {
    const { user } = reply as { user?: unknown };
    if (reply.of === "login" && typeof user === "string") this.user = user;
    if (reply.of === "join") this.#joined(reply.room, reply.positions);
    if (reply.of === "leave" && this.#many) this.#listeners.delete(roomTopic(reply.room));
    else if (reply.of === "leave" || reply.of === "logout") this.#listeners.clear();
  }

  *event(event: ServerEvent): Updates {
    if (event.type === "system" && event.code === "forced_logout") return yield* this.#forceOut(event);
    if (event.type !== "message") return yield { kind: "event", event };
    for (const told of this.#listeners.get(event.topic)?.live(event) ?? [event]) yield { kind: "event", event: told };
  }

  *answered(answer: Answer): Updates {
    const returning = this.#rejoining.get(answer.request);
    if (returning) yield* this.#rejoined(answer, returning);
    const { room } = answer.request;
    const listener = typeof room === "string" ? this.#listeners.get(roomTopic(room)) : undefined;
    if (listener?.owns(answer.request)) {
      const reply = answer.kind === "reply" ? answer.reply : undefined;
      // Without its history the room would be silent for ever: the next connection asks again.
      if (reply?.of !== "history") return this.#engine.link.connection?.close("the history was refused");
      const { events, missed, ask } = listener.answered(reply.messages);
      for (const event of events) yield { kind: "event", event };
      this.#request(ask);
      if (!ask) this.#count(missed);
    }
    yield* this.#settle();
  }

  lost(why: ConnectionLost): void {
    this.#rejoining.clear();
    // Nobody waits for a connection on which nobody is logged in.
    if (!this.#login) this.#engine.end({ reason: "gave_up", exit: "unreachable", message: why.message });
  }

  cleared(): void {
    this.#login = undefined;
    this.#listeners.clear();
  }

  /** Somebody has ended this connection: it does not come back, though its password may still be the right one. */
  *#forceOut(event: SystemEvent): Updates {
    yield { kind: "event", event };
    yield* this.#engine.outgoing.abandon();
    this.#engine.end({ reason: "forced_logout", exit: "login", message: event.message });
  }

  get #many(): boolean {
    return this.#engine.link.connection?.manyRooms ?? false;
  }

  #joined(room: string, positions: Readonly<Record<string, string>>): void {
    const topic = roomTopic(room);
    const count = this.#counts.get(fold(room));
    this.#counts.delete(fold(room));
    if (!this.#many) this.#listeners.clear();
    else if (count === undefined && this.#listeners.has(topic)) return; // it listens to that room already
    const listener = new RoomListener(room, count);
    this.#listeners.set(topic, listener);
    this.#request(listener.joined(positions[topic]));
  }

  #rejoin(listener: RoomListener): void {
    const request = { cmd: "join", room: listener.room };
    this.#rejoining.set(request, listener);
    this.#request(request);
  }

  *#rejoined(answer: Answer, listener: RoomListener): Updates {
    const { request } = answer;
    if (answer.kind === "reply") {
      this.#rejoining.delete(request);
      return this.#request(listener.joined());
    }
    const { code, message, extra: { retry_after_ms: ms } } = answer.error;
    // A new connection would have to join all the others once more.
    if (code === "rate_limited" && typeof ms === "number") return void this.#rejoinLater(request, listener, ms);
    if (!this.#many || passing.has(code)) return this.#engine.link.connection?.close("the room was refused");
    // The others are heard on.
    this.#rejoining.delete(request);
    this.#listeners.delete(roomTopic(listener.room));
    const told = `${listener.room} is heard no longer: ${message}`;
    yield { kind: "status", status: { state: "notice", message: told } };
    if (this.#listeners.size === 0) this.#engine.end({ reason: "gave_up", exit: "refused", message: told });
  }

  async #rejoinLater(request: Request, listener: RoomListener, ms: number): Promise<void> {
    await pause(ms, this.#engine.link.signal, this.#clock);
    if (this.#rejoining.delete(request)) this.#rejoin(listener); // else the connection was lost meanwhile
  }

  /** A room's history is read back, and so many of its messages were missed. */
  #count(missed: number | null): void {
    const before = this.#returned?.missed;
    this.#returned &&= { missed: missed === null || before == null ? null : before + missed };
  }

  /** Tells that it is back, once it is known of each room what was missed. */
  *#settle(): Updates {
    if (!this.#returned || this.busy || [...this.#listeners.values()].some(({ reading }) => reading)) return;
    const { missed } = this.#returned;
    this.#returned = undefined;
    yield this.#back(missed);
  }

  #back(missed: number | null): Update {
    return { kind: "status", status: { state: "resumed", server: this.#engine.link.connection!.server, missed } };
  }

  #request(request: Request | undefined): void {
    this.#engine.link.request(request);
  }
}
