import type { GapEvent, Reply, TopicEvent } from "../../wire/event.ts";
import type { Request } from "../net/connection.ts";
import { Progress } from "./progress.ts";
import { toPositions } from "../base/shape.ts";

/**
 * Called with what resumes the session, whenever that changes; undefined when nothing does any more.
 *
 * @returns what a person is to be told where it cannot be kept: the session goes on
 */
export type KeepToken = (token: string | undefined) => string | undefined;

/** Who and where a client is by what servers told it: user, room, resume token, and how far it has read. */
export class SessionIdentity {
  readonly #keep: KeepToken;
  readonly #progress = new Progress();
  #user: string | undefined;
  #room: string | undefined;
  #token: string | undefined;
  #notice: string | undefined;

  constructor(keep: KeepToken) {
    this.#keep = keep;
  }

  get user(): string | undefined {
    return this.#user;
  }

  get room(): string | undefined {
    return this.#room;
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
    const { user, room, resume, positions } = reply as Readonly<Record<string, unknown>>;
    switch (reply.of) {
      case "login":
      case "register":
        this.#clear();
        // falls through
      case "resume":
        if (typeof user === "string") this.#user = user;
        // falls through
      case "join":
      case "leave":
        if (typeof room === "string") {
          this.#room = room;
          this.#progress.enter(room);
        }
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

  /** @returns whether the message is to be shown */
  show(event: TopicEvent): boolean {
    return this.#progress.take(event, this.#room);
  }

  /** Takes a gap. */
  skip(event: GapEvent): void {
    this.#progress.skip(event, this.#room);
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
    this.#user = this.#room = this.#token = undefined;
    this.#progress.clear();
  }
}
