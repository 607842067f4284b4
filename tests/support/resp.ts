/**
 * The smallest Redis client that tests can have: one command, one connection, one answer.
 *
 * It exists so that what the tests observe does not go through the client library that they test. It knows RESP2
 * and nothing of `npm:@redis/client`.
 */

/** A reply, as RESP2 has it: strings, integers, nil and arrays of these. */
export type RespValue = string | number | null | RespValue[];

/** Redis refused the command; the message is its own (`LOADING …`, `NOAUTH …`). */
export class RespError extends Error {
  override readonly name = "RespError";
}

/** Where a Redis listens. */
export interface RespAddress {
  readonly hostname: string;
  readonly port: number;
  /** What it is told first, behind `AUTH`: a password, or a user and a password. */
  readonly auth?: readonly string[];
}

/**
 * Sends one command on a connection of its own and returns the reply.
 *
 * @param timeoutMs how long the whole exchange may take
 * @throws {RespError} when the reply is an error
 * @throws {Deno.errors.ConnectionRefused} when nobody listens
 * @throws {Deno.errors.TimedOut} when there is no answer in time
 */
export async function ask(
  address: RespAddress,
  command: readonly string[],
  { timeoutMs = 2000 }: { timeoutMs?: number } = {},
): Promise<RespValue> {
  using conn = await Deno.connect(address);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    conn.close();
  }, timeoutMs);
  try {
    const reader = new Reader(conn);
    if (address.auth) {
      await writeAll(conn, encodeCommand(["AUTH", ...address.auth]));
      await reader.read();
    }
    await writeAll(conn, encodeCommand(command));
    return await reader.read();
  } catch (cause) {
    if (!late) throw cause;
    throw new Deno.errors.TimedOut(`No answer to ${command[0]} from port ${address.port} in ${timeoutMs} ms`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

function encodeCommand(command: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts = command.map((part) => `$${encoder.encode(part).length}\r\n${part}\r\n`);
  return encoder.encode(`*${command.length}\r\n${parts.join("")}`);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Reads replies off a connection, as many bytes at a time as come. */
class Reader {
  readonly #conn: Deno.Conn;
  #bytes = new Uint8Array(0);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async read(): Promise<RespValue> {
    const line = new TextDecoder().decode(await this.#take(await this.#endOfLine()));
    const rest = line.slice(1, -2);
    switch (line[0]) {
      case "+":
        return rest;
      case "-":
        throw new RespError(rest);
      case ":":
        return Number(rest);
      case "$":
        return rest === "-1" ? null : new TextDecoder().decode((await this.#take(Number(rest) + 2)).slice(0, -2));
      case "*": {
        if (rest === "-1") return null;
        const items: RespValue[] = [];
        while (items.length < Number(rest)) items.push(await this.read());
        return items;
      }
      default:
        throw new TypeError(`Not a Redis reply: ${JSON.stringify(line)}`);
    }
  }

  /** The length of the first line, its CR LF included. */
  async #endOfLine(): Promise<number> {
    for (;;) {
      const lf = this.#bytes.indexOf(10);
      if (lf !== -1) return lf + 1;
      if (this.#bytes.length > 8192) throw new TypeError("Not a Redis reply: a line without an end");
      await this.#more();
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    while (this.#bytes.length < length) await this.#more();
    const taken = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    const chunk = new Uint8Array(16384);
    const count = await this.#conn.read(chunk);
    if (count === null) throw new Deno.errors.UnexpectedEof("Redis closed the connection before it had answered");
    const joined = new Uint8Array(this.#bytes.length + count);
    joined.set(this.#bytes);
    joined.set(chunk.subarray(0, count), this.#bytes.length);
    this.#bytes = joined;
  }
}
