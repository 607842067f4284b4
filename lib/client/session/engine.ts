import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { ServerAddress } from "../base/address.ts";
import { type Clock, systemClock, within } from "../../common/time.ts";
import { ClientError, type ConnectionLost } from "../base/exit.ts";
import { type Answer, type Incoming, logsOut, type Request } from "../net/connection.ts";
import { Authentication } from "./authentication.ts";
import { Link, type LinkOptions, type LinkPort, type LinkStep, type Sealer } from "./link.ts";
import { type Entry, Outgoing } from "./outgoing.ts";
import { SendHold, type SendHoldOptions } from "./send_hold.ts";
import type { Ending, Update } from "./update.ts";

/** Updates as they come of one step. */
export type Updates = Generator<Update, void, void>;

/** An answer that the server granted. */
export type Granted = Answer & { readonly kind: "reply" };

/** An answer that refuses. */
export type Refused = Answer & { readonly kind: "refused" };

/** Settings and ports of an engine. */
export interface EngineOptions extends LinkOptions {
  /** Encrypts private messages, where there is one. */
  readonly sealing?: Sealer;
}

/** What a policy has its engine do. */
export interface EnginePort {
  readonly link: Pick<LinkPort, "commands" | "connection" | "request" | "signal">;
  readonly outgoing: Pick<Outgoing, "abandon">;
  /** Logs out: nobody is logged in any more, and what was not sent is given up. */
  forget(): Updates;
  /** Ends it for good; only the first ending counts. */
  end(ending: Ending): void;
}

/** What one kind of session does its own way. */
export interface EnginePolicy {
  /** Which requests wait for a store that is away, and for how long. */
  readonly hold: Pick<SendHoldOptions, "waiting" | "giveUpMs">;
  /** Whether a person is told that messages wait for the store. */
  readonly tellsStoreAway: boolean;
  /** The room that what is typed is meant for; undefined where requests name theirs. */
  readonly room: string | undefined;
  /** Whether requests have to wait for something of its own. */
  readonly busy: boolean;
  /** The request that lets it in again on a new connection; undefined where there is nothing to come back to. */
  comeback(): Request | undefined;
  /** The session is let in. @param back whether it came back by itself, and nobody waits for the answer */
  entered(answer: Granted, back: boolean): Updates;
  /** Coming back was refused, for a reason that does not pass. */
  shutOut(answer: Refused): Updates;
  /** Takes what a reply changes, before the request's promise resolves. */
  replied(reply: Reply): void;
  /** Tells of an event, as far as it is to be told. */
  event(event: ServerEvent): Updates;
  /** Takes the answer to a request that it made itself. */
  answered(answer: Answer): Updates;
  /** The connection is gone, whether it was let in or not. */
  lost(why: ConnectionLost): void;
  /** Nobody is logged in any more. */
  cleared(): void;
}

/**
 * Connects again after a lost connection, is let in again, and sends again what had no answer. Its policy decides with
 * which request it is let in, and what it tells.
 *
 * 1. After a lost connection it comes back by itself, on any of its servers, as long as its policy has something to come
 *    back to.
 * 2. What was sent is answered once and in order. A message that had no answer, or met a store that was away, is sent
 *    again under the same `cid`.
 * 3. Nothing happens unless {@linkcode Engine.updates} is iterated. It ends once, with a reason, and every
 *    promise that is open is rejected.
 */
export class Engine<Policy extends EnginePolicy = EnginePolicy> implements EnginePort {
  readonly policy: Policy;
  readonly link: LinkPort;
  readonly authentication: Authentication;
  readonly outgoing = new Outgoing();
  readonly hold: SendHold;
  readonly #clock: Clock;
  readonly #sealing: Sealer | undefined;
  #ending: Ending | undefined;
  #givenUp: readonly string[] = [];

  /** @param policy makes the policy, which may use the engine from its first step on */
  constructor(options: EngineOptions, policy: (engine: EnginePort) => Policy) {
    this.#clock = options.clock ?? systemClock;
    this.#sealing = options.sealing;
    const link = new Link(options);
    this.link = this.#sealing?.over(link) ?? link;
    this.authentication = new Authentication(this.link);
    this.policy = policy(this);
    this.hold = new SendHold({ clock: this.#clock, link, ...this.policy.hold, again: () => this.#pump() });
  }

  /** How it ended; undefined while it has not. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** What was given up at the end without an answer, in order: a sentence for each request. */
  get givenUp(): readonly string[] {
    return this.#givenUp;
  }

  /**
   * Sends a request, now or as soon as it may be sent.
   *
   * @param own whether the client asks on its own account: then its answer is no update
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when it will have no answer
   */
  send(request: Request, own = false): Promise<Reply> {
    const answer = this.outgoing.add(request, this.link.commands, own);
    if (this.#ending) this.outgoing.abandon();
    else this.#pump();
    return answer;
  }

  /**
   * Whether what is sent to a user is encrypted.
   *
   * @param own as in {@linkcode send}
   * @throws {ChatError} where nothing may be sent to them now
   */
  async canSeal(user: string, own: boolean): Promise<boolean> {
    return await this.#sealing?.canSeal(user, (request) => this.send(request, own)) ?? false;
  }

  /** Leaves politely, after all that was sent, but within `ms` milliseconds. */
  async quit(ms: number): Promise<void> {
    if (this.authentication.granted) await within(ms, this.send({ cmd: "quit" }), this.#clock).catch(() => {}); // it leaves in any case
    this.close();
  }

  /** Ends it here and now. */
  close(): void {
    this.end({ reason: "left", exit: "ok", message: "The session is closed" });
  }

  /** Ends it for good; only the first ending counts. */
  end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.authentication.close(new ClientError(ending.exit, ending.message));
    const given = this.outgoing.abandon().filter(({ request }) => request.cmd !== "quit");
    this.#givenUp = given.map(({ error }) => error.message);
    this.link.close();
  }

  /** Logs out: nobody is logged in any more, and what was not sent is given up. */
  *forget(): Updates {
    this.authentication.leave();
    this.policy.cleared();
    yield* this.outgoing.abandon();
  }

  /** All that happens, in order, until it ends for good. */
  async *updates(): AsyncGenerator<Update, void, void> {
    try {
      const wanted = () => this.policy.comeback() !== undefined || this.authentication.wanted;
      for await (const step of this.link.steps(wanted)) yield* this.#step(step);
    } finally {
      this.close();
    }
  }

  *#step(step: LinkStep): Updates {
    if (this.#ending) return;
    switch (step.kind) {
      case "status":
        return yield step;
      case "failed":
        return yield* this.#miss(step.server, step.error);
      case "up":
        this.hold.begin();
        return this.authentication.begin(this.policy.comeback());
      case "incoming":
        return yield* this.#take(step.incoming);
      case "down":
        return yield* this.#lose(step.why);
    }
  }

  /** An attempt failed. */
  *#miss(server: ServerAddress, error: Error): Updates {
    if (!this.policy.comeback()) return this.authentication.failed(error);
    const { route } = this.link;
    if (!route.patient) {
      yield { kind: "status", status: { state: "unreachable", server, message: error.message } };
    }
    if (!route.hopeless) return;
    const seconds = Math.round(route.lostForMs / 1000);
    yield* this.outgoing.abandon();
    yield { kind: "status", status: { state: "gave_up", seconds } };
    this.end({ reason: "gave_up", exit: "unreachable", message: `No server could be reached for ${seconds} s` });
  }

  *#lose(why: ConnectionLost): Updates {
    const { server } = this.link.route;
    const lost = this.authentication.lost(why, this.hold.draining);
    yield* this.outgoing.interrupt();
    this.policy.lost(why);
    if (this.#ending) return;
    if (lost === "resume") {
      yield* this.#miss(server, new Error(`The connection was lost again: ${why.message}`));
    } else if (lost === "session") {
      yield { kind: "status", status: { state: "lost", reason: why.message, planned: this.hold.draining } };
    }
  }

  *#take(incoming: Incoming): Updates {
    if (incoming.kind === "event") yield* this.#takeEvent(incoming.event);
    else if (incoming.kind === "unknown") yield incoming;
    else yield* this.#takeAnswer(incoming);
    this.#pump();
  }

  *#takeEvent(event: ServerEvent): Updates {
    if (event.type === "ping") return;
    if (event.type === "system" && event.code === "server_draining") {
      this.hold.drain();
      this.link.route.retryAfter(event.retry_after_ms);
    }
    yield* this.policy.event(event);
  }

  *#takeAnswer(answer: Answer): Updates {
    const { request } = answer;
    const entry = this.outgoing.find(request);
    if (entry) return yield* this.#takeEntry(entry, answer);
    const asked = this.authentication.find(request);
    if (asked) return yield* this.#takeLogin(answer, asked === "resume");
    yield* this.policy.answered(answer);
  }

  /** A login has its answer, or what took it up again. */
  *#takeLogin(answer: Answer, back: boolean): Updates {
    if (answer.kind === "reply") {
      this.policy.replied(answer.reply); // known before the login's promise resolves
      this.authentication.answered(answer);
      return yield* this.policy.entered(answer, back);
    }
    const outcome = this.authentication.answered(answer);
    if (!back) return yield answer;
    if (outcome !== "again") return yield* this.policy.shutOut(answer);
    const { connection } = this.link;
    yield* this.#miss(connection!.server, answer.error);
    connection!.close(answer.error.message);
  }

  *#takeEntry(entry: Entry, answer: Answer): Updates {
    if (answer.kind === "refused") {
      const { storeAway } = this.hold;
      if (this.hold.takes(entry, answer.error.code)) {
        this.outgoing.postpone(entry);
        const news = this.hold.storeAway && !storeAway && this.policy.tellsStoreAway;
        if (news) yield { kind: "status", status: { state: "store_away" } };
        return;
      }
      this.outgoing.remove(entry);
      if (logsOut(answer)) this.authentication.leave();
      entry.reject(answer.error);
      if (!entry.own) yield answer;
      if (logsOut(answer)) yield* this.#loggedOut();
      return;
    }
    const { reply } = answer;
    this.outgoing.remove(entry);
    this.hold.answered(entry);
    this.policy.replied(reply);
    if (reply.of === "quit") this.close();
    if (logsOut(answer)) this.authentication.leave(); // what the answer's promise sets off sends nothing more
    entry.resolve(reply);
    if (!entry.own) yield answer;
    if (logsOut(answer)) yield* this.#loggedOut();
  }

  *#loggedOut(): Updates {
    yield* this.forget();
    yield { kind: "status", status: { state: "logged_out" } };
  }

  /** Sends what may be sent. */
  #pump(): void {
    if (!this.authentication.granted || this.hold.active || this.policy.busy) return;
    for (const request of this.outgoing.next(this.policy.room, this.link.commands)) this.link.request(request);
  }
}
