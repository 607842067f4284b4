/**
 * The client while the servers' Redis hangs: what a person types waits, and arrives in order and once.
 */

import assert from "node:assert/strict";
import { tlsDialer, type Transport } from "../../lib/client/net/dial.ts";
import { Session } from "../../lib/client/session/session.ts";
import type { Update } from "../../lib/client/session/update.ts";
import { type Endpoint, eventually } from "../support/client.ts";
import { pairs, startPair } from "../support/pair.ts";
import { test } from "../support/server.ts";

/** A client of a server, and all that it told. */
class Person implements AsyncDisposable {
  readonly session: Session;
  readonly told: Update[] = [];
  /** How often it has written to a connection. */
  writes = 0;
  readonly #over: Promise<void>;

  private constructor({ port, ca }: Endpoint) {
    const dial = tlsDialer({ ca });
    this.session = new Session({
      dial: async (server, signal) => this.#counted(await dial(server, signal)),
      servers: [{ host: "localhost", port }],
      client: "person/1",
    });
    this.#over = this.#listen();
  }

  #counted(transport: Transport): Transport {
    return {
      read: (buffer) => transport.read(buffer),
      write: (bytes) => (this.writes++, transport.write(bytes)),
      close: () => transport.close(),
    };
  }

  static async login(at: Endpoint, user: string): Promise<Person> {
    const person = new Person(at);
    await person.session.connect();
    await person.session.login({ cmd: "login", user, password: "1" });
    return person;
  }

  /** What was said in the room, in the order in which it was told. */
  get heard(): string[] {
    return this.told.flatMap((update) =>
      update.kind === "event" && update.event.type === "message" ? [update.event.text] : []
    );
  }

  async #listen(): Promise<void> {
    for await (const update of this.session.updates()) this.told.push(update);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.close();
    await this.#over;
  }
}

test("Session keeps what is typed while Redis hangs, says so, and sends it in order and once", async () => {
  await using pair = await startPair();
  await using alice = await Person.login(pair.one, "a");
  await using bob = await Person.login(pair.two, "b");
  const say = (text: string) => alice.session.send({ cmd: "say", text });
  await say("before");
  await pair.redis.kill("SIGSTOP");
  const answers = Array.from({ length: 20 }, (_, n) => say(`number ${n}`));
  await eventually(() => alice.session.storeAway, "she is told that the store is away");
  answers.push(say("typed then"));
  const tries = alice.writes;
  await eventually(() => alice.writes > tries + 3, "she has tried again and again");
  assert.equal(alice.session.waiting.length, answers.length);
  await pair.redis.kill("SIGCONT");
  await Promise.all(answers);
  const all = ["before", ...Array.from({ length: 20 }, (_, n) => `number ${n}`), "typed then"];
  await eventually(() => bob.heard.length >= all.length, "he has heard it all");
  assert.deepEqual(bob.heard, all);
  const refused = alice.told.filter(({ kind }) => kind === "refused");
  assert.deepEqual(refused, []);
  const notes = alice.told.filter((update) => update.kind === "status").map(({ status }) => status.state);
  assert.deepEqual(notes, ["store_away"]);
}, pairs);
