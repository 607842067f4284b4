import { ChatError } from "../../common/errors.ts";
import type { Account } from "../../store/accounts.ts";
import type { RecordChange, RoomRecord } from "../../store/room_records.ts";
import type { Argument, Arguments } from "../../wire/command.ts";
import type { Reply } from "../../wire/event.ts";
import { checkRanks, checkRight, type Holder, isBanned, isListed, type Right } from "../rooms/rights.ts";
import type { UserSession } from "../sessions/user_session.ts";
import { type Admitted, type CommandSpec, defineCommand, type Outcome, type Services } from "./command.ts";

/** A change of a record, without who makes it. */
export type Change = RecordChange extends infer C ? C extends RecordChange ? Omit<C, "by"> : never : never;

/** What a command of a room is carried out with, once the gate has let it through. */
export interface RoomCall {
  readonly room: string;
  /** The record that the rights were decided by. */
  readonly record: RoomRecord;
  readonly caller: Admitted<"user">;
  readonly actor: Holder;
}

/** A {@linkcode RoomCall} about a user. */
export interface RoomCallAbout extends RoomCall {
  readonly target: Account;
}

/** What a command of a room does: a change, if any, and the answer once it is made. */
export interface RoomOutcome {
  readonly change?: Change;
  readonly reply: Reply;
  /** Called once the change is made, before the answer. */
  done?(): Promise<void>;
}

/** What {@linkcode defineRoomCommand} takes. */
export interface RoomCommandDefinition<A extends readonly Argument[], C extends RoomCall> {
  readonly name: string;
  readonly arguments?: A;
  readonly help: string;
  /** What it asks of who gives it; where that depends on the arguments, a function of them. */
  readonly right: Right | ((values: Arguments<A>) => Right);
  /** The user whom it is about, by the argument `user`: `acts` where that must be of a lower rank. */
  readonly about?: C extends RoomCallAbout ? "acts" | "names" : never;
  readonly audited?: true;
  run(call: C, values: Arguments<A>, services: Services): RoomOutcome | Promise<RoomOutcome>;
}

/** The room that such a command is about, which programs may name. */
const roomArgument = { name: "room", kind: "room", optional: true, typed: false } as const;

/** How often a change is decided anew, where others change the record meanwhile. */
const maxTries = 20;

/**
 * Makes the record of a command that a room's record decides about.
 *
 * The gate reads the record, decides by it, and has the handler say what is to be changed. The store makes the change
 * only where the record is still the same, so that nobody acts by a right that was just taken away; else all of it is
 * decided anew.
 */
export function defineRoomCommand<const A extends readonly Argument[] = [], C extends RoomCall = RoomCall>(
  definition: RoomCommandDefinition<A, C>,
): CommandSpec {
  const { name, help, audited, right } = definition;
  const declared = [...definition.arguments ?? [], roomArgument];
  const spec = defineCommand({
    name,
    help,
    arguments: declared,
    who: "user",
    ...(audited ? { audited } : {}),
    run: (caller: Admitted<"user">, values, services) => decide(caller, values, definition, services),
  });
  return { ...spec, right: typeof right === "function" ? undefined : right };
}

async function decide<A extends readonly Argument[], C extends RoomCall>(
  caller: Admitted<"user">,
  given: Record<string, unknown>,
  definition: RoomCommandDefinition<A, C>,
  services: Services,
): Promise<Outcome> {
  const values = given as Arguments<A>;
  const { session } = caller;
  const { store: { records, accounts }, rooms } = services;
  const right = typeof definition.right === "function" ? definition.right(values) : definition.right;
  const room = given.room = roomOf(session, given.room as string | undefined); // the audit log is to say where
  for (let tries = 0; tries < maxTries; tries++) {
    const [record, own] = await Promise.all([records.read(room), accounts.find(session.user)]);
    const actor: Holder = { name: session.user, role: own?.role ?? "user" };
    const isIn = await isInside(session, room, actor, record);
    checkRight(right, actor, room, record, isIn);
    const target = definition.about && await targetOf(String(given.user), services);
    if (target && definition.about === "acts") checkRanks(actor, target, room, record);
    const call = { room, record, caller, actor, ...(target ? { target } : {}) } as unknown as C;
    const { change, reply, done } = await definition.run(call, values, services);
    if (!change) return { reply };
    if (!isIn) await checkExists(room, services);
    const full = { ...change, by: session.user } as RecordChange;
    const changed = await records.change(room, record.revision, full);
    if (!changed) continue;
    await rooms.changed(room, changed, full);
    await done?.();
    return { reply };
  }
  throw new ChatError("store_unavailable", `${room} is being changed by others all the time; try again`);
}

/** Whether a session is in a room, or may listen to it from outside. */
async function isInside(session: UserSession, room: string, actor: Holder, record: RoomRecord): Promise<boolean> {
  if (session.side) return isListed(actor, record) && !isBanned(actor, record);
  if (!session.isIn(room) || session.roomsChanging) await session.refreshRooms();
  return session.isIn(room);
}

/** @throws {ChatError} `usage` where none is named and one has to be */
function roomOf(session: UserSession, room: string | undefined): string {
  const meant = room ?? (session.side ? undefined : session.room);
  if (meant !== undefined) return meant;
  throw new ChatError(
    "usage",
    session.side ? 'A side connection must name the "room"' : 'Name the "room": you may be in many',
  );
}

/** @throws {ChatError} `unknown_user` */
async function targetOf(name: string, { store }: Services): Promise<Account> {
  const account = await store.accounts.find(name);
  if (!account) throw new ChatError("unknown_user", `There is no user ${name}`);
  return account;
}

/** Who acts from outside is not to make a room. @throws {ChatError} `wrong_room` */
async function checkExists(room: string, { store, config }: Services): Promise<void> {
  if (config.rooms.includes(room) || await store.rooms.find(room)) return;
  throw new ChatError("wrong_room", `There is no room ${room}`);
}
