import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { EnginePolicy, EnginePort, Granted, Refused, Updates } from "./engine.ts";
import type { Blocks } from "./blocks.ts";
import { Receipts } from "./receipts.ts";
import type { SessionIdentity } from "./session_identity.ts";
import type { Update } from "./update.ts";

/** How a session comes back: it resumes with its token, and shows each message once. */
export class ResumePolicy implements EnginePolicy {
  readonly hold: EnginePolicy["hold"];
  readonly tellsStoreAway = true;
  readonly busy = false;
  readonly #identity: SessionIdentity;
  readonly #receipts = new Receipts();
  readonly #blocks: Blocks;
  readonly #engine: EnginePort;

  /** @param giveUpMs for how long a message waits for a store that is away, in milliseconds; for ever by default */
  constructor(engine: EnginePort, identity: SessionIdentity, blocks: Blocks, giveUpMs?: number) {
    this.#engine = engine;
    this.#identity = identity;
    this.#blocks = blocks;
    // A question is answered at once, if only by a refusal; what was said waits.
    this.hold = { waiting: ["message"], giveUpMs };
  }

  get room(): string | undefined {
    return this.#identity.room;
  }

  comeback(): Request | undefined {
    return this.#identity.resume();
  }

  *entered(answer: Granted, back: boolean): Updates {
    this.#engine.link.request(this.#blocks.ask(this.#engine.link.commands));
    yield back ? this.#resumed(answer) : answer;
    const message = this.#identity.takeNotice();
    if (message !== undefined) yield { kind: "status", status: { state: "notice", message } };
  }

  #resumed({ reply }: Granted): Update {
    const { missed } = reply as { missed?: unknown };
    const { server } = this.#engine.link.connection!;
    // A server that does not know says nothing, or null; then the client must not say that nothing was missed.
    return { kind: "status", status: { state: "resumed", server, missed: typeof missed === "number" ? missed : null } };
  }

  *shutOut({ error }: Refused): Updates {
    yield* this.#engine.forget();
    yield { kind: "status", status: { state: "login_needed", message: error.message } };
  }

  replied(reply: Reply): void {
    this.#identity.take(reply);
    this.#blocks.take(reply);
  }

  *event(event: ServerEvent): Updates {
    switch (event.type) {
      case "message":
      case "notification":
      case "direct":
        if (!this.#identity.show(event)) return;
        yield { kind: "event", event };
        // A copy of what one has sent is in a topic of its own, and nothing of one's inbox.
        if (event.topic.startsWith("inbox:")) this.#engine.link.request(this.#receipts.shown(event.pos));
        return;
      case "gap":
        this.#identity.skip(event);
        break;
      case "membership":
        this.#identity.follow(event);
        break;
      case "removed":
        this.#identity.removed(event);
        break;
      case "seen":
        this.#identity.read(event);
        break;
      case "system":
        if (event.code === "server_draining") return; // a move that nobody need know of
    }
    yield { kind: "event", event };
    if (event.type === "system" && event.code === "forced_logout") {
      this.#identity.forfeit();
      yield* this.#engine.outgoing.abandon();
      this.#engine.end({ reason: "forced_logout", exit: "login", message: event.message });
    }
  }

  // deno-lint-ignore require-yield -- nothing that it asked by itself is told
  *answered(answer: Answer): Updates {
    if (this.#blocks.answered(answer)) return;
    if (this.#receipts.owns(answer.request)) this.#engine.link.request(this.#receipts.answered());
  }

  lost(): void {
    this.#receipts.reset();
  }

  cleared(): void {
    this.#identity.clear();
    this.#blocks.clear();
  }
}
