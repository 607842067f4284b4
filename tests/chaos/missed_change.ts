/** A change of an account's rooms that one of its devices cannot hear of, since its server is kept from the store. */

import type { Actor } from "./actor.ts";
import type { World } from "./world.ts";

/** Two devices of one account, in many rooms and on two servers. */
export interface ApartPair {
  readonly changing: Actor;
  readonly deaf: Actor;
}

/** Finds such two, which have nothing to ask. */
export function apartPair(actors: readonly Actor[]): ApartPair | undefined {
  const free = actors.filter(({ many, done }) => many && done);
  for (const deaf of free) {
    const changing = free.find(({ account, connection }) =>
      account === deaf.account && connection?.server !== deaf.connection?.server
    );
    if (changing) return { changing, deaf };
  }
}

/** Has one of two change the rooms of both while the other one's server hears nothing. @returns whether that was done */
export async function changeUnheard({ nodes, store }: World, { changing, deaf }: ApartPair): Promise<boolean> {
  const server = nodes.findIndex((node) => node === deaf.connection?.server);
  const heal = store.sever?.(server);
  try {
    return heal !== undefined && await changing.changeRooms();
  } finally {
    heal?.();
  }
}
