import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Topic } from "../../wire/names.ts";

/** Finds messages in a log by their time. Numbers have no holes and times only grow, so that it can bisect. */
export class SqliteMoments {
  readonly #from: StatementSync;

  constructor(database: DatabaseSync) {
    this.#from = database.prepare("SELECT seq, time FROM log WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT 1");
  }

  /**
   * The first number, at least `from`, of a message that is not older than a time; `last` + 1 where none is.
   *
   * @param time milliseconds since 1970
   */
  firstSince(topic: Topic, from: number, last: number, time: number): number {
    const at = (seq: number) => this.#from.get(topic, seq) as { seq: number; time: number } | undefined;
    const oldest = at(from);
    if (!oldest) return last + 1;
    if (oldest.time >= time) return oldest.seq;
    let [low, high] = [oldest.seq + 1, last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (at(middle)!.time < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
