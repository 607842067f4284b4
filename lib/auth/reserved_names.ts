import { fold } from "../wire/names.ts";

/**
 * Names that nobody gets by registering, since people would take their owner for somebody who speaks for the service, or
 * for everybody. An operator can give them; who has one keeps it. Names that only look like one are not looked for.
 */
const reservedNames: ReadonlySet<string> = new Set([
  ...["admin", "administrator", "root", "sysadmin", "system", "server", "service", "client", "operator", "staff"],
  ...["moderator", "mod", "support", "help", "helpdesk", "security", "abuse", "postmaster", "webmaster", "official"],
  ...["superuser", "hostmaster", "daemon", "console", "error", "notification", "dm"],
  ...["all", "everyone", "everybody", "here", "channel", "room", "lobby", "nobody", "anonymous", "null", "undefined"],
]);

/** Whether only an operator may make an account of this name, in any case. */
export function isReservedName(name: string): boolean {
  return reservedNames.has(fold(name)) ||
    /^(?:server[0-9]+$|deleted-)/.test(fold(name)); // as servers call themselves, and users whose accounts are deleted
}
