import type { Request } from "../net/connection.ts";

/**
 * Tells the server which private messages were shown, so that they do not come again at the next login.
 *
 * One request is on its way at a time; of what is shown meanwhile only the last is told.
 */
export class Receipts {
  #sent: Request | undefined;
  #next: string | undefined;

  /**
   * A private message was shown.
   *
   * @returns the request to send now, if there is one
   */
  shown(pos: string): Request | undefined {
    this.#next = pos;
    return this.#sent ? undefined : this.#take();
  }

  /** Whether a request is the one on its way. */
  owns(request: Request): boolean {
    return this.#sent === request;
  }

  /** It was answered. @returns the request to send now, if there is one */
  answered(): Request | undefined {
    return this.#take();
  }

  /** The connection is gone: the position of the resume says the same. */
  reset(): void {
    this.#sent = this.#next = undefined;
  }

  #take(): Request | undefined {
    this.#sent = this.#next === undefined ? undefined : { cmd: "seen", pos: this.#next };
    this.#next = undefined;
    return this.#sent;
  }
}
