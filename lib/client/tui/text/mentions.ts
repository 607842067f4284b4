import { findAddresses } from "./links.ts";

/** Addresses of any other kind. */
const otherAddress = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:\/\/\S+/giu;

/**
 * Where a text names a user: as a word of its own, with or without `@`.
 *
 * None of these names anybody: an address, `charlie@example.com`, `/home/charlie/x`, `C:\charlie`, `~charlie`,
 * `charlie.txt`, `charlie:8000`, `user=charlie`, `#charlie`, `$charlie`.
 *
 * @returns the places of the name, without the `@`
 */
export function mentionsOf(text: string, user: string | undefined): { start: number; end: number }[] {
  if (!user || !text.toLowerCase().includes(user.toLowerCase())) return [];
  let talk = text;
  for (const { start, end } of findAddresses(text)) talk = blanked(talk, start, end);
  talk = talk.replace(otherAddress, (found) => " ".repeat(found.length));
  return Array.from(talk.matchAll(nameIn(user)), ({ 0: { length }, index }) => ({ start: index, end: index + length }));
}

function blanked(text: string, start: number, end: number): string {
  return text.slice(0, start) + " ".repeat(end - start) + text.slice(end);
}

function nameIn(user: string): RegExp {
  const name = user.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  // A word, a path, a variable or a room begins before it; of several points before it, no name of a file is made.
  const before = "(?<![\\p{L}\\p{N}_#$~=&/\\\\-]|[\\p{L}\\p{N}._+-]@|(?<!\\.)\\.)";
  // A word or a path goes on behind it, a file's ending, a port, or a mail's host.
  const behind = "(?![\\p{L}\\p{N}_/\\\\-]|[.:][\\p{N}]|\\.[\\p{L}_]|[\\p{L}\\p{N}._+-]{0,64}@[\\p{L}\\p{N}])";
  return new RegExp(before + name + behind, "giu");
}
