/** Ways to break what servers promise about delivery, sessions and logs. */

import type { Mutation } from "./mutation.ts";

/** See the file's first line. */
export const deliveryMutations: readonly Mutation[] = [
  {
    name: "holes are not filled from the log",
    replacements: [{
      file: "lib/server/delivery/relay.ts",
      function: "Relay.#passOn",
      source: `
        #passOn(stream: Stream, { gap, position, head }: Continuation): void {
          if (gap) this.#skip(stream, gap, position);
          stream.position = head;
        }`,
    }],
    faults: ["subscriptions killed", "store cut"],
    seconds: 12,
    finds: ["no hole without a gap", "everything comes"],
  },
  {
    name: "the relay passes on whatever it hears, in whatever order",
    replacements: [{
      file: "lib/server/delivery/stream.ts",
      function: "follows",
      source: `
        export function follows(_position: LogPosition, _signal: TopicSignal & { kind: "entry" }): boolean {
          return true;
        }`,
    }, {
      file: "lib/store/redis/topic_signals.ts",
      function: "signalDecoder",
      source: `
        export function signalDecoder(listener: (signal: TopicSignal) => void): ChannelListener {
          return {
            hear(message) {
              const signal = decodeSignal(message);
              if (signal) setTimeout(() => listener(signal), Math.random() * 20);
            },
            interrupted: () => listener({ kind: "interrupted" }),
          };
        }`,
    }],
    faults: [],
    seconds: 5,
    finds: ["nothing comes twice", "no hole without a gap"],
  },
  {
    name: "publishes overtake each other",
    replacements: [{
      file: "lib/server/commands/messages.ts",
      function: "put",
      source: `
        async function put(session: UserSession, services: Services, topic: Topic, draft: Draft): Promise<PublishResult> {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
          return await services.store.topics.publish(topic, draft, session.record);
        }`,
    }],
    faults: [],
    seconds: 5,
    finds: ["a publisher's order is kept"],
  },
  {
    name: "what was sent after a failed message goes before it",
    replacements: [{
      file: "lib/server/connection/send_order.ts",
      function: "SendOrder.admit",
      source: `
        admit(cid: string | undefined): Admitted | undefined {
          return { cid, rank: ++this.#count };
        }`,
    }, {
      file: "lib/store/redis/scripts/publish.lua",
      line:
        "if held and (tonumber(call) <= (tonumber(last) or 0) or (before ~= '' and last ~= before)) then return {'late'} end",
      by: "",
    }],
    faults: ["store cut", "Redis killed", "clients far away"],
    seconds: 25,
    finds: ["a publisher's order is kept"],
  },
  {
    name: "a repeated cid is a new message",
    replacements: [{
      file: "lib/store/redis/scripts/publish.lua",
      line: "local known = redis.call('GET', cid)",
      by: "local known = false",
    }, {
      file: "lib/store/redis/scripts/publish.lua",
      line: "known = knownOf(recent, name)",
      by: "",
    }],
    faults: ["clients cut", "clients held up", "server killed"],
    seconds: 15,
    finds: ["nothing is logged twice"],
  },
  {
    name: "who is superseded may write on",
    replacements: [{
      file: "lib/store/redis/scripts/publish.lua",
      line: "if held ~= claim and not expelled then return {'fenced'} end",
      by: "if held ~= claim and not expelled then last = nil end",
    }],
    faults: ["server paused and left"],
    seconds: 30,
    finds: ["a publisher's order is kept", "no session is left over"],
  },
  {
    name: "an inbox counts as read when somebody has logged in",
    replacements: [{
      file: "lib/store/redis/scripts/head.lua",
      line: "return {state[1], tonumber(state[2] or '0'), state[3] or '', tonumber(state[4] or '0'), state[5] or ''}",
      by: "return {state[1], tonumber(state[2] or '0'), state[3] or '', tonumber(state[2] or '0'), state[5] or ''}",
    }],
    faults: ["logged in elsewhere"],
    seconds: 15,
    finds: ["what is unread comes again"],
  },
  {
    name: "an ended session stays in the lists",
    replacements: [{
      file: "lib/store/redis/scripts/revoke.lua",
      line: "redis.call('HDEL', KEYS[1], ARGV[1])",
      by: "if true then return 1 end",
    }],
    faults: [],
    seconds: 3,
    finds: ["no session is left over"],
  },
  {
    name: "a room that is entered is not kept as the account's",
    replacements: [{
      file: "lib/store/redis/scripts/enter.lua",
      line: "redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])",
      by: "",
    }],
    faults: ["clients cut", "logged in elsewhere"],
    seconds: 15,
    finds: ["an account's rooms last"],
  },
  {
    name: "a room that is left stays SQLite's account's",
    store: "sqlite",
    replacements: [{
      file: "lib/store/sqlite/memberships.ts",
      function: "SqliteMemberships.remove",
      source: `
        remove(_key: string, _room: string): void {}`,
    }],
    faults: ["clients cut", "logged in elsewhere"],
    seconds: 20,
    finds: ["an account's rooms last"],
  },
  {
    name: "what is sent privately is not copied",
    replacements: [{
      file: "lib/store/redis/copies.ts",
      function: "RedisCopies.#copy",
      source: `
        #copy(_user: string, _inbox: Topic, _original: Original): Promise<"copied" | "known" | "behind"> {
          return Promise.resolve(Math.random() < 0.9 ? "known" : "copied");
        }`,
    }],
    faults: [],
    seconds: 5,
    finds: ["what is sent is copied"],
  },
  {
    name: "a log that was put back passes for the one before",
    replacements: [{
      file: "lib/store/redis/scripts/data_generation.lua",
      line: "if seen > count then",
      by: "if false then",
    }, {
      file: "lib/server/delivery/recovery.ts",
      function: "isRolledBack",
      source: `
        function isRolledBack(_position: LogPosition, _page: Page): boolean {
          return false;
        }`,
    }, {
      file: "lib/store/redis/topics.ts",
      function: "RedisTopics.verify",
      source: `
        verify(): Promise<void> {
          return Promise.resolve();
        }`,
    }],
    faults: ["clients cut"],
    rollback: true,
    seconds: 15,
    finds: ["nothing passes for continuous", "no silent loss", "everything comes"],
  },
  {
    name: "a position needs no signature to show a loss",
    replacements: [{
      file: "lib/store/position_signer.ts",
      function: "PositionSigner.decode",
      source: `
        decode(_topic: Topic, position: unknown): LogPosition | undefined {
          const decoded = decodePosition(position);
          return decoded && { ...decoded, given: "signed" };
        }`,
    }],
    faults: ["positions forged"],
    seconds: 12,
    finds: ["no gap without a loss"],
  },
  {
    name: "what SQLite's memory says of a topic outlives a commit that failed",
    store: "sqlite",
    replacements: [{
      file: "lib/store/sqlite/topics.ts",
      function: "SqliteTopics.#inTransaction",
      source: `
        #inTransaction<T>(work: () => T): T {
          return transaction(this.#database, work);
        }`,
    }],
    faults: ["disk full"],
    seconds: 12,
    finds: ["a log has no holes"],
  },
  {
    name: "SQLite answers before it commits",
    store: "sqlite",
    replacements: [{
      file: "lib/store/sqlite/file/database.ts",
      function: "transaction",
      source: `
        export function transaction<T>(database: DatabaseSync, step: () => T): T {
          return guarded(() => {
            if (!database.isTransaction) {
              database.exec("BEGIN IMMEDIATE");
              setTimeout(() => database.exec("COMMIT"), 100);
            }
            return step();
          });
        }`,
    }],
    faults: ["server killed"],
    seconds: 12,
    finds: ["what is acknowledged is kept"],
  },
  {
    name: "nobody is told of what the log has lost",
    replacements: [{
      file: "lib/server/delivery/relay.ts",
      function: "Relay.#skip",
      source: `
        #skip(stream: Stream, _gap: { from: number; to: number | null }, position: LogPosition): void {
          stream.position = position;
        }`,
    }],
    faults: [],
    rollback: true,
    seconds: 12,
    finds: ["the epoch stays"],
  },
];
