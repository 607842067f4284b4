import { fold } from "../../wire/names.ts";
import type { Request } from "../net/connection.ts";
import type { LinkPort } from "../session/link.ts";
import type { Sealing } from "./sealing.ts";

/** How many keys of one sender are asked about in vain. */
const maxInVain = 3;

/** About how many senders is asked. */
const maxSenders = 10_000;

/**
 * The questions about keys that a link asks by itself, ahead of what was typed; and which are open.
 *
 * A message that was written with an unknown key leads to a question. A user who sends many such messages is to use up
 * nothing but their own share: questions in vain are counted, for each sender and connection.
 */
export class KeyRequests {
  readonly #link: Pick<LinkPort, "request">;
  readonly #sealing: Pick<Sealing, "account"> & Partial<Pick<Sealing, "turnedAway">>;
  readonly #open = new Map<Request, string>();
  readonly #asked = new Map<string, ReadonlySet<string>>();

  constructor(
    link: Pick<LinkPort, "request">,
    sealing: Pick<Sealing, "account"> & Partial<Pick<Sealing, "turnedAway">>,
  ) {
    this.#link = link;
    this.#sealing = sealing;
  }

  /** Whose keys an open question is about, "" where the answer is nobody's; undefined where the request is no question. */
  about(request: Request): string | undefined {
    return this.#open.get(request);
  }

  /** Asks. @param user whose keys the answer tells; "" for nobody's */
  ask(request: Request, user: string): Request {
    this.#open.set(request, user);
    this.#link.request(request);
    return request;
  }

  /** Asks for a user's keys, unless that is being done. @returns the question */
  askFor(user: string): Request {
    const open = this.#find(user);
    if (open) return open;
    const { account, turnedAway } = this.#sealing;
    // To announce one's own key is to be told all of them.
    const own = account?.isOwn(user) && !turnedAway ? account.device : undefined;
    return this.ask(own ? { cmd: "key", public: own.public } : { cmd: "keys", user }, user);
  }

  /** Announces the key of this device, also where the user's keys are being asked for. @returns the question */
  announce(): Request | undefined {
    const { user, device } = this.#sealing.account ?? {};
    return user === undefined || !device ? undefined : this.ask({ cmd: "key", public: device.public }, user);
  }

  /**
   * Asks whose a key is that a message was written with; somebody is logged in.
   *
   * @returns the question; undefined where that is known, or was asked too often
   */
  askWhose(sender: string, key: string): Request | undefined {
    const { known } = this.#sealing.account!;
    if (known.has(sender, key)) return undefined;
    return this.#find(sender) ?? (this.#mayAsk(sender, key) ? this.askFor(sender) : undefined);
  }

  /** It is answered. */
  answered(request: Request): void {
    this.#open.delete(request);
  }

  /** The connection is gone: nothing will be answered, and all may be asked again. */
  clear(): void {
    this.#open.clear();
    this.#asked.clear();
  }

  #find(user: string): Request | undefined {
    for (const [request, asked] of this.#open) if (fold(asked) === fold(user)) return request;
    return undefined;
  }

  /** Whether to ask whose a key is; it is noted that it was. */
  #mayAsk(sender: string, key: string): boolean {
    const { known } = this.#sealing.account!;
    const name = fold(sender);
    const before = this.#asked.get(name);
    if (!before && this.#asked.size >= maxSenders) return false;
    // What turned out to be the sender's was not asked in vain.
    const inVain = new Set([...before ?? []].filter((key) => !known.has(sender, key)));
    if (inVain.has(key) || inVain.size >= maxInVain) return false;
    this.#asked.set(name, inVain.add(key));
    return true;
  }
}
