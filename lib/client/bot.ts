/**
 * A user's program beside the user: says, tells and reads, and evicts nobody.
 *
 * It keeps a {@linkcode SideSession}, so it comes back by itself, and what it sends arrives once and in order.
 */

import type { ChatError } from "../common/errors.ts";
import type { FileOffer, GapEvent, MessageEvent, PresenceEvent, Reply, TopicEvent } from "../wire/event.ts";
import { maxCount } from "../wire/command.ts";
import { fold } from "../wire/names.ts";
import { parseServers, type ServerAddress } from "./base/address.ts";
import { systemClock } from "../common/time.ts";
import type { Request } from "./net/connection.ts";
import { type Dial, tlsDialer } from "./net/dial.ts";
import { ClientError } from "./base/exit.ts";
import type { LinkOptions, Sealer } from "./session/link.ts";
import { SideSession } from "./session/side.ts";
import type { Status } from "./net/status.ts";
import type { Wire } from "./transfer/chunks.ts";
import { fetchWhole } from "./transfer/fetching.ts";
import { readOffer } from "./transfer/offers.ts";
import { sendFile } from "./transfer/sending.ts";
import { version } from "./base/version.ts";

/** Settings and ports of a bot. */
export interface BotOptions extends Partial<Omit<LinkOptions, "servers" | "dial" | "manyRooms">> {
  /** `host[:port]` with commas between, or addresses; the port is 8000 where none is named. */
  readonly servers: string | readonly ServerAddress[];
  readonly user: string;
  readonly password: string;
  /** A code of the account's second factor, for the first login: after a lost connection such an account needs a new one. */
  readonly code?: string;
  /**
   * The rooms to listen to, all at once. The server has to do with many rooms: one that cannot counts as one that is not
   * there. Without it, the bot listens to one room at a time, on any server.
   */
  readonly rooms?: readonly string[];
  /** The authority to trust beside those that Deno trusts: PEM. */
  readonly ca?: string;
  /** Connects in another way than by `ca`. */
  readonly dial?: Dial;
  /** Encrypts private messages, where there is one. */
  readonly sealing?: Sealer;
  /** Told of the connection's fate. */
  readonly onStatus?: (status: Status) => void;
}

/** What is told of a room. */
export type RoomEvent = MessageEvent | PresenceEvent | GapEvent;

/** How many events may wait for the listener before the bot stops reading. */
const maxWaiting = 1000;

/** How long leaving may take, in milliseconds. */
const farewellMs = 5_000;

/**
 * A program's connection.
 *
 * @example
 * ```ts
 * import { Bot, type BotOptions } from "./bot.ts";
 *
 * async function pong(options: BotOptions): Promise<void> {
 *   await using bot = await Bot.connect(options);
 *   await bot.say("ops", "Say ping");
 *   for await (const event of bot.listen("ops")) {
 *     if (event.type === "message" && event.text === "ping") await bot.say("ops", "pong");
 *   }
 * }
 * ```
 *
 * @example In many rooms
 * ```ts
 * import { Bot, type BotOptions } from "./bot.ts";
 *
 * async function relay(options: BotOptions): Promise<void> {
 *   await using bot = await Bot.connect({ ...options, rooms: ["lobby", "ops"] });
 *   for await (const event of bot.listen()) {
 *     if (event.type !== "message" || event.topic !== "room:lobby") continue;
 *     if (event.text.startsWith("ops: ")) await bot.say("ops", `${event.from} asks: ${event.text.slice(5)}`);
 *   }
 * }
 * ```
 */
export class Bot implements AsyncDisposable {
  /** The rooms that it listens to by itself. */
  readonly rooms: readonly string[];
  readonly #side: SideSession;
  readonly #manyRooms: boolean;
  readonly #onStatus: (status: Status) => void;
  readonly #queue: RoomEvent[] = [];
  /** The rooms that are listened to, folded. */
  #listening: ReadonlySet<string> | undefined;
  #news = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #failure: unknown;

  private constructor(
    side: SideSession,
    rooms: readonly string[] | undefined,
    onStatus: (status: Status) => void,
  ) {
    this.rooms = rooms ?? [];
    this.#manyRooms = rooms !== undefined;
    this.#side = side;
    this.#onStatus = onStatus;
  }

  /**
   * Connects and logs in.
   *
   * @throws {DialError} when no server can be reached or trusted, or none can do with many rooms where there are `rooms`
   * @throws {ChatError} when the login is refused
   */
  static async connect(options: BotOptions): Promise<Bot> {
    const { servers, user, password, code, rooms, ca, dial, ...others } = options;
    const { onStatus = () => {}, client = `chat-bot/${version}`, ...rest } = others;
    const side = new SideSession({
      ...rest,
      client,
      ...(rooms === undefined ? {} : { manyRooms: "needed" }),
      servers: typeof servers === "string" ? parseServers(servers, 8000) : servers,
      dial: dial ?? tlsDialer({ ca }),
    });
    const bot = new Bot(side, rooms, onStatus);
    try {
      await side.connect();
      bot.#running = bot.#run();
      await side.login({ cmd: "login", user, password, ...(code === undefined ? {} : { code }) });
    } catch (error) {
      await bot.close();
      throw error;
    }
    return bot;
  }

  /** The user's name, as registered. */
  get user(): string {
    return this.#side.user ?? "";
  }

  /** The largest file, in bytes, as the server told. */
  get maxFileBytes(): number {
    return this.#side.maxFileBytes;
  }

  /**
   * Says something in a room; resolves when it is stored.
   *
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when nobody can say whether it was said
   */
  say(room: string, text: string): Promise<Reply> {
    return this.request({ cmd: "say", room, text });
  }

  /** Sends a private message; resolves when it is stored. @throws as {@linkcode say} */
  msg(to: string, text: string): Promise<Reply> {
    return this.request({ cmd: "msg", to, text });
  }

  /** Whether what is sent to a user is encrypted. @throws as {@linkcode say} */
  canSeal(user: string): Promise<boolean> {
    const answer = this.#side.canSeal(user);
    this.#room.resolve();
    return answer;
  }

  /** Tells everybody who follows the user; resolves when it is stored. @throws as {@linkcode say} */
  publish(text: string): Promise<Reply> {
    return this.request({ cmd: "publish", text });
  }

  /**
   * Says that the user is away, or without a text is back; it ends with the user's last session.
   *
   * @throws {ChatError} `forbidden` where the user has none, and as {@linkcode say}
   */
  away(text?: string): Promise<Reply> {
    return this.request(text === undefined ? { cmd: "away" } : { cmd: "away", text });
  }

  /**
   * Sends a file and offers it, in a room or to a user; resolves when that is stored. What was sent before a connection
   * was lost is not sent again.
   *
   * @param text what is said of it; what it is called and how large it is where nothing is
   * @throws {ChatError} when the server refuses it
   * @throws {ClientError} when nobody can say whether it was offered
   */
  async offer(
    where: { readonly room: string } | { readonly to: string },
    file: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> },
    text?: string,
  ): Promise<Reply> {
    const wire = {
      ...this.wire(),
      post: (request: Request) => this.request(request),
      canSeal: (user: string) => this.canSeal(user),
      most: this.#side.maxFileBytes,
    };
    return (await sendFile(wire, where, file, text)).reply;
  }

  /**
   * Fetches a file that was offered, and compares its hash.
   *
   * @param file a message's `file`
   * @throws {ChatError} when the server refuses it
   * @throws {Error} when it is not what was offered
   */
  async fetch(file: FileOffer): Promise<Uint8Array<ArrayBuffer>> {
    const offer = readOffer(file);
    if (!offer) throw new ClientError("refused", "The message offers no file that can be fetched");
    return await fetchWhole(offer, this.wire());
  }

  /** What transfers need of it. */
  wire(): Wire {
    const { signal } = new AbortController();
    return { ask: (request) => this.request(request), clock: systemClock, signal, progress: () => {} };
  }

  /** Any command of the protocol. @throws as {@linkcode say} */
  request(request: Request): Promise<Reply> {
    const answer = this.#side.send(request);
    this.#room.resolve(); // its answer has to be read
    return answer;
  }

  /**
   * The last messages of a room, or of the talk with a user, oldest first. Of a talk, a server of an earlier release gives
   * the last 500.
   *
   * @throws as {@linkcode say}
   */
  async history(of: { readonly room: string } | { readonly user: string }, count: number): Promise<TopicEvent[]> {
    const found: TopicEvent[] = [];
    while (found.length < count) {
      const n = Math.min(maxCount, count - found.length);
      const before = found.length === 0 ? {} : { before: "user" in of ? found[0].pos : found[0].seq };
      let reply: Reply;
      try {
        reply = await this.request({ cmd: "history", ...of, n, ...before });
      } catch (error) {
        if ("user" in of && found.length > 0 && (error as ChatError).code === "usage") break; // an earlier release
        throw error;
      }
      const messages = reply.of === "history" ? reply.messages : [];
      found.unshift(...messages);
      if (messages.length === 0) break; // there may be fewer than asked for: what one answer takes is bounded
    }
    return found;
  }

  /**
   * What happens in a room, or in several, from now on: messages, each once and in its room's order, who comes and goes,
   * and gaps. A message's and a gap's `topic` says which room it is of (`room:ops`), and `room` who comes and goes where.
   *
   * A bot listens to what was asked for last. That is one room at a time, unless it was connected with `rooms`.
   *
   * @param rooms the room, or several; by default those that it was connected with
   * @param count how many messages of before come first, in each
   * @throws {ChatError} when a room is refused
   * @throws {ClientError} when the connection is lost for good, or for several rooms where there may be one
   */
  async *listen(rooms: string | readonly string[] = this.rooms, count = 0): AsyncGenerator<RoomEvent, void, void> {
    const listening = new Set([rooms].flat().map(fold));
    if (listening.size === 0) throw new ClientError("usage", "There is no room to listen to");
    if (listening.size > 1 && !this.#manyRooms) {
      throw new ClientError("usage", "To listen to several rooms, name them in Bot.connect({ rooms })");
    }
    this.#listening = listening;
    this.#queue.length = 0;
    this.#wake(); // who listened before is done
    const joined = this.#side.listen([...listening], count);
    this.#room.resolve();
    await joined;
    for (;;) {
      if (this.#listening && this.#listening !== listening) return; // what has come is another's
      const event = this.#queue.shift();
      if (event) {
        this.#room.resolve();
        yield event;
      } else if (this.#listening !== listening) return;
      else if (this.#failure) throw this.#failure;
      else if (!this.#side.ending) await this.#news.promise;
      else if (this.#side.ending.exit === "ok") return;
      else throw new ClientError(this.#side.ending.exit, this.#side.ending.message);
    }
  }

  /** Leaves, after all that was sent; can be called twice. */
  async close(): Promise<void> {
    this.#listening = undefined;
    this.#room.resolve();
    await this.#side.quit(farewellMs);
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Takes all that comes. */
  async #run(): Promise<void> {
    try {
      for await (const update of this.#side.updates()) {
        if (update.kind === "status") this.#onStatus(update.status);
        if (update.kind !== "event" || !this.#wants(update.event)) continue;
        this.#queue.push(update.event);
        this.#wake();
        // As long as an answer is due, it reads on: the listener itself may wait for one.
        while (this.#queue.length >= maxWaiting && this.#side.idle && !this.#side.ending && this.#listening) {
          this.#room = Promise.withResolvers();
          await this.#room.promise;
        }
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#wake();
    }
  }

  #wants(event: { readonly type: string }): event is RoomEvent {
    const { type, topic = "", room = "" } = event as { type: string; topic?: string; room?: string };
    if (type === "presence") return this.#listening?.has(room) ?? false;
    if (type !== "message" && type !== "gap") return false;
    return topic.startsWith("room:") && (this.#listening?.has(topic.slice("room:".length)) ?? false);
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
