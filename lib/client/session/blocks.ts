import type { Reply } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import type { CommandTable } from "../net/commands.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { Update } from "./update.ts";

/**
 * Whom the user blocks, as far as the client knows: what they say in rooms is not shown to people. The server keeps their
 * private messages away itself.
 */
export class Blocks {
  readonly #blocked = new Set<string>();
  #asked: Request | undefined;

  /** The request that asks the server for them, where it knows such a thing. */
  ask(commands: CommandTable): Request | undefined {
    this.#asked = commands.find("blocks") && { cmd: "blocks" };
    return this.#asked;
  }

  /** Takes the answer to {@linkcode ask}. @returns whether it was that */
  answered(answer: Answer): boolean {
    if (answer.request !== this.#asked) return false;
    if (answer.kind === "reply") this.take(answer.reply);
    return true;
  }

  /** Takes what a reply says of them. */
  take(reply: Reply): void {
    if (reply.of === "blocks" && Array.isArray(reply.blocks)) {
      this.#blocked.clear();
      for (const user of reply.blocks) if (typeof user === "string") this.#blocked.add(fold(user));
    } else if (reply.of === "block" && typeof reply.user === "string") this.#blocked.add(fold(reply.user));
    else if (reply.of === "unblock" && typeof reply.user === "string") this.#blocked.delete(fold(reply.user));
  }

  /** Forgets them: somebody else may log in. */
  clear(): void {
    this.#blocked.clear();
  }

  /** An update as it is shown to people, without what is said in rooms by who is blocked; undefined where that is all. */
  shown(update: Update): Update | undefined {
    if (this.#blocked.size === 0) return update;
    const hides = (event: { type: string; from?: unknown }) =>
      event.type === "message" && typeof event.from === "string" && this.#blocked.has(fold(event.from));
    if (update.kind === "event") return hides(update.event) ? undefined : update;
    if (update.kind !== "reply" || update.reply.of !== "history") return update;
    const messages = update.reply.messages.filter((event) => !hides(event));
    return { ...update, reply: { ...update.reply, messages } };
  }
}
