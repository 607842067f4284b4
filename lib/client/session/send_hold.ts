import { type Clock, pause } from "../../common/time.ts";
import type { LinkPort } from "./link.ts";
import type { Repetition } from "../net/commands.ts";
import type { Entry } from "./outgoing.ts";

/** After how many milliseconds a store that was away is tried again. */
const againMs = 500;

/** Settings and ports of a hold. */
export interface SendHoldOptions {
  readonly clock: Clock;
  readonly link: Pick<LinkPort, "signal">;
  /** Which requests wait for a store that is away; the others are refused. */
  readonly waiting: readonly Repetition[];
  /** For how long they do, in milliseconds; for ever by default. */
  readonly giveUpMs?: number | undefined;
  /** Called when it is time to send again. */
  readonly again: () => void;
}

/**
 * What keeps a session from sending although it is connected: its server drains, or the server's store is away.
 *
 * A request that is refused for such a reason has no answer yet: it stays where it stands, and is sent again, to the
 * next server or a little later. A message that met a store which was away may be stored or not, and only its `cid`
 * keeps it from being two: a person who typed it once more would double it.
 */
export class SendHold {
  readonly #options: SendHoldOptions;
  readonly #since = new WeakMap<Entry, number>();
  #draining = false;
  #pausing = false;
  #storeAway = false;

  constructor(options: SendHoldOptions) {
    this.#options = options;
  }

  /** Whether nothing is to be sent for the moment. */
  get active(): boolean {
    return this.#draining || this.#pausing;
  }

  /** Whether the server moves its clients off. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Whether something waits because the store was away when it was asked last. */
  get storeAway(): boolean {
    return this.#storeAway;
  }

  /** There is a new connection. */
  begin(): void {
    this.#draining = false;
  }

  /** The server says that it moves its clients off. */
  drain(): void {
    this.#draining = true;
  }

  /** A request has its answer. */
  answered({ repetition }: Entry): void {
    if (repetition === "message") this.#storeAway = false;
  }

  /** Whether a refusal is no answer: the request is to be sent again, when there is no hold any more. */
  takes(entry: Entry, code: string): boolean {
    if (entry.repetition === "once") return false;
    if (code === "server_draining") return this.#draining = true;
    const { clock, waiting, giveUpMs = Infinity } = this.#options;
    if (code !== "store_unavailable" || !waiting.includes(entry.repetition)) return false;
    const since = this.#since.get(entry) ?? clock.now();
    this.#since.set(entry, since);
    this.#storeAway = clock.now() - since < giveUpMs;
    if (this.#storeAway && !this.#pausing) void this.#pause();
    return this.#storeAway;
  }

  async #pause(): Promise<void> {
    const { clock, link, again } = this.#options;
    this.#pausing = true;
    await pause(againMs, link.signal, clock);
    this.#pausing = false;
    again();
  }
}
