/**
 * A name that Redis is found by, and that can come to mean another one: new connections lead to where it points, those
 * that there are stay where they lead.
 */

import type { TestRedis } from "./redis.ts";

const hostname = "127.0.0.1";

/** A listening port whose connections are forwarded. */
export class RedisName implements AsyncDisposable {
  /** Where new connections lead. */
  target: TestRedis;
  /** How many connections were made by it. */
  connections = 0;
  readonly #listener = Deno.listen({ hostname, port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #over: Promise<unknown>;

  constructor(target: TestRedis) {
    this.target = target;
    this.#over = this.#listen();
  }

  /** Such as `redis://127.0.0.1:23456`. */
  get url(): string {
    return `redis://${hostname}:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    await this.#over;
  }

  async #listen(): Promise<void> {
    const links: Promise<unknown>[] = [];
    for await (const near of this.#listener) links.push(this.#forward(near));
    await Promise.all(links);
  }

  async #forward(near: Deno.TcpConn): Promise<void> {
    this.connections++;
    this.#open.add(near);
    try {
      const far = await Deno.connect({ hostname, port: this.target.port });
      this.#open.add(far);
      const quietly = (from: Deno.TcpConn, to: Deno.TcpConn) =>
        from.readable.pipeTo(to.writable).catch(() => {}).finally(() => close(from));
      await Promise.all([quietly(near, far), quietly(far, near)]);
      this.#open.delete(far);
    } catch {
      close(near); // there is no Redis
    }
    this.#open.delete(near);
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It was closed already.
  }
}
