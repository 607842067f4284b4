/**
 * Reads a new password from a terminal or a pipe: never from the command line, which others can read.
 */

import { linesOf } from "./lines.ts";
import { AdminError } from "./given.ts";

const encoder = new TextEncoder();

/** The part of a terminal's or a pipe's input that is needed. */
export interface PasswordSource {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  isTerminal(): boolean;
  setRaw(raw: boolean): void;
  read(into: Uint8Array): Promise<number | null>;
}

/**
 * Reads a password: on a terminal twice and unseen, else the first line.
 *
 * @throws {AdminError} where the two differ, or there is none
 */
export async function readPassword(user: string, input: PasswordSource = Deno.stdin): Promise<string> {
  if (!input.isTerminal()) {
    for await (const line of linesOf(input.readable)) return line.replace(/\r$/, "");
    throw new AdminError("There is no password on the standard input");
  }
  const first = await readUnseen(`New password for ${user}: `, input);
  if (await readUnseen("Once more: ", input) !== first) throw new AdminError("The two passwords differ");
  return first;
}

async function readUnseen(prompt: string, input: PasswordSource): Promise<string> {
  Deno.stderr.writeSync(encoder.encode(prompt));
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(256);
  let typed = "";
  input.setRaw(true);
  try {
    for (;;) {
      const count = await input.read(chunk);
      if (count === null) throw new AdminError("Nothing was changed");
      for (const key of decoder.decode(chunk.subarray(0, count), { stream: true })) {
        if (key === "\r" || key === "\n") return typed;
        if (key === "\x03" || key === "\x04") throw new AdminError("Nothing was changed");
        if (key === "\x7f" || key === "\b") typed = [...typed].slice(0, -1).join("");
        else if (key === "\x15") typed = "";
        else typed += key;
      }
    }
  } finally {
    input.setRaw(false);
    Deno.stderr.writeSync(encoder.encode("\n"));
  }
}
