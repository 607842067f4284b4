import { ChatError } from "../../common/errors.ts";
import type { Reply } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { LinkPort } from "../session/link.ts";
import { isObject } from "../base/shape.ts";
import type { OrderedBuffer } from "./ordered_buffer.ts";
import { unmarked } from "./privacy.ts";
import type { KeyRequests } from "./key_requests.ts";
import type { Prepared, Sealing } from "./sealing.ts";

/** A private message on its way: as it was given, and as it was encrypted. */
interface Sent {
  readonly request: Request;
  readonly prepared: Prepared;
}

/** Settings and ports of an outbox. */
export interface OutboxOptions {
  readonly link: Pick<LinkPort, "commands" | "maxMessageBytes" | "request">;
  readonly sealing: Sealing;
  readonly keyRequests: KeyRequests;
  /** Gets the answers, and what a person should know. */
  readonly told: Pick<OrderedBuffer, "push" | "note">;
}

/** How often a message is encrypted anew for changed keys; after that, the refusal is told. */
const maxAttempts = 5;

/**
 * What goes out over a connection in its order, private messages encrypted on their way.
 *
 * Promises:
 * 1. requests go out in the order in which they came, also while the keys for one of them are asked for;
 * 2. a message is encrypted when it is its turn, for the devices that there are then; where the server knows of others,
 *    it is encrypted again, under the same `cid`, before anything else is said to the same person;
 * 3. the sender gets the answer to a message as if the message had gone out unencrypted;
 * 4. where the connection was lost before an answer, a later refusal does not say that nothing was sent.
 *
 * It knows no keys: what is encrypted, and how, is {@linkcode Sealing}'s.
 */
export class Outbox {
  readonly #link: OutboxOptions["link"];
  readonly #sealing: Sealing;
  readonly #keyRequests: KeyRequests;
  readonly #told: OutboxOptions["told"];
  readonly #attempts = new WeakMap<Request, number>();
  /** Messages that were on their way when a connection was lost: whether they arrived, nobody knows. */
  readonly #uncertain = new WeakSet<Request>();
  readonly #sent = new Map<Request, Sent>();
  #line: Request[] = [];
  #working = false;
  #again = false;
  #life = 0;

  constructor({ link, sealing, keyRequests, told }: OutboxOptions) {
    this.#link = link;
    this.#sealing = sealing;
    this.#keyRequests = keyRequests;
    this.#told = told;
  }

  /** Adds a request behind all others. */
  add(request: Request): void {
    this.#line.push(request);
    void this.flush();
  }

  /** Sends what is in line, as far as nothing has to be waited for: to be called whenever keys were told. */
  async flush(): Promise<void> {
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

  /** Takes an answer. @returns whether it is to a message that was sent from here */
  take(answer: Answer): boolean {
    const sent = this.#sent.get(answer.request);
    if (!sent) return false;
    this.#sent.delete(answer.request);
    if (answer.kind === "reply") this.#accept(sent, answer.reply);
    else if (answer.error.code !== "keys_changed" || !this.#renew(sent, answer.error)) {
      this.#told.push({ kind: "incoming", incoming: { ...answer, request: sent.request } });
    }
    void this.flush();
    return true;
  }

  /** Refuses the messages that cannot be encrypted without somebody's keys. */
  refuse(user: string, error: ChatError): void {
    const needs = (request: Request) =>
      this.#isPrivate(request) && this.#sealing.missing(String(request.to)).some((name) => fold(name) === fold(user));
    const refused = this.#line.filter(needs);
    this.#line = this.#line.filter((request) => !refused.includes(request));
    for (const request of refused) this.#refuse(request, error);
  }

  /** The connection is gone, and with it what was on its way; who sent it will send it again. */
  drop(): void {
    this.#life++;
    this.#line = [];
    for (const { request } of this.#sent.values()) this.#uncertain.add(request);
    this.#sent.clear();
  }

  #isPrivate(request: Request): boolean {
    return request.sealed === undefined && this.#link.commands.isPrivate(request);
  }

  #pass(request: Request): void {
    const { device } = this.#sealing.account ?? {};
    // Nobody will be able to read what is encrypted for a key that goes with this run.
    if (device && !device.kept && (request.cmd === "quit" || request.cmd === "logout")) {
      this.#keyRequests.ask({ cmd: "unkey", public: device.public }, "");
    }
    this.#link.request(request);
  }

  /** @returns whether it has left the line */
  async #send(request: Request): Promise<boolean> {
    const life = this.#life;
    const to = String(request.to);
    const missing = this.#link.commands.find("keys") ? this.#sealing.missing(to) : [];
    for (const user of missing) this.#keyRequests.askFor(user);
    if (missing.length > 0) return false;
    // Another one may be refused and sent again: this one is not to overtake it.
    if ([...this.#sent.values()].some(({ prepared }) => fold(prepared.to) === fold(to))) return false;
    try {
      const prepared = await this.#sealing.prepare(request, this.#link.maxMessageBytes, (sentence) => {
        if (life === this.#life) this.#told.note(sentence);
      });
      // The line is another connection's, or another message goes first.
      if (life !== this.#life || this.#line[0] !== request) return true;
      this.#line.shift();
      this.#sent.set(prepared.request, { request, prepared });
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
    this.#told.push({ kind: "incoming", incoming: { kind: "refused", request, error: told } });
  }

  #accept({ request, prepared: { to, text, privacy } }: Sent, answer: Reply): void {
    const reply = { ...unmarked(answer), ...(privacy ? { to, text, privacy } : {}) } as Reply;
    this.#told.push({ kind: "incoming", incoming: { kind: "reply", request, reply } });
  }

  /** Puts a message first in line once more, for the devices that there are now. @returns whether it is there */
  #renew({ request, prepared }: Sent, { extra }: ChatError): boolean {
    if (prepared.request.keys === undefined) return false;
    const attempts = (this.#attempts.get(request) ?? 0) + 1;
    this.#attempts.set(request, attempts);
    if (attempts > maxAttempts) return false;
    const { account } = this.#sealing;
    const present = isObject(extra.keys) ? Object.entries(extra.keys) : [];
    const note = (sentence: string) => this.#told.note(sentence);
    for (const user of [String(request.to), account!.user]) {
      const [, keys] = present.find(([name]) => fold(name) === fold(user)) ?? [];
      if (!this.#sealing.learn(user, keys, note)) this.#sealing.forget(user);
    }
    // Another device has removed this one, or has taken its place: it says that it is there.
    if (!this.#sealing.announced) this.#sealing.forget(account!.user);
    this.#line.unshift(request);
    return true;
  }
}
