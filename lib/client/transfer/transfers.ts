import { ClientError } from "../base/exit.ts";
import { type Clock, systemClock } from "../../common/time.ts";
import { AlreadyTold, type Tell } from "../session/local_commands.ts";
import type { Session } from "../session/session.ts";
import type { Reply } from "../../wire/event.ts";
import { chunkCount } from "../../wire/files.ts";
import { isCode, type Where, type Wire } from "./chunks.ts";
import { fetchInto, sizeThere } from "./fetching.ts";
import { goalOf, type NamedBytes, readFile, sendable } from "./local.ts";
import type { Offer, Offers } from "./offers.ts";
import { PartFile } from "./part_file.ts";
import { sendFile, type Sent } from "./sending.ts";
import { formatSeconds, formatSize } from "./size.ts";

/** What transfers need of a session. */
export interface TransferSession extends Pick<Session, "user" | "room" | "maxFileBytes" | "ask" | "send"> {
  /** Whether a private message to a user is encrypted: then a file is as well. */
  canSeal?(user: string): Promise<boolean>;
}

/** A transfer under way. */
export interface Transfer {
  /** The number of its file. */
  readonly number: number;
  readonly kind: "send" | "get";
  readonly name: string;
  readonly size: number;
  /** Whom or what it goes to, or comes from. */
  readonly peer: string;
  /** How many bytes are there. */
  readonly done: number;
  /** Bytes a second; undefined where nobody can say yet. */
  readonly rate: number | undefined;
}

/** Settings and ports of the transfers. */
export interface TransfersOptions {
  readonly session: TransferSession;
  readonly offers: Offers;
  /** The folder that files are fetched into. */
  readonly downloads: () => string;
  readonly clock?: Clock;
}

/**
 * The files that a person sends and fetches, several at a time, beside all else that goes on.
 *
 * Promises:
 * 1. of all transfers together one chunk is on its way at a time, in turn, so that what is typed waits for no more than
 *    that one;
 * 2. a lost connection interrupts a transfer and does not end it;
 * 3. what was fetched has the hash that was announced, or there is an error and no file.
 */
export class Transfers {
  readonly offers: Offers;
  readonly #session: TransferSession;
  readonly #downloads: () => string;
  readonly #clock: Clock;
  readonly #running = new Map<number, Run>();
  #turn: Promise<unknown> = Promise.resolve();
  #changed = () => {};

  constructor({ session, offers, downloads, clock = systemClock }: TransfersOptions) {
    this.#session = session;
    this.offers = offers;
    this.#downloads = downloads;
    this.#clock = clock;
  }

  /** Those under way, in the order in which they began. */
  get running(): readonly Transfer[] {
    return [...this.#running.values()];
  }

  /** Has a screen told of progress. */
  set onProgress(changed: () => void) {
    this.#changed = changed;
  }

  /**
   * Sends a file and offers it.
   *
   * @throws {ClientError} where it cannot be sent, {@linkcode ChatError} where the server refuses it
   */
  async send(where: Where, path: string, tell: Tell): Promise<void> {
    await this.#offer(where, (most) => readFile(path, most), tell);
  }

  /** Sends what is in no file, and offers it as one. @throws as {@linkcode send} */
  async sendBytes(where: Where, { name, bytes }: NamedBytes, tell: Tell): Promise<void> {
    await this.#offer(where, (most) => sendable(name, bytes, most), tell);
  }

  async #offer(where: Where, read: (most: number) => NamedBytes | Promise<NamedBytes>, tell: Tell): Promise<void> {
    this.#checkRoom("room" in where ? where.room : undefined, "A file is offered in the room that one is in");
    const number = this.offers.next(); // in the order in which they were typed
    const { name, bytes } = await read(this.#session.maxFileBytes);
    const peer = "to" in where ? where.to : where.room;
    const run = this.#begin({ number, kind: "send", name, size: bytes.length, peer });
    try {
      tell.note(`Sending ${name} (${formatSize(bytes.length)}) to ${peer}; /cancel ${run.number} stops it`);
      const session = this.#session;
      let offer: Offer | undefined;
      const { key } = await sendFile(
        {
          ...this.#wire(run),
          most: session.maxFileBytes,
          canSeal: (user) => session.canSeal?.(user) ?? Promise.resolve(false),
          post: async (request, sent) => {
            // Before the message comes back: it is to have the number that is known already.
            offer = this.offers.add(this.#offerOf(name, where, sent), run.number);
            run.offering = true;
            try {
              return await session.send(request);
            } catch (error) {
              if (offer.number === run.number) this.offers.remove(offer);
              if (isCode(error, "unknown_file")) run.offering = false; // it is sent once more
              throw new AlreadyTold(error); // the session shows its refusal, like that of a typed request
            }
          },
        },
        where,
        { name, bytes },
      );
      const how = key === undefined ? "" : ", encrypted";
      tell.note(`${name} is offered to ${peer}${how}; /withdraw ${offer!.number} takes it back`);
    } catch (error) {
      throw this.#failed(run, error, `${name} was not sent`);
    } finally {
      this.#end(run);
    }
  }

  /**
   * Fetches a file.
   *
   * @param path where to; the folder for downloads where nobody said
   * @throws as {@linkcode send}
   */
  async get(offer: Offer, path: string | undefined, tell: Tell): Promise<void> {
    const { number, name, size, room } = offer;
    if (this.#running.has(number)) throw new ClientError("usage", `${name} is on its way already`);
    this.#checkRoom(room, `${name} was offered in ${room}`);
    const run = this.#begin({ number, kind: "get", name, size, peer: offer.from });
    try {
      const goal = await goalOf(path, name, this.#downloads);
      using part = await PartFile.open(goal, offer.id, sizeThere(offer));
      const began = part.have > 0 ? "Going on with" : "Fetching";
      tell.note(`${began} ${name} (${formatSize(size)}) from ${offer.from}; /cancel ${number} stops it`);
      const since = this.#clock.now();
      const where = await fetchInto(part, offer, this.#wire(run)).catch(async (error) => {
        const gone = isCode(error, "unknown_file");
        if (gone) this.offers.remove(offer);
        if (gone || run.stop.signal.aborted) await part.discard();
        throw gone ? new ClientError("refused", "it was withdrawn, or has expired", { cause: error }) : error;
      });
      const took = formatSeconds((this.#clock.now() - since) / 1000);
      tell.answer(`${name} (${formatSize(size)}, ${took}, SHA-256 compared) is in ${where}`);
    } catch (error) {
      throw this.#failed(run, error, `${name} was not fetched`);
    } finally {
      this.#end(run);
    }
  }

  /**
   * Stops a transfer for good.
   *
   * @throws {ClientError} where there is none of that number, or others have been told of the file by now
   */
  cancel(number: number): void {
    const run = this.#running.get(number);
    if (!run) throw new ClientError("refused", `File ${number} is not on its way`);
    if (run.offering) {
      throw new ClientError(
        "refused",
        `It is too late: ${run.name} is being offered; /withdraw ${number} takes it back`,
      );
    }
    run.stop.abort(new ClientError("refused", "it was cancelled"));
  }

  /** Takes back a file that one has offered. @throws {ChatError} where the server refuses it */
  async withdraw(offer: Offer): Promise<void> {
    await this.#session.ask({ cmd: "withdraw", file: offer.id });
    this.offers.remove(offer);
  }

  #offerOf(name: string, where: Where, { id, size, sha256, key, expires }: Omit<Sent, "reply">): Omit<Offer, "number"> {
    const until = Date.parse(expires);
    return {
      ...{ id, name, size, sha256, key, expires: Number.isNaN(until) ? undefined : until },
      from: this.#session.user ?? "",
      room: "room" in where ? where.room : undefined,
      to: "to" in where ? where.to : undefined,
    };
  }

  /** @throws {ClientError} where the person is in another room */
  #checkRoom(room: string | undefined, why: string): void {
    const here = this.#session.room?.toLowerCase();
    if (room === undefined || here === undefined || room === here) return;
    throw new ClientError("refused", `${why}: /join ${room} first`);
  }

  #begin(what: Omit<Transfer, "done" | "rate">): Run {
    const run = new Run(what, this.#clock);
    this.#running.set(run.number, run);
    this.#changed();
    return run;
  }

  #end(run: Run): void {
    this.#running.delete(run.number);
    this.#changed();
  }

  /** Why it failed, as one line; what was cancelled leaves nothing behind. */
  #failed(run: Run, error: unknown, what: string): unknown {
    if (run.stop.signal.aborted) this.#retract(run);
    if (error instanceof AlreadyTold) return error;
    const exit = error instanceof ClientError ? error.exit : "refused";
    const over = exit === "unreachable" || exit === "login";
    const reason = over ? "the session has ended; the same command goes on with it" : (error as Error).message;
    return new ClientError(exit, `${what}: ${reason}`, { cause: error });
  }

  /** Takes a file back that was cancelled, unless it may have been offered before. */
  #retract({ id }: Run): void {
    if (id !== undefined) this.#session.ask({ cmd: "withdraw", file: id }).catch(() => {});
  }

  #wire(run: Run): Wire {
    return {
      clock: this.#clock,
      signal: run.stop.signal,
      progress: (bytes) => {
        run.reach(bytes);
        this.#changed();
      },
      ask: (request) => {
        const { signal } = run.stop;
        const answer = this.#turn.then(async () => {
          signal.throwIfAborted();
          const reply = await this.#session.ask(request);
          if (request.cmd === "upload") {
            run.begun(Number(request.size), reply);
            if (signal.aborted) this.#retract(run); // nobody waits for the answer any more
          }
          return reply;
        });
        this.#turn = answer.catch(() => {});
        return answer;
      },
    };
  }
}

/** How far a transfer has come. */
class Run implements Transfer {
  readonly number: number;
  readonly kind: "send" | "get";
  readonly name: string;
  readonly size: number;
  readonly peer: string;
  readonly stop = new AbortController();
  done = 0;
  /** The id of the file that is being sent, while it is not whole at the server: then nobody has been offered it. */
  id: string | undefined;
  /** The message that offers it is on its way. */
  offering = false;
  readonly #clock: Clock;
  #start: { at: number; done: number } | undefined;

  constructor({ number, kind, name, size, peer }: Omit<Transfer, "done" | "rate">, clock: Clock) {
    this.number = number;
    this.kind = kind;
    this.name = name;
    this.size = size;
    this.peer = peer;
    this.#clock = clock;
  }

  get rate(): number | undefined {
    if (!this.#start) return undefined;
    const seconds = (this.#clock.now() - this.#start.at) / 1000;
    return seconds < 0.5 ? undefined : (this.done - this.#start.done) / seconds;
  }

  /** Takes the server's answer to `upload`. @param size how many bytes the server will have */
  begun(size: number, reply: Reply): void {
    const { file, have } = reply as { file?: unknown; have?: unknown };
    this.id = typeof file === "string" && Number(have) < chunkCount(size) ? file : undefined;
  }

  reach(bytes: number): void {
    this.done = Math.min(bytes, this.size);
    this.#start ??= { at: this.#clock.now(), done: this.done };
  }
}
