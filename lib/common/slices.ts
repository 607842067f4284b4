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
