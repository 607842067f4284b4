import type { FileOffer, TopicEvent } from "../../wire/event.ts";
import { parseTopic } from "../../wire/names.ts";
import { cleanLine } from "../../wire/clean.ts";
import { isObject } from "../base/shape.ts";
import type { Update } from "../session/update.ts";
import { safeName } from "./safe_name.ts";
import { formatSize } from "./size.ts";

/** The largest file there is, in bytes: no server takes a larger one. */
export const largestFile = 256 * 1024 * 1024;

/** How many offers are remembered; of more, the oldest are forgotten. */
const maxOffers = 500;

/** A file that can be fetched. */
export interface SafeOffer {
  readonly id: string;
  /** Can be shown, and written. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** In milliseconds since 1970; undefined where it is not known. */
  readonly expires: number | undefined;
  /** What decrypts it; its size and hash are then those of what comes out. */
  readonly key: string | undefined;
}

/** One that has a number. */
export interface Offer extends SafeOffer {
  readonly number: number;
  readonly from: string;
  /** The room that it was offered in; undefined for a private message. */
  readonly room: string | undefined;
  /** Whom it was offered to; undefined in a room. */
  readonly to: string | undefined;
}

/**
 * Reads what a message says about its file.
 *
 * @returns undefined where that is no file that could be fetched
 */
export function readOffer(value: unknown): SafeOffer | undefined {
  if (!isObject(value)) return undefined;
  const { id, name, size, sha256, expires, key } = value;
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(id)) return undefined;
  if (typeof name !== "string" || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  if (!Number.isSafeInteger(size) || (size as number) < 0 || (size as number) > largestFile) return undefined;
  const until = typeof expires === "string" ? Date.parse(expires) : NaN;
  return {
    id,
    name: safeName(name),
    size: size as number,
    sha256,
    expires: Number.isNaN(until) ? undefined : until,
    key: typeof key === "string" ? key : undefined,
  };
}

/** What the message that offers a file says, in the text format as well. */
export function offerText({ name, size }: Pick<FileOffer, "name" | "size">): string {
  return `offers ${name} (${formatSize(size)})`;
}

/** A message's text with what can be done about its file: `offers report.pdf (1.2 MB): /get 3`. */
export function labelledText(
  text: string,
  file: { name: string; size: number },
  offer: SafeOffer,
  label: string,
): string {
  const shown = offerText(offer);
  // What the sender wrote about the file need not be so: what is fetched is always said.
  const said = text === offerText(file) || text === shown ? "" : `${cleanLine(text)} · `;
  return `${said}${shown}: ${label}`;
}

/**
 * What can be typed to fetch the file that a message offers, where its text ends with that.
 *
 * @returns also whether the text says nothing else
 */
export function labelOf(
  { text, file }: Pick<TopicEvent, "text" | "file">,
): { readonly action: string; readonly alone: boolean } | undefined {
  const { label } = (file ?? {}) as { label?: unknown };
  const offer = readOffer(file);
  if (!offer || typeof label !== "string" || !/^\/get \d+$/.test(label)) return undefined;
  const whole = `${offerText(offer)}: ${label}`;
  return text.endsWith(whole) ? { action: label, alone: text === whole } : undefined;
}

/**
 * The files that were offered here, each with the number by which a person calls it.
 *
 * All that a server says about a file is checked once, here: who has an {@linkcode Offer} has a safe name, a size that
 * can be, and an id that is no path.
 */
export class Offers {
  readonly #byNumber = new Map<number, Offer>();
  readonly #numbers = new Map<string, number>();
  #last = 0;

  /** All that are remembered, the oldest first. */
  get all(): readonly Offer[] {
    return [...this.#byNumber.values()];
  }

  /** A number that nothing else has. */
  next(): number {
    return ++this.#last;
  }

  /** The offer of that number. */
  get(number: number): Offer | undefined {
    return this.#byNumber.get(number);
  }

  /** Adds an offer, or finds it. @param number the one that it is to have, if it is new */
  add(offer: Omit<Offer, "number">, number?: number): Offer {
    const known = this.#byNumber.get(this.#numbers.get(offer.id) ?? 0);
    // Another key is another file: a message can lie about the id, and must not change what another offered.
    if (known && known.sha256 === offer.sha256 && known.key === offer.key) return known;
    const added = { ...offer, number: number ?? this.next() };
    this.#byNumber.set(added.number, added);
    this.#numbers.set(added.id, added.number);
    if (this.#byNumber.size > maxOffers) this.#forget(this.#byNumber.keys().next().value!);
    return added;
  }

  /** It can be fetched no more. */
  remove({ number }: Offer): void {
    this.#forget(number);
  }

  /** A message as a person is to see it: with its file's number, where it offers one. */
  labelled<E extends TopicEvent>(event: E): E {
    const safe = readOffer(event.file);
    const { from, topic, text } = event;
    if (!safe || typeof from !== "string" || typeof topic !== "string" || typeof text !== "string") return event;
    const offer = this.add({
      ...safe,
      from: cleanLine(from),
      room: event.type === "direct" ? undefined : parseTopic(topic)?.name,
      to: event.type === "direct" ? cleanLine(String(event.to)) : undefined,
    });
    const label = `/get ${offer.number}`;
    return { ...event, text: labelledText(text, event.file!, offer, label), file: { ...event.file!, label } };
  }

  /** An update as a person is to see it. */
  label(update: Update): Update {
    if (update.kind === "event" && "file" in update.event) {
      return { ...update, event: this.labelled(update.event as TopicEvent) };
    }
    if (update.kind !== "reply" || update.reply.of !== "history" || !Array.isArray(update.reply.messages)) {
      return update;
    }
    const messages = update.reply.messages.map((event) => isObject(event as unknown) ? this.labelled(event) : event);
    return { ...update, reply: { ...update.reply, messages } };
  }

  #forget(number: number): void {
    const offer = this.#byNumber.get(number);
    if (!offer) return;
    this.#byNumber.delete(number);
    if (this.#numbers.get(offer.id) === number) this.#numbers.delete(offer.id);
  }
}
