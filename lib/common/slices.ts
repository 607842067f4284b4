/**
 * Maps items as `Promise.all` does, but no more than some at a time, with a turn of the event loop between: what each
 * begins at once adds up to no long turn in which nobody else is served.
 *
 * @param size how many are begun in one turn
 * @returns the results, in order
 * @throws what a mapping throws; no further ones are begun then
 */
export async function inSlices<T, R>(
  items: readonly T[],
  size: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    results.push(...await Promise.all(items.slice(at, at + size).map(map)));
  }
  return results;
}

/**
 * Maps items as `Promise.all` does, and begins no more than some of them in one turn of the event loop. It does not wait
 * for those that it has begun: where each waits for somebody else, all wait side by side.
 *
 * @param size how many are begun in one turn
 * @returns the results, in order
 * @throws what a mapping throws; no further ones are begun then
 */
export async function inTurns<T, R>(
  items: readonly T[],
  size: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  let failed = false;
  const begun: Promise<R>[] = [];
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    if (failed) break;
    for (const item of items.slice(at, at + size)) {
      const mapped = map(item);
      mapped.catch(() => failed = true); // thrown below
      begun.push(mapped);
    }
  }
  return await Promise.all(begun);
}
