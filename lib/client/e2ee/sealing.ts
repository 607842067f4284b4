/**
 * How private messages are kept from the server: whose keys there are, and what is encrypted for whom.
 */

import { ChatError } from "../../common/errors.ts";
import { quote } from "../../wire/command.ts";
import type { Reply, UserKeys } from "../../wire/event.ts";
import { cleanText } from "../../wire/clean.ts";
import { fold, isUsername, usernameRule } from "../../wire/names.ts";
import { isUsableKey, sealedNote } from "../../wire/sealed.ts";
import { formatServer, type ServerAddress } from "../base/address.ts";
import type { Request } from "../net/connection.ts";
import { ClientError } from "../base/exit.ts";
import { isObject } from "../base/shape.ts";
import { Account } from "./account.ts";
import { readFile } from "./content.ts";
import { openDevice, readDevice } from "./device.ts";
import { type KeySets, KnownKeys } from "./known_keys.ts";
import type { Privacy } from "./privacy.ts";
import { senseless, toUserKeys } from "./user_keys.ts";

/** Settings and ports of encryption. */
export interface SealingOptions {
  /** Where the client remembers things; undefined where it can remember nothing. */
  readonly folder: string | undefined;
  /** The server by whose name the keys are kept: the first of those that the session was given. */
  readonly server: ServerAddress;
  /**
   * Whether a user who has no key here gets one; true by default. Programs beside the user use the one that is there:
   * each new one would push out an old one.
   */
  readonly create?: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A private message as it goes onto the wire, and how private it is. */
export interface Prepared {
  readonly request: Request;
  /** Whom it is for, as registered. */
  readonly to: string;
  readonly text: string;
  readonly privacy?: Privacy;
}

/**
 * The logged-in user's keys, and what is known of everybody else's.
 *
 * It follows a session's logins, decides what is encrypted for whom, and says what a person is to be told. It knows no
 * connection: a `SealedLink` brings it what goes over one.
 */
export class Sealing {
  readonly #options: SealingOptions;
  #account: Account | undefined;
  #fault: ClientError | undefined;
  #lists = new Map<string, UserKeys>();
  #told = new Set<string>();
  #turnedAway = false;

  constructor(options: SealingOptions) {
    this.#options = options;
  }

  /** Who is logged in, with the keys of this device; undefined while nobody is. */
  get account(): Account | undefined {
    return this.#account;
  }

  /** Somebody is logged in; on another connection, where that is who was logged in before. */
  async enter(user: string): Promise<void> {
    this.#turnedAway = false; // there may be room by now
    if (this.#account?.isOwn(user)) {
      // Who had no device may have one by now.
      for (const [name, { keys }] of this.#lists) if (keys.length === 0) this.#lists.delete(name);
      return;
    }
    this.leave();
    const { folder, server, create = true, now = Date.now } = this.#options;
    const place = { folder, account: `${user}@${formatServer(server)}`.toLowerCase() };
    try {
      const known = new KnownKeys(place, () => new Date(now()));
      const device = await (create ? openDevice : readDevice)(place);
      this.#account = new Account(user, device, known, now);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#fault = error; // nothing is sent then
    }
  }

  /** Nobody is logged in. */
  leave(): void {
    this.#account = this.#fault = undefined;
    this.#lists.clear();
    this.#told.clear();
  }

  /**
   * Takes what the server says of somebody's keys.
   *
   * @param tell told what a person should know about it
   * @returns whether these were any keys at all
   */
  learn(user: string, value: unknown, tell: (sentence: string) => void): boolean {
    const told = toUserKeys(user, value);
    if (!told) return false;
    // A key that nothing can be encrypted for would keep everybody from writing to its user.
    const keys = { ...told, keys: told.keys.filter((key) => isUsableKey(key.public)) };
    this.#lists.set(fold(user), keys);
    const news = this.#guarded((account) => account.learn(keys));
    if (news !== undefined) tell(news);
    return true;
  }

  /** Forgets what keys a user has by the server's word, so that it is asked again. */
  forget(user: string): void {
    this.#lists.delete(fold(user));
  }

  /** Whether this device is on its user's list, as far as is known. */
  get announced(): boolean {
    const { device, user } = this.#account ?? {};
    return this.#lists.get(fold(user ?? ""))?.keys.some((key) => key.public === device?.public) ?? false;
  }

  /** Whether the server has refused this device's key: others encrypt nothing for it. */
  get turnedAway(): boolean {
    return this.#turnedAway;
  }

  /** The server has refused this device's key, and why. */
  turnAway(why: string, tell: (sentence: string) => void): void {
    this.#turnedAway = true;
    this.#once("turned away", () => {
      tell(
        `This device goes on without its key: private messages to you cannot be read here. ${why}. ` +
          "/keys remove <n> makes room for this one",
      );
    });
  }

  /** There may be room for this device's key now. */
  tryAgain(): void {
    this.#turnedAway = false;
    this.#told.delete("turned away");
  }

  /** Whose keys have to be asked for before something can be sent to somebody. */
  missing(to: string): string[] {
    const { user, device } = this.#account ?? {};
    if (user === undefined || !isUsername(to)) return [];
    return [to, ...(device ? [user] : [])].filter((name) => !this.#lists.has(fold(name)));
  }

  /**
   * Makes a private message ready; the keys that it takes are known, where the server has any.
   *
   * @param maxBytes the longest text that the server takes
   * @param tell told what a person should know about it
   * @throws {ChatError} why it is not sent
   */
  async prepare(request: Request, maxBytes: number, tell: (sentence: string) => void): Promise<Prepared> {
    const account = this.#entered();
    // Nothing but these goes out beside what is encrypted.
    const { cmd, to, cid, file, private: secret, text: typed } = request;
    const rest = { cmd, to, cid, ...(file === undefined ? {} : { file }) };
    if (typeof to !== "string" || typeof cid !== "string") throw new ChatError("usage", "Usage: /msg <user> <text>");
    if (!isUsername(to)) throw new ChatError("invalid_username", `${quote(to)} is not a username: ${usernameRule}`);
    const text = checked(typed, maxBytes);
    const lists = [this.#lists.get(fold(to)), this.#lists.get(fold(account.user))].filter((list) => list !== undefined);
    const name = lists.find(({ user }) => fold(user) === fold(to))?.user ?? to;
    const sets = this.#permitted(name);
    // The server compares them: who had no device may have one by now.
    const keys = lists.length === 0
      ? {}
      : { keys: Object.fromEntries(lists.map(({ user, version }) => [user, version])) };
    if (sets.theirs.length === 0 || !account.device) {
      if (secret !== undefined) {
        throw new ChatError("keys_changed", `${name} has no device any more that can decrypt, so nothing is sent`);
      }
      this.#warn(name, sets.theirs.length > 0, tell);
      return { request: { ...rest, text, ...keys }, to: name, text };
    }
    this.mindTheDevice(tell);
    const content = file === undefined ? undefined : readFile({ ...secretFile(secret), id: file });
    if (file !== undefined && !content) {
      throw new ChatError("keys_changed", `${name} can decrypt, and the file is not encrypted: send it once more`);
    }
    const privacy: Privacy = { state: account.isVerified(name, sets) ? "verified" : "sealed" };
    const sealed = await account.write({ to, cid, text, ...(content ? { file: content } : {}) }, sets);
    return { request: { ...rest, text: sealedNote, sealed, ...keys }, to: name, text, privacy };
  }

  /**
   * Whether what is sent to somebody can be encrypted.
   *
   * @param ask asks the server
   * @throws {ChatError} where nothing may be sent to them now, or the server refuses to tell
   */
  async canSeal(user: string, ask: (request: Request) => Promise<Reply>): Promise<boolean> {
    const { device } = this.#entered();
    if (!device) return false;
    // A user without a device may have got one; which devices can read the file is settled by its offer.
    if (!this.#lists.get(fold(user))?.keys.length) {
      const told = await ask({ cmd: "keys", user }).catch((error) => {
        // An earlier server has no keys, and nothing that is encrypted.
        if (!(error instanceof ChatError) || error.code !== "unknown_command") throw error;
      });
      if (told && !toUserKeys(user, told)) throw senseless(user);
      if (this.#entered().device !== device) throw new ChatError("login_required", "Somebody else is logged in now");
    }
    return this.#permitted(this.#lists.get(fold(user))?.user ?? user).theirs.length > 0;
  }

  /** @throws {ChatError} where nothing may be sent, or nobody is logged in */
  #entered(): Account {
    // What would be unencrypted is not what the person expects.
    if (this.#fault) throw new ChatError("usage", `${this.#fault.message}. Nothing is sent`);
    if (!this.#account) throw new ChatError("login_required", "Nobody is logged in");
    return this.#account;
  }

  /**
   * The devices that a message to somebody is encrypted for: those of the lists that the server is told the versions of.
   *
   * @throws {ChatError} where nothing may be sent to them
   */
  #permitted(user: string): KeySets {
    const account = this.#entered();
    const keysOf = (name: string) => this.#lists.get(fold(name))?.keys.map((key) => key.public) ?? [];
    const own = account.device ? [account.device.public] : [];
    const sets = { theirs: keysOf(user), ours: [...new Set([...keysOf(account.user), ...own])] };
    const refusal = this.#guarded(() => account.refusal(user, sets));
    this.#entered();
    if (refusal) throw refusal;
    return sets;
  }

  /** Tells, once, that this device's key will be gone at the end. */
  mindTheDevice(tell: (sentence: string) => void): void {
    const { device, known } = this.#account ?? {};
    if (!device || (device.kept && known!.kept)) return;
    const lost = device.kept ? "Whose keys were seen" : "Your key for private messages";
    this.#once("kept", () => tell(`${lost} is known for this run only: nothing can be remembered here`));
  }

  /** Tells, once for each sender, that a message of somebody who was verified is not encrypted. */
  mindThePlain(from: string, tell: (sentence: string) => void): void {
    if (this.#account?.known.peer(from).verified === undefined) return;
    this.#once(`from ${fold(from)}`, () => {
      tell(
        `${from} is verified, but a message from ${from} is not encrypted: the server could read it, or have written it`,
      );
    });
  }

  #warn(name: string, hasKeys: boolean, tell: (sentence: string) => void): void {
    const why = hasKeys ? "you have no key on this machine" : `${name} has no device that can decrypt`;
    this.#once(`to ${fold(name)}`, () => tell(`${why}: private messages to ${name} can be read by the server`));
  }

  #once(what: string, act: () => void): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    act();
  }

  /** Asks the account; what is kept of keys may have become unreadable, and then nothing is sent any more. */
  #guarded<T>(act: (account: Account) => T): T | undefined {
    try {
      return this.#account && act(this.#account);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#fault = error;
      return undefined;
    }
  }
}

/** The text as the server would take it. */
function checked(typed: unknown, maxBytes: number): string {
  const text = typeof typed === "string" ? cleanText(typed) : "";
  if (text.trim() === "") throw new ChatError("usage", "The text must not be empty");
  const { length } = new TextEncoder().encode(text);
  if (length <= maxBytes) return text;
  throw new ChatError("message_too_long", `The text is ${length} bytes; at most ${maxBytes} are allowed`);
}

function secretFile(secret: unknown): Readonly<Record<string, unknown>> {
  return isObject(secret) && isObject(secret.file) ? secret.file : {};
}
