/**
 * The process's own streams, as lines: each has one writer, so that the log and the audit log may share one.
 */

import { LineWriter, type LineWriterOptions } from "./line_writer.ts";

/** The streams that lines go to. */
export type LineStream = "stdout" | "stderr";

const writers = new Map<LineStream, LineWriter>();

/**
 * The writer of a stream.
 *
 * @param options for the one who asks first
 */
export function lineStream(name: LineStream, options?: LineWriterOptions): LineWriter {
  let writer = writers.get(name);
  if (!writer) writers.set(name, writer = new LineWriter({ write: (bytes) => Deno[name].write(bytes) }, options));
  return writer;
}

/**
 * Waits until all lines are written; for the end of the program or of a thread.
 *
 * @param ms for how long at most, in milliseconds: perhaps nobody reads them
 */
export async function flushStreams(ms = 1_000): Promise<void> {
  await Promise.all([...writers.values()].map((writer) => writer.flush(ms)));
}
