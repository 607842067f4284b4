import type { DirectEvent, FileOffer, TopicEvent } from "../../wire/event.ts";
import { isObject } from "../base/shape.ts";

/** How private a private message was, as far as this client could tell, and how a person is told. */
export interface Privacy {
  /**
   * `sealed`: encrypted on a device that is the sender's by the server's word; `verified`: by a person's word;
   * `unknown_device`: encrypted, on a device that is on no list of the sender's; `unreadable`: not for this device, or
   * not what it claims to be; `plain`: not encrypted, though a person has verified whom it is from, or goes to.
   */
  readonly state: "sealed" | "verified" | "unknown_device" | "unreadable" | "plain";
  /** When it was written, where that is not when the server says: ISO 8601, UTC. */
  readonly written?: string;
}

/** A file that is offered in an encrypted message: name, size and hash are those of what it is once decrypted. */
export interface SealedOffer extends FileOffer {
  /** What decrypts it; without one, it is not encrypted. */
  readonly key?: string;
}

/** A private message that was encrypted; `text` is what was written, or why that cannot be read. */
export interface OpenedEvent extends Omit<DirectEvent, "sealed" | "file"> {
  readonly privacy: Privacy;
  readonly file?: SealedOffer;
}

const words: Readonly<Record<Privacy["state"], string>> = {
  sealed: "encrypted",
  verified: "verified",
  unknown_device: "encrypted on an unknown device",
  unreadable: "unreadable",
  plain: "not encrypted",
};

/** The fields that hold names, and the characters that no such name has. */
const names = [
  ["from", /[^A-Za-z0-9_-]/g],
  ["to", /[^A-Za-z0-9_-]/g],
  ["user", /[^A-Za-z0-9_-]/g],
  ["room", /[^A-Za-z0-9_.#-]/g],
] as const;

/** How private a message or an answer was; undefined where it was not encrypted, and need not have been. */
export function privacyOf(value: unknown): Privacy | undefined {
  const { privacy } = isObject(value) ? value : {};
  return isObject(privacy) ? privacy as unknown as Privacy : undefined;
}

/** A name, and how private what was said was: `bob (encrypted)`. */
export function privateName(name: string, privacy: Privacy | undefined): string {
  if (!privacy) return name;
  const { state, written } = privacy;
  const when = written === undefined ? "" : `, written ${written.slice(0, 16).replace("T", " ")} UTC`;
  return `${name} (${words[state]}${when})`;
}

/** The same for an event whose text is to be made: the mark stands behind the sender's name. */
export function marked<E extends { readonly from: string }>(event: E): E {
  const privacy = privacyOf(event);
  return privacy ? { ...event, from: privateName(event.from, privacy) } : event;
}

/**
 * What a server says, without what is for this client or for the sender to say: marks, names that look like them, and
 * what decrypts a file.
 */
export function unmarked<E extends object>(value: E): E {
  const { privacy: _, ...rest } = value as E & { privacy?: unknown };
  const fields = rest as Record<string, unknown>;
  for (const [field, foreign] of names) {
    const name = fields[field];
    if (typeof name === "string") fields[field] = name.replace(foreign, "?");
  }
  if (isObject(fields.file)) {
    const { key: _, ...file } = fields.file;
    fields.file = file;
  }
  return rest as E;
}

/** Whether a message is a private one that is encrypted. */
export function isSealed(event: TopicEvent): event is DirectEvent & { readonly sealed: string } {
  return event.type === "direct" && typeof event.sealed === "string";
}
