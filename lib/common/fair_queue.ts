interface Branch<T> {
  size: number;
  /** The one whose turn it is, is first. */
  readonly branches: Map<string, Branch<T>>;
  readonly items: T[];
}

/**
 * A queue in which nobody waits for a crowd: those who wait take turns, not their items.
 *
 * Each item has a path, such as network and account. At each step of it the branches take turns, so that who has
 * a thousand items in the queue delays everybody else by one of them at a time. Items of one path keep their order.
 *
 * @example
 * ```ts
 * import { FairQueue } from "./fair_queue.ts";
 *
 * const queue = new FairQueue<string>();
 * for (const item of ["a1", "a2", "a3"]) queue.push(["a"], item);
 * queue.push(["b"], "b1");
 * const order = [queue.shift(), queue.shift(), queue.shift(), queue.shift()];
 * if (order.join() !== "a1,b1,a2,a3") throw new Error("unexpected");
 * ```
 */
export class FairQueue<T> {
  readonly #root: Branch<T> = { size: 0, branches: new Map(), items: [] };

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
      if (!next) branch.branches.set(step, next = { size: 0, branches: new Map(), items: [] });
      next.size++;
      branch = next;
    }
    branch.items.push(item);
  }

  /** Takes the next item out; undefined where none waits. */
  shift(): T | undefined {
    return this.#root.size === 0 ? undefined : take(this.#root);
  }
}

function take<T>(branch: Branch<T>): T {
  branch.size--;
  for (const [step, next] of branch.branches) {
    branch.branches.delete(step);
    if (next.size > 1) branch.branches.set(step, next); // behind the others, whose turn comes first
    return take(next);
  }
  return branch.items.shift()!;
}
