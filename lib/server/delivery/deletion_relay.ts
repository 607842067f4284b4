import { type Deletion, type Deletions, isBehind } from "../../store/topics.ts";
import type { PositionSigner } from "../../store/position_signer.ts";
import type { ServerEvent } from "../../wire/event.ts";
import type { Topic } from "../../wire/names.ts";
import { deletedEvent } from "./events.ts";
import type { Follower } from "./hub.ts";
import type { Stream } from "./stream.ts";

/** The part of the hub that deletions need. */
export interface DeletionOutlet {
  deliver(topic: Topic, event: ServerEvent, seq: undefined, skips?: (follower: Follower) => boolean): void;
}

/** Passes deletions on, from the store to the hub: in their order, each once, behind the messages that were stored before. */
export class DeletionRelay {
  readonly #positions: PositionSigner;
  readonly #deletions: Pick<Deletions, "since"> | undefined;
  readonly #outlet: DeletionOutlet;

  /** @param deletions where those are read of which nothing was heard; without it there are none */
  constructor(positions: PositionSigner, deletions: Pick<Deletions, "since"> | undefined, outlet: DeletionOutlet) {
    this.#positions = positions;
    this.#deletions = deletions;
    this.#outlet = outlet;
  }

  /** Passes on one that was heard. @returns false where something before it was not: then it is not passed on */
  hear(stream: Stream, deletion: Deletion): boolean {
    if (!isBehind(deletion, stream.deletion)) return true;
    const isNext = deletion.number === stream.deletion.number + 1 && deletion.at <= stream.position.seq;
    if (stream.filling || !isNext) return false;
    this.#pass(stream, deletion);
    return true;
  }

  /** Passes on those of which nothing was heard. @throws {ChatError} `store_unavailable` */
  async fill(stream: Stream): Promise<void> {
    for (const deletion of await this.#deletions?.since(stream.topic, stream.deletion) ?? []) {
      if (stream.closed) return;
      if (isBehind(deletion, stream.deletion)) this.#pass(stream, deletion);
    }
  }

  /** What the position says that it tells is safe to keep: all that is before it was passed on. */
  #pass(stream: Stream, deletion: Deletion): void {
    const { topic, position } = stream;
    const { at, number } = deletion;
    stream.deletion = { at, number };
    this.#outlet.deliver(topic, deletedEvent(this.#positions, topic, position, deletion), undefined, skipsOf(deletion));
  }
}

/** Who hears of a deletion otherwise: in the room of a feed's message, and the person who has just asked for it. */
function skipsOf({ room, via }: Deletion): ((follower: Follower) => boolean) | undefined {
  if (room === undefined && via === undefined) return undefined;
  return (follower) =>
    (room !== undefined && follower.isIn(room)) || (follower.connection === via && follower.encoding === "text");
}
