/** What came from outside, as an error or a log may show it. */

/**
 * A store's address with `***` for its user and password, fit for logs and errors.
 *
 * @returns undefined where the text is not clearly an address, so that no part of it is safe to show
 */
export function withoutPassword(url: string): string | undefined {
  const [, scheme, credentials, rest] =
    /^([a-z][a-z0-9+.-]*:\/\/)(.*@)?([\w.-]+(?::\d*)?(?:\/\d*)?|\[[\da-f:.]+\](?::\d*)?(?:\/\d*)?)$/i.exec(url) ?? [];
  return scheme === undefined ? undefined : `${scheme}${credentials ? "***@" : ""}${rest}`;
}

/** A value as an error may show it: on one line, cut, quoted, and not at all where it may hold a password. */
export function shown(text: string, secret = false): string {
  // An address with a password in it may also have been given to the wrong option.
  const safe = secret || text.includes("@") || text.includes("//") ? withoutPassword(text) : text;
  if (safe === undefined) return "something that is not shown, as it may hold a password";
  const quoted = JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
  return quoted.replace(/[^\x20-\x7e\u00a0-\u2027\u2030-\uffff]/g, "?");
}
