import { fold } from "../../wire/names.ts";

/** What names those who said or got something. */
interface Named {
  readonly from: string;
  readonly to?: string;
}

/**
 * What users are called whose accounts are deleted: what they said stays in the logs, and is read under another name.
 *
 * The names stay reserved, so that the one of a deleted account never is somebody else's.
 */
export class DeletedNames {
  /** Name, folded → what the user is called. */
  #names: ReadonlyMap<string, string> = new Map();

  /** Takes all that there are. */
  load(names: Iterable<readonly [name: string, alias: string]>): void {
    this.#names = new Map([...names].map(([name, alias]) => [fold(name), alias]));
  }

  /** One account more is deleted. */
  add(name: string, alias: string): void {
    this.#names = new Map([...this.#names, [fold(name), alias]]);
  }

  /** What a user is called. */
  of(name: string): string {
    return this.#names.size === 0 ? name : this.#names.get(fold(name)) ?? name;
  }

  /** The folded name that a deleted account had, by that name or by what its user is called now. */
  behind(name: string): string | undefined {
    if (this.#names.has(fold(name))) return fold(name);
    for (const [own, alias] of this.#names) if (alias === fold(name)) return own;
    return undefined;
  }

  /** A message under the names that its users have now. */
  rename<T extends Named>(message: T): T {
    if (this.#names.size === 0) return message;
    const { from, to } = message;
    return { ...message, from: this.of(from), ...(to === undefined ? {} : { to: this.of(to) }) };
  }
}

const known = new WeakMap<object, DeletedNames>();

/** Those of one store. @param store what its parts have in common: the connection to it */
export function deletedNamesOf(store: object): DeletedNames {
  let names = known.get(store);
  if (!names) known.set(store, names = new DeletedNames());
  return names;
}
