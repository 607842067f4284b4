import { decodePosition, type LogPosition } from "../../store/log_position.ts";
import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";
import type { AccountChange } from "../../store/topics.ts";
import type { Positions, ServerEvent } from "../../wire/event.ts";
import { inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import type { Feeds, TopicReaders } from "../delivery/topic_readers.ts";

/** The session whose rooms are kept. */
export interface RoomHost {
  readonly user: string;
  readonly connectionId: string;
  readonly closed: boolean;
  readonly record: Session | undefined;
  readonly rooms: readonly string[];
  readonly topics: TopicReaders;
  hold(record: Session): void;
  tell(event: ServerEvent): void;
  encode(positions: Readonly<Record<Topic, LogPosition>>): Positions;
  remember(positions: Readonly<Record<Topic, LogPosition>>): Promise<void>;
}

/**
 * Keeps a session that is in many rooms in all of its account's, which the user's other devices change.
 *
 * 1. The store has the truth. A change is only the sign to read it again; so is an interruption, in which one may have
 *    been missed.
 * 2. The client is told of a room before it gets the room's first message, which follows where the account joined it.
 * 3. One step at a time, the session's own joins and leaves among them.
 * 4. A read mark that is told is never behind one that was told before: two servers may tell theirs in another order.
 */
export class AccountRooms {
  readonly #host: RoomHost;
  readonly #store: Store;
  readonly #feeds: Pick<Feeds, "relay" | "gate">;
  readonly #onFault: (what: string, error: unknown) => void;
  #running: Promise<unknown> = Promise.resolve();
  #steps = 0;
  #waiting: Promise<void> | undefined;
  /** The last mark of each topic that was told. */
  readonly #told = new Map<string, LogPosition>();
  #unwatch = () => {};

  constructor(
    host: RoomHost,
    store: Store,
    feeds: Pick<Feeds, "relay" | "gate">,
    onFault: (what: string, error: unknown) => void,
  ) {
    this.#host = host;
    this.#store = store;
    this.#feeds = feeds;
    this.#onFault = onFault;
  }

  /** Goes along with the account from now on; its inbox must be open. */
  watch(): void {
    this.#unwatch = this.#feeds.relay.watch(inboxTopic(this.#host.user), (change) => this.#hear(change));
  }

  /** Goes along no longer. */
  stop(): void {
    this.#unwatch();
  }

  /** Notes that the session has joined a room, and tells the user's other devices. */
  async joined(room: string, position: LogPosition): Promise<void> {
    await Promise.all([this.beginMark(roomTopic(room), position), this.#tell(room, "joined")]);
  }

  /** Notes that the session has left a room, and tells the user's other devices. */
  async left(room: string): Promise<void> {
    await Promise.all([this.forgetMark(roomTopic(room)), this.#tell(room, "left")]);
  }

  /** Has the account's read mark of a topic begin, where it has none. */
  async beginMark(topic: Topic, position: LogPosition): Promise<void> {
    await this.#do("marks", () => this.#store.marks.begin(this.#host.user, { [topic]: position }));
  }

  /** Forgets the account's read mark of a topic. */
  async forgetMark(topic: Topic): Promise<void> {
    await this.#do("marks", () => this.#store.marks.forget(this.#host.user, topic));
  }

  async #tell(room: string, state: "joined" | "left"): Promise<void> {
    const { user, connectionId: by } = this.#host;
    await this.#do("tell_account", () => this.#store.topics.tellAccount(user, { kind: "membership", room, state, by }));
  }

  /** Does something to the account of a session that is in many rooms; what fails is set right later. */
  async #do(what: string, change: () => Promise<void>): Promise<void> {
    if (!this.#host.record?.many) return;
    await change().catch((error) => this.#onFault(what, error));
  }

  /** Whether the session's rooms are being changed. */
  get changing(): boolean {
    return this.#steps > 0;
  }

  /** Does something with the session's rooms when nothing else does. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#steps++;
    const run = this.#running.then(work).finally(() => this.#steps--);
    this.#running = run.catch(() => {});
    return await run;
  }

  /**
   * Has the session be in its account's rooms as they are now.
   *
   * @throws {ChatError} `store_unavailable`
   */
  refresh(): Promise<void> {
    // One that waits for its turn will read all that has happened until now.
    this.#waiting ??= this.inTurn(async () => {
      this.#waiting = undefined;
      await this.refreshNow();
    });
    return this.#waiting;
  }

  /** As {@linkcode refresh}, for who has the turn. */
  async refreshNow(): Promise<void> {
    const { user, topics, rooms, record } = this.#host;
    if (!record?.many) return;
    const truth = await this.#store.sessions.memberships(user);
    for (const room of rooms) if (!truth.has(room) && !await this.#isRemoved(room)) await this.#remove(room);
    for (const [room, joined] of truth) if (!topics.has(roomTopic(room))) await this.#add(room, joined);
  }

  /** Whether the user was removed from a room: then the session is being taken out, and told why. */
  async #isRemoved(room: string): Promise<boolean> {
    const { gate } = this.#feeds;
    if (!gate) return false;
    await gate.check(room); // what removed the user from the account may not be heard here yet
    return await gate.isKeptOut(room, this.#host.user);
  }

  #hear(change: AccountChange | undefined): void {
    const host = this.#host;
    if (host.closed || change?.by === host.connectionId) return;
    if (change?.kind === "seen") this.#tellSeen(change.topic, change.pos);
    else this.refresh().catch((error) => this.#onFault("memberships", error));
  }

  #tellSeen(topic: string, pos: string): void {
    const [mark, last] = [decodePosition(pos), this.#told.get(topic)];
    if (!mark || (last?.epoch === mark.epoch && last.seq >= mark.seq)) return;
    this.#told.set(topic, mark);
    this.#host.tell({ type: "seen", topic, pos });
  }

  async #add(room: string, joined: string): Promise<void> {
    const host = this.#host;
    const topic = roomTopic(room);
    if (await this.#feeds.gate?.isKeptOut(room, host.user)) {
      // The server that removed the user died before it had changed the account.
      await this.#store.sessions.leave(host.record!, room);
      return;
    }
    const now = await host.topics.open(topic);
    try {
      // It is not to be one room more: the user may have left it again meanwhile.
      const record = await this.#store.sessions.enter(host.record!, room, 0);
      if (!record || record === "full") return host.topics.stop(topic);
      host.hold(record);
    } catch (error) {
      host.topics.stop(topic);
      throw error;
    }
    const { epoch, seq, id } = decodePosition(joined) ?? now; // found by a server, so that it is signed again
    const from = { epoch, seq, id };
    await host.remember({ [topic]: from });
    host.tell({ type: "membership", room, state: "joined", positions: host.encode({ [topic]: from }) });
    host.topics.start(topic, from);
  }

  async #remove(room: string): Promise<void> {
    const host = this.#host;
    host.topics.stop(roomTopic(room));
    host.hold(await this.#store.sessions.withoutRoom(host.record!, room));
    host.tell({ type: "membership", room, state: "left", positions: {} });
  }
}
