/**
 * What a client has to say, by topic: kept with its cid until it is answered, and sent again in order.
 *
 * When a message could not be stored, nothing newer is sent to its topic; once all that is on its way is answered, the
 * topic goes on from the first that failed.
 */

import type { Connection, Json } from "./connection.ts";
import type { Attempt, Sent } from "./record.ts";
import type { Timeline } from "./timeline.ts";

/** How many messages may be unanswered at once. */
const window = 24;

/** How long a topic waits after a failure, in milliseconds. */
const retryMs = 200;

interface Message {
  readonly sent: Sent;
  readonly cmd: "say" | "publish" | "msg";
  readonly fields: Json;
  state: "waiting" | "sent" | "failed";
}

interface Queue {
  messages: Message[];
  failed: boolean;
  retryAt: number;
}

/** Refusals that say nothing about the message itself. */
const passing = new Set(["store_unavailable", "server_draining", "internal", "already_logged_in", "login_required"]);

/** See the file's first lines. */
export class Outgoing {
  readonly #timeline: Timeline;
  readonly #queues = new Map<string, Queue>();
  readonly #counted: (code: string) => void;
  #unanswered = 0;
  /** Which session the client has: counts its logins. */
  session = 0;

  /** @param counted told the code of each refusal */
  constructor(timeline: Timeline, counted: (code: string) => void) {
    this.#timeline = timeline;
    this.#counted = counted;
  }

  /** How many messages are not done with. */
  get size(): number {
    return [...this.#queues.values()].reduce((sum, { messages }) => sum + messages.length, 0);
  }

  /** The topics that have messages which are not done with. */
  get topics(): string[] {
    return [...this.#queues.keys()];
  }

  /** Whether a topic has messages which are not done with. */
  has(topic: string): boolean {
    return this.#queues.has(topic);
  }

  add(sent: Sent, cmd: Message["cmd"], fields: Json): void {
    const queue = this.#queues.get(sent.topic) ?? { messages: [], failed: false, retryAt: 0 };
    this.#queues.set(sent.topic, queue);
    queue.messages.push({ sent, cmd, fields, state: "waiting" });
  }

  /** Gives up what a topic has to say, or all of them; what was sent may be known or not. */
  giveUp(topic?: string): void {
    if (topic === undefined) this.#queues.clear();
    else this.#queues.delete(topic);
  }

  /** The connection is gone: nothing is on its way any more. */
  interrupted(): void {
    this.#unanswered = 0;
    for (const queue of this.#queues.values()) {
      queue.failed = false;
      queue.retryAt = 0;
      for (const message of queue.messages) message.state = "waiting";
    }
  }

  /** Sends what may be sent. @param rooms where the client is: only there it can say something */
  pump(connection: Connection, rooms: ReadonlySet<string>): void {
    for (const [topic, queue] of this.#queues) {
      if (topic.startsWith("room:") && !rooms.has(topic.slice("room:".length))) continue;
      if (queue.failed) {
        if (queue.messages.some(({ state }) => state === "sent") || queue.retryAt > this.#timeline.now) continue;
        queue.failed = false;
        for (const message of queue.messages) message.state = "waiting";
      }
      for (const message of queue.messages) {
        if (this.#unanswered >= window) return;
        if (message.state === "waiting") this.#send(connection, topic, queue, message);
      }
    }
  }

  #send(connection: Connection, topic: string, queue: Queue, message: Message): void {
    message.state = "sent";
    this.#unanswered++;
    const attempt: Attempt = { at: this.#timeline.now, server: connection.server.id, session: this.session };
    message.sent.attempts.push(attempt);
    connection.request(message.cmd, message.fields, (reply) => {
      attempt.answer = { code: reply.type === "ok" ? "ok" : reply.code, at: this.#timeline.now };
      if (this.#unanswered > 0) this.#unanswered--;
      this.#answered(topic, queue, message, reply);
    });
  }

  #answered(topic: string, queue: Queue, message: Message, reply: Json): void {
    const at = this.#timeline.now;
    const { sent } = message;
    if (reply.type === "error") {
      this.#counted(reply.code);
      if (passing.has(reply.code)) {
        message.state = "failed";
        queue.failed = true;
        queue.retryAt = at + retryMs;
        return;
      }
      // A refusal of a repeated message says nothing about the first.
      sent.outcome = sent.attempts.length === 1 ? { kind: "refused", code: reply.code, at } : { kind: "unknown" };
    } else {
      sent.outcome = { kind: "acknowledged", seq: reply.seq, at };
    }
    queue.messages = queue.messages.filter((other) => other !== message);
    if (queue.messages.length === 0 && this.#queues.get(topic) === queue) this.#queues.delete(topic);
  }
}
