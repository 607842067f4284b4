import { hash } from "node:crypto";
import type { Position } from "../wire/event.ts";
import type { Topic } from "../wire/names.ts";
import { decodePosition, encodePosition, type LogPosition, randomWord } from "./log_position.ts";

/** How much of the hash is shown: 52 bits, and the longest position fits into the 64 characters of a `pos`. */
const signatureLength = 13;

/**
 * The strings that clients are given for positions: `epoch.seq.id.signature`.
 *
 * The signature proves that a server of this store has found the position in the topic's log, so that a client which
 * shows it is a witness of what the log has lost. Nobody else can make one.
 */
export class PositionSigner {
  /** Shared by all servers of the store, and known to nobody else; may be replaced by the store's. */
  secret: string;

  constructor(secret: string = randomWord(52)) {
    this.secret = secret;
  }

  /** The string for a position; one that a client gave without a signature does not get one here. */
  encode(topic: Topic, position: LogPosition): Position {
    const plain = encodePosition(position);
    return position.given === "unsigned" ? plain : `${plain}.${this.#sign(topic, plain)}`;
  }

  /** @returns the position and whether its signature is right; undefined where the string is no position */
  decode(topic: Topic, position: unknown): LogPosition | undefined {
    const decoded = decodePosition(position);
    if (!decoded) return undefined;
    const signed: LogPosition = { ...decoded, given: "signed" };
    return this.encode(topic, signed) === position ? signed : decoded;
  }

  /**
   * The cut hash of secret and text. What is not shown of the hash keeps a longer text from being signed with it (Coron
   * et al., "Merkle-Damgård Revisited", 2005: chop-MD), which is HMAC's reason for a second hash: half the time.
   */
  #sign(topic: Topic, plain: string): string {
    return hash("sha256", `${this.secret} ${topic} ${plain}`, "hex").slice(0, signatureLength);
  }
}
