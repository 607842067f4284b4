/** Logins: with a password, with a resume token, or as a side connection. */

import { accountDisabled, ChatError } from "../../common/errors.ts";
import type { Config } from "../../config/config.ts";
import type { LimitName } from "../../limits/limit_table.ts";
import type { LoginGuard } from "../../auth/login_guard.ts";
import type { AccessToken } from "../../store/accounts/access_tokens.ts";
import type { Account } from "../../store/accounts.ts";
import type { ClaimResult, Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";
import type { LoggedIn } from "../../wire/event.ts";
import { lobby } from "../../wire/names.ts";
import { randomWord } from "../../store/log_position.ts";
import type { SessionEnds } from "./session_ends.ts";
import type { Feeds } from "../delivery/topic_readers.ts";
import type { ClientChannel } from "./client_channel.ts";
import { superseded, UserSession } from "./user_session.ts";
import { type Opened, openTopics, type ReturnPositions } from "./open_topics.ts";
import { hashToken, makeToken, type TokenOwner, tokenOwner } from "./resume_token.ts";
import { forcedLogout, type LocalSessions } from "./local_sessions.ts";

/** Settings and ports of logins and the session manager. */
export interface LoginOptions {
  readonly serverId: string;
  readonly store: Store;
  readonly feeds: Feeds;
  /** What the server runs with; it may change meanwhile, so that it is read at each login. */
  readonly config: Pick<Config, "duplicateLogin" | "maxDevices" | "maxQueueBytes" | "maxConnectionsPerUser" | "rooms">;
  readonly guard: Pick<LoginGuard, "admitResume" | "resumeFailed" | "resumed">;
  /** Told which limit refused somebody. */
  readonly onRefused?: (limit: LimitName) => void;
  /** Told what failed because the store was away. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** A login that has succeeded: its session, the reply, and what to do once the reply is queued. */
export interface LoginResult {
  readonly session: UserSession;
  readonly loggedIn: LoggedIn;
  start(): void;
}

/** What a client shows that comes back. */
interface Return {
  /** Its resume token. */
  readonly presented: string;
  /** Its own positions. */
  readonly given: ReturnPositions["given"];
}

/** Who logs in, and what was shown in the password's place, if it was. */
interface Owner {
  readonly account: Account;
  readonly access: AccessToken | undefined;
}

type Claimed = ClaimResult & { kind: "claimed" };

/**
 * Logs clients in.
 *
 * 1. A login reserves its connection, claims the session in the store, evicts the connection that had it, opens the
 *    topics, and announces the user to the rooms, in this order.
 * 2. A client that is superseded or expelled on the way is told that instead of being logged in.
 * 3. Where a step fails, the steps before are undone, at once or when the store is back.
 */
export class Logins {
  readonly #options: LoginOptions;
  readonly #local: LocalSessions;
  readonly #ends: SessionEnds;

  constructor(options: LoginOptions, local: LocalSessions, ends: SessionEnds) {
    this.#options = options;
    this.#local = local;
    this.#ends = ends;
  }

  /**
   * Logs a user in; the caller has checked the password.
   *
   * @param device what the user calls the device
   * @param access what was shown in the password's place, if it was
   * @throws {ChatError} `already_logged_in` where the policy keeps a live session, `too_many_devices`, `store_unavailable`
   */
  async login(
    account: Account,
    channel: ClientChannel,
    device?: string,
    access?: AccessToken,
  ): Promise<LoginResult> {
    const shared = this.#options.config.duplicateLogin === "share";
    return await this.#login({ account, access }, channel, device ?? (shared ? madeUpDevice(channel) : ""));
  }

  /**
   * Resumes the session of a client that was cut off.
   *
   * @param presented the resume token
   * @param positions the client's own: topic → position; a value that is not a position is ignored
   * @throws {ChatError} `invalid_credentials`, `already_logged_in`, `too_many_attempts`, `store_unavailable`
   */
  async resume(
    presented: string,
    positions: Readonly<Record<string, unknown>>,
    channel: ClientChannel,
  ): Promise<LoginResult> {
    const { guard } = this.#options;
    const owner = tokenOwner(presented);
    guard.admitResume(owner?.user, channel.peer);
    try {
      const result = await this.#resume(owner, { presented, given: positions }, channel);
      guard.resumed(result.session.user, channel.peer);
      return result;
    } catch (error) {
      if (error instanceof ChatError && error.code === "invalid_credentials") guard.resumeFailed(channel.peer);
      throw error;
    }
  }

  async #resume(owner: TokenOwner | undefined, back: Return, channel: ClientChannel): Promise<LoginResult> {
    const account = owner && await this.#options.store.accounts.find(owner.user);
    if (!account) throw refused();
    await this.#ends.drain(account.name); // a token that is still to be revoked resumes nothing
    const access = owner.access === undefined ? undefined : await this.#accessToken(account.name, owner.access);
    if (owner.access !== undefined && !access) throw refused();
    return await this.#login({ account, access }, channel, owner.device, back);
  }

  /**
   * Logs a side connection in: it has no session and no presence, and evicts nobody.
   *
   * @throws {ChatError} `rate_limited` where the user has as many connections as one may, `banned`,
   *   `invalid_credentials`, `store_unavailable`
   */
  async side(account: Account, channel: ClientChannel, access?: AccessToken): Promise<LoginResult> {
    const { name: user, passwords = 0 } = account;
    const { id: connection } = channel;
    this.#admitSide(user);
    const device = madeUpDevice(channel);
    const reservation = this.#local.reserve(connection, { user, device, passwords, side: true, access: access?.id });
    try {
      // What has changed since the password was checked; a session's claim sees that by itself.
      const now = await this.#options.store.accounts.find(user);
      await this.#confirm(user, access);
      if (now?.disabled) throw accountDisabled(user);
      if (!now || now.passwords !== account.passwords) throw outdated();
      if (reservation.expelled) {
        channel.end(reservation.expelled);
        throw outdated(); // the client has had its last line already
      }
      const session = this.#session({ account, access }, device, undefined, "", channel);
      this.#local.attach(session);
      const named = this.#options.config.duplicateLogin === "share" ? { device } : {};
      return {
        session,
        loggedIn: { user, ...(session.many ? { rooms: [] } : { room: null }), positions: {}, ...named },
        start: () => {},
      };
    } catch (error) {
      this.#local.release(connection);
      throw error;
    }
  }

  /** Nothing may be awaited between this and the reservation. */
  #admitSide(user: string): void {
    const { config: { maxConnectionsPerUser: most }, onRefused } = this.#options;
    if (this.#local.connectionsOf(user) < most) return;
    onRefused?.("connections_user");
    throw new ChatError("rate_limited", `You have ${most} connections to this server, which is the most that one may`);
  }

  /** A user's access token. @param id which one */
  async #accessToken(user: string, id: string): Promise<AccessToken | undefined> {
    return (await this.#options.store.accessTokens.list(user)).find((token) => token.id === id);
  }

  /** Refuses an access token that was revoked meanwhile: who revokes it now finds the reservation. */
  async #confirm(user: string, access: AccessToken | undefined): Promise<void> {
    if (access && !await this.#accessToken(user, access.id)) throw outdated();
  }

  async #login(
    { account, access }: Owner,
    channel: ClientChannel,
    device: string,
    back?: Return,
  ): Promise<LoginResult> {
    const { name: user, passwords = 0 } = account;
    const token = makeToken(user, device, access?.id);
    const tokenHash = await hashToken(token);
    const presentedHash = back && await hashToken(back.presented);
    const { id: connection } = channel;
    const reservation = this.#local.reserve(connection, { user, device, passwords, side: false, access: access?.id });
    try {
      await this.#confirm(user, access);
      const claimed = await this.#claim(account, channel, device, tokenHash, presentedHash);
      const { session: record, savedPositions } = claimed;
      const session = this.#session({ account, access }, device, record, tokenHash, channel);
      const { positions, unread, missed, start } = await this.#open(
        session,
        claimed,
        back && { savedPositions, given: back.given },
      );
      if (reservation.superseded) {
        session.stop();
        channel.end(forcedLogout);
        throw superseded();
      }
      if (reservation.expelled) {
        session.stop();
        await this.#ends.end(session.record!, tokenHash);
        channel.end(reservation.expelled);
        throw accountDisabled(record.user); // the client has had its last line already
      }
      this.#local.attach(session);
      const { many, rooms } = session.record!; // it may have begun without some of its rooms
      const loggedIn: LoggedIn = {
        user: record.user,
        ...(many ? { rooms } : { room: rooms[0] }),
        positions,
        ...(unread ? { unread } : {}),
        ...(device === "" ? {} : { device }),
        ...(channel.format === "json" ? { resume: token } : {}),
        ...(back ? { missed } : {}),
      };
      return { session, loggedIn, start };
    } catch (error) {
      this.#local.release(connection);
      if (error instanceof ChatError && error.code === "store_unavailable") {
        // The claim may have gone through all the same; the store knows into which rooms.
        const { serverId: server } = this.#options;
        const place = { user, device, server, connection, claim: 0, since: 0, client: "", many: false, rooms: [] };
        this.#ends.enqueue(place, reservation.expelled && tokenHash);
      }
      throw error;
    }
  }

  async #claim(
    { name: user, passwords = 0 }: Account,
    { id: connection, manyRooms: many, client }: ClientChannel,
    device: string,
    tokenHash: string,
    presentedHash: string | undefined,
  ): Promise<Claimed> {
    const { store, config: { duplicateLogin: policy, maxDevices: mostDevices } } = this.#options;
    const shown = presentedHash === undefined ? {} : { presentedHash };
    const result = await store.sessions.claim({
      ...{ user, device, client, passwords, room: lobby, many, tokenHash, connection, policy, mostDevices },
      ...shown,
    });
    switch (result.kind) {
      case "claimed":
        return result;
      case "live":
        throw new ChatError("already_logged_in", `${user} is logged in, and this server keeps that session`);
      case "too_many_devices":
        throw new ChatError(
          "too_many_devices",
          `You are connected on ${mostDevices} devices, as many as there may be: log out on one, or log in under its name`,
        );
      case "refused":
        throw refused();
      case "disabled":
        throw accountDisabled(user);
      case "outdated":
        throw presentedHash === undefined ? outdated() : refused();
    }
  }

  /** Evicts the connection that had the session, opens the topics and tells the rooms; ends the session where that fails. */
  async #open(
    session: UserSession,
    { superseded }: Claimed,
    returning: ReturnPositions | undefined,
  ): Promise<Opened> {
    const tellLeft = () => {
      const { rooms } = session.record!;
      return Promise.all(superseded.map((each) => this.#ends.announceAll(each, "left", without(each.rooms, rooms))));
    };
    try {
      await Promise.all(superseded.map((each) => this.#evict(each)));
      const { store, config: { duplicateLogin, rooms: standing }, feeds: { gate } } = this.#options;
      const settings = { shared: duplicateLogin === "share", standing, gate };
      const opened = await openTopics(session, store, returning, settings);
      await tellLeft();
      await this.#ends.announceAll(session.record!, "joined"); // told where it was not before
      return opened;
    } catch (error) {
      session.stop();
      await this.#ends.end(session.record!);
      await tellLeft();
      throw error;
    }
  }

  async #evict({ server, connection }: Session): Promise<void> {
    if (server === this.#options.serverId) this.#local.supersede(connection);
    else await this.#options.store.servers.signal(server, { kind: "evict", connection });
  }

  #session(
    { account, access }: Owner,
    device: string,
    record: Session | undefined,
    tokenHash: string,
    channel: ClientChannel,
  ): UserSession {
    const { name: user, passwords = 0, created, role } = account;
    const { store, feeds, config, onFault } = this.#options;
    const replayBelow = config.maxQueueBytes / 4;
    return new UserSession({
      user,
      device,
      created,
      access,
      role,
      record,
      tokenHash,
      passwords,
      channel,
      store,
      feeds,
      replayBelow,
      onFault,
    });
  }
}

/** A name for a device whose user gave none: what the client calls itself, and something random. */
function madeUpDevice({ client, format }: ClientChannel): string {
  const kind = client.replace(/\/.*/s, "").replace(/[^A-Za-z0-9_.-]+/g, "-").slice(0, 20) || format;
  return `${kind}-${randomWord(6)}`;
}

/** The rooms that are not among others. */
function without(rooms: readonly string[], others: readonly string[]): string[] {
  return rooms.filter((room) => !others.includes(room));
}

/** The refusal of a password that was changed after it was checked. */
function outdated(): ChatError {
  return new ChatError("invalid_credentials", "Unknown user or wrong password");
}

function refused(): ChatError {
  return new ChatError("invalid_credentials", "The resume token is spent, expired or revoked; log in again");
}
