/**
 * The environment's variables: which there are, and reading them.
 *
 * A permission that was not given is never asked for, for a prompt would stop a script.
 */

/** Every variable that a person may set. */
export const variables = {
  CHAT_SERVER: "the servers, or a profile, where neither argument nor option names them",
  CHAT_USER: "the user, where neither --user nor a profile names one",
  CHAT_PASSWORD: "the password",
  CHAT_CODE: "a code, where the account has two-factor login",
  SERVER_PORT: "the port where none is named (default: 8000)",
  DISCOVERY_GROUP: "the multicast group that --discover asks (default: 224.1.1.1)",
  DISCOVERY_PORT: "the UDP port that --discover asks (default: 12348)",
  SSL_CERT_FILE: "the system's trusted authorities, where they are not in the usual place",
  TERM: '"dumb" gives plain lines, as --plain does',
  NO_COLOR: "set to anything, it turns colours off",
  XDG_CONFIG_HOME: "config.json is in chat/ there (default: ~/.config)",
  XDG_DOWNLOAD_DIR: "the folder for files that are fetched, where no option names one",
  XDG_STATE_HOME: "keys, known servers and the like are in chat/ there (default: ~/.local/state)",
} as const;

/** Where systems say that a user's own files are. */
export const homes = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"] as const;

/** Reads a variable of the environment; undefined where it is not set, or may not be read. */
export type Environment = (name: keyof typeof variables | (typeof homes)[number]) => string | undefined;

/** The environment, as far as it may be read; without the CR that `$(cat file)` leaves of a file with CRLF. */
export const environment: Environment = (variable) => {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable)?.replace(/\r+$/, "") : undefined;
};
