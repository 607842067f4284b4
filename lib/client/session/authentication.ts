import type { Reply } from "../../wire/event.ts";
import type { Answer, Request } from "../net/connection.ts";
import type { LinkPort } from "./link.ts";
import { passing } from "./update.ts";

/** A login that has no answer yet. */
interface Asked {
  readonly request: Request;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * How a session is let in by its server: by a login that somebody asked for, or by the resume of what was lost.
 *
 * Promises:
 * 1. the promise of a login settles: with the answer, or with the reason why none came;
 * 2. while there is something to take up, a new connection begins with that, and not with a login;
 * 3. with a connection goes all that was asked over it, and all that was granted;
 * 4. the route learns how it went, so that the next attempt is made where and when it should be.
 *
 * It knows neither who is let in, nor what is said afterwards.
 */
export class Authentication {
  readonly #link: Pick<LinkPort, "route" | "request" | "wake">;
  #login: Asked | undefined;
  #resume: Request | undefined;
  #granted = false;
  #closed: Error | undefined;

  constructor(link: Pick<LinkPort, "route" | "request" | "wake">) {
    this.#link = link;
  }

  /** Whether the session is let in. */
  get granted(): boolean {
    return this.#granted;
  }

  /** Whether somebody waits to be logged in. */
  get wanted(): boolean {
    return this.#login !== undefined;
  }

  /** Asks for a login, now or as soon as there is a connection; the promise is its answer's. */
  ask(request: Request): Promise<Reply> {
    const answer = new Promise<Reply>((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#login = { request, resolve, reject };
      this.#link.request(request);
      this.#link.wake();
    });
    answer.catch(() => {}); // a refusal is shown as well
    return answer;
  }

  /**
   * Begins a new connection: with the resume, or else with the login that somebody waits for.
   *
   * @param resume takes up what was lost, if there is anything
   */
  begin(resume: Request | undefined): void {
    this.#resume = resume;
    this.#link.request(resume ?? this.#login?.request);
  }

  /** What a request asks for; undefined where it asks for neither. */
  find(request: Request): "login" | "resume" | undefined {
    if (request === this.#login?.request) return "login";
    return request === this.#resume ? "resume" : undefined;
  }

  /**
   * A login or a resume has its answer.
   *
   * @returns what became of it; `again` is a resume that was refused for a reason that passes by itself
   */
  answered(answer: Answer): "granted" | "again" | "refused" {
    return this.find(answer.request) === "resume" ? this.#takeResume(answer) : this.#takeLogin(answer);
  }

  /** An attempt to connect failed, with nothing to take up: a login is rejected once every server was tried. */
  failed(error: Error): void {
    const { route } = this.#link;
    if (!route.exhausted) return;
    route.reset();
    this.#refuse(error);
  }

  /**
   * The connection is gone.
   *
   * @param moved whether its server had said so
   * @returns what went with it
   */
  lost(why: Error, moved: boolean): "session" | "resume" | undefined {
    const what = this.#resume ? "resume" : this.#granted ? "session" : undefined;
    this.#resume = undefined;
    this.#granted = false;
    this.#refuse(why);
    if (what === "resume") this.#link.route.failed();
    else if (what === "session") this.#link.route.lost(moved);
    return what;
  }

  /** The session is logged out. */
  leave(): void {
    this.#granted = false;
  }

  /** The session has ended: a login that waits is rejected, and each that is asked for from now on. */
  close(why: Error): void {
    this.#closed = why;
    this.#granted = false;
    this.#refuse(why);
  }

  #takeLogin(answer: Answer): "granted" | "refused" {
    if (answer.kind === "refused") {
      this.#refuse(answer.error);
      return "refused";
    }
    this.#grant();
    this.#link.route.reset();
    this.#login?.resolve(answer.reply);
    this.#login = undefined;
    return "granted";
  }

  #takeResume(answer: Answer): "granted" | "again" | "refused" {
    this.#resume = undefined;
    if (answer.kind === "reply") {
      this.#grant();
      return "granted";
    }
    const { code, extra } = answer.error;
    if (!passing.has(code)) return "refused";
    this.#link.route.failed();
    this.#link.route.retryAfter(extra.retry_after_ms);
    return "again";
  }

  #grant(): void {
    this.#granted = true;
    this.#link.route.reached();
  }

  #refuse(why: Error): void {
    this.#login?.reject(why);
    this.#login = undefined;
  }
}
