import type { Reply, ServerEvent } from "../../wire/event.ts";
import { roomTopic } from "../../wire/names.ts";
import type { ConnectionLost } from "../base/exit.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { EnginePolicy, EnginePort, Granted, Refused, Updates } from "./engine.ts";
import { RoomListener } from "./room_listener.ts";
import type { Update } from "./update.ts";

/** For how long a request is sent again while the store is away, in milliseconds: a program is to know in the end. */
const patienceMs = 60_000;

/** How a side connection comes back: it logs in again, joins its room again, and tells what was said there meanwhile. */
export class SidePolicy implements EnginePolicy {
  readonly hold: EnginePolicy["hold"] = { waiting: ["message", "repeat"], giveUpMs: patienceMs };
  readonly tellsStoreAway = false;
  readonly room = undefined;
  /** Who is logged in. */
  user: string | undefined;
  /** How many messages of before are told when a room is joined next. */
  backlog = 0;
  readonly #engine: EnginePort;
  #login: Request | undefined;
  #listener: RoomListener | undefined;
  #rejoining: Request | undefined;
  /** It has come back, and what was missed is not known before the room's history is there. */
  #returning = false;

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  get busy(): boolean {
    return this.#rejoining !== undefined;
  }

  comeback(): Request | undefined {
    return this.#login;
  }

  *entered(answer: Granted, back: boolean): Updates {
    if (!back) {
      this.#login = answer.request;
      yield answer;
    }
    if (this.#listener) this.#request(this.#rejoining = { cmd: "join", room: this.#listener.room });
    this.#returning = back && this.#listener !== undefined;
    if (back && !this.#listener) yield this.#back(0);
  }

  *shutOut(answer: Refused): Updates {
    yield* this.#engine.outgoing.abandon();
    yield answer;
    this.#engine.end({ reason: "gave_up", exit: "login", message: answer.error.message });
  }

  replied(reply: Reply): void {
    const { user } = reply as { user?: unknown };
    if (reply.of === "login" && typeof user === "string") this.user = user;
    if (reply.of === "join") {
      this.#listener = new RoomListener(reply.room, this.backlog);
      this.backlog = 0;
      this.#request(this.#listener.joined(reply.positions[roomTopic(reply.room)]));
    }
    if (reply.of === "leave" || reply.of === "logout") this.#listener = undefined;
  }

  *event(event: ServerEvent): Updates {
    if (event.type !== "message") return yield { kind: "event", event };
    for (const told of this.#listener?.live(event) ?? [event]) yield { kind: "event", event: told };
  }

  *answered(answer: Answer): Updates {
    if (answer.request === this.#rejoining) return this.#rejoined(answer);
    if (!this.#listener?.owns(answer.request)) return;
    const reply = answer.kind === "reply" ? answer.reply : undefined;
    // Without its history the room would be silent for ever: the next connection asks again.
    if (reply?.of !== "history") return this.#engine.link.connection?.close("the history was refused");
    const { events, missed, ask } = this.#listener.answered(reply.messages);
    for (const event of events) yield { kind: "event", event };
    this.#request(ask);
    if (!this.#returning || ask) return;
    this.#returning = false;
    yield this.#back(missed);
  }

  lost(why: ConnectionLost): void {
    this.#rejoining = undefined;
    // Nobody waits for a connection on which nobody is logged in.
    if (!this.#login) this.#engine.end({ reason: "gave_up", exit: "unreachable", message: why.message });
  }

  cleared(): void {
    this.#login = this.#listener = undefined;
  }

  #rejoined(answer: Answer): void {
    this.#rejoining = undefined;
    if (answer.kind === "reply" && this.#listener) this.#request(this.#listener.joined());
    else this.#engine.link.connection?.close("the room was refused");
  }

  #back(missed: number | null): Update {
    return { kind: "status", status: { state: "resumed", server: this.#engine.link.connection!.server, missed } };
  }

  #request(request: Request | undefined): void {
    this.#engine.link.request(request);
  }
}
