import { ChatError } from "../../common/errors.ts";
import { closest } from "../../common/similar.ts";
import { quote } from "../../wire/command.ts";
import { replyText } from "../../wire/format.ts";
import type { CommandTable } from "../net/commands.ts";
import { helpLine, type LocalCommand, type LocalCommands } from "./local_commands.ts";

/**
 * What the commands are about, in the order of `/help`. A server may have others: they stand under the last subject.
 * Who can read it is logged in, so that nothing is said of logging in.
 */
const subjects: readonly (readonly [subject: string, names: readonly string[]])[] = [
  ["Messages", ["say", "me", "msg", "publish", "delete", "history", "search", "jump", "unread"]],
  ["Rooms", ["join", "leave", "rooms", "users", "who", "room", "topic", "invite", "uninvite", "report"]],
  ["Moderation", ["kick", "ban", "unban", "mute", "unmute", "private", "slow", "owner", "op", "deop", "announce"]],
  ["Following", ["subscribe", "unsubscribe", "subs"]],
  ["Blocking", ["block", "unblock", "blocks", "messages", "requests", "accept", "decline"]],
  ["Files", ["send", "get", "files", "cancel", "withdraw"]],
  ["Encryption", ["verify", "keys"]],
  ["You", ["whoami", "away", "devices", "revoke", "token", "tokens", "passwd", "delete_account", "logout", "quit"]],
  ["Here", ["clear", "reconnect", "help"]],
];
const others = "More";
const leftOut: readonly string[] = ["login", "register"];

/** `/help`: a short page by subject, one command, or all of them. */
export function helpCommand(own: LocalCommands, commands: () => CommandTable): LocalCommand {
  const names = () => namesOf(own, commands());
  return {
    name: "help",
    aliases: ["?"],
    usage: "/help [command|all]",
    help: "show what there is, explain a command, or list them all",
    completes: [() => [...names(), "all"].sort()],
    run(typed, { answer }) {
      const name = typed.replace(/^\//, "").toLowerCase();
      const lines = name === "" ? page(own, names()) : explained(name, own, commands());
      for (const line of lines) answer(line);
    },
  };
}

/**
 * A command that there is not.
 *
 * @param known all that there are
 */
export function unknownCommand(name: string, known: Iterable<string>): ChatError {
  const meant = closest(name, known);
  const advice = meant === undefined ? "/help lists them" : `did you mean /${meant}?`;
  return new ChatError("unknown_command", `There is no command ${quote("/" + name)}; ${advice}`);
}

/** The names of all commands: the client's own, and the server's as far as people type them. */
export function namesOf(own: LocalCommands, commands: CommandTable): string[] {
  return [...new Set([...own.all, ...commands.typed].map(({ name }) => name))];
}

/** One command's line, or those of all. */
function explained(name: string, own: LocalCommands, commands: CommandTable): string[] {
  const local = own.find(name);
  if (local && name !== "all") return [helpLine(local)];
  const command = commands.find(name);
  const wanted = name === "all" ? commands.typed.filter(({ name }) => !own.find(name)) : command ? [command] : [];
  if (wanted.length === 0) throw unknownCommand(name, [...namesOf(own, commands), "all"]);
  const lines = replyText({ of: "help", commands: wanted }).split("\n");
  return name === "all" ? [...lines, ...own.all.map(helpLine), ...own.footers] : lines;
}

function page(own: LocalCommands, names: readonly string[]): string[] {
  const named = subjects.flatMap(([, wanted]) => wanted).concat(leftOut);
  const all = [...subjects, [others, names.filter((name) => !named.includes(name))] as const];
  const rows = all.flatMap(([subject, wanted]) => {
    const there = wanted.filter((name) => names.includes(name)).map((name) => `/${name}`);
    return there.length === 0 ? [] : [`${subject}: ${there.join(" ")}`];
  });
  return [
    ...rows,
    "/help <command> explains one, /help all lists them with what they do",
    ...own.footers,
  ];
}
