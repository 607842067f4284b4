import { ClientError } from "../base/exit.ts";
import { type LocalCommand, misused } from "../session/local_commands.ts";
import { isRoom, isUsername } from "../../wire/names.ts";
import type { Where } from "./chunks.ts";
import type { Offer } from "./offers.ts";
import { firstWord, readPath } from "./paths.ts";
import { progressText } from "./progress_text.ts";
import { formatSize } from "./size.ts";
import type { Transfers, TransferSession } from "./transfers.ts";

/** What the commands need of a session. */
type Place = Pick<TransferSession, "user" | "room">;

/** `/send`, `/get`, `/files`, `/cancel` and `/withdraw`: files, as a person types them. */
export function transferCommands(transfers: Transfers, session: Place): LocalCommand[] {
  return [
    sendCommand(transfers, session),
    getCommand(transfers),
    filesCommand(transfers, session),
    cancelCommand(transfers),
    withdrawCommand(transfers, session),
  ];
}

function sendCommand(transfers: Transfers, session: Place): LocalCommand {
  const send: LocalCommand = {
    name: "send",
    usage: "/send <user|room> <path>",
    help:
      "offer a file to a user (@name) or in your room (#room); a bare name is your room if it is called so, else a user",
    completes: ["target", "path"],
    async run(typed, tell) {
      const { word, rest } = firstWord(typed);
      if (word === "" || rest === "") throw misused(send);
      await transfers.send(target(word, session.room), readPath(rest), tell);
    },
  };
  return send;
}

function getCommand(transfers: Transfers): LocalCommand {
  const get: LocalCommand = {
    name: "get",
    usage: "/get <n> [path]",
    help: "fetch file n into the folder for downloads, or to a path",
    completes: [() => numbers(transfers.offers.all), "path"],
    async run(typed, tell) {
      const { word, rest } = firstWord(typed);
      await transfers.get(offerOf(word, transfers, get), rest === "" ? undefined : readPath(rest), tell);
    },
  };
  return get;
}

function filesCommand(transfers: Transfers, session: Place): LocalCommand {
  const files: LocalCommand = {
    name: "files",
    usage: "/files",
    help: "list what was offered here, and what is on its way",
    run(typed, tell) {
      if (typed !== "") throw misused(files);
      const lines = [
        ...transfers.offers.all.map((offer) => offerLine(offer, offer.from === session.user)),
        ...transfers.running.map(progressText),
      ];
      for (const line of lines) tell.answer(line);
      if (lines.length === 0) {
        tell.note("No files were offered here; /history @user brings back what a user has offered before");
      }
    },
  };
  return files;
}

function cancelCommand(transfers: Transfers): LocalCommand {
  const cancel: LocalCommand = {
    name: "cancel",
    usage: "/cancel <n>",
    help: "stop sending or fetching file n, for good",
    completes: [() => numbers(transfers.running)],
    run(typed, tell) {
      if (!isNumber(typed)) throw misused(cancel);
      transfers.cancel(Number(typed));
      tell.note(`File ${typed} was cancelled`);
    },
  };
  return cancel;
}

function withdrawCommand(transfers: Transfers, session: Place): LocalCommand {
  const isOwn = ({ from }: Offer) => from === session.user;
  const withdraw: LocalCommand = {
    name: "withdraw",
    usage: "/withdraw <n>",
    help: "take back file n, which you have offered",
    completes: [() => numbers(transfers.offers.all.filter(isOwn))],
    async run(typed, tell) {
      const offer = offerOf(typed, transfers, withdraw);
      if (!isOwn(offer)) throw new ClientError("refused", `${offer.name} is ${offer.from}'s`);
      await transfers.withdraw(offer);
      tell.note(`${offer.name} was withdrawn`);
    },
  };
  return withdraw;
}

function isNumber(word: string): boolean {
  return /^\d{1,9}$/.test(word);
}

/** The numbers of a list, the newest first, for completion. */
function numbers(list: readonly { readonly number: number }[]): string[] {
  return list.map(({ number }) => String(number)).reverse();
}

/** @throws {ClientError} where no file has that number, or the word is not a number */
function offerOf(word: string, { offers }: Transfers, command: LocalCommand): Offer {
  if (!isNumber(word)) throw misused(command);
  const offer = offers.get(Number(word));
  if (offer) return offer;
  throw new ClientError("refused", `No file has the number ${word}; /files lists them`);
}

/**
 * Whom a file is for: `@name` is a user, `#room` a room, and a bare word the present room where that is its name, else a
 * user.
 *
 * @throws {ClientError} where it is neither's name
 */
export function target(word: string, room: string | undefined): Where {
  const sign = /^[@#]/.exec(word)?.[0];
  const name = sign ? word.slice(1) : word;
  if (sign === "#" || (sign === undefined && room !== undefined && name.toLowerCase() === room.toLowerCase())) {
    if (isRoom(name)) return { room: name.toLowerCase() };
  } else if (isUsername(name)) return { to: name };
  throw new ClientError("usage", `"${word}" is neither a user nor a room; @name is a user, #room a room`);
}

function offerLine({ number, name, size, from, to, room, expires, key }: Offer, own: boolean): string {
  const who = own ? `to ${room ?? to}` : `from ${from}${room === undefined ? "" : ` in ${room}`}`;
  const until = expires === undefined
    ? ""
    : `, until ${new Date(expires).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `${number}: ${name} (${formatSize(size)}) ${who}${key === undefined ? "" : ", encrypted"}${until}`;
}
