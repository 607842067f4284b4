import { reasonOf } from "../../common/errors.ts";
import { LineFramer, withoutMark } from "../../wire/lines.ts";
import { ClientError } from "../base/exit.ts";

/** The longest line of a script, in bytes: a chunk of a file, as JSON, and then some. */
const maxLine = 128 * 1024;

/**
 * The lines of standard input; no more is read than is asked for.
 *
 * @throws {ClientError} `usage` where it cannot be read, or a line is too long, or is not UTF-8
 */
export async function* inputLines(): AsyncGenerator<string, void, void> {
  const framer = new LineFramer(maxLine);
  const buffer = new Uint8Array(16 * 1024);
  let [begun, ended] = [false, false];
  while (!ended) {
    const count = await Deno.stdin.read(buffer).catch((cause) => {
      throw new ClientError("usage", `The input cannot be read: ${reasonOf(cause)}`, { cause });
    });
    ended = count === null;
    // The last line need not be ended.
    for (const line of framer.push(count === null ? new Uint8Array([0x0a]) : buffer.subarray(0, count))) {
      if (line.kind === "too_long") {
        throw new ClientError("usage", `A line of the script is longer than ${maxLine} bytes`);
      }
      if (line.kind === "invalid_utf8") throw new ClientError("usage", "A line of the script is not UTF-8");
      yield begun ? line.text : withoutMark(line.text);
      begun = true;
    }
  }
}

/**
 * Reads lines until something else is over. Of a line that was read nothing is kept, however many come.
 *
 * @param over ends the reading, also while a line is waited for; it must not reject
 * @returns the next line, or undefined at the end of the input or when it is over
 */
export function readUntil(lines: AsyncIterator<string>, over: Promise<unknown>): () => Promise<string | undefined> {
  let isOver = false;
  let stop = () => {};
  // One reaction for all lines: a race for each would keep every line as long as `over` is pending.
  void over.then(() => {
    isOver = true;
    stop();
  });
  return () =>
    new Promise((resolve, reject) => {
      if (isOver) return resolve(undefined);
      stop = () => resolve(undefined);
      lines.next().then(({ done, value }) => resolve(done ? undefined : value), reject);
    });
}
