import type { Config } from "../../config/config.ts";
import type { Limits } from "../../limits/limits.ts";
import type { Peer } from "../../limits/peer.ts";
import { fold } from "../../wire/names.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { AnswerBudget, Answered } from "./answer_budget.ts";

/** How long a peer may take nothing of an answer that it asked for, in milliseconds. */
const deafMs = 45_000;

/** The queue that the answers wait in. */
type AnswerOutbox = Pick<Outbox, "pending" | "stalledMs" | "answering" | "written" | "giveUp">;

/** What it needs of the server. */
interface AnswerHost {
  readonly answers: AnswerBudget;
  readonly config: Pick<Config, "maxQueueBytes">;
  readonly services: { readonly limits: Pick<Limits, "refused"> };
}

/** One connection's part in what answers may take: counted by its user, or by its network while nobody is logged in. */
export class AnswerShare implements Answered {
  readonly #outbox: AnswerOutbox;
  readonly #network: string;
  readonly #host: AnswerHost;
  #key: string;
  #left = false;

  constructor(outbox: AnswerOutbox, { network }: Peer, host: AnswerHost) {
    this.#outbox = outbox;
    this.#network = network;
    this.#host = host;
    this.#key = `network ${network}`;
    host.answers.join(this.#key, this);
  }

  get pending(): number {
    return this.#outbox.pending;
  }

  get stalledMs(): number {
    return this.#outbox.stalledMs;
  }

  /** Counts it with the connections of this user; undefined where nobody is logged in. */
  set user(name: string | undefined) {
    if (this.#left) return;
    const { answers } = this.#host;
    answers.leave(this.#key, this);
    this.#key = name === undefined ? `network ${this.#network}` : `user ${fold(name)}`;
    answers.join(this.#key, this);
  }

  /** Resolves when the peer has read enough for another line to be taken; undefined where it has. */
  room(): Promise<unknown> | undefined {
    const { answers, config: { maxQueueBytes } } = this.#host;
    if (this.pending > maxQueueBytes / 2) {
      return this.#outbox.written(maxQueueBytes / 4).then(() => answers.reserve(this.#key, this, 0));
    }
    const reserved = answers.reserve(this.#key, this, 0);
    return typeof reserved === "boolean" ? undefined : reserved;
  }

  /** Makes a long answer, of so many bytes at most, when there is room for it. */
  async make(bytes: number, answer: () => Promise<void>): Promise<void> {
    const { answers } = this.#host;
    const key = this.#key;
    const reserved = await answers.reserve(key, this, bytes);
    try {
      await answer();
    } finally {
      if (reserved) answers.release(key, bytes);
    }
  }

  /** Looks after the time: a peer that takes nothing of its answers is given up. */
  tick(): void {
    if (this.#outbox.answering && this.stalledMs >= deafMs) this.giveUp();
  }

  giveUp(): void {
    this.#host.services.limits.refused("answers");
    this.#outbox.giveUp();
  }

  /** The connection is over. */
  leave(): void {
    this.#left = true;
    this.#host.answers.leave(this.#key, this);
  }
}
