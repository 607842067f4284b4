import { maxFilenameBytes } from "../../wire/files.ts";
import { cleanLine } from "../../wire/clean.ts";

/** What a file is called of whose name nothing is left. */
const nameless = "file";

/** Not allowed in names on Windows, or separators somewhere; the colon also makes streams and resource forks. */
const forbidden = /[/\\:*?"<>|\t\u2044\u2215\u29f5\u29f8\uff0f\uff3c]/gu;

/**
 * Devices on Windows, with any extension.
 *
 * @see https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
 */
const devices = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])[ .]*(\.|$)/iu;

/** The direction marks: the screen's cleaning leaves them, for they do no harm in a line. */
const marks = /[\u200e\u200f]/gu;

/** An extension, `.tar.gz` as a whole. */
const extension = /(?:\.tar)?\.[\p{L}\p{N}_+-]{1,16}$/iu;

const encoder = new TextEncoder();

/**
 * What somebody else called a file → what it may be called here.
 *
 * Promises: the result is one segment of a path, on every usual system; it names no device, is no hidden file and no
 * option, shows nothing in another order than it is written, and has at most 255 bytes. Cleaning it again changes
 * nothing.
 */
export function safeName(name: string): string {
  let safe = name;
  for (let cleaned = cleanedOnce(safe); cleaned !== safe; cleaned = cleanedOnce(safe)) safe = cleaned;
  return safe === "" ? nameless : safe;
}

/** What one rule takes away may leave something for another. */
function cleanedOnce(name: string): string {
  const safe = cleanLine(name.replace(marks, "")).normalize("NFC").replace(forbidden, "_")
    .replace(/^[\s.-]+/u, "").replace(/[\s.]+$/u, "");
  return shortened(devices.test(safe) ? "_" + safe : safe, "");
}

/** The name for the `n`th file of that name: `report (2).pdf`; the first keeps it. */
export function numberedName(name: string, n: number): string {
  return n === 1 ? name : shortened(name, ` (${n})`);
}

/** A name with something in front of its extension, as much of it as fits. */
function shortened(name: string, insert: string): string {
  const end = extension.exec(name)?.[0] ?? "";
  // A name that is all extension has none.
  const tail = end.length < name.length ? end : "";
  const room = maxFilenameBytes - encoder.encode(insert + tail).length;
  let stem = name.slice(0, name.length - tail.length);
  if (encoder.encode(stem).length > room) {
    const { read } = encoder.encodeInto(stem, new Uint8Array(room));
    stem = stem.slice(0, read).trimEnd();
  }
  return stem + insert + tail;
}
