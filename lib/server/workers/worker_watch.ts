import { allowLate, within } from "../../common/time.ts";
import { type Measure, measures, type Snapshot, summed } from "../../observability/metrics.ts";
import type { Problem, Watched } from "../metering/health.ts";
import type { Condition, Thread } from "./thread.ts";

/** How long a worker may take to answer, in milliseconds. */
const answerMs = 1_000;

/** A worker that has not answered for so long, in milliseconds, will not do so again: only a new start helps. */
const stuckMs = 30_000;

interface Question {
  readonly since: number;
  readonly answer: Promise<Condition | undefined>;
}

interface Watch {
  readonly thread: Thread;
  readonly questions: Map<"health" | "metrics", Question>;
  /** Its last answer. */
  metrics: readonly Snapshot[];
}

/**
 * Asks workers for their health and their metrics.
 *
 * 1. Nobody waits long for a worker that hangs: it counts as one that is not ready.
 * 2. Counters go on growing when a worker ends or does not answer: its last values stay in the sum, since Prometheus takes
 *    any fall for a new start.
 * 3. A worker that hangs is asked no more until it answers.
 */
export class WorkerWatch implements Watched {
  readonly #count: number;
  readonly #now: () => number;
  readonly #up = new Map<number, Watch>();
  /** The counts of workers that have ended. */
  #ended: readonly Snapshot[] = [];

  /** @param count how many workers there ought to be */
  constructor(count: number, now: () => number = () => performance.now()) {
    this.#count = count;
    this.#now = now;
  }

  /** A worker accepts connections. */
  up(worker: number, thread: Thread): void {
    this.#up.set(worker, { thread, questions: new Map(), metrics: [] });
  }

  /** A worker has ended. */
  down(worker: number): void {
    this.#ended = summed(this.#ended, this.#up.get(worker)?.metrics ?? []);
    this.#up.delete(worker);
  }

  stuck(): string | undefined {
    for (const [worker, watch] of this.#up) {
      void this.#ask(watch, "health");
      for (const { since } of watch.questions.values()) {
        if (this.#now() - since > stuckMs) return `worker ${worker} has not answered for ${stuckMs / 1000} s`;
      }
    }
  }

  async health(): Promise<Problem[]> {
    const all = await this.#all(async (worker, watch) => {
      if (!watch) return [{ check: "worker", reason: "it is not up", worker } as const];
      const condition = await this.#ask(watch, "health");
      if (!condition) return [{ check: "worker", reason: "it does not answer", worker } as const];
      return condition.problems.map((problem) => ({ ...problem, worker }));
    });
    return all.flat();
  }

  async snapshots(): Promise<readonly (readonly Snapshot[])[]> {
    const all = await this.#all(async (worker, watch) => {
      const condition = watch && await this.#ask(watch, "metrics");
      if (condition) return watch.metrics = condition.metrics;
      return [...summed(watch?.metrics ?? [], []), silent(worker)];
    });
    return [...all, this.#ended];
  }

  #all<T>(look: (worker: number, watch: Watch | undefined) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: this.#count }, (_, index) => look(index + 1, this.#up.get(index + 1))));
  }

  /** The worker's answer; undefined if it does not come in time. */
  async #ask({ thread, questions }: Watch, about: "health" | "metrics"): Promise<Condition | undefined> {
    let question = questions.get(about);
    if (!question) {
      const answer = thread.ask(about).finally(() => questions.delete(about));
      questions.set(about, question = { since: this.#now(), answer });
    }
    return await within(answerMs, question.answer).catch(allowLate);
  }
}

/** The metric that says that a worker does not answer. */
function silent(worker: number): Snapshot {
  const { help, type, aggregator }: Measure = measures.chat_worker_up;
  return { name: "chat_worker_up", help, type, aggregator, values: [{ labels: { worker: `${worker}` }, value: 0 }] };
}
