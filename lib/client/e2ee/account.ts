import { ChatError } from "../../common/errors.ts";
import type { DirectEvent, FileOffer, UserKeys } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import { maxSealedLength } from "../../wire/sealed.ts";
import { type Content, type ContentFile, decodeContent, encodeContent } from "./content.ts";
import type { Device } from "./device.ts";
import { envelopeLength, hintOf, openEnvelope, sealEnvelope } from "./envelope.ts";
import type { KeySets, KnownKeys } from "./known_keys.ts";
import type { OpenedEvent, Privacy, SealedOffer } from "./privacy.ts";
import { safetyNumber } from "./safety_number.ts";

/** A private message as it comes. */
export type SealedEvent = DirectEvent & { readonly sealed: string };

/** What an envelope held, before it is known whose key it was written with; or why it cannot be read. */
export type Reading =
  | {
    readonly kind: "read";
    readonly writer: string;
    readonly readers: readonly string[];
    readonly content: Content;
  }
  | { readonly kind: "unreadable"; readonly why: string };

/** A message to be encrypted. */
export interface Writing extends Omit<Content, "time"> {
  readonly to: string;
  readonly cid: string;
}

/** How far the writer's and the server's time may be apart before the reader is told, in milliseconds. */
const toleranceMs = 10 * 60_000;

/** What a content's JSON needs beside the text, in bytes, roughly. */
const contentOverhead = 64;

/**
 * One user on one device: writes and reads encrypted messages, and knows whose keys are whose.
 *
 * It knows no connection: what a server tells of keys and messages is given to it.
 */
export class Account {
  /** The user's name, as registered. */
  readonly user: string;
  /** This device; undefined where the user has none here. */
  readonly device: Device | undefined;
  readonly known: KnownKeys;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(user: string, device: Device | undefined, known: KnownKeys, now: () => number = Date.now) {
    this.user = user;
    this.device = device;
    this.known = known;
    this.#now = now;
  }

  /** Whether a name is the user's own. */
  isOwn(user: string): boolean {
    return fold(user) === fold(this.user);
  }

  /** Takes what the server says of somebody's keys. @returns what a person is to be told of it */
  learn(keys: UserKeys): string | undefined {
    const change = this.known.learn(keys, this.isOwn(keys.user) ? this.device?.public : undefined);
    if (!change) return undefined;
    const { added, removed } = change;
    const parts = [counted(added, "added"), counted(removed, "removed")].filter((part) => part !== undefined);
    if (this.isOwn(keys.user)) {
      return `Your devices have changed: ${parts.join(" and ")}. /keys lists them`;
    }
    return `${keys.user}'s devices have changed: ${
      parts.join(" and ")
    }. /verify ${keys.user} compares the safety number`;
  }

  /** The keys on both sides now, as far as is known. */
  sets(user: string): KeySets {
    const own = this.device?.public;
    const ours = this.known.present(this.user);
    return {
      theirs: this.known.present(user),
      ours: own === undefined || ours.includes(own) ? ours : [...ours, own],
    };
  }

  /** The safety number with somebody: 12 groups of 5 digits. */
  numberWith(user: string): string[] {
    const { theirs, ours } = this.sets(user);
    return safetyNumber({ user: this.user, keys: ours }, { user, keys: theirs });
  }

  /**
   * Whether a person has verified all devices on both sides.
   *
   * @param sets the devices; those that there are now, as far as is known, where none are given
   */
  isVerified(user: string, sets: KeySets = this.sets(user)): boolean {
    const { verified } = this.known.peer(user);
    return verified !== undefined && within(sets, verified);
  }

  /**
   * Why nothing may be sent to somebody; undefined where it may.
   *
   * @param sets the very devices that it would be encrypted for: what is known besides may be newer, or older
   */
  refusal(user: string, sets: KeySets): ChatError | undefined {
    this.known.refresh();
    const { keys, verified, plain } = this.known.peer(user);
    if (sets.theirs.length === 0) {
      if (keys.length === 0 || plain) return undefined;
      return new ChatError(
        "keys_changed",
        `${user} has no device any more that can decrypt, by the server's word, so nothing is sent. ` +
          `Ask ${user} about it; /verify ${user} accept sends what the server can read`,
      );
    }
    if (!verified || this.isVerified(user, sets)) return undefined;
    const whose = sets.ours.every((key) => verified.ours.includes(key)) ? `${user}'s` : "Your own";
    return new ChatError(
      "keys_changed",
      `${whose} devices have changed since you verified ${user}, so nothing is sent. ` +
        `/verify ${user} shows the new safety number; /verify ${user} accept goes on without comparing it`,
    );
  }

  /**
   * Encrypts a message.
   *
   * @param sets the devices on both sides: the recipient's, at least one, and one's own
   * @throws {ChatError} `message_too_long`
   */
  async write({ to, cid, text, file }: Writing, { theirs, ours }: KeySets): Promise<string> {
    const { device } = this;
    if (!device) throw new Error("There is no key to write with");
    // What was sent is to be read here later, even if the server says that this device is not one's own.
    const devices = [...new Set([...theirs, ...ours, device.public])];
    const content = encodeContent({ text, time: this.#now(), ...(file ? { file } : {}) });
    if (envelopeLength(content.length, devices.length) > maxSealedLength) {
      throw new ChatError(
        "message_too_long",
        `Encrypted for ${devices.length} devices, a text is at most ${longestText(devices.length)} bytes, ` +
          "of which quotes and backslashes count twice",
      );
    }
    return await sealEnvelope(content, { from: this.user, to, cid }, device, devices);
  }

  /** Decrypts a message. */
  async read({ from, to, cid = "", sealed }: SealedEvent): Promise<Reading> {
    if (!this.device) return unreadable("this machine has no key of yours; log in with chat here, for those to come");
    const opening = await openEnvelope(sealed, { from, to, cid }, this.device);
    switch (opening.kind) {
      case "not_for_this_device":
        return unreadable("it was not encrypted for this device");
      case "newer":
        return unreadable("it was encrypted by a newer program");
      case "damaged":
        return unreadable("it was changed on its way, or is not what it claims to be");
      case "opened": {
        const content = decodeContent(opening.content);
        if (!content) return unreadable("it was encrypted by a newer program");
        return { ...opening, kind: "read", content };
      }
    }
  }

  /** The message as a person is to see it. */
  tell(event: SealedEvent, reading: Reading): OpenedEvent {
    const { sealed: _, file: offer, ...rest } = event;
    if (reading.kind === "unreadable") {
      return { ...rest, text: `[cannot be read: ${reading.why}]`, privacy: { state: "unreadable" } };
    }
    const { writer, readers, content } = reading;
    const { text, time, file } = content;
    const state = this.#judge(event, writer, readers);
    const at = Date.parse(event.time);
    const written = new Date(time);
    const late = !(Math.abs(time - at) <= toleranceMs) && !Number.isNaN(written.getTime());
    return {
      ...rest,
      text,
      ...(file && offer?.id === file.id ? { file: merged(offer, file) } : {}),
      privacy: { state, ...(late ? { written: written.toISOString() } : {}) },
    };
  }

  /** An unencrypted message, as a person is to see it: marked where encryption was to be expected. */
  tellPlain(event: DirectEvent): DirectEvent {
    const { verified } = this.known.peer(this.isOwn(event.from) ? event.to : event.from);
    const privacy: Privacy = { state: "plain" };
    return verified ? { ...event, privacy } as DirectEvent : event;
  }

  #judge({ from, to, time }: SealedEvent, writer: string, readers: readonly string[]): Privacy["state"] {
    const own = this.isOwn(from);
    const { until } = this.known.peer(from).keys.find((key) => key.public === writer) ?? {};
    const gone = until !== undefined && Date.parse(time) > Date.parse(until) + toleranceMs;
    const isThis = own && writer === this.device?.public;
    if (!isThis && (gone || !this.known.has(from, writer))) return "unknown_device";
    const { verified } = this.known.peer(own ? to : from);
    if (!verified?.[own ? "ours" : "theirs"].includes(writer)) return "sealed";
    const both = new Set([...verified.theirs, ...verified.ours].map(hintOf));
    return readers.every((reader) => both.has(reader)) ? "verified" : "sealed";
  }
}

/** What the sender says of a file; the server says only until when it is there. */
function merged({ expires }: FileOffer, file: ContentFile): SealedOffer {
  return { ...file, expires };
}

function unreadable(why: string): Reading {
  return { kind: "unreadable", why };
}

function within(inner: KeySets, outer: KeySets): boolean {
  return inner.theirs.every((key) => outer.theirs.includes(key)) && inner.ours.every((key) => outer.ours.includes(key));
}

function counted(count: number, what: string): string | undefined {
  if (count === 0) return undefined;
  return count === 1 ? `a device was ${what}` : `${count} devices were ${what}`;
}

/** In bytes, for so many devices. */
function longestText(devices: number): number {
  let bytes = maxSealedLength;
  while (bytes > 0 && envelopeLength(bytes + contentOverhead, devices) > maxSealedLength) bytes -= 64;
  return bytes;
}
