/**
 * Sessions in Redis. The promises are those of {@linkcode Sessions}.
 *
 * The user's own slot has the truth: by device the session, its tokens, and what it was granted. Members of rooms and
 * sessions of servers are lists in other slots. A room's is written after the truth and removed before it; a server's the
 * other way round, so that the server finds each session that names it. What a server that died left undone, the next
 * claim or the sweep does.
 */

import { roomTopic, type Topic } from "../../wire/names.ts";
import {
  type ClaimRequest,
  type ClaimResult,
  type DeviceState,
  type EndResult,
  oneRoom,
  type Reasserted,
  type Session,
  type SessionOwner,
  type Sessions,
  tokenLifeMs,
  withRoom,
} from "../sessions.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";
import { type Leases, SessionLists } from "./session_lists.ts";
import { devicesText, liveDevices, StoredSessions, toSession } from "./stored_sessions.ts";
import type { Answer } from "./transport/redis_transport.ts";

/** Why a session is not held again. */
type RefusedReassertion = Exclude<Reasserted["kind"], "held">;

/** How often a claim is tried again when others claim the same user's sessions at the same moment. */
const maxTries = 200;

/** What this server knows of a session besides. */
interface Known {
  /** Topic → whether the session may write to it. */
  readonly granted: Map<Topic, Promise<boolean>>;
  /** How often its account's rooms had changed. */
  changes: number;
}

/** See {@linkcode Sessions}. */
export class RedisSessions implements Sessions {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #leases: Leases;
  readonly #lists: SessionLists;
  /** What the users' own slots have. */
  readonly stored: StoredSessions;
  readonly #known = new WeakMap<Session, Known>();

  constructor(redis: RedisGateway, keys: Keys, leases: Leases) {
    this.#redis = redis;
    this.#keys = keys;
    this.#leases = leases;
    this.#lists = new SessionLists(redis, keys, leases);
    this.stored = new StoredSessions(redis, keys, this.#lists, leases);
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { user, device = "" } = request;
    const { instance } = this.#leases;
    const expected = this.#lists.expect(instance, { user, device });
    const result = await this.#claim(request, expected);
    if (result.kind !== "claimed") await this.#lists.unexpect(instance, { user, device });
    return result;
  }

  /** @param expected done when the session is listed as one that is about to be here */
  async #claim(request: ClaimRequest, expected: Promise<void>): Promise<ClaimResult> {
    const { user, connection, device = "", client = "", room, many = false } = request;
    const { policy, tokenHash, presentedHash = "", passwords = "" } = request;
    const { account, session, tokens, grants, savedPositions: stood, memberships, devices } = this.#keys;
    const { id, instance } = this.#leases;
    for (let tries = 0; tries < maxTries; tries++) {
      const [known] = await Promise.all([this.stored.devices(user), expected]);
      const others = liveDevices(known).filter((other) => other !== device);
      const stands = policy === "reject" && await this.stored.isAttached(user, [device, ...others]);
      if (presentedHash === "" && stands) return { kind: "live" };
      const givingWay = policy === "share" ? await this.stored.givingWay(request, others) : others;
      const ending = givingWay ?? [];
      const ended = ending.flatMap((other) => [session(user, other), grants(user, other)]);
      const answer = await this.#redis.run(
        "claim",
        [
          ...[session(user, device), account(user), tokens(user, device), grants(user, device), stood(user, device)],
          ...[memberships(user), devices(user), ...ended],
        ],
        [
          ...[devicesText(known), connection, device, id, instance, room, tokenHash, presentedHash, tokenLifeMs],
          ...[passwords, flag(many), flag(policy !== "share"), client, flag(!givingWay), ...ending],
        ],
      ) as Answer[];
      if (answer[0] === "changed") continue;
      if (answer[0] === "full") return { kind: "too_many_devices" };
      if (answer[0] === "revoked") return { kind: stands ? "live" : "refused" };
      if (answer[0] === "refused" || answer[0] === "disabled" || answer[0] === "outdated") return { kind: answer[0] };
      return await this.#claimed(answer, request);
    }
    throw new Error(`The sessions of ${user} were claimed by others ${maxTries} times in a row`);
  }

  async #claimed(
    [, user, claim, since, rooms, changes, accountRooms, granted, positions, earlier, ...ended]: Answer[],
    { connection, device = "", client = "", many = false }: ClaimRequest,
  ): Promise<ClaimResult> {
    const session: Session = {
      ...{ user: user as string, device, server: this.#leases.id, connection, claim: claim as number },
      ...{ since: Number(since), client, many, rooms: (rooms as string[]).sort() },
    };
    this.#know(session, changes as number);
    const before = fromPairs(earlier);
    const others = ended.flatMap((pairs, index) =>
      index % 2 === 0 ? [[fromPairs(pairs), fromPairs(ended[index + 1])]] : []
    );
    await Promise.all([
      this.#lists.replace(session, before, fromPairs(granted)),
      ...others.map(([held, grants]) => this.#lists.remove(held, grants)),
    ]);
    const superseded = [before, ...others.map(([held]) => held)].filter(({ connection }) => connection !== undefined);
    return {
      kind: "claimed",
      session,
      savedPositions: fromPairs(positions),
      superseded: superseded.map((held) => toSession(held, accountRooms as string[])),
    };
  }

  async move(session: Session, room: string): Promise<Session | undefined> {
    const topic = roomTopic(room);
    await this.#lists.addRooms([room]);
    if (!await this.#grant(session, topic, room)) return undefined;
    await this.#lists.revokeGrant(session, roomTopic(session.rooms[0]), session.claim);
    return this.#with(session, [room]);
  }

  async enter(session: Session, room: string, most: number, joined = ""): Promise<Session | "full" | undefined> {
    const { user, device, connection, claim } = session;
    const { session: key, grants, memberships, account } = this.#keys;
    await this.#lists.addRooms([room]);
    const keys = [key(user, device), grants(user, device), memberships(user), account(user)];
    const changes = await this.#redis.run("enter", keys, [connection, room, claim, most, joined]);
    if (changes === "full") return changes;
    if (changes === 0 || !await this.#lists.addWriter(roomTopic(room), session)) return undefined;
    return this.#with(session, withRoom(session.rooms, room), changes as number);
  }

  async leave(session: Session, room: string): Promise<Session | undefined> {
    const { user, device, connection } = session;
    const keys = [this.#keys.session(user, device), this.#keys.memberships(user), this.#keys.account(user)];
    const changes = await this.#redis.run("leave", keys, [connection, room]) as number;
    if (changes === 0) return undefined;
    const topic = roomTopic(room);
    const others = (await this.stored.heldBy(user)).filter((other) => other.many === "1" && other.device !== device);
    await Promise.all([
      this.#lists.revokeGrant(session, topic, session.claim),
      ...others.map(({ device, claim }) => this.#lists.revokeGrant({ user, device }, topic, claim)),
    ]);
    return this.#with(session, session.rooms.filter((other) => other !== room), changes);
  }

  async forgetRoom(user: string, room: string): Promise<void> {
    await this.#redis.run("forgetRoom", [this.#keys.memberships(user), this.#keys.account(user)], [room]);
  }

  // deno-lint-ignore require-await
  async withoutRoom(session: Session, room: string): Promise<Session> {
    return this.#with(session, session.rooms.filter((other) => other !== room));
  }

  async memberships(user: string): Promise<Map<string, string>> {
    return new Map(Object.entries(fromPairs(await this.#redis.command("HGETALL", this.#keys.memberships(user)))));
  }

  #know(session: Session, changes: number, granted: Known["granted"] = new Map()): void {
    this.#known.set(session, { granted, changes });
  }

  /** The session in other rooms. */
  #with(session: Session, rooms: readonly string[], changes?: number): Session {
    const changed = { ...session, rooms };
    const known = this.#known.get(session);
    this.#know(changed, changes ?? known?.changes ?? 0, known?.granted);
    return changed;
  }

  /**
   * Sees to it that the session may write to a topic that is not its room; once granted, it is remembered.
   *
   * @returns false where the session is superseded
   */
  mayWrite(session: Session, topic: Topic): Promise<boolean> {
    if (!this.#known.has(session)) this.#know(session, 0);
    const { granted } = this.#known.get(session)!;
    let grant = granted.get(topic);
    if (!grant) {
      grant = this.#grant(session, topic, "");
      granted.set(topic, grant);
      grant.catch(() => granted.delete(topic));
    }
    return grant;
  }

  async #grant(session: Session, topic: Topic, room: string): Promise<boolean> {
    const { user, device, connection, claim } = session;
    const { session: key, grants, tokens } = this.#keys;
    const keys = [key(user, device), grants(user, device), tokens(user, device)];
    if (await this.#redis.run("grant", keys, [connection, topic, claim, room]) === 0) return false;
    return await this.#lists.addWriter(topic, session);
  }

  async renewToken(session: Session, tokenHash: string): Promise<boolean> {
    const { user, device, connection } = session;
    const keys = [this.#keys.session(user, device), this.#keys.tokens(user, device), this.#keys.account(user)];
    return await this.#redis.run("renewToken", keys, [connection, tokenHash, tokenLifeMs, oneRoom(session)]) === 1;
  }

  async savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void> {
    const key = this.#keys.savedPositions(session.user, session.device);
    await this.#hold(session, key, tokenLifeMs, Object.entries(positions).flat());
  }

  async detach(session: Session): Promise<void> {
    const gone = ["attached", "0", "gone", `${Date.now()}`];
    await this.#hold(session, this.#keys.session(session.user, session.device), undefined, gone);
  }

  async #hold({ user, device, connection }: Session, key: string, lifeMs: number | undefined, fields: string[]) {
    await this.#redis.run("hold", [this.#keys.session(user, device), key], [connection, lifeMs ?? "", ...fields]);
  }

  async end({ user, device, connection, claim: known }: Session, revoke: boolean): Promise<EndResult> {
    const { session, account, grants, tokens, devices } = this.#keys;
    const held = await this.stored.held(user, device);
    if (held.connection !== undefined && held.connection !== connection) {
      // Of what came of its claim, nobody was told.
      if (known === 0) await this.#lists.unexpect(this.#leases.instance, { user, device });
      return "not_held";
    }
    // Where the session is gone, what it left behind may not be.
    const { claim = String(known), instance = this.#leases.instance } = held;
    const granted = fromPairs(await this.#redis.command("HGETALL", grants(user, device)));
    const entry = { user, device };
    await Promise.all((Object.keys(granted) as Topic[]).map((topic) => this.#lists.revokeGrant(entry, topic, claim)));
    const keys = [session(user, device), tokens(user, device), account(user), devices(user)];
    // In this order and at once: a session that is not in its server's list is found by nobody.
    const [ended] = await Promise.all([
      this.#redis.run("end", keys, [connection, flag(revoke), claim, device, tokenLifeMs]),
      this.#lists.removeFromServer(instance, entry, claim),
    ]);
    return ended as EndResult;
  }

  async revokeToken(user: string, device: string, tokenHash: string): Promise<void> {
    await this.#redis.run("revokeToken", [this.#keys.tokens(user, device)], [tokenHash]);
  }

  async revokeDevice(user: string, device: string): Promise<Session | "away" | undefined> {
    const { session, tokens, account, devices, grants } = this.#keys;
    const [pairs, granted, hadTokens] = await this.#redis.run(
      "revokeDevice",
      [session(user, device), tokens(user, device), account(user), devices(user), grants(user, device)],
      [device, tokenLifeMs],
    ) as Answer[];
    const held = fromPairs(pairs);
    if (held.connection === undefined) return hadTokens === 1 ? "away" : undefined;
    await this.#lists.remove(held, fromPairs(granted));
    return await this.stored.toSession(held);
  }

  /** Ends the sessions of a server's run that is over. @returns those that this call ended, and whether they were the last */
  async endAll(instance: string): Promise<{ session: Session; offline: boolean }[]> {
    const ended: { session: Session; offline: boolean }[] = [];
    for (const { user, device, claim } of await this.#lists.onServer(instance)) {
      const held = await this.stored.held(user, device);
      // By its claim, since the server may be back, and be listing its sessions again.
      if (held.instance !== instance) await this.#lists.removeFromServer(instance, { user, device }, claim);
      if (held.instance !== instance) continue;
      const session = await this.stored.toSession(held);
      const result = await this.end(session, false);
      if (result !== "not_held") ended.push({ session, offline: result === "offline" });
    }
    return ended;
  }

  async reassert(session: Session, { tokenHash, passwords, created }: SessionOwner): Promise<Reasserted> {
    const { user, device, connection, claim, since, client, many, rooms } = session;
    const { session: key, account, grants, tokens, memberships, devices } = this.#keys;
    const { id, instance } = this.#leases;
    const expected = this.#lists.expect(instance, session);
    const answer = this.#redis.run(
      "reassert",
      [
        ...[key(user, device), account(user), grants(user, device), tokens(user, device), memberships(user)],
        devices(user),
      ],
      [
        ...[user, id, instance, connection, claim, oneRoom(session), tokenHash, tokenLifeMs],
        ...[passwords ?? "", created ?? "", device, since, client, flag(many)],
        ...[this.#known.get(session)?.changes ?? 0, ...(many ? rooms : [])],
      ],
    ) as Promise<[RefusedReassertion | "held" | "gone", number, Answer, Answer, string[], number]>;
    const [[outcome, held, earlier, granted, present, changes]] = await Promise.all([answer, expected]);
    if (outcome !== "held" && outcome !== "gone") {
      await this.#lists.unexpect(instance, session);
      return { kind: outcome };
    }
    // What it was granted before is granted anew when it is needed: the topics may have forgotten it too.
    const asserted = { ...session, claim: held, rooms: present.sort() };
    this.#know(asserted, changes);
    await this.#lists.replace(asserted, fromPairs(earlier), fromPairs(granted));
    return { kind: "held", session: asserted, wasGone: outcome === "gone" };
  }

  held(): Promise<Session[]> {
    return this.stored.heldByRun(this.#leases.instance);
  }

  revocable(user: string): Promise<string[]> {
    return this.stored.revocable(user);
  }

  async devices(user: string): Promise<DeviceState[]> {
    const live = await this.#leases.live();
    const held = (await this.stored.heldBy(user)).filter(({ instance }) => live.includes(instance));
    return await Promise.all(held.map((each) => this.stored.toState(each)));
  }

  online(): Promise<string[]> {
    return this.#lists.online();
  }

  countOnline(users: readonly string[]): Promise<number> {
    return this.#lists.countOnline(users);
  }

  rooms(): Promise<Map<string, number>> {
    return this.#lists.rooms();
  }

  members(room: string): Promise<string[]> {
    return this.#lists.members(room);
  }
}

const flag = (set: boolean) => set ? "1" : "";
