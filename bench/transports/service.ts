/** A small chat service that knows no sockets: lines come in from peers, and lines go out to them. */

import type { Hasher } from "../../lib/auth/password.ts";
import { isUsername } from "../../lib/wire/names.ts";

/** Somebody at the other end of a connection, or at an address that datagrams come from. */
export interface Peer {
  /** Who has logged in there. */
  user?: string;
  /** Sends a line. */
  tell(line: string): void;
}

/**
 * Accounts, one room, and private messages. Lines, and their answers:
 *
 *     REGISTER <user> <password>   OK registered
 *     LOGIN <user> <password>      OK logged in
 *     LIST                         OK a b c
 *     MSG <user> <text>            OK sent; the other gets DM <from> <text>
 *     SAY <text>                   everybody who is logged in gets ROOM <from> <text>, the sender too
 *
 * What cannot be done is answered `ERR <why>`. All but MSG and SAY may be sent twice without harm, as a client must
 * whose transport loses lines.
 */
export class Service {
  readonly #hasher: Hasher;
  readonly #hashes = new Map<string, Promise<string>>();
  readonly #online = new Map<string, Peer>();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** Does what a line asks, and tells everybody whom it concerns. */
  async handle(peer: Peer, line: string): Promise<void> {
    const [, verb = "", rest = ""] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    const [, name = "", text = ""] = /^(\S+) ?(.*)$/s.exec(rest) ?? [];
    if (verb === "REGISTER") return peer.tell(await this.#register(name, text));
    if (verb === "LOGIN") return peer.tell(await this.#login(peer, name, text));
    if (peer.user === undefined) return peer.tell("ERR login first");
    if (verb === "LIST") return peer.tell(`OK ${[...this.#online.keys()].sort().join(" ")}`);
    if (verb === "SAY") return this.#say(`ROOM ${peer.user} ${rest}`);
    if (verb === "MSG") return peer.tell(this.#send(peer.user, name, text));
    peer.tell("ERR allowed: REGISTER, LOGIN, LIST, MSG, SAY");
  }

  /** The peer is gone. */
  leave(peer: Peer): void {
    if (peer.user !== undefined && this.#online.get(peer.user) === peer) this.#online.delete(peer.user);
  }

  async #register(name: string, password: string): Promise<string> {
    if (!isUsername(name) || password === "") return "ERR allowed: REGISTER <user> <password>";
    const known = this.#hashes.get(name);
    if (known === undefined) {
      const hash = this.#hasher.hash(password);
      this.#hashes.set(name, hash);
      await hash;
    } else if (!await this.#hasher.verify(password, await known)) return "ERR the name is taken";
    return "OK registered";
  }

  async #login(peer: Peer, name: string, password: string): Promise<string> {
    if (peer.user === name) return "OK logged in"; // sent twice
    const hash = await this.#hashes.get(name);
    if (hash === undefined || !await this.#hasher.verify(password, hash)) return "ERR wrong user or password";
    this.leave(peer);
    peer.user = name;
    this.#online.set(name, peer);
    return "OK logged in";
  }

  #say(line: string): void {
    for (const peer of this.#online.values()) peer.tell(line);
  }

  #send(from: string, to: string, text: string): string {
    const peer = this.#online.get(to);
    if (!peer) return `ERR ${to} is not here`;
    peer.tell(`DM ${from} ${text}`);
    return "OK sent";
  }
}
