import type { Request } from "../net/connection.ts";
import type { LinkStep } from "../session/link.ts";

interface Held {
  /** Makes the step, when it is its turn. */
  readonly step: () => LinkStep;
  /** The questions that have to be answered first. */
  readonly waits: Set<Request>;
  /** The topic whose next messages it brings, if any. */
  readonly topic: string | undefined;
}

/** How many steps may be held up; then the first goes on without its answers. */
const maxHeld = 1000;

/**
 * The steps of a link, in order. Some have to wait for answers that come over the same link.
 *
 * A step that waits holds up those behind it, while what is behind it is read on: the answer may be there.
 */
export class OrderedBuffer {
  #held: Held[] = [];
  #news = Promise.withResolvers<undefined>();

  /** Whether there is a step that was not told. */
  get any(): boolean {
    return this.#held.length > 0;
  }

  /** Adds a step behind all others. */
  push(step: LinkStep): void {
    this.#add({ step: () => step, waits: new Set(), topic: topicOf(step) });
  }

  /** Adds a sentence for a person behind all others. */
  note(message: string): void {
    this.push({ kind: "status", status: { state: "notice", message } });
  }

  /**
   * Adds a step behind all others that is made when it is its turn.
   *
   * @param waits the questions that have to be answered first
   * @param topic the topic whose next messages it brings, if any
   */
  pushLater(step: () => LinkStep, waits: Iterable<Request> = [], topic?: string): void {
    this.#add({ step, waits: new Set(waits), topic });
  }

  /** A question is answered. */
  answered(question: Request): void {
    for (const { waits } of this.#held) waits.delete(question);
    this.#news.resolve(undefined);
  }

  /**
   * No question will be answered. What waits for an answer is forgotten, and what follows it in the same topic: as nobody
   * was told of it, the next connection brings it again.
   */
  drop(): void {
    const broken = new Set<string>();
    this.#held = this.#held.filter(({ waits, topic }) => {
      if (waits.size === 0 && (topic === undefined || !broken.has(topic))) return true;
      if (topic !== undefined) broken.add(topic);
      return false;
    });
  }

  /**
   * All steps, in order.
   *
   * @param source where they come from; nothing more is taken from it while a step can be told
   * @param take gets each, and adds what is to be told of it
   */
  async *over(
    source: AsyncGenerator<LinkStep, void, void>,
    take: (step: LinkStep) => Promise<void>,
  ): AsyncGenerator<LinkStep, void, void> {
    let next: Promise<IteratorResult<LinkStep, void>> | undefined;
    try {
      for (;;) {
        while (this.#held.length > maxHeld || this.#held[0]?.waits.size === 0) {
          yield this.#held[0].step();
          this.#held.shift(); // until here it is being told
        }
        next ??= source.next();
        this.#news = Promise.withResolvers();
        const came = await Promise.race([next, this.#news.promise]);
        if (!came) continue;
        next = undefined;
        if (came.done) return;
        await take(came.value);
      }
    } finally {
      // Where a step is being waited for, the source ends when the link is closed.
      const ended = source.return();
      if (!next) await ended;
    }
  }

  #add(held: Held): void {
    this.#held.push(held);
    this.#news.resolve(undefined);
  }
}

function topicOf(step: LinkStep): string | undefined {
  if (step.kind !== "incoming" || step.incoming.kind !== "event") return undefined;
  const { topic } = step.incoming.event as { topic?: unknown };
  return typeof topic === "string" ? topic : undefined;
}
