import type { TopicEvent } from "../../wire/event.ts";
import type { Account, Reading, SealedEvent } from "./account.ts";
import { isSealed } from "./privacy.ts";

/** Messages that came, decrypted as far as they can be, before it is known who wrote them. */
export class Opening {
  readonly #messages: readonly TopicEvent[];
  readonly #account: Account | undefined;
  readonly #readings: ReadonlyMap<TopicEvent, Reading>;

  private constructor(
    messages: readonly TopicEvent[],
    account: Account | undefined,
    readings: ReadonlyMap<TopicEvent, Reading>,
  ) {
    this.#messages = messages;
    this.#account = account;
    this.#readings = readings;
  }

  /** @param account who is logged in; undefined where nobody is, and nothing is decrypted */
  static async of(messages: readonly TopicEvent[], account: Account | undefined): Promise<Opening> {
    const readings = new Map<TopicEvent, Reading>();
    for (const message of account ? messages.filter(isReadable) : []) {
      readings.set(message, await account!.read(message));
    }
    return new Opening(messages, account, readings);
  }

  /** Who wrote to a person what is not encrypted. */
  get plainFrom(): string[] {
    const plain = this.#messages.filter((message) => message.type === "direct" && !this.#readings.has(message));
    return plain.map(({ from }) => from);
  }

  /** Who claims to have written what was decrypted, and with which key. */
  get writers(): { from: string; key: string }[] {
    return [...this.#readings].flatMap(([{ from }, reading]) => {
      return reading.kind === "read" ? [{ from, key: reading.writer }] : [];
    });
  }

  /** The messages as a person is to see them, by what is known of keys now. */
  tell(): TopicEvent[] {
    return this.#messages.map((message) => {
      const reading = this.#readings.get(message);
      if (reading) return this.#account!.tell(message as SealedEvent, reading) as TopicEvent;
      return this.#account && message.type === "direct" ? this.#account.tellPlain(message) : message;
    });
  }
}

/** Whether a message is one that can be decrypted. */
function isReadable(message: TopicEvent): message is SealedEvent {
  return isSealed(message) && ["string", "undefined"].includes(typeof message.cid);
}
