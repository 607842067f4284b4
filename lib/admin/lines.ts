/** A stream of bytes as its lines, however long. */

/** @param options `preventCancel` leaves the stream open to its owner where the lines are not read to their end */
export async function* linesOf(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  options: { readonly preventCancel?: boolean } = {},
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of bytes.values(options)) {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    if (lines.length > 1) {
      yield parts.join("") + lines[0];
      yield* lines.slice(1, -1);
      parts = [];
    }
    parts.push(lines.at(-1)!);
  }
  const rest = parts.join("") + decoder.decode();
  if (rest !== "") yield rest;
}
