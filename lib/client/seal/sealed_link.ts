/**
 * A link whose private messages are encrypted on their way out, and decrypted on their way in.
 *
 * Promises:
 * 1. requests go out in the order in which they came, also while the keys for one of them are asked for;
 * 2. a message is encrypted when it is its turn, for the devices that there are then; where the server knows of others,
 *    it is encrypted again, under the same `cid`, before anything else is said to the same person;
 * 3. what comes in keeps its order, also while it is asked whose key a message was written with;
 * 4. whoever sent a message is told of the answer to it as if it had gone out as it is;
 * 5. what it holds when the connection is lost is either told, or forgotten so that the next connection brings it again.
 *
 * It knows no keys: what is encrypted, and how, is {@linkcode Sealing}'s.
 */

import { ChatError } from "../../errors.ts";
import type { Reply, TopicEvent } from "../../wire/event.ts";
import { fold, isUsername } from "../../wire/names.ts";
import type { Connection, Incoming, Request } from "../connection.ts";
import type { LinkPort, LinkStep } from "../link.ts";
import { isObject } from "../shape.ts";
import { HeldSteps } from "./held_steps.ts";
import { Opening } from "./opening.ts";
import { type Privacy, unmarked } from "./privacy.ts";
import { Questions } from "./questions.ts";
import type { Sealing } from "./sealing.ts";
import { senseless } from "./user_keys.ts";

/** A private message on its way. */
interface Sent {
  readonly request: Request;
  /** Whom it is encrypted for. */
  readonly to: string;
  readonly text: string;
  readonly privacy?: Privacy;
}

const logins: ReadonlySet<string> = new Set(["login", "register", "resume"]);

/** Requests that wait for nobody: logins come first, and the others change nothing that a message could meet. */
const unordered: ReadonlySet<string> = new Set([...logins, "pong", "seen"]);

/** How often a message is encrypted anew before the server is believed to make fun of it. */
const maxAttempts = 5;

/** See the file's promises. */
export class SealedLink implements LinkPort {
  readonly #link: LinkPort;
  readonly #sealing: Sealing;
  readonly #attempts = new WeakMap<Request, number>();
  readonly #held = new HeldSteps();
  #line: Request[] = [];
  #working = false;
  #again = false;
  #sent = new Map<Request, Sent>();
  /** Messages that were on their way when a connection was lost: whether they arrived, nobody knows. */
  readonly #uncertain = new WeakSet<Request>();
  readonly #questions = new Questions();
  #life = 0;
  /** The connection is lost, and whoever sends does not know it yet. */
  #lost = false;
  #connection: Connection | undefined;

  constructor(link: LinkPort, sealing: Sealing) {
    this.#link = link;
    this.#sealing = sealing;
  }

  get route(): LinkPort["route"] {
    return this.#link.route;
  }

  get commands(): LinkPort["commands"] {
    return this.#link.commands;
  }

  get signal(): AbortSignal {
    return this.#link.signal;
  }

  /** The connection that what is told now came from. */
  get connection(): Connection | undefined {
    return this.#held.any ? this.#connection : this.#link.connection;
  }

  get maxFileBytes(): number {
    return this.#link.maxFileBytes;
  }

  connect(): Promise<void> {
    return this.#link.connect();
  }

  wake(): void {
    this.#link.wake();
  }

  close(): void {
    this.#link.close();
  }

  request(request: Request | undefined): void {
    // Without a connection nothing goes out; who learns that it is lost sends again what had no answer.
    if (!request || this.#lost) return;
    if (unordered.has(request.cmd)) return this.#link.request(request);
    this.#line.push(request);
    void this.#work();
  }

  steps(wanted: () => boolean): AsyncGenerator<LinkStep, void, void> {
    return this.#held.over(this.#link.steps(wanted), (step) => this.#take(step));
  }

  // What goes out.

  /** Sends what is in line, as far as nothing has to be waited for. */
  async #work(): Promise<void> {
    this.#again = true;
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#again) {
        this.#again = false;
        while (this.#line.length > 0) {
          const [head] = this.#line;
          if (!this.#isPrivate(head)) this.#pass(this.#line.shift()!);
          else if (!await this.#send(head)) break;
        }
      }
    } finally {
      this.#working = false;
    }
  }

  #isPrivate(request: Request): boolean {
    return request.sealed === undefined && this.#link.commands.isPrivate(request);
  }

  #pass(request: Request): void {
    const { device } = this.#sealing.account ?? {};
    // Nobody will be able to read what is encrypted for a key that goes with this run.
    if (device && !device.kept && (request.cmd === "quit" || request.cmd === "logout")) {
      this.#ask({ cmd: "unkey", public: device.public }, "");
    }
    this.#link.request(request);
  }

  /** @returns whether it has left the line */
  async #send(request: Request): Promise<boolean> {
    const life = this.#life;
    const to = String(request.to);
    const missing = this.#link.commands.find("keys") ? this.#sealing.missing(to) : [];
    for (const user of missing) this.#askFor(user);
    if (missing.length > 0) return false;
    // Another one may be refused and sent again: this one is not to overtake it.
    if ([...this.#sent.values()].some((sent) => fold(sent.to) === fold(to))) return false;
    try {
      const limit = this.#link.connection?.limits.message_bytes;
      const maxBytes = typeof limit === "number" ? limit : Infinity;
      const prepared = await this.#sealing.prepare(request, maxBytes, (sentence) => {
        if (life === this.#life) this.#tell(sentence);
      });
      // The line is another connection's, or another message goes first.
      if (life !== this.#life || this.#line[0] !== request) return true;
      this.#line.shift();
      this.#sent.set(prepared.request, { ...prepared, request });
      this.#link.request(prepared.request);
    } catch (error) {
      if (life !== this.#life || this.#line[0] !== request) return true;
      this.#line.shift();
      this.#refuse(request, error);
    }
    return true;
  }

  #refuse(request: Request, error: unknown): void {
    const why = error instanceof ChatError ? error : new ChatError("internal", `It could not be encrypted: ${error}`);
    const { code, message, extra } = why;
    const told = this.#uncertain.has(request)
      ? new ChatError(code, `${message}. It is not known whether this was sent before the connection was lost`, extra)
      : why;
    this.#held.push({ kind: "incoming", incoming: { kind: "refused", request, error: told } });
  }

  /** Asks for somebody's keys, past what is in line, unless that is being done. */
  #askFor(user: string): Request {
    const open = this.#questions.find(user);
    if (open) return open;
    const { account } = this.#sealing;
    // To announce one's own key is to be told all of them.
    const own = account?.isOwn(user) ? account.device : undefined;
    return this.#ask(own ? { cmd: "key", public: own.public } : { cmd: "keys", user }, user);
  }

  #ask(request: Request, user: string): Request {
    this.#questions.add(request, user);
    this.#link.request(request);
    return request;
  }

  // What comes in.

  async #take(step: LinkStep): Promise<void> {
    this.#connection = this.#link.connection ?? this.#connection;
    if (step.kind === "incoming") return await this.#takeIncoming(step.incoming);
    if (step.kind !== "down") return this.#held.push(step);
    this.#drop();
    this.#lost = true;
    this.#held.pushLater(() => {
      this.#lost = false;
      this.#connection = undefined;
      return step;
    });
  }

  /** The connection is gone, and with it what was on its way; who sent it will send it again. */
  #drop(): void {
    this.#life++;
    this.#line = [];
    for (const { request } of this.#sent.values()) this.#uncertain.add(request);
    this.#sent.clear();
    this.#questions.clear();
    this.#held.drop();
  }

  async #takeIncoming(incoming: Incoming): Promise<void> {
    if (incoming.kind === "event") return await this.#takeEvent(incoming);
    const { request } = incoming;
    const asked = this.#questions.about(request);
    if (asked !== undefined) return this.#takeKeys(request, asked, incoming);
    const sent = this.#sent.get(request);
    if (sent) return this.#takeSent(request, sent, incoming);
    if (incoming.kind === "reply") await this.#takeReply(incoming.request, incoming.reply);
    else this.#held.push({ kind: "incoming", incoming });
  }

  async #takeEvent({ event }: Incoming & { kind: "event" }): Promise<void> {
    const plain = unmarked(event);
    if (plain.type === "direct") return await this.#open([plain], ([opened]) => asEvent(opened), plain.topic);
    this.#held.push({ kind: "incoming", incoming: { kind: "event", event: plain } });
  }

  async #takeReply(request: Request, reply: Reply): Promise<void> {
    const answer = (reply: Reply): LinkStep => ({ kind: "incoming", incoming: { kind: "reply", request, reply } });
    if (logins.has(reply.of)) await this.#enter((reply as { user?: unknown }).user);
    else if (reply.of === "logout") this.#sealing.leave();
    else if (reply.of === "keys" || reply.of === "key" || reply.of === "unkey") {
      // Whom it is about is for whoever asked to say, and not for the server.
      const user = reply.of === "keys" ? request.user : this.#sealing.account?.user;
      if (typeof user === "string") this.#learn(user, reply);
      void this.#work();
    } else if (reply.of === "history" && Array.isArray(reply.messages)) {
      // In a talk with somebody there is nothing that was said elsewhere.
      const messages = reply.messages.filter(({ type }) => request.user === undefined || type === "direct");
      return await this.#open(messages.map(unmarked), (messages) => answer({ ...reply, messages }));
    }
    this.#held.push(answer(unmarked(reply)));
  }

  async #enter(user: unknown): Promise<void> {
    if (typeof user !== "string" || !isUsername(user)) return this.#sealing.leave();
    await this.#sealing.enter(user);
    const { device } = this.#sealing.account ?? {};
    if (device && this.#link.commands.find("key")) this.#askFor(user);
  }

  /**
   * Decrypts what is encrypted, and tells it when it is known who wrote it.
   *
   * @param topic the topic that it goes on with, if it does
   */
  async #open(
    messages: readonly TopicEvent[],
    tell: (opened: TopicEvent[]) => LinkStep,
    topic?: string,
  ): Promise<void> {
    const opening = await Opening.of(messages, this.#sealing.account);
    const note = (sentence: string) => this.#tell(sentence);
    for (const from of opening.plainFrom) this.#sealing.mindThePlain(from, note);
    if (opening.writers.length > 0) this.#sealing.mindTheDevice(note);
    const questions = opening.writers.map(({ from, key }) => this.#question(from, key));
    this.#held.pushLater(() => tell(opening.tell()), questions.filter((question) => question !== undefined), topic);
  }

  /** Asks who has a key; undefined where that is known, was asked already, or too often. */
  #question(user: string, key: string): Request | undefined {
    const { known } = this.#sealing.account!;
    if (known.has(user, key)) return undefined;
    const open = this.#questions.find(user);
    if (open) return open;
    return this.#questions.mayAsk(user, key, (key) => known.has(user, key)) ? this.#askFor(user) : undefined;
  }

  #takeKeys(request: Request, user: string, answer: Incoming & { kind: "reply" | "refused" }): void {
    this.#questions.answered(request);
    const learned = answer.kind === "reply" && (user === "" || this.#learn(user, answer.reply));
    this.#held.answered(request);
    if (!learned && user !== "") {
      this.#giveUp(user, answer.kind === "refused" ? answer.error : senseless(user));
    }
    void this.#work();
  }

  /** Refuses the messages that cannot be encrypted without somebody's keys. */
  #giveUp(user: string, error: ChatError): void {
    const needs = (request: Request) =>
      this.#isPrivate(request) && this.#sealing.missing(String(request.to)).some((name) => fold(name) === fold(user));
    const refused = this.#line.filter(needs);
    this.#line = this.#line.filter((request) => !refused.includes(request));
    for (const request of refused) this.#refuse(request, error);
  }

  #takeSent(
    wire: Request,
    { request, to, text, privacy }: Sent,
    answer: Incoming & { kind: "reply" | "refused" },
  ): void {
    this.#sent.delete(wire);
    if (answer.kind === "refused") {
      if (answer.error.code === "keys_changed" && wire.keys !== undefined && this.#renew(request, answer.error)) return;
      this.#held.push({ kind: "incoming", incoming: { ...answer, request } });
    } else {
      const reply = { ...unmarked(answer.reply), ...(privacy ? { to, text, privacy } : {}) } as Reply;
      this.#held.push({ kind: "incoming", incoming: { kind: "reply", request, reply } });
    }
    void this.#work();
  }

  /** Has a message made ready once more, for the devices that there are now. @returns whether it will be */
  #renew(request: Request, { extra }: ChatError): boolean {
    const attempts = (this.#attempts.get(request) ?? 0) + 1;
    this.#attempts.set(request, attempts);
    if (attempts > maxAttempts) return false;
    const { account } = this.#sealing;
    const present = isObject(extra.keys) ? Object.entries(extra.keys) : [];
    for (const user of [String(request.to), account!.user]) {
      const [, keys] = present.find(([name]) => fold(name) === fold(user)) ?? [];
      if (!this.#learn(user, keys)) this.#sealing.forget(user);
    }
    // Another device has removed this one, or has taken its place: it says that it is there.
    if (!this.#sealing.announced) this.#sealing.forget(account!.user);
    this.#line.unshift(request);
    void this.#work();
    return true;
  }

  #learn(user: string, value: unknown): boolean {
    const told = this.#sealing.learn(user, value);
    for (const sentence of told ?? []) this.#tell(sentence);
    return told !== undefined;
  }

  #tell(message: string): void {
    this.#held.push({ kind: "status", status: { state: "notice", message } });
  }
}

function asEvent(event: TopicEvent): LinkStep {
  return { kind: "incoming", incoming: { kind: "event", event } };
}
