import type { Reply, TopicEvent } from "../../wire/event.ts";
import { isUsername } from "../../wire/names.ts";
import { type Answer, type Connection, type Incoming, logsOut, type Request } from "../net/connection.ts";
import type { LinkPort, LinkStep } from "../session/link.ts";
import { OrderedBuffer } from "./ordered_buffer.ts";
import { Opening } from "./opening.ts";
import { Outbox } from "./outbox.ts";
import { unmarked } from "./privacy.ts";
import { KeyRequests } from "./key_requests.ts";
import type { Sealing } from "./sealing.ts";
import { senseless } from "./user_keys.ts";

const logins: ReadonlySet<string> = new Set(["login", "register", "resume"]);

/** Requests that wait for nobody: logins come first, and the others change nothing that a message could meet. */
const unordered: ReadonlySet<string> = new Set([...logins, "pong", "seen"]);

/**
 * A link whose private messages are encrypted on their way out, and decrypted on their way in.
 *
 * Promises:
 * 1. what goes out keeps the promises of {@linkcode Outbox}, except requests that wait for nobody;
 * 2. what comes in keeps its order, also while it is asked whose key a message was written with;
 * 3. what it holds when the connection is lost is told, or forgotten so that the next connection brings it again.
 *
 * It knows no keys: what is decrypted, and how, is {@linkcode Sealing}'s.
 */
export class SealedLink implements LinkPort {
  readonly #link: LinkPort;
  readonly #sealing: Sealing;
  readonly #held = new OrderedBuffer();
  readonly #note = (sentence: string) => this.#held.note(sentence);
  readonly #keyRequests: KeyRequests;
  readonly #outbox: Outbox;
  /** The connection is lost, and the sender does not know it yet. */
  #lost = false;
  /** The announcement of this device's key after it had been refused. */
  #announcedAgain: Request | undefined;
  #connection: Connection | undefined;

  constructor(link: LinkPort, sealing: Sealing) {
    this.#link = link;
    this.#sealing = sealing;
    this.#keyRequests = new KeyRequests(link, sealing);
    this.#outbox = new Outbox({ link, sealing, keyRequests: this.#keyRequests, told: this.#held });
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

  get maxMessageBytes(): number {
    return this.#link.maxMessageBytes;
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
    this.#outbox.add(request);
  }

  steps(wanted: () => boolean): AsyncGenerator<LinkStep, void, void> {
    return this.#held.over(this.#link.steps(wanted), (step) => this.#take(step));
  }

  async #take(step: LinkStep): Promise<void> {
    this.#connection = this.#link.connection ?? this.#connection;
    if (step.kind === "incoming") return await this.#takeIncoming(step.incoming);
    if (step.kind !== "down") return this.#held.push(step);
    this.#outbox.drop();
    this.#keyRequests.clear();
    this.#held.drop();
    this.#lost = true;
    this.#held.pushLater(() => {
      this.#lost = false;
      this.#connection = undefined;
      return step;
    });
  }

  async #takeIncoming(incoming: Incoming): Promise<void> {
    if (incoming.kind === "event") return await this.#takeEvent(incoming);
    if (incoming.kind === "unknown") return this.#held.push({ kind: "incoming", incoming });
    const asked = this.#keyRequests.about(incoming.request);
    if (asked !== undefined) return this.#takeKeys(asked, incoming);
    if (this.#outbox.take(incoming)) return;
    if (logsOut(incoming)) this.#sealing.leave();
    if (incoming.kind === "reply") await this.#takeReply(incoming.request, incoming.reply);
    else this.#held.push({ kind: "incoming", incoming });
  }

  async #takeEvent({ event }: Incoming & { kind: "event" }): Promise<void> {
    const plain = unmarked(event);
    if (plain.type === "system" && plain.code === "device_key_removed") this.#announceAgain();
    if (plain.type === "direct") return await this.#open([plain], ([opened]) => asEvent(opened), plain.topic);
    this.#held.push({ kind: "incoming", incoming: { kind: "event", event: plain } });
  }

  async #takeReply(request: Request, reply: Reply): Promise<void> {
    const answer = (reply: Reply): LinkStep => ({ kind: "incoming", incoming: { kind: "reply", request, reply } });
    if (logins.has(reply.of)) await this.#enter((reply as { user?: unknown }).user);
    else if (reply.of === "keys" || reply.of === "key" || reply.of === "unkey") {
      // The asker says whom it is about, not the server.
      const user = reply.of === "keys" ? request.user : this.#sealing.account?.user;
      if (typeof user === "string") this.#sealing.learn(user, reply, this.#note);
      if (reply.of === "unkey") this.#announceAgain();
      void this.#outbox.flush();
    } else if (reply.of === "history" && Array.isArray(reply.messages)) {
      // The history of a talk with somebody holds private messages only.
      const messages = reply.messages.filter(({ type }) => request.user === undefined || type === "direct");
      return await this.#open(messages.map(unmarked), (messages) => answer({ ...reply, messages }));
    }
    this.#held.push(answer(unmarked(reply)));
  }

  async #enter(user: unknown): Promise<void> {
    if (typeof user !== "string" || !isUsername(user)) return this.#sealing.leave();
    await this.#sealing.enter(user);
    const { device } = this.#sealing.account ?? {};
    if (device && this.#link.commands.find("key")) this.#keyRequests.askFor(user);
  }

  /** One of the user's keys was removed: where this device's was refused, there may be room for it. */
  #announceAgain(): void {
    if (!this.#sealing.turnedAway) return;
    this.#sealing.tryAgain();
    this.#announcedAgain = this.#keyRequests.announce();
  }

  /**
   * Decrypts what is encrypted, and tells it when it is known who wrote it.
   *
   * @param topic the topic whose next messages it brings, if any
   */
  async #open(
    messages: readonly TopicEvent[],
    tell: (opened: TopicEvent[]) => LinkStep,
    topic?: string,
  ): Promise<void> {
    const opening = await Opening.of(messages, this.#sealing.account);
    for (const from of opening.plainFrom) this.#sealing.mindThePlain(from, this.#note);
    if (opening.writers.length > 0) this.#sealing.mindTheDevice(this.#note);
    const keyRequests = opening.writers.map(({ from, key }) => this.#keyRequests.askWhose(from, key));
    this.#held.pushLater(() => tell(opening.tell()), keyRequests.filter((question) => question !== undefined), topic);
  }

  /** @param user whom it was asked about; "" where the answer is nobody's */
  #takeKeys(user: string, answer: Answer): void {
    this.#keyRequests.answered(answer.request);
    const isRefused = answer.kind === "refused" && answer.request.cmd === "key" && answer.error.code === "forbidden";
    if (isRefused && user !== "") {
      this.#sealing.turnAway(answer.error.message, this.#note);
      this.#keyRequests.askFor(user); // messages are encrypted for the user's other devices
      return this.#held.answered(answer.request);
    }
    const learned = answer.kind === "reply" && (user === "" || this.#sealing.learn(user, answer.reply, this.#note));
    this.#held.answered(answer.request);
    if (learned && answer.request === this.#announcedAgain) {
      this.#note("The key of this device is announced now: private messages from now on can be read here");
    }
    if (!learned && user !== "") {
      this.#outbox.refuse(user, answer.kind === "refused" ? answer.error : senseless(user));
    }
    void this.#outbox.flush();
  }
}

function asEvent(event: TopicEvent): LinkStep {
  return { kind: "incoming", incoming: { kind: "event", event } };
}
