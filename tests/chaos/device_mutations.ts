/** Ways to break what servers promise about a user's devices, and about the many rooms that these are in. */

import type { Mutation } from "./mutation.ts";

/** See the file's first line. */
export const deviceMutations: readonly Mutation[] = [
  {
    name: "a device that comes back ends the session of another one",
    replacements: [{
      file: "lib/store/redis/stored_sessions.ts",
      function: "StoredSessions.givingWay",
      source: `
        givingWay({ presentedHash = "" }: ClaimRequest, others: string[]): Promise<string[] | undefined> {
          return Promise.resolve(presentedHash === "" ? [] : others.slice(0, 1));
        }`,
    }],
    faults: ["clients cut"],
    shared: true,
    seconds: 6,
    finds: ["nobody is forced out by nobody"],
  },
  {
    // The word is what may be late: the right must be gone before it comes.
    name: "a device may write on in a room that another one has left",
    replacements: [{
      file: "lib/store/redis/sessions.ts",
      function: "RedisSessions.leave",
      source: `
        async leave(session: Session, room: string): Promise<Session | undefined> {
          const { user, device, connection } = session;
          const keys = [this.#keys.session(user, device), this.#keys.memberships(user), this.#keys.account(user)];
          const changes = await this.#redis.run("leave", keys, [connection, room]) as number;
          if (changes === 0) return undefined;
          await this.#lists.revokeGrant(session, roomTopic(room), session.claim);
          return this.#with(session, session.rooms.filter((other) => other !== room), changes);
        }`,
    }, {
      file: "lib/server/sessions/account_rooms.ts",
      function: "AccountRooms.#tell",
      source: `
        async #tell(room: string, state: "joined" | "left"): Promise<void> {
          const { user, connectionId: by } = this.#host;
          setTimeout(() => {
            void this.#store.topics.tellAccount(user, { kind: "membership", room, state, by }).catch(() => {});
          }, 300);
          await Promise.resolve();
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 8,
    finds: ["who has left a room is silent there"],
  },
  {
    name: "a revoked device is held again",
    replacements: [{
      file: "lib/store/redis/scripts/reassert.lua",
      line:
        "if held ~= connection and newest and tonumber(newest) > tonumber(claim) and claimant ~= connection then return {'superseded'} end",
      by: "",
    }],
    faults: ["device revoked", "store half-open"],
    shared: true,
    seconds: 20,
    finds: ["a revoked device is out", "a revoked device is silent"],
  },
  {
    name: "an account's rooms are not read again after an interruption",
    replacements: [{
      file: "lib/server/sessions/account_rooms.ts",
      function: "AccountRooms.#hear",
      source: `
        #hear(change: AccountChange | undefined): void {
          const host = this.#host;
          if (!change || host.closed || change.by === host.connectionId) return;
          if (change.kind === "seen") this.#tellSeen(change.topic, change.pos);
          else this.refresh().catch((error) => this.#onFault("memberships", error));
        }`,
    }, {
      file: "lib/server/sessions/user_session.ts",
      function: "UserSession.reasserted",
      source: `
        reasserted(record: Session): void {
          const known = this.rooms;
          this.hold(record);
          if (this.many) this.#reader.rooms = known;
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 2,
    finds: ["devices are in the same rooms"],
  },
  {
    name: "a room is told that somebody left who is there on another device",
    replacements: [{
      file: "lib/store/redis/scripts/announce.lua",
      line: "if isThere ~= joined then return 0 end",
      by: "",
    }],
    faults: [],
    shared: true,
    seconds: 5,
    finds: ["who comes and goes is told"],
  },
  {
    name: "what is sent privately is not shown on a person's other devices",
    replacements: [{
      file: "lib/server/sessions/open_topics.ts",
      function: "ownTopics",
      source: `
        function ownTopics({ user, many, format }: UserSession, shared: boolean): Topic[] {
          return many || (shared && format !== "text") ? [inboxTopic(user), sentTopic(user)] : [inboxTopic(user)];
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 3,
    finds: ["everything comes"],
  },
  {
    name: "what a person sends is shown to that same device again",
    replacements: [{
      file: "lib/server/delivery/stream.ts",
      function: "skipsOf",
      source: `
        export function skipsOf(_topic: Topic, { room }: Entry): ((follower: Follower) => boolean) | undefined {
          return room === undefined ? undefined : (follower) => follower.isIn(room);
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 3,
    finds: ["nothing comes twice"],
  },
  {
    name: "what is sent privately is copied twice",
    replacements: [{
      file: "lib/store/redis/copies.ts",
      function: "RedisCopies.#follow",
      source: `
        async #follow(sender: Sender, inbox: Topic, pair: Pair, stored: Stored): Promise<void> {
          pair.pending--;
          if (typeof stored === "string") return;
          for (const _ of ["once", "twice"]) await this.#copy(sender.name, inbox, stored).catch(() => {});
        }`,
    }, {
      file: "lib/store/redis/scripts/copy.lua",
      line: "if found == id or (not found and known == original) then return {'known'} end",
      by: "",
    }],
    faults: [],
    shared: true,
    seconds: 3,
    finds: ["nothing is logged twice"],
  },
  {
    name: "an inbox's read mark goes back",
    replacements: [{
      file: "lib/store/redis/scripts/mark.lua",
      line: "if mark <= tonumber(state[2] or '0') then return 0 end",
      by: "",
    }],
    faults: [],
    shared: true,
    seconds: 8,
    finds: ["marks never go back"],
  },
  {
    name: "a topic's read mark goes back",
    replacements: [{
      file: "lib/store/redis/scripts/set_mark.lua",
      line: "if number >= tonumber(seq) then return 0 end",
      by: "",
    }],
    faults: [],
    shared: true,
    seconds: 8,
    finds: ["marks never go back"],
  },
  {
    name: "SQLite's read marks go back",
    store: "sqlite",
    replacements: [{
      file: "lib/store/sqlite/marks.ts",
      function: "SqliteMarks.mark",
      source: `
        mark(user: string, topic: Topic, { epoch, seq }: MarkPosition): Promise<boolean> {
          this.#set.run(fold(user), topic, epoch, seq);
          return Promise.resolve(true);
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 8,
    finds: ["marks never go back"],
  },
  {
    name: "a room that one device has left stays the others'",
    replacements: [{
      file: "lib/server/sessions/account_rooms.ts",
      function: "AccountRooms.refreshNow",
      source: `
        async refreshNow(): Promise<void> {
          const { user, topics, record } = this.#host;
          if (!record?.many) return;
          const truth = await this.#store.sessions.memberships(user);
          for (const [room, joined] of truth) if (!topics.has(roomTopic(room))) await this.#add(room, joined);
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 3,
    finds: ["devices are in the same rooms"],
  },
  {
    name: "a room that one device has joined is not the others'",
    store: "sqlite",
    replacements: [{
      file: "lib/server/sessions/account_rooms.ts",
      function: "AccountRooms.#add",
      source: `
        async #add(_room: string, _joined: string): Promise<void> {
          await Promise.resolve();
        }`,
    }],
    faults: [],
    shared: true,
    seconds: 3,
    finds: ["devices are in the same rooms"],
  },
];
