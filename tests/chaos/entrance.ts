/**
 * How a client gets in, again and again: it registers, logs in, resumes with its token on any server, now and then twice
 * at once; and it knows whether somebody else can have taken its session.
 */

import type { Account } from "./account.ts";
import { Connection, type Json, type Listener, type Ways } from "./connection.ts";
import type { Prng } from "./prng.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";
import { adoptable, resumeTwice } from "./twins.ts";
import { ghostMs, type Sink, type View } from "./view.ts";

/** Who gets in. */
export interface Guest extends Listener {
  readonly view: View;
  /** Whether the session that it has, or had last, was revoked. */
  readonly isRevoked: boolean;
  /** It is in: told before any event that comes behind the answer. */
  entered(connection: Connection, cmd: string, reply: Json): void;
  /** Its token is worth nothing any more. */
  loggedOut(by: string): void;
}

/** What an entrance is made from. */
export interface EntranceOptions {
  readonly name: string;
  readonly account: Account;
  /** What its device is called; undefined where its user has one only. */
  readonly device: string | undefined;
  /** Whether it is in many rooms. */
  readonly many: boolean;
  readonly nodes: readonly ServerNode[];
  readonly prng: Prng;
  readonly ways: Ways;
  readonly sink: Sink & { count(what: string): void };
}

/** How long it waits to be let in, in milliseconds. */
const patienceMs = 4_000;

/** See the file's first lines. */
export class Entrance {
  readonly #options: EntranceOptions;
  readonly #guest: Guest;
  #token: string | undefined;
  #registered = false;
  #twice = false;
  #rivalAt = -Infinity;

  constructor(options: EntranceOptions, guest: Guest) {
    this.#options = options;
    this.#guest = guest;
  }

  /** The next time, it comes back on two connections at once. */
  comeTwice(): void {
    this.#twice = true;
  }

  /** Somebody else may be about to enter under its name, if only a request of its own that was given up. */
  expectRival(): void {
    this.#rivalAt = this.#options.ways.timeline.now;
  }

  /** Whether somebody else may have its session. */
  get hasRival(): boolean {
    return this.#options.ways.timeline.now - this.#rivalAt < ghostMs;
  }

  /** The token is worth nothing any more. */
  forget(): void {
    this.#token = undefined;
  }

  /** Connects to some server and enters. @returns whether it is in */
  async comeIn(signal: AbortSignal): Promise<boolean> {
    const { nodes, name, ways, prng, many } = this.#options;
    const twice = this.#twice && this.#token !== undefined;
    this.#twice = false;
    if (twice) return await this.#enterTwice(this.#token!);
    let connection: Connection;
    try {
      connection = await Connection.open(prng.pick(nodes), name, ways, this.#guest, many);
    } catch {
      return false;
    }
    if (!signal.aborted) return await this.#enter(connection);
    connection.drop("the run is over");
    return false;
  }

  async #enterTwice(token: string): Promise<boolean> {
    const { nodes, name, account, ways, prng, sink, many } = this.#options;
    this.expectRival();
    sink.count("twin resumes");
    const positions = this.#guest.view.present();
    const sides = await resumeTwice([prng.pick(nodes), prng.pick(nodes)], name, ways, { token, positions }, many);
    const chosen = adoptable(sides, positions, sink, name, account);
    if (!chosen) return false;
    const { connection, reply, events } = chosen;
    connection.listener = this.#guest;
    this.#enterWith(connection, "resume", reply);
    for (const event of events) this.#guest.event(event);
    return true;
  }

  async #enter(connection: Connection): Promise<boolean> {
    const { account, device } = this.#options;
    const cmd = this.#token ? "resume" : this.#registered ? "login" : "register";
    const fields = this.#token
      ? { token: this.#token, positions: this.#guest.view.present() }
      : { user: account.user, password: account.password, ...(device === undefined ? {} : { device }) };
    const isRevoked = this.#token !== undefined && this.#guest.isRevoked;
    if (cmd === "login") this.#guest.view.loggingIn();
    const outcome = Promise.withResolvers<"in" | "out" | "again">();
    connection.listener = {
      event: (event) => this.#guest.event(event),
      ended: (why) => {
        this.expectRival(); // a server that is slow may do it yet
        this.#guest.ended(why);
        outcome.resolve("out");
      },
    };
    connection.request(cmd, fields, (reply) => {
      if (reply.type === "ok") {
        if (isRevoked) {
          const text = `${this.#options.name} resumed on ${connection.server.id} with a token that was revoked`;
          this.#options.sink.notice("a revoked device is out", text);
        }
        connection.listener = this.#guest;
        this.#enterWith(connection, cmd, reply);
        outcome.resolve("in");
      } else {
        this.#options.sink.count(`${cmd} refused: ${reply.code}`);
        outcome.resolve(this.#refused(cmd, reply.code) ? "again" : "out");
      }
    });
    const answered = new AbortController();
    void pause(patienceMs, answered.signal).then(() => {
      if (!answered.signal.aborted) connection.drop("no answer");
    });
    const became = await outcome.promise;
    answered.abort();
    if (became === "again") return await this.#enter(connection);
    if (became === "out") {
      connection.listener = { event: () => {}, ended: () => {} };
      connection.drop("not let in");
    }
    return became === "in";
  }

  #enterWith(connection: Connection, cmd: string, reply: Json): void {
    this.#registered = true;
    this.#token = reply.resume;
    this.#options.sink.count(cmd === "resume" ? "resumes" : "logins");
    this.#guest.entered(connection, cmd, reply);
  }

  /** @returns whether another way in may be tried on the same connection */
  #refused(cmd: string, code: string): boolean {
    if (cmd === "register" && code === "username_taken") return this.#registered = true;
    if (cmd !== "resume" || code !== "invalid_credentials") {
      this.expectRival(); // nobody knows whether it was done
      return false;
    }
    if (!this.hasRival && !this.#guest.isRevoked) {
      this.#options.sink.notice("a token is good for a resume", `${this.#options.name}'s newest token was refused`);
    }
    this.#guest.loggedOut("token refused");
    return true;
  }
}
