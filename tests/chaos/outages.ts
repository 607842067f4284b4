/**
 * When something was not in working order, so that nobody is blamed for an answer that could not come.
 */

/** A stretch of time; `to` is Infinity while it lasts. */
interface Interval {
  readonly from: number;
  to: number;
}

/** The outages of one thing: a server, a connection, this process. Times are milliseconds of one clock. */
export class Outages {
  readonly #intervals: Interval[] = [];

  /** @returns to be called with the time when it is over */
  begin(from: number): (to: number) => void {
    const interval = { from, to: Infinity };
    this.#intervals.push(interval);
    return (to) => void (interval.to = Math.min(interval.to, to));
  }

  /** Those that touch a stretch of time, cut to it. */
  within(from: number, to: number): { from: number; to: number }[] {
    return this.#intervals.filter((it) => it.to > from && it.from < to)
      .map((it) => ({ from: Math.max(it.from, from), to: Math.min(it.to, to) }));
  }
}

/** How much of a stretch of time was free of any of these outages. */
export function healthyMs(from: number, to: number, ...outages: readonly Outages[]): number {
  const intervals = outages.flatMap((each) => each.within(from, to)).sort((a, b) => a.from - b.from);
  let healthy = to - from;
  let until = from;
  for (const interval of intervals) {
    const start = Math.max(interval.from, until);
    if (interval.to <= start) continue;
    healthy -= interval.to - start;
    until = interval.to;
  }
  return healthy;
}
