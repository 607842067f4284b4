interface Branch<T> {
  size: number;
  /** How many turns it has had, counted from those that others had when it came. */
  turns: number;
  /** The turns of the branch within that was served last. */
  served: number;
  readonly branches: Map<string, Branch<T>>;
  /** The turns of those that wait no more, while they are ahead of the others: who comes again at once gains nothing. */
  readonly gone: Map<string, number>;
  readonly items: T[];
}

/** How many are remembered that wait no more. */
const maxGone = 1_000;

/**
 * A queue in which nobody waits for a crowd: those who wait take turns, not their items (start-time fair queuing; Goyal,
 * Vin and Cheng, 1996).
 *
 * Each item has a path, such as network and account. At each step of it the branches take turns, so that a thousand items
 * of one branch delay everybody else by one of them at a time. Where turns are even, the branch with fewer items goes
 * first: who comes with one item goes before a crowd. Items of one path keep their order.
 *
 * @example
 * ```ts
 * import { FairQueue } from "./fair_queue.ts";
 *
 * const queue = new FairQueue<string>();
 * for (const item of ["a1", "a2", "a3"]) queue.push(["a"], item);
 * queue.push(["b"], "b1");
 * const order = [queue.shift(), queue.shift(), queue.shift(), queue.shift()];
 * if (order.join() !== "b1,a1,a2,a3") throw new Error("unexpected");
 * ```
 */
export class FairQueue<T> {
  readonly #root: Branch<T> = branchAfter(0);

  /** How many items wait in all. */
  get size(): number {
    return this.#root.size;
  }

  /** How many items wait whose paths begin with this one. */
  sizeOf(path: readonly string[]): number {
    let branch: Branch<T> | undefined = this.#root;
    for (const step of path) branch = branch?.branches.get(step);
    return branch?.size ?? 0;
  }

  /** Adds an item behind those of its path; all paths of a queue are equally long. */
  push(path: readonly string[], item: T): void {
    let branch = this.#root;
    branch.size++;
    for (const step of path) {
      let next = branch.branches.get(step);
      if (!next) branch.branches.set(step, next = branchAfter(Math.max(branch.served, branch.gone.get(step) ?? 0)));
      next.size++;
      branch = next;
    }
    branch.items.push(item);
  }

  /** Takes the next item out; undefined where none waits. */
  shift(): T | undefined {
    if (this.#root.size === 0) return undefined;
    let branch = this.#root;
    branch.size--;
    while (branch.branches.size > 0) {
      const [step, next] = nextOf(branch);
      branch.served = next.turns++;
      if (--next.size === 0) forget(step, next.turns, branch);
      branch = next;
    }
    return branch.items.shift()!;
  }
}

function branchAfter<T>(turns: number): Branch<T> {
  return { size: 0, turns, served: 0, branches: new Map(), gone: new Map(), items: [] };
}

/** Takes out a branch in which nothing waits. */
function forget<T>(step: string, turns: number, { branches, gone, served }: Branch<T>): void {
  branches.delete(step);
  gone.set(step, turns);
  if (gone.size <= maxGone) return;
  for (const [other, had] of gone) if (had <= served || gone.size > maxGone) gone.delete(other);
}

/** The branch whose turn it is. */
function nextOf<T>({ branches }: Branch<T>): [string, Branch<T>] {
  let found: [string, Branch<T>] | undefined;
  for (const entry of branches) {
    const [, { turns, size }] = entry;
    if (!found || turns < found[1].turns || (turns === found[1].turns && size < found[1].size)) found = entry;
  }
  return found!;
}
