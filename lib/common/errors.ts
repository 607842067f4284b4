/**
 * Every error that a client can be shown, as one table, and the exception that carries one.
 *
 * Help, docs and tests derive from the table; nothing else invents a code.
 */

/** Code → what it means, in a few words for the documentation. */
export const errorCodes = {
  login_required: "the command needs a logged-in connection",
  already_authenticated: "the connection is logged in already",
  invalid_credentials: "unknown user, wrong password, or a resume token that is spent, expired or revoked",
  already_logged_in: "the user has a live session and the server's policy is to keep it",
  username_taken: "the name is registered, possibly in another case",
  invalid_username: "not a username, or a reserved one",
  invalid_password: "a new password is too short, too long, one of the most common, or the username",
  invalid_room: "not a room's name",
  unknown_user: "no such account",
  unknown_command: "no such command",
  usage: "an argument is missing or not of its kind",
  message_too_long: "the text is over the limit",
  line_too_long: "the line is over the limit; it was skipped",
  invalid_utf8: "the line is not UTF-8; it was skipped",
  invalid_json: "the line is not one JSON object",
  wrong_room: "the sender is not, or no longer, in the room that it names",
  room_limit: "there are as many rooms as there may be",
  too_many_devices: "the user is connected on as many devices as one may be",
  unknown_device: "the user has no such device",
  blocked: "the recipient takes no private messages of the sender",
  inbox_full: "the recipient has too many unread direct messages, in all or of the sender",
  file_too_large: "the file is over the limit, or the server takes none",
  files_full:
    "the sender's files, or all files together, have as many bytes as they may, or the sender's share of what is left",
  unknown_file: "no such file, it has expired, or its upload is not complete",
  keys_changed: "the message is not encrypted for the devices that there are now; `keys` has them",
  rate_limited: "too much of something in too short a time",
  too_many_attempts: "too many failed logins or too many registrations",
  registration_closed: "this server makes no accounts on request",
  invitation_required: "this server makes accounts by invitation only",
  invalid_invitation: "no such invitation, or it is used, revoked or over",
  code_required: "the password is right, and a code of the second factor has to follow",
  invalid_code: "a code is wrong, or it is used",
  forbidden: "not for this user or this connection",
  muted: "the user may read but not write, in a room for as long as its moderators say",
  invite_only: "the room is private, and the user is not on its list",
  banned: "the user may not log in, or may not enter the room",
  store_unavailable: "the store is away; nothing was changed, or it is not known whether it was",
  slow_consumer: "the connection did not read what was sent to it",
  server_draining: "the server is stopping; connect again",
  idle_timeout: "the connection did not log in, or did not answer, in time",
  internal: "a fault of the server's; the reference stands in its log",
} as const;

/** One of the codes of {@linkcode errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/**
 * An expected refusal: a code for programs and one sentence for people.
 *
 * @example
 * ```ts
 * import { ChatError } from "./errors.ts";
 *
 * const refusal = new ChatError("invalid_room", 'Room "#x" is not a name');
 * if (refusal.code !== "invalid_room") throw refusal;
 * ```
 */
export class ChatError extends Error {
  override readonly name = "ChatError";

  /**
   * @param code which refusal it is
   * @param message one sentence that names what was wrong and what is allowed
   * @param extra further fields for JSON clients, such as `versions` or `retry_after_ms`
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What somebody is told whose account an operator has disabled. */
export function accountDisabled(name: string): ChatError {
  return new ChatError("banned", `The account ${name} is disabled; ask the server's operator`);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the system says after the reason: `Is a directory (os error 21): readfile '/tmp'`. */
const systemCall = /^(.+?) \(os error \d+\)/s;

/** Whether it is a call to the operating system that failed: nobody's mistake in a program, and no reason for a stack. */
export function isSystemError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return systemCall.test(error.message) || Object.values(Deno.errors).some((kind) => error instanceof kind);
}

/** Why something failed, as the end of a sentence on one line: `no space left on device`. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "this program is not permitted to";
  const message = messageOf(error).replaceAll(/\s+/g, " ");
  const reason = systemCall.exec(message)?.[1];
  return reason === undefined ? message : reason[0]!.toLowerCase() + reason.slice(1);
}
