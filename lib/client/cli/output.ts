/** The client's output as a program: what was asked for, and beside it what went wrong. */

import { outputFault } from "../base/exit.ts";

/** Where lines go; nothing more is read from the server until they are written. */
export interface Output {
  /**
   * Writes what was asked for.
   *
   * @throws {Deno.errors.BrokenPipe} where its reader has seen enough
   * @throws {ClientError} `usage` where it cannot be written
   */
  out(lines: readonly string[]): Promise<void>;
  /**
   * Writes what went wrong, behind all that was given before; done when all of that is written. It never throws, for
   * nobody is left who could be told.
   */
  err(lines: readonly string[]): Promise<void>;
}

/** An output that takes bytes as well. */
export interface ByteOutput extends Output {
  /** Writes bytes; throws as {@linkcode Output.out}. */
  write(bytes: Uint8Array): Promise<void>;
}

/** One of a process's outputs. */
interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Makes an output of a process's two. */
export function outputTo(out: ByteSink, err: ByteSink): ByteOutput {
  const write = async (bytes: Uint8Array) => {
    try {
      await writeAll(out, bytes);
    } catch (cause) {
      throw outputFault(cause);
    }
  };
  let beside = Promise.resolve();
  return {
    write,
    out: (lines) => write(encoded(lines)),
    err: (lines) => beside = beside.then(() => writeAll(err, encoded(lines))).catch(() => {}),
  };
}

/** The process's own. */
export const processOutput: ByteOutput = outputTo(Deno.stdout, Deno.stderr);

function encoded(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
}

async function writeAll(to: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
