import type { Reply } from "../../wire/event.ts";
import type { CommandTable, Repetition } from "../net/commands.ts";
import type { Request } from "../net/connection.ts";
import { ClientError, ConnectionLost } from "../base/exit.ts";

/** One request that waits to be sent or for its answer. */
export interface Entry {
  /** What is sent; the same object comes back with the answer. */
  request: Request;
  /** The same as it was typed, without secrets. */
  readonly typed: string;
  /** Whether it may be sent again over another connection. */
  readonly repetition: Repetition;
  /** The client's own question, which nobody typed: its answer is no update. */
  readonly own: boolean;
  /** Sent on the connection that there is. */
  sent: boolean;
  /** Sent on an earlier connection as well. */
  tried: boolean;
  /** Settles the promise that the caller holds. */
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** A request that will have no answer, and the error that its promise was rejected with. */
export interface GivenUp {
  readonly kind: "refused";
  readonly request: Request;
  readonly error: ClientError;
}

/** How many messages may be unanswered at once: enough to fill a slow line, fewer than a server queues. */
const maxWindow = 32;

/**
 * Requests that are not answered yet, in the order in which they were made, for a session whose connection may go.
 *
 * Promises:
 * 1. requests are sent in order; messages follow each other without waiting for answers, up to a window, while any
 *    other command is sent alone, so that the next request meets what it has changed;
 * 2. after an interruption, what had no answer is sent again in the same order, each message under its `cid` and to the
 *    room for which it was meant; a command that must not be done twice is given up instead, for nobody knows whether
 *    it was done;
 * 3. the promise of each request settles: with its answer, or with an error.
 */
export class Outgoing {
  #entries: Entry[] = [];
  readonly #window: number;

  constructor(window = maxWindow) {
    this.#window = window;
  }

  /** How many requests have no answer. */
  get size(): number {
    return this.#entries.length;
  }

  /** The requests that were typed and have no answer, in order. */
  get typed(): Request[] {
    return this.#entries.filter(({ own }) => !own).map(({ request }) => request);
  }

  /** Adds a request behind all others; the promise is its answer's. */
  add(request: Request, commands: CommandTable, own = false): Promise<Reply> {
    const repetition = commands.repetition(request.cmd);
    const typed = request.cmd === "say" ? `"${request.text}"` : commands.textOf(request);
    const known = repetition === "message" ? { cid: crypto.randomUUID(), ...request } : request;
    const answer = new Promise<Reply>((resolve, reject) => {
      this.#entries.push({ request: known, typed, repetition, own, sent: false, tried: false, resolve, reject });
    });
    answer.catch(() => {}); // a refusal is an update as well, so nobody has to await it
    return answer;
  }

  /**
   * Takes the requests that may be sent now, in order.
   *
   * @param room where the user is: a message that can name its room is bound to it
   */
  next(room: string | undefined, commands: CommandTable): Request[] {
    const ready: Request[] = [];
    for (const [index, entry] of this.#entries.entries()) {
      const alone = entry.repetition !== "message";
      if (index >= this.#window || (alone && index > 0)) break;
      if (!entry.sent) {
        entry.sent = true;
        if (!alone && room !== undefined && commands.takesRoom(entry.request.cmd)) {
          entry.request = { room, ...entry.request };
        }
        ready.push(entry.request);
      }
      if (alone) break;
    }
    return ready;
  }

  /** The entry that this request belongs to, if it is one of them. */
  find(request: Request): Entry | undefined {
    return this.#entries.find((entry) => entry.sent && entry.request === request);
  }

  /** Takes an entry out: it has its answer. */
  remove(entry: Entry): void {
    // What is answered stands at the front, however much waits behind it.
    const at = this.#entries.indexOf(entry);
    if (at >= 0) this.#entries.splice(at, 1);
  }

  /** Leaves an entry where it stands, to be sent once more: its answer was none. */
  postpone(entry: Entry): void {
    entry.sent = false;
    entry.tried = true;
  }

  /** The connection is gone. @returns what is given up because it must not be sent twice */
  interrupt(): GivenUp[] {
    const uncertain = this.#entries.filter(({ sent, repetition }) => sent && repetition === "once");
    this.#entries = this.#entries.filter((entry) => !uncertain.includes(entry));
    for (const entry of this.#entries) {
      if (entry.sent) this.postpone(entry);
    }
    return giveUp(uncertain);
  }

  /** Gives everything up. @returns what was left, in order */
  abandon(): GivenUp[] {
    return giveUp(this.#entries.splice(0));
  }
}

/** @returns those of which a person is told */
function giveUp(entries: readonly Entry[]): GivenUp[] {
  const given = entries.map(giveUpOne);
  return given.filter((_, index) => !entries[index].own);
}

function giveUpOne({ request, typed, sent, tried, reject }: Entry): GivenUp {
  // What was sent may have been done: nobody knows.
  const error = sent || tried
    ? new ConnectionLost(`It is not known whether this was done: ${typed}`)
    : new ClientError("unreachable", `Not sent: ${typed}`);
  reject(error);
  return { kind: "refused", request, error };
}
