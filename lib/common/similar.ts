/**
 * The word that somebody most likely meant.
 *
 * @param word what was written
 * @param known what could have been meant
 * @returns undefined where nothing is near: at most one slip in three characters, and two at the most
 */
export function closest(word: string, known: Iterable<string>): string | undefined {
  const allowed = Math.min(2, Math.floor(word.length / 3));
  let [best, least]: [string | undefined, number] = [undefined, allowed + 1];
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > allowed) continue;
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (slips < least) [best, least] = [candidate, slips];
  }
  return best;
}

/**
 * How many characters were left out, added, changed or swapped with their neighbour (optimal string alignment).
 */
function slipsBetween(one: string, other: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
      next[j] = Math.min(changed, row[j] + 1, next[j - 1] + 1);
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[other.length];
}
