/** A way to Redis that takes its time, and counts the commands that go over it: what depends on round trips shows so. */

/** A way to a Redis; disposing of it cuts its connections. */
export interface SlowRedis extends AsyncDisposable {
  readonly url: string;
  /** How many commands went over it. */
  readonly commands: number;
  /** How long an answer takes longer, in milliseconds; 0 at first. */
  delayMs: number;
}

/** Opens one. @param url of the Redis, whose path and password stay as they are */
export function slowRedis(url: string): SlowRedis {
  const to = new URL(url);
  const target = { hostname: to.hostname, port: Number(to.port) };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns = new Set<Deno.Conn>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const slow = {
    url: Object.assign(new URL(url), { hostname: "127.0.0.1", port: `${listener.addr.port}` }).href,
    commands: 0,
    delayMs: 0,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const timer of timers) clearTimeout(timer);
      for (const conn of conns) end(conn);
      await accepting;
    },
  };
  function end(conn: Deno.Conn): void {
    if (conns.delete(conn)) conn.close();
  }

  /** Passes on what comes; `pass` is given each piece, and resolves when the next one may be read. */
  async function pipe(from: Deno.Conn, to: Deno.Conn, pass: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) await pass(buffer.slice(0, count));
    } catch {
      // Cut off.
    }
    for (const conn of [from, to]) end(conn);
  }

  function later(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms);
      timers.add(timer);
    });
  }

  async function write(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }

  async function serve(client: Deno.Conn): Promise<void> {
    conns.add(client);
    const redis = await Deno.connect(target);
    conns.add(redis);
    let last = 10; // LF
    let written = Promise.resolve();
    await Promise.all([
      pipe(client, redis, (bytes) => {
        for (const byte of bytes) {
          if (byte === 42 && last === 10) slow.commands++; // "*": the beginning of a command
          last = byte;
        }
        return write(redis, bytes);
      }),
      pipe(redis, client, (bytes) => {
        if (slow.delayMs === 0) return written = written.then(() => write(client, bytes));
        const due = later(slow.delayMs);
        written = written.then(() => due).then(() => write(client, bytes)).catch(() => end(client));
        return Promise.resolve();
      }),
    ]);
  }

  const accepting = (async () => {
    const serving: Promise<void>[] = [];
    try {
      for await (const client of listener) serving.push(serve(client).catch(() => end(client)));
    } catch {
      // Closed.
    }
    await Promise.all(serving);
  })();
  return slow;
}
