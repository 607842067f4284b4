import { ChatError } from "../../common/errors.ts";
import type { DeviceKey, Reply, UserKeys } from "../../wire/event.ts";
import { isUsername } from "../../wire/names.ts";
import type { Request } from "../net/connection.ts";
import { ClientError } from "../base/exit.ts";
import { type LocalCommand, misused, type Tell } from "../session/local_commands.ts";
import type { Account } from "./account.ts";
import type { KeySets } from "./known_keys.ts";
import type { Sealing } from "./sealing.ts";
import { senseless, toUserKeys } from "./user_keys.ts";

/** What the commands need of the encryption. */
export type SealPort = Pick<Sealing, "account" | "mindTheDevice"> & Partial<Pick<Sealing, "turnedAway">>;

/** What the commands need of a session. */
export interface SealSession {
  ask(request: Request): Promise<Reply>;
}

/** `/verify` and `/keys`: whose devices there are, and whether they are whose they should be. */
export function sealCommands(sealing: SealPort, session: SealSession): LocalCommand[] {
  return [verifyCommand(sealing, session), keysCommand(sealing, session)];
}

function verifyCommand(sealing: SealPort, session: SealSession): LocalCommand {
  const verify: LocalCommand = {
    name: "verify",
    usage: "/verify <user> [yes|no|accept]",
    help: "compare the safety number with a user; yes marks it as the same, no takes that back, " +
      "accept goes on with changed devices without comparing",
    completes: ["user", ["yes", "no", "accept"]],
    async run(typed, tell) {
      const found = /^@?([A-Za-z0-9_-]+)(?:\s+(yes|no|accept))?$/i.exec(typed);
      if (!found || !isUsername(found[1])) throw misused(verify);
      const account = accountOf(sealing);
      if (account.isOwn(found[1])) throw new ClientError("refused", "That is you; /keys lists your devices");
      const { user } = await keysOf(found[1], session);
      if (account.device) await keysOf(account.user, session);
      sealing.mindTheDevice((sentence) => tell.note(sentence));
      switch (found[2]?.toLowerCase()) {
        case "yes":
          return confirm(account, user, tell);
        case "no":
          account.known.verify(user, undefined);
          return tell.note(`${user} is not marked as verified any more`);
        case "accept":
          return accept(account, user, tell);
        default:
          return show(account, user, tell);
      }
    },
  };
  return verify;
}

function keysCommand(sealing: SealPort, session: SealSession): LocalCommand {
  /** As it was shown last: the numbers that a person types are this list's. */
  let listed: readonly DeviceKey[] | undefined;

  /** @returns the devices that are left */
  async function remove(number: string, account: Account, present: readonly DeviceKey[]): Promise<UserKeys["keys"]> {
    const device = (listed ?? present)[Number(number) - 1];
    if (!device) throw new ClientError("refused", `No device has the number ${number}; /keys lists them`);
    if (device.public === account.device?.public) {
      throw new ClientError("refused", "That is the device that you are on: remove it from another one");
    }
    return keysIn(account.user, await session.ask({ cmd: "unkey", public: device.public })).keys;
  }

  const keys: LocalCommand = {
    name: "keys",
    usage: "/keys [remove <n>]",
    help: "list your devices that can read your private messages, or remove one",
    completes: [["remove"], () => (listed ?? []).map((_, index) => String(index + 1))],
    async run(typed, tell) {
      const found = /^remove\s+(\d{1,3})$/i.exec(typed);
      if (typed !== "" && !found) throw misused(keys);
      const account = accountOf(sealing);
      const present = await keysOf(account.user, session);
      listed = found ? await remove(found[1], account, present.keys) : present.keys;
      if (found) {
        tell.note(
          `Removed: what is sent from now on cannot be read there. If somebody else has that device, change your ` +
            `password as well (/passwd), or it will be added again`,
        );
      }
      for (const [index, key] of listed.entries()) tell.answer(deviceLine(index + 1, key, account));
      if (listed.length === 0) tell.note("You have no device that can decrypt");
      if (sealing.turnedAway) {
        tell.note("This device is not among them: its key was refused. /keys remove <n> makes room for it");
      }
      sealing.mindTheDevice((sentence) => tell.note(sentence));
    },
  };
  return keys;
}

function accountOf({ account }: SealPort): Account {
  if (account) return account;
  throw new ChatError("forbidden", "Private messages cannot be encrypted here");
}

/** @throws {ChatError} where the answer is about somebody else, or makes no sense: nothing may come of it */
async function keysOf(user: string, session: SealSession): Promise<UserKeys> {
  return keysIn(user, await session.ask({ cmd: "keys", user }));
}

function keysIn(user: string, reply: Reply): UserKeys {
  const keys = toUserKeys(user, reply);
  if (keys) return keys;
  throw senseless(user);
}

function show(account: Account, user: string, tell: Tell): void {
  const { known } = account;
  const sets = account.sets(user);
  if (sets.theirs.length === 0) {
    const had = known.peer(user).keys.length > 0;
    const then = known.peer(user).plain ? "" : `; /verify ${user} accept sends messages that the server can read`;
    return tell.note(`${user} has no device ${had ? `any more that can decrypt${then}` : "that can decrypt"}`);
  }
  if (!account.device) return tell.note("You have no key on this machine: nothing can be compared");
  tellNumber(account, user, tell);
  for (const name of [user, account.user]) tell.answer(devicesLine(account, name));
  known.show(user, sets);
  if (account.isVerified(user)) return tell.note(`${user} is verified`);
  const changed = known.peer(user).verified === undefined ? "" : " The devices have changed since you verified it.";
  tell.note(
    `Not verified.${changed} Compare the number with ${user} where the server cannot change it, in person or by ` +
      `phone. If it is the same: /verify ${user} yes`,
  );
}

function confirm(account: Account, user: string, tell: Tell): void {
  const { known } = account;
  const sets = account.sets(user);
  if (sets.theirs.length === 0) throw new ClientError("refused", `${user} has no device that can decrypt`);
  const { shown } = known.peer(user);
  if (!shown || !same(shown, sets)) {
    show(account, user, tell);
    const why = shown ? "The devices have changed since the number was shown" : "The number was not shown before";
    throw new ClientError("refused", `${why}: compare this one, then /verify ${user} yes`);
  }
  known.verify(user, sets);
  tell.note(`${user} is verified: from now on, messages that only these devices can read are marked (verified)`);
}

function accept(account: Account, user: string, tell: Tell): void {
  account.known.accept(user);
  if (account.known.present(user).length === 0) {
    return tell.note(`Messages to ${user} are sent without encryption: the server can read them`);
  }
  tell.note(`Messages to ${user} are encrypted for the devices that the server names; they are not verified`);
}

function tellNumber(account: Account, user: string, tell: Tell): void {
  const groups = account.numberWith(user);
  tell.answer(`Safety number of ${account.user} and ${user}:`);
  tell.answer(`  ${groups.slice(0, 6).join(" ")}`);
  tell.answer(`  ${groups.slice(6).join(" ")}`);
}

function devicesLine({ known, user: me }: Account, user: string): string {
  const present = known.peer(user).keys.filter(({ until }) => until === undefined);
  const days = present.map(({ since }) => since.slice(0, 10)).join(", ");
  const count = present.length === 1 ? "1 device" : `${present.length} devices`;
  return `${user === me ? `${user} (you)` : user} has ${count}, known here since ${days}`;
}

function deviceLine(number: number, { public: key, added }: DeviceKey, { device }: Account): string {
  const when = typeof added === "string" ? added.slice(0, 16).replace("T", " ") + " UTC" : "at an unknown time";
  return `${number}: ${key.slice(0, 8)}…, added ${when}${key === device?.public ? " (this device)" : ""}`;
}

function same(one: KeySets, other: KeySets): boolean {
  const text = ({ theirs, ours }: KeySets) => JSON.stringify([theirs.toSorted(), ours.toSorted()]);
  return text(one) === text(other);
}
